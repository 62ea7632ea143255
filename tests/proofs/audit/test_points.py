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

def decayed(X, Y, x_q, beta, decay):
    W = X.new_zeros(Y.shape[1], X.shape[1])
    for t, (x, y) in enumerate(zip(X, Y)):
        W = (decay[t] if decay.ndim else decay) * W
        W = W + (beta[t] if beta.ndim else beta) * torch.outer(y - W @ x, x)
    return W @ x_q

def floored(X, Y, x_q, beta, decay):
    return decayed(X, Y, x_q, beta, decay.log().clamp(min=-20).exp())

def ceiled(X, Y, x_q, beta, decay):
    return decayed(X, Y, x_q, beta, decay.clamp(max=1 - 2**-30))

def of_zero_by_zero(X, Y, x_q, beta, decay):
    return decayed(X, Y, x_q, beta, decay.abs()) * (decay / decay).mean()

def doubled_far_out(X, Y, x_q, eta):
    return step(X, Y, x_q, eta) * (2 if x_q.abs().max() > 4e3 else 1)
"""


def row(folder: Path, name: str, against: str = "gd", how: How = How.FLOAT) -> Row:
    path = folder / "layers.py"
    path.write_text(LAYERS, "utf-8")
    case = Case.of(name, adapt(load(f"{path}:{name}"), None), learner(against), {})
    case, at = preflight(case, {}, Entropy(0))
    found = special_row(case, (how,), at, Entropy(1), (7, 4000))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("name", "compared", "verdict"),
    [
        (
            "step",
            "zeros, sparse, ones, repeats, 3, 100, 8000, along, against, 2^-20, 2^-100, tiny gates, gates of 1",
            Verdict.CONFIRMED,
        ),
        (
            "distinct",
            "zeros, sparse, 3, 100, 8000, along, against, 2^-20, 2^-100, tiny gates, gates of 1",
            Verdict.CONFIRMED,
        ),
        ("without_padding", "sparse", Verdict.REFUTED),
        ("doubled_if_large", "100", Verdict.REFUTED),
        ("doubled_far_out", "8000", Verdict.REFUTED),
    ],
)
def test_the_points_compared_are_named(tmp_path: Path, name: str, compared: str, verdict: Verdict) -> None:
    found = row(tmp_path, name)
    assert found.finding.verdict is verdict and found.rung == f"sampled, float64, {compared}"


GENERIC = "zeros, sparse, ones, repeats, 3, 100, 8000, along, against, 2^-20, 2^-100"


@pytest.mark.parametrize(
    ("name", "how", "compared", "verdict"),
    [
        ("decayed", How.FLOAT, f"{GENERIC}, tiny gates, gates of 1, gates of 0", Verdict.CONFIRMED),
        ("decayed", How.BALLS, f"{GENERIC}, tiny gates, gates of 1, gates of 0", Verdict.CONFIRMED),
        ("floored", How.BALLS, "tiny gates", Verdict.REFUTED),
        ("ceiled", How.BALLS, "gates of 1", Verdict.REFUTED),
        ("of_zero_by_zero", How.BALLS, f"{GENERIC}, tiny gates, gates of 1", Verdict.CONFIRMED),
    ],
)
def test_gates_next_to_0_at_1_and_at_0(tmp_path: Path, name: str, how: How, compared: str, verdict: Verdict) -> None:
    found = row(tmp_path, name, "decay_then_step", how)
    assert found.finding.verdict is verdict and found.rung == f"{how.value}, {compared}"
