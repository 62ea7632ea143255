"""A number of an answer is exact as it is printed, or said to be near."""

from __future__ import annotations

from fractions import Fraction

import flint
import pytest

from proofs.target.gates import value
from reports.said.identification import number


@pytest.mark.parametrize(
    "exact", [Fraction(1), Fraction(-2, 3), Fraction(10**6), Fraction(1, 10**6), Fraction(1, 1024)]
)
def test_what_is_printed_plainly_is_given_back_exactly(exact):
    assert value(number(exact), {}).held == exact


@pytest.mark.parametrize(
    ("held", "text"),
    [
        (1 / Fraction(1e-6), "about 1000000"),  # the divisor that the code holds is no millionth
        (Fraction(0.1), "0.1"),  # a gate is taken as float64 rounds it where it is not met exactly
        (Fraction(10**6 + 1, 3 * 10**6), "about 0.33333366666666664"),
        (flint.arb(2) ** flint.arb("0.5"), "about 1.414213562373095"),
    ],
)
def test_what_is_rounded_is_said_to_be_near(held, text):
    assert number(held) == text
