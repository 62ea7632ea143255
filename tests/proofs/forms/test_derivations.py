"""Derivations about entries: a false step falls, and so do arrays that are put together otherwise."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sympy as sp

from numeric.finding import Verdict
from numeric.words.telescoping import Equation
from proofs.evidence import Rung, Settings
from proofs.forms.derivations import derived
from proofs.forms.equalities import Same


def made(wrong_at: int):
    """(n + 1)^2 - n^2 = 2n + 1, tied to an array of these, which is wrong at one N."""

    def squares(N: int) -> Iterator[Same]:
        yield Same("squares", [n * n for n in range(N)], [n * n + (wrong_at == N) for n in range(N)])

    @derived(squares)
    def steps(factor: int = 2) -> Iterator[Equation]:
        n = sp.Symbol("n")
        yield Equation("one more", (n + 1) ** 2 - n**2, factor * n + 1, "expanded")

    return steps


@pytest.mark.parametrize(("wrong_at", "verdict"), [(0, Verdict.CONFIRMED), (40, Verdict.REFUTED)])
def test_the_arrays_are_those_of_the_entries(wrong_at: int, verdict: Verdict) -> None:
    assert made(wrong_at).checks()[Rung.UNIVERSAL](Settings()).verdict is verdict


def test_a_false_step_falls() -> None:
    false = made(0).mutant("thrice", "3n + 1", factor=3)
    assert false.checks[Rung.UNIVERSAL](Settings()).verdict is Verdict.REFUTED
