"""Loading targets: modules, numpy and array-API functions, classes for an adapter; audits of numpy layers end to end."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from numeric.finding import Verdict
from proofs.audit.run import compared
from proofs.evidence import Settings
from proofs.target.loading import TargetError, load
from reports.said import said

LAYERS = """
import numpy as np

def one_step(X, Y, x_q, W0, eta):
    state = np.zeros((Y.shape[1], X.shape[1]))
    for x, y in zip(X, Y):
        state += np.outer(y - W0 @ x, x)
    return W0 @ x_q + eta / len(X) * state @ x_q

def last_missing(X, Y, x_q, W0, eta):
    return one_step(X[:-1], Y[:-1], x_q, W0, eta) * 1

def in_long_double(X, Y, x_q, eta):
    return np.asarray(eta / len(X) * (Y.T.astype(np.longdouble) @ (X @ x_q)), dtype=np.float64)

def normalised(X, Y, x_q, eta):
    return eta * Y.T @ (X / np.linalg.norm(X)) @ x_q

class Layer:
    def __call__(self, X, Y, x_q, eta):
        return eta * np.mean(Y[:, :, None] * X[:, None, :], axis=0) @ x_q

instance = Layer()

class Filter:
    def __init__(self, n, mu):
        self.w, self.mu = np.zeros(n), mu
    def adapt(self, d, x):
        self.w += self.mu * (d - np.dot(self.w, x)) * x

def adapter(layer, X, Y, x_q, eta):
    f = layer(X.shape[1], eta)
    for x, y in zip(X, Y):
        f.adapt(y[0], x)
    return np.array([np.dot(f.w, x_q)])

def padasip_adapter(layer, X, Y, x_q, eta):
    f = layer(X.shape[1], mu=eta, w="zeros")
    f.run(Y[:, 0], X)
    return np.array([np.dot(f.w, x_q)])
"""
GENERIC = """
def one_step(X, Y, x_q, eta):
    xp = X.__array_namespace__()
    state = xp.zeros((Y.shape[1], X.shape[1]))
    for k in range(X.shape[0]):
        state = state + Y[k, :, None] * X[k, None, :]
    return eta / X.shape[0] * (state @ x_q)
"""
LEARNERS = """
import torch

def lms(X, Y, x_q, eta):
    W = torch.zeros(Y.shape[1], X.shape[1], dtype=X.dtype)
    for x, y in zip(X, Y):
        W = W - eta * torch.outer(W @ x - y, x)
    return W @ x_q
"""
MODULES = """
import torch

class Lively(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.tensor(0.5))
        self.drop = torch.nn.Dropout(0.5)
        self.norm = torch.nn.BatchNorm1d(3)
    def forward(self, X, Y, x_q):
        return self.scale * (Y.T @ X) @ self.drop(x_q)

instance = Lively()

class Quiet(torch.nn.Module):
    def forward(self, X, Y, x_q):
        return Y.T @ X @ x_q

class NeedsArguments(torch.nn.Module):
    def __init__(self, size):
        super().__init__()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    here = tmp_path_factory.mktemp("targets")
    for name, text in {"np_layers": LAYERS, "xp_layers": GENERIC, "own": LEARNERS, "modules": MODULES}.items():
        (here / f"{name}.py").write_text(text)
    return here


def ask(target: str, against: str, adapter: str | None = None, **sizes: int):
    return compared(target, against, adapter, None, Settings(seed=1), sizes or None)


@pytest.mark.parametrize(
    ("name", "sizes"),
    [("np_layers.py:one_step", {"N": 3}), ("np_layers.py:instance", {}), ("xp_layers.py:one_step", {"N": 3})],
)
def test_numpy_layers_are_audited_unmodified(folder: Path, name: str, sizes: dict[str, int]) -> None:
    answer = ask(f"{folder}/{name}", "gd", **sizes)
    assert answer.verdict is Verdict.CONFIRMED, answer
    assert any(row.rung == "exact" for row in answer.rows) and any("float64" in row.rung for row in answer.rows)


def test_a_wrong_numpy_layer_is_refuted(folder: Path) -> None:
    answer = ask(f"{folder}/np_layers.py:last_missing", "gd", N=3)
    assert answer.verdict is Verdict.REFUTED and answer.counterexample is not None


def test_what_numpy_can_not_do_exactly_is_named(folder: Path) -> None:
    answer = ask(f"{folder}/np_layers.py:normalised", "gd", N=3, f=2, m=1)
    reasons = " ".join(said(row.finding.reason) for row in answer.rows)
    assert answer.verdict is not Verdict.CONFIRMED and "linalg_vector_norm" in reasons and "np_layers.py:" in reasons


def test_a_type_that_torch_has_not_is_named(folder: Path) -> None:
    answer = ask(f"{folder}/np_layers.py:in_long_double", "gd", N=3, f=2, m=1)
    assert answer.verdict is Verdict.UNDECIDED
    assert f"a cast to {np.dtype(np.longdouble).name}, which torch has not" in said(answer.reason)


def test_a_class_is_left_to_the_adapter(folder: Path) -> None:
    target = load(f"{folder}/np_layers.py:Filter")
    assert isinstance(target.call, type) and target.required == ("n", "mu")
    answer = ask(
        f"{folder}/np_layers.py:Filter", f"{folder}/own.py:lms", f"{folder}/np_layers.py:adapter", m=1, f=2, N=3
    )
    assert answer.verdict is Verdict.CONFIRMED, answer
    wrong = ask(f"{folder}/np_layers.py:Filter", "gd", f"{folder}/np_layers.py:adapter", m=1, f=2, N=3)
    assert wrong.verdict is Verdict.REFUTED
    with pytest.raises(TargetError, match="expected layer"):
        ask(f"{folder}/np_layers.py:Filter", "gd")


def test_padasip_lms_is_the_online_rule(folder: Path) -> None:
    pytest.importorskip("padasip")
    adapter = f"{folder}/np_layers.py:padasip_adapter"
    answer = ask("padasip.filters:FilterLMS", f"{folder}/own.py:lms", adapter, m=1, f=2, N=3)
    assert "the same rational function" in said(
        answer.reason
    )  # and a branch of its base class for a width of -1 never ran
    assert answer.verdict is Verdict.UNDECIDED and said(answer.reason).endswith("n == -1 was never true"), answer
    other = ask("padasip.filters:FilterRLS", f"{folder}/own.py:lms", adapter, m=1, f=2, N=3)
    assert other.verdict is Verdict.REFUTED and other.counterexample is not None


def test_functions_of_numpy_keep_their_signature(folder: Path) -> None:
    target = load(f"{folder}/np_layers.py:one_step")
    assert target.required == ("X", "Y", "x_q", "W0", "eta")
    X, Y = np.ones((2, 3)), np.ones((2, 1))
    plain = target.call(X, Y, np.ones(3), np.zeros((1, 3)), 1.0)
    tensors = target.call(*(torch.tensor(a) for a in (X, Y, np.ones(3), np.zeros((1, 3)))), torch.tensor(1.0))
    assert isinstance(plain, np.ndarray) and isinstance(tensors, torch.Tensor) and tensors.tolist() == plain.tolist()


def test_modules_are_copied_and_what_training_would_do_is_said(folder: Path) -> None:
    target = load(f"{folder}/modules.py:instance")
    assert "Dropout, BatchNorm1d" in said(target.notes[0]) and "evaluation mode" in said(target.notes[0])
    assert "torch.float32" in said(target.notes[1])
    own = sys.modules[next(n for n in sys.modules if n.startswith("target_modules"))].instance
    assert own.training and own.scale.dtype == torch.float32
    assert not target.call.training and target.call.scale.dtype == torch.float64  # type: ignore[attr-defined]
    assert load(f"{folder}/modules.py:Quiet").notes == ()


def test_a_module_that_needs_arguments(folder: Path) -> None:
    with pytest.raises(TargetError, match="does not build without arguments"):
        load(f"{folder}/modules.py:NeedsArguments")
