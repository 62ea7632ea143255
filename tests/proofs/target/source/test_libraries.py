"""Which library a file's functions compute with, where it imports both."""

from __future__ import annotations

from pathlib import Path

import pytest

from numeric.finding import Verdict
from proofs.audit.run import compared
from proofs.evidence import Settings
from proofs.target.loading import load

LAYERS = """
import math
import numpy as np
import torch
from numpy import outer
from torch import einsum

def by_numpy(X, Y, x_q, eta):
    return np.einsum("nm,nf,f->m", Y, X, x_q, optimize=True) * (eta / len(X))

def by_name(X, Y, x_q, eta):
    return sum(outer(y, x) for x, y in zip(X, Y)) @ x_q * (eta / len(X))

def by_torch(X, Y, x_q, eta):
    return torch.einsum("nm,nf,f->m", Y, X, x_q) * (eta / len(X))

def by_its_name(X, Y, x_q, eta):
    return einsum("nm,nf,f->m", Y, X, x_q) * (eta / len(X)) * (np.ones(1)[0])

def by_methods(X, Y, x_q, eta):
    scale = np.sqrt(len(X)) ** 2
    return (Y.transpose(-1, -2) @ (X @ x_q)) * eta / scale

def helped(X, Y, x_q, eta):
    return by_torch(X, Y, x_q, eta) * np.asarray(1.0)

class Layer:
    def __call__(self, X, Y, x_q, eta):
        return np.mean(Y[:, :, None] * X[:, None, :], axis=0) @ x_q * eta

instance = Layer()
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("layers") / "both_libraries.py"
    path.write_text(LAYERS)
    return path


@pytest.mark.parametrize(
    ("name", "numpy"),
    [
        ("by_numpy", True),
        ("by_name", True),
        ("instance", True),
        ("by_torch", False),
        ("by_its_name", False),
        ("by_methods", False),
        ("helped", False),
    ],
)
def test_what_its_functions_call_says_with_what_a_layer_computes(file: Path, name: str, numpy: bool) -> None:
    assert load(f"{file}:{name}").numpy is numpy


@pytest.mark.parametrize(("readout", "verdict"), [("1", Verdict.CONFIRMED), ("2", Verdict.REFUTED)])
def test_numpy_code_beside_torch_is_audited(file: Path, readout: str, verdict: Verdict) -> None:
    sizes = {"f": 2, "m": 2, "N": 3}
    gates = {"eta": "1", "readout": readout}
    answer = compared(f"{file}:by_numpy", "gd", None, gates, Settings(seed=1), sizes)
    assert answer.verdict is verdict
