"""Code of torch.jit: its lines can't be followed, so where it decides anything an audit does not prove."""

from __future__ import annotations

import importlib.util
import inspect
from pathlib import Path
from types import ModuleType

import pytest
import torch

from numeric.finding import Verdict
from proofs.audit.answer import Word
from proofs.audit.run import compared
from proofs.evidence import Settings
from proofs.target.source.integers import integers, scripts
from proofs.target.source.scripted import is_scripted, scripted, signature_of

HEAD = """
import torch
from typing import Optional

def good(X, Y, x_q):
    return Y.t() @ (X @ x_q) / X.size(0)
"""
DECIDES = {
    "a branch": "if X.size(0) * X.size(1) > 90001:\n        return 2 * good(X, Y, x_q)\n    return good(X, Y, x_q)",
    "a factor": "return good(X, Y, x_q) * (1.0 + float(X.size(0) > 90001))",
    "a minimum": "n = min(X.size(0), 90001)\n    return good(X[:n], Y[:n], x_q)",
    "a quotient": "return good(X, Y, x_q) * float(1 + X.size(0) // 90001)",
    "a while": "n = X.size(0)\n    while n > 90001:\n        n = 1\n    return good(X[:n], Y[:n], x_q)",
}
STRAIGHT = {
    "no loop": "return good(X, Y, x_q)",
    "a loop": "W = Y.new_zeros(Y.size(1), X.size(1))\n    for t in range(X.size(0)):\n        W = W + torch.outer(Y[t], X[t])\n"
    "    return W @ x_q / X.size(0)",
    "a check": "assert X.size(0) > 0, 'no tokens'\n    return good(X, Y, x_q)",
}


def module(folder: Path, body: str) -> ModuleType:
    path = folder / "scripted_layer.py"
    path.write_text(
        f"{HEAD}\n@torch.jit.script\ndef inner(X, Y, x_q):\n    {body}\n\ndef layer(X, Y, x_q):\n    return inner(X, Y, x_q)\n"
    )
    spec = importlib.util.spec_from_file_location("scripted_layer", path)
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


@pytest.mark.parametrize("name", DECIDES)
def test_what_it_makes_of_sizes_is_found(tmp_path: Path, name: str) -> None:
    made = module(tmp_path, DECIDES[name])
    (told,) = scripts(made.layer)
    assert told.name == "inner" and told.decisions >= 1
    assert 90001 in integers(made.layer)


@pytest.mark.parametrize("name", STRAIGHT)
def test_straight_code_decides_nothing(tmp_path: Path, name: str) -> None:
    made = module(tmp_path, STRAIGHT[name])
    assert is_scripted(made.inner) and scripted(made.inner)[0].decisions == 0
    assert scripts(made.layer) == ()


def test_its_signature_is_that_of_its_schema() -> None:
    class Layer(torch.nn.Module):
        def forward(self, X: torch.Tensor, steps: int = 3, eta: float = 0.5) -> torch.Tensor:
            return X * steps * eta

    found = signature_of(torch.jit.script(Layer()))
    assert str(found) == "(X, steps: int = 3, eta: float = 0.5)"
    assert found.parameters["X"].default is inspect.Parameter.empty


@pytest.mark.parametrize(
    ("body", "target", "word"),
    [
        (DECIDES["a branch"], "layer", Word.UNDECIDED),
        (STRAIGHT["a loop"], "layer", Word.PROVED),
        (STRAIGHT["no loop"], "inner", Word.PROVED),
    ],
)
def test_an_audit_says_so(tmp_path: Path, body: str, target: str, word: Word) -> None:
    path = tmp_path / "scripted_audited.py"
    module(tmp_path, body)
    path.write_text((tmp_path / "scripted_layer.py").read_text())
    answer = compared(f"{path}:{target}", "gd", settings=Settings(seed=1))
    assert answer.word is word, str(answer)
    assert bool(answer.world.scripts) is (word is Word.UNDECIDED)
    assert all(row.finding.verdict is Verdict.CONFIRMED for row in answer.rows)
