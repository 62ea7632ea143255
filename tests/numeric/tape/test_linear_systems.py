"""Solving linear systems and variances: the defining equation holds, wrong ones don't, degrees by Cramer's rule."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch

from numeric.carriers.a_priori import APriori
from numeric.carriers.finite_field import FiniteField
from numeric.carriers.handles import FlintPolynomials, Handles
from numeric.carriers.running import Running
from numeric.deciding.comparison import Comparison
from numeric.deciding.exact_identity import bounds, decide
from numeric.deciding.programs import rational, run
from numeric.entropy import Entropy
from numeric.finding import Verdict
from numeric.tape.recorder import record
from numeric.tape.refusals import Refused
from numeric.tape.replay import Machine

SHAPES = {"A": (2, 3, 3), "B": (2, 3, 2)}
MATRIX = torch.tensor([[2.0, 1.0], [1.0, 3.0]], dtype=torch.float64)
solve, inv = torch.linalg.solve, torch.linalg.inv

IDENTITIES: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "solve": (lambda A, B: A @ solve(A, B), lambda A, B: B + 0 * A[..., :2]),
    "inverse": (lambda A, B: inv(A) @ A, lambda A, B: torch.eye(3).expand(2, 3, 3) + 0 * A),
    "inverse of the inverse": (lambda A, B: inv(inv(A)), lambda A, B: A),
    "from the right": (lambda A, B: solve(A, B.mT, left=False) @ A, lambda A, B: B.mT + 0 * A[:, :2]),
    "vectors": (lambda A, B: (A @ solve(A, B[..., 0])[..., None])[..., 0], lambda A, B: B[..., 0] + 0 * A[..., 0]),
    "two ways": (lambda A, B: inv(A) @ B, lambda A, B: solve(A, B)),
    "triangular": (
        lambda A, B: torch.linalg.solve_triangular(A, B, upper=False),
        lambda A, B: solve(A.tril(), B),
    ),
    "unit triangular": (
        lambda A, B: torch.linalg.solve_triangular(A, B, upper=True, unitriangular=True),
        lambda A, B: solve(A.triu(1) + torch.eye(3), B),
    ),
    "transposed": (lambda A, B: inv(A.mT), lambda A, B: inv(A).mT),
    "variance": (lambda A, B: A.var(-1), lambda A, B: ((A - A.mean(-1, keepdim=True)) ** 2).sum(-1) / 2),
    "variance of the whole": (lambda A, B: A.var(correction=0), lambda A, B: (A * A).mean() - A.mean() ** 2),
    "variance and mean": (
        lambda A, B: sum(torch.var_mean(A, (0, 1), keepdim=True, correction=0)),
        lambda A, B: A.var((0, 1), keepdim=True, correction=0) + A.mean((0, 1), keepdim=True),
    ),
}


@pytest.mark.parametrize("name", IDENTITIES)
def test_identities(name: str) -> None:
    found = decide(Comparison(*IDENTITIES[name], SHAPES, {}, entropy=Entropy(1)))
    assert found.verdict is Verdict.CONFIRMED, found.reason


MUTANTS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "transposed": (lambda A, B: A.mT @ solve(A, B), lambda A, B: B + 0 * A[..., :2]),
    "other factor": (lambda A, B: inv(A @ A.mT), lambda A, B: inv(A) @ inv(A.mT)),
    "half of the matrix": (IDENTITIES["triangular"][0], lambda A, B: solve(A.triu(), B)),
    "one too few": (IDENTITIES["variance"][0], lambda A, B: A.var(-1, correction=0)),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_wrong_systems_are_refuted(name: str) -> None:
    assert (
        decide(Comparison(*MUTANTS[name], SHAPES, {}, entropy=Entropy(1)), shrinking=False).verdict is Verdict.REFUTED
    )


def fractions(rows: Any) -> np.ndarray:
    return np.vectorize(Fraction, otypes=[object])(np.array(rows))


def test_pivots_that_are_zero() -> None:
    """Rows have to be exchanged, in one matrix of the batch and not in the other."""
    A = fractions([[[0, 2, 1], [1, 0, 0], [0, 0, 3]], [[1, 1, 0], [1, 1, 2], [0, 5, 0]]])
    found, _ = rational(lambda A: inv(A) @ A, {"A": A})
    assert (found == np.eye(3, dtype=int)).all()
    want = np.linalg.inv(A.astype(float))
    exact, _ = rational(lambda A: inv(A), {"A": A})
    assert np.abs(exact.astype(float) - want).max() < 2.0**-45


def test_singular_matrices_have_no_inverse() -> None:
    A = fractions([[1, 2], [2, 4]])
    with pytest.raises(ZeroDivisionError, match="singular"):
        rational(lambda A: inv(A), {"A": A})


def test_degrees_follow_cramers_rule() -> None:
    found = bounds(lambda A, b: solve(A, b), {"A": (4, 4), "b": (4, 1)})
    assert (found.numerator, found.denominator, found.divisors) == (4, 4, 4)
    by_data = bounds(lambda A, b: solve(A / b.sum(), b), {"A": (4, 4), "b": (4, 1)})
    assert by_data.numerator >= 5 and by_data.denominator >= 4
    diagonal = bounds(lambda a: inv(torch.diag_embed(a)), {"a": (3,)})
    assert diagonal.denominator == 3


def test_heights_follow_hadamards_sums() -> None:
    small = bounds(lambda A: solve(A, A[:, :1]), {"A": (4, 4)}).height_log2
    large = bounds(lambda A: solve(1000 * A, A[:, :1]), {"A": (4, 4)}).height_log2
    assert small >= np.log2(24) and large - small >= 4 * np.log2(1000) - 1


@pytest.mark.parametrize("carrier", [Running(), APriori()], ids=lambda c: c.name[:8])
@pytest.mark.parametrize("code", [inv, lambda A: solve(A, A), lambda A: A.var(-1)], ids=["inv", "solve", "var"])
def test_kernels_that_have_no_bound(carrier: Any, code: Callable[[Any], Any]) -> None:
    made = carrier.lift(MATRIX)
    tape, _ = record(lambda A: code(A), {"A": MATRIX})
    with pytest.raises(Refused, match=r"no rounding bound|kernels differ"):
        Machine(tape, carrier).run({"A": made}, {"A": MATRIX})


def test_matrices_of_polynomials() -> None:
    ring = FlintPolynomials(["t"])
    carrier = Handles(ring)
    constant = torch.tensor([[2.0, 1.0], [1.0, 1.0]], dtype=torch.float64)
    data = carrier.put([ring.variables["t"]] * 2, (2, 1))
    square = carrier.put([ring.variables["t"]] * 4, (2, 2))
    found = carrier.get(run(lambda b: solve(constant, b), carrier, {"b": data}))
    assert [str(v) for v in found.reshape(-1)] == ["0", "t"]
    with pytest.raises(Refused, match="rational function"):
        run(lambda A: inv(A), carrier, {"A": square})


def test_pivots_in_a_field() -> None:
    carrier = FiniteField(torch.tensor([7]))
    (found,) = run(lambda A: inv(A) @ A, carrier, {"A": (torch.tensor([[[0, 3], [5, 1]]]),)})
    assert torch.equal(found[0], torch.eye(2, dtype=torch.int64))


def test_a_batch_of_as_many_matrices_as_rows_is_no_batch_of_vectors() -> None:
    A = fractions([[[2, 1], [0, 1]], [[1, 0], [3, 1]]])
    found, _ = rational(lambda A: inv(A) @ A, {"A": A})
    assert (found == np.eye(2, dtype=int)).all()
