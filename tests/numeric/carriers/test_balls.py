"""Balls enclose what float64 computes, and comparisons that they do not decide are refused."""

from __future__ import annotations

from fractions import Fraction

import flint
import pytest
import torch

from numeric.carriers.balls import BITS, ENTRYWISE, Balls, ball
from numeric.carriers.carrier import NoRule

_TORCH = {"silu": torch.nn.functional.silu, "log_sigmoid_forward": torch.nn.functional.logsigmoid}


_INSIDE = {"asin": 0.2, "acos": 0.2, "atanh": 0.2, "acosh": 4.5}
"""Where functions of a smaller domain have values: a factor for the points."""


@pytest.mark.parametrize("name", [n for n in ENTRYWISE if n != "digamma"])  # torch's digamma is less accurate
def test_functions(name: str) -> None:
    points = torch.tensor([[0.25, 1.0], [1.75, 3.5]], dtype=torch.float64) * _INSIDE.get(name, 1)
    floats = _TORCH.get(name, getattr(torch, name, None))(points).reshape(-1).tolist()
    with flint.ctx.workprec(BITS):
        carrier = Balls()
        found = carrier.apply(ENTRYWISE[name], carrier.lift(points))
        assert found[0].shape == (1, 2, 2)
        for enclosure, value in zip(carrier.get(found).flat, floats, strict=True):
            assert enclosure.is_zero() or enclosure.rel_accuracy_bits() > 200
            # a library's function is good to four units in the last place
            assert abs(float(enclosure.mid()) - value) <= 8 * 2.0**-53 * abs(value)


def test_arithmetic_encloses_the_exact_value() -> None:
    with flint.ctx.workprec(BITS):
        c = Balls()
        a = c.put([ball(Fraction(k, 7)) for k in range(6)], (1, 2, 3))
        product = c.matmul(a, tuple(p.mT for p in a))
        exact = [
            [sum(Fraction(i * 3 + k, 7) * Fraction(j * 3 + k, 7) for k in range(3)) for j in (0, 1)] for i in (0, 1)
        ]
        for i in (0, 1):
            for j in (0, 1):
                assert c.get(product)[0, i, j].overlaps(ball(exact[i][j]))


def test_what_balls_cannot_decide_is_refused() -> None:
    with flint.ctx.workprec(BITS):
        carrier = Balls()
        third = carrier.div(carrier.constant(1), carrier.constant(3))
        assert bool(carrier.compare("lt", third, carrier.constant(1)))
        with pytest.raises(NoRule, match="too close to call"):
            carrier.compare("lt", third, carrier.mul(third, carrier.constant(1)))
        with pytest.raises(NoRule, match="no real value"):
            carrier.log(carrier.constant(-1))
        with pytest.raises(ZeroDivisionError):
            carrier.div(carrier.constant(1), carrier.sub(third, third))
        back = carrier.get(carrier.exp(carrier.log(third))).item()
        assert back.overlaps(ball(Fraction(1, 3))) and float(back.rad()) < 2.0**-240
