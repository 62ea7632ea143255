"""Boxes with inputs that keep a value: functions of them are not rounded, and code that looks at them has none."""

from fractions import Fraction

import flint
import pytest
import torch

from numeric.deciding.balls import BITS
from numeric.probing.box import Arithmetic, Box, generic

POINT = generic((3, 2), 1), generic((3, 2), 2), generic((2,), 3)
AT = {"g": Fraction(-1, 3)}


def scaled(step):
    return lambda X, Y, x_q, g=0.5: step(g) * (Y.T @ X) @ x_q


def test_an_exponential_of_what_is_held_has_all_digits():
    box = Box(scaled(torch.exp), 2, 2, held=AT)
    assert box.arithmetic is Arithmetic.BALLS
    plain = Box(scaled(lambda g: 1), 2, 2)
    with flint.ctx.workprec(BITS):
        factor = flint.arb(flint.fmpq(-1, 3)).exp()
        for with_gate, without in zip(box(*POINT), plain(*POINT), strict=True):
            assert abs(with_gate - factor * flint.fmpq(without.numerator, without.denominator)) < 2.0**-200


def test_a_fraction_of_what_is_held_is_one():
    box, plain = Box(scaled(lambda g: 1 / (1 + g)), 2, 2, held=AT), Box(scaled(lambda g: 1), 2, 2)
    assert box.arithmetic is Arithmetic.EXACT
    assert list(box(*POINT)) == [Fraction(3, 2) * v for v in plain(*POINT)]


@pytest.mark.parametrize("looks", [lambda g: 2 if g > 0.2 else 1, lambda g: int(100 * g)])
def test_what_is_looked_at_is_no_input(looks):
    box = Box(scaled(looks), 2, 2, held=AT)
    assert box.held == {} and box.arithmetic is Arithmetic.EXACT
