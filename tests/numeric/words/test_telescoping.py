"""numeric/words/telescoping.py: true sums stand, false ones fall with numbers."""

from __future__ import annotations

import sympy as sp

from numeric.finding import Verdict
from numeric.words.telescoping import Equation, Sum, decide

n, N, s = sp.symbols("n N s")


def test_sum_of_odd_numbers() -> None:
    """sum_{n<N} (2n+1) = N^2, also empty."""
    assert decide(lambda: [Sum("odd", n, 2 * n + 1, n**2, sp.Integer(0), N - 1, N**2, "")]).verdict is Verdict.CONFIRMED


def test_false_value_and_false_certificate() -> None:
    """A wrong value or antidifference is refuted, with numbers."""
    wrong = decide(lambda: [Sum("odd", n, 2 * n + 1, n**2, sp.Integer(0), N - 1, N**2 + 1, "")])
    assert wrong.verdict is Verdict.REFUTED and wrong.counterexample is not None
    assert decide(lambda: [Sum("odd", n, 2 * n + 1, n, sp.Integer(0), N - 1, N, "")]).verdict is Verdict.REFUTED


def test_signs() -> None:
    """A sign's square is one, but the sign itself is not."""
    assert decide(lambda: [Equation("square", s * s * n, n, "", (s,))]).verdict is Verdict.CONFIRMED
    assert decide(lambda: [Equation("sign", s * n, n, "", (s,))]).verdict is Verdict.REFUTED


def test_empty() -> None:
    """No steps confirm nothing."""
    assert decide(list).verdict is Verdict.UNDECIDED
