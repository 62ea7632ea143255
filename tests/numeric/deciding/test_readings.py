"""Constants that a code rounded: roots of small fractions, and powers of one, are read as the numbers they stand for."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
import torch
from torch import Tensor

from numeric.deciding import exact_identity
from numeric.deciding.comparison import Comparison
from numeric.deciding.programs import recorded
from numeric.deciding.readings import Reading, denominator_log2, read, readings
from numeric.entropy import Entropy
from numeric.finding import Finding, Key, Verdict

SHAPES = {"X": (40,)}


def powers(X: Tensor, base: float = 0.9, turned: int = -1) -> Tensor:
    ages = torch.arange(len(X), dtype=X.dtype)
    kept = base**ages
    return (torch.where(ages == turned, kept * base, kept) * X).sum()


def horner(X: Tensor, base: Fraction = Fraction(9, 10)) -> Tensor:
    out = torch.zeros_like(X[0])
    for x in X.flip(0):
        out = out * base.numerator / base.denominator + x
    return out


def decided(turned: int) -> Finding:
    asked = Comparison(lambda X: powers(X, turned=turned), horner, SHAPES, {}, entropy=Entropy(1))
    return exact_identity.decide(asked, rounded=True, shrinking=False)


def test_powers_of_a_rounded_base_are_read_as_such() -> None:
    known = readings(recorded(powers).at(SHAPES))
    found = {reading.power for reading in known.values() if (reading.top, reading.bottom) == (9, 10)}
    assert found == {1, *range(4, 40)}  # 81/100 and 729/1000 are small themselves
    powers_alone = {v: r.power for v, r in known.items() if (r.top, r.bottom) == (9, 10)}
    assert all(abs(Fraction(v) - Fraction(9, 10) ** k) < v * Fraction(k + 1, 2**53) for v, k in powers_alone.items())


def test_exponentials_of_logarithms_are_rounded_once_more_for_each() -> None:
    def program(X: Tensor) -> Tensor:
        return (torch.exp(torch.arange(len(X), dtype=X.dtype) * math.log(1 / 9)) * X).sum() + X[0] * (1 / 9)

    known = readings(recorded(program).at(SHAPES))
    assert {*range(8, 40)} <= {r.power for r in known.values() if (r.top, r.bottom) == (1, 9)}


def test_they_prove_what_is_so_and_no_more() -> None:
    finding = decided(-1)
    assert finding.verdict is Verdict.CONFIRMED and "(9/10)^39" in str(finding.figures[Key.READ])
    assert decided(30).verdict is Verdict.REFUTED


def test_short_powers_are_what_they_are_and_far_ones_are_no_powers() -> None:
    known = readings(recorded(lambda X: powers(X, 0.875)).at(SHAPES))
    assert {r.power for r in known.values()} == {*range(7, 40)} and {r.top for r in known.values()} == {7}
    off = readings(recorded(lambda X: powers(X) + X[0] * 0.9**20 * (1 + 2.0**-45)).at(SHAPES))
    assert len(off) == 39


@pytest.mark.parametrize("value", [1 / 3, 3**-0.5, 5**-0.25])
def test_roots_are_read_to_their_neighbours(value: float) -> None:
    reading = read(value)
    assert reading is not None and reading.power == 1
    assert read(value * (1 + 2.0**-48)) is None and read(0.375) is None


def test_denominators_are_cleared_together() -> None:
    known = [Reading(1, 1, 3, 1), Reading(1, 1, 6, 2), Reading(-1, 9, 10, 1, 4)]
    assert denominator_log2(known) == math.log2(30_000)
    assert denominator_log2([]) == 0


def test_the_chance_counts_the_denominators() -> None:
    """Without them the height of 39 factors of (1/10)^39 would be that of floats."""
    chance = decided(-1).figures["height, log2"]
    plain = exact_identity.bounds(powers, SHAPES).height_log2
    assert isinstance(chance, float) and chance > plain + 39 * math.log2(10) - 1
