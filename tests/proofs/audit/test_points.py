"""Special points: a row is named after those at which both sides were compared, and after the one that refutes."""

from __future__ import annotations

from pathlib import Path

import pytest

from numeric.entropy import Entropy
from numeric.finding import Verdict
from proofs.audit.compared import How
from proofs.audit.points import special_row
from proofs.audit.preflight import preflight
from proofs.audit.rows import Row
from proofs.target.adapters import adapt
from proofs.target.case import Case
from proofs.target.learners import learner
from proofs.target.loading import load

LAYERS = """
import torch

def step(X, Y, x_q, eta):
    return eta / len(X) * (Y.T @ (X @ x_q))

def distinct(X, Y, x_q, eta):
    if torch.equal(X[0], X[1]):
        raise ValueError("two tokens are the same")
    return step(X, Y, x_q, eta)

def without_padding(X, Y, x_q, eta):
    kept = [t for t in range(len(X)) if X[t, 0] != 0]
    return eta / len(X) * (Y[kept].T @ (X[kept] @ x_q))

def doubled_if_large(X, Y, x_q, eta):
    return step(X, Y, x_q, eta) * (2 if X.abs().max() > 50 else 1)

def doubled_far_out(X, Y, x_q, eta):
    return step(X, Y, x_q, eta) * (2 if x_q.abs().max() > 4e3 else 1)
"""


def row(folder: Path, name: str) -> Row:
    path = folder / "layers.py"
    path.write_text(LAYERS, "utf-8")
    case = Case.of(name, adapt(load(f"{path}:{name}"), None), learner("gd"), {})
    case, at = preflight(case, {}, Entropy(0))
    found = special_row(case, (How.FLOAT,), at, Entropy(1), (7, 4000))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("name", "compared", "verdict"),
    [
        ("step", "zeros, sparse, ones, repeats, 3, 100, 8000, along, against", Verdict.CONFIRMED),
        ("distinct", "zeros, sparse, 3, 100, 8000, along, against", Verdict.CONFIRMED),
        ("without_padding", "sparse", Verdict.REFUTED),
        ("doubled_if_large", "100", Verdict.REFUTED),
        ("doubled_far_out", "8000", Verdict.REFUTED),
    ],
)
def test_the_points_compared_are_named(tmp_path: Path, name: str, compared: str, verdict: Verdict) -> None:
    found = row(tmp_path, name)
    assert found.finding.verdict is verdict and found.rung == f"sampled, float64, {compared}"
