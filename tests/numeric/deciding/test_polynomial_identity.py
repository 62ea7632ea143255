"""The symbolic rung: coefficients compared, work estimated first."""

import pytest
import torch

from numeric.deciding.comparison import Comparison
from numeric.deciding.polynomial_identity import TERMS, decide, estimate
from numeric.entropy import Entropy
from numeric.finding import Verdict
from reports.said import said

SHAPES = {"A": ("n", "n"), "b": ("n",)}


def power(A, b, k=3):
    for _ in range(k):
        b = A @ b
    return b


@pytest.mark.parametrize("n", [2, 9])  # 9: 90 variables, which takes the sparse engine
def test_equal_polynomials_are_confirmed(n):
    found = decide(Comparison(lambda A, b: A @ (A @ b), lambda A, b: (A @ A) @ b, SHAPES, {"n": n}))
    assert found.verdict is Verdict.CONFIRMED
    assert found.figures["variables"] == n * n + n
    assert ("SymEngine" in found.settings["engine"]) == (n == 9)


def test_a_difference_is_refuted_with_a_counterexample():
    found = decide(Comparison(lambda A, b: A @ b, lambda A, b: A.T @ b, SHAPES, {"n": 2}, entropy=Entropy(1)))
    assert found.verdict is Verdict.REFUTED
    assert found.counterexample is not None
    assert found.counterexample.left != found.counterexample.right


def test_too_much_work_is_not_started():
    found = decide(Comparison(lambda A, b: power(A, b, 12), lambda A, b: power(A, b, 12), SHAPES, {"n": 6}))
    assert found.verdict is Verdict.UNDECIDED
    assert "terms" in said(found.reason)


def test_the_estimate_is_an_upper_bound():
    found = decide(Comparison(power, power, SHAPES, {"n": 3}))
    assert found.figures["terms"] <= estimate(power, {"A": (3, 3), "b": (3,)}) <= TERMS


def test_what_is_no_polynomial_is_undecided():
    found = decide(Comparison(lambda A, b: b / A[0, 0], lambda A, b: b / A[0, 0], SHAPES, {"n": 2}))
    assert found.verdict is Verdict.UNDECIDED
    assert "rational function" in said(found.reason)


def test_a_cast_is_flagged():
    found = decide(
        Comparison(lambda A, b: A.to(torch.float32).to(torch.float64) @ b, lambda A, b: A @ b, SHAPES, {"n": 2})
    )
    assert found.flags
