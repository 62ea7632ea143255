"""Degrees of exponentials of logarithms: never below the true ones, and not far above for decays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from numeric.carriers.carrier import NoRule, Parts
from numeric.carriers.degree import Constants, Degree, Height
from numeric.carriers.handles import FlintPolynomials, Handles, Quotient
from numeric.carriers.laurent import LAURENT

N = 4


def column(a: Parts) -> Parts:
    return tuple(p.unsqueeze(-1) for p in a)


def row(a: Parts) -> Parts:
    return tuple(p.unsqueeze(-2) for p in a)


def product(c: Any, matrix: Parts, vector: Parts) -> Parts:
    found = c.matmul(tuple(p[:, None] for p in matrix), column(tuple(p[:, None] for p in vector)))
    return tuple(p[:, 0, :, 0] for p in found)


def decays(c: Any, a: Parts) -> Parts:
    """exp(g_i - g_j) for the running sums g of the logarithms of `a`: a sum of logarithms is a product."""
    g = c.cumprod(c.log(a), 1)
    return c.exp(c.ratio(column(g), row(g)))


def ratios(c: Any, a: Parts, x: Parts) -> Parts:
    return product(c, decays(c, a), x)


def nested(c: Any, a: Parts, x: Parts) -> Parts:
    matrix = decays(c, a)
    return product(c, matrix, product(c, tuple(p.mT for p in matrix), x))


def of_sums(c: Any, a: Parts, x: Parts) -> Parts:
    g = c.log(c.add(a, c.mul(x, x)))
    return c.sub(c.exp(c.ratio(g, c.log(x))), c.exp(c.power(g, 2)))


def divided(c: Any, a: Parts, x: Parts) -> Parts:
    one = tuple(p.expand(1, N) for p in c.constant(1))
    down = c.exp(c.ratio(c.log(one), c.log(a)))
    return c.div(x, c.add(down, c.sum(c.exp(c.ratio(c.log(a), c.log(x))), [1], True)))


def scaled(c: Any, a: Parts, x: Parts) -> Parts:
    third = c.div_constant(c.exp(c.ratio(c.log(x), c.log(a))), torch.tensor([[3.0]], dtype=torch.float64))
    return c.cumsum(c.mul(third, x), 1)


PROGRAMS = [ratios, nested, of_sums, divided, scaled]


class Fractions(FlintPolynomials):
    """The field of fractions: all divisions allowed."""

    def divide(self, a: Any, b: Any) -> Any:
        return self.ratio(a, b)


def exact(program: Any) -> list[tuple[Any, Any]]:
    """Numerator and denominator of each result in lowest terms."""
    ring = Fractions([f"{n}{i}" for n in "ax" for i in range(N)])
    carrier = Handles(ring)
    point = [carrier.put([ring.variables[f"{n}{i}"] for i in range(N)], (N,)) for n in "ax"]
    one = ring.from_fraction(1, 1)
    return [
        (r.top, r.bottom) if isinstance(r, Quotient) else (r, one) for r in carrier.get(program(carrier, *point)).flat
    ]


def bounds(make: Any, program: Any) -> tuple[Any, np.ndarray, np.ndarray]:
    """Carrier and codes of numerators and denominators once the assumed degree holds."""
    assumed = 0
    for _ in range(4):
        carrier: Any = LAURENT[make](assumed)
        parts = carrier.base(program(carrier, carrier.indeterminate((N,)), carrier.indeterminate((N,))))
        if carrier.clearing <= assumed:
            return carrier, parts[0][0].numpy(), parts[1][0].numpy()
        assumed = carrier.clearing
    raise AssertionError("the assumed degree never held")


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_bounds_hold(program: Any) -> None:
    _, num, den = bounds(Degree, program)
    for (top, bottom), n, d in zip(exact(program), num, den, strict=True):
        assert int(top.total_degree()) <= n - 1 and int(bottom.total_degree()) <= d


@pytest.mark.parametrize("make", [Degree, Constants, Height])
def test_every_form_follows_every_program(make: Any) -> None:
    for program in PROGRAMS:
        carrier, num, den = bounds(make, program)
        assert (num > 0).all() and (den >= 0).all() and carrier.fractions


def test_decays_are_polynomials_of_their_length() -> None:
    def program(c: Any, a: Parts, x: Parts) -> Parts:
        return c.mul(c.exp(c.cumprod(c.log(a), 1)), x)

    carrier, num, den = bounds(Degree, program)
    assert num.tolist() == [3, 4, 5, 6] and not den.any() and carrier.divisors == N


def test_heights_of_powers() -> None:
    carrier: Any = LAURENT[Height](0.0)
    x = carrier.indeterminate((1,))
    seven = carrier.mul(x, carrier.constant(7))
    assert float(carrier.exp(carrier.power(carrier.log(seven), 3))[0]) >= 3 * np.log2(7)


def test_systems_are_solved_over_the_cleared_denominators() -> None:
    def program(c: Any, a: Parts, x: Parts) -> Parts:
        matrix = c.add(decays(c, a), c.mul(column(x), row(x)))
        return tuple(p[..., 0] for p in c.solve(matrix, column(x)))

    _, num, den = bounds(Degree, program)
    assert (den >= 2 * N).all() and (num > den).all()


def test_minus_infinity_is_not_subtracted() -> None:
    carrier: Any = LAURENT[Degree](0)
    with pytest.raises(NoRule, match="minus infinity"):
        carrier.ratio(carrier.log(carrier.indeterminate((1,))), carrier.log(carrier.constant(0)))
