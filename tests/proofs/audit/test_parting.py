"""What stands above a counterexample says in which calls it was seen."""

from __future__ import annotations

import pytest
import torch

from proofs.audit.answer import Word
from proofs.audit.run import audit
from proofs.evidence import Settings
from reports.answers import lines


def _step(X, Y, x_q, eta):
    return eta / len(X) * (Y.T @ (X @ x_q))


def _twice(X, Y, x_q, eta):
    return 2 * _step(X, Y, x_q, eta)


def _without_gradients(X, Y, x_q, eta):
    return _step(X, Y, x_q, eta) * (1 if torch.is_grad_enabled() else 2)


def _in_float32(X, Y, x_q, eta):
    return _step(X, Y, x_q, eta) * (2 if X.dtype == torch.float32 else 1)


def _on_gradients(X, Y, x_q, eta):
    return _step(X, Y, x_q, eta) * (2 if X.requires_grad else 1)


@pytest.mark.parametrize(
    ("layer", "mode", "heading"),
    [
        (_twice, "", "counterexample, run again as plain calls"),
        (_without_gradients, "no_grad", "counterexample in the mode no_grad, run again there"),
        (_in_float32, "float32", "counterexample in the mode float32, run again there"),
        (_on_gradients, "inputs that require grad", "counterexample in the mode inputs that require grad"),
    ],
)
def test_the_mode_stands_above_the_numbers(layer, mode, heading):
    found = audit(layer, "gd", settings=Settings(seed=1))
    assert found.word is Word.REFUTED and found.parting is not None
    assert found.parting.mode == mode
    said = lines(found)
    assert f"  {heading}" in said and not any("plain float64 calls do not show" in line for line in said)
    left, right = (
        torch.tensor([float(v) for v in side]) for side in (found.counterexample.left, found.counterexample.right)
    )
    torch.testing.assert_close(left, 2 * right)


def test_a_true_layer_has_none():
    found = audit(_step, "gd", settings=Settings(seed=1))
    assert found.word is Word.PROVED and found.parting is None
