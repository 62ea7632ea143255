"""Degree and height bounds against the polynomials and fractions themselves, expanded by SymPy."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from numeric.carriers.carrier import Carrier, Parts
from numeric.carriers.degree import HUGE, Constants, Degree, Height, Logarithm

_FIELD = sp.polys.fields.field([f"x{i}" for i in range(4)], sp.QQ)
POINT = np.array(_FIELD[1:5], dtype=object).reshape(2, 2)
CONSTANTS = (0.75, -3.0, 0.1, 2.0**-60, 5e-324, 12.0, 0.0)

Step = tuple[str, int, int, int]
"""Name, the two operands' places among the values so far, and an axis, exponent or constant."""
POLYNOMIAL = ("add", "sub", "mul", "matmul", "sum", "cumsum", "cumprod", "prod", "power", "scaled", "over", "lower")


def lifted(value: float) -> Any:
    return _FIELD[0](sp.QQ(*value.as_integer_ratio()))


def replay(carrier: Degree | Constants | Height, steps: list[Step]) -> Parts:
    values: list[Parts] = [carrier.indeterminate((2, 2))]
    for step in steps:
        values.append(_ruled(carrier, step, values))
    return values[-1]


def _ruled(c: Carrier, step: Step, values: list[Parts]) -> Parts:
    name, i, j, number = step
    a, b = values[i % len(values)], values[j % len(values)]
    axis, constant = 1 + number % 2, CONSTANTS[number % len(CONSTANTS)]
    match name:
        case "add" | "sub" | "mul" | "div":
            return getattr(c, name)(a, b)
        case "matmul":
            return tuple(p[:, 0] for p in c.matmul(tuple(p[:, None] for p in a), tuple(p[:, None] for p in b)))
        case "sum":
            return tuple(p.expand(1, 2, 2) for p in c.sum(a, [axis], True))
        case "prod":
            return tuple(p.expand(1, 2, 2) for p in c.prod(a, axis, True))
        case "cumsum" | "cumprod":
            return getattr(c, name)(a, axis)
        case "power":
            return c.power(a, 1 + number % 3)
        case "scaled":
            return c.mul(a, tuple(p.reshape(1, 1, 1) for p in c.constant(constant)))
        case "over":
            return c.div_constant(a, torch.tensor([[[constant or 1.0]]], dtype=torch.float64))
    return tuple(p.tril() for p in a)


def expand(steps: list[Step]) -> np.ndarray:
    values = [POINT]
    for name, i, j, number in steps:
        a, b = values[i % len(values)], values[j % len(values)]
        axis, constant = number % 2, CONSTANTS[number % len(CONSTANTS)]
        match name:
            case "add":
                made = a + b
            case "sub":
                made = a - b
            case "mul":
                made = a * b
            case "div":
                made = a / b
            case "matmul":
                made = a @ b
            case "sum":
                made = np.broadcast_to(a.sum(axis, keepdims=True), (2, 2))
            case "prod":
                made = np.broadcast_to(a.prod(axis, keepdims=True), (2, 2))
            case "cumsum":
                made = np.cumsum(a, axis)
            case "cumprod":
                made = np.cumprod(a, axis)
            case "power":
                made = a ** (1 + number % 3)
            case "scaled":
                made = a * lifted(constant)
            case "over":
                made = a / lifted(constant or 1.0)
            case _:
                made = np.where(np.tri(2, dtype=bool), a, lifted(0.0))
        values.append(made)
    return values[-1].reshape(-1)


def programs(*names: str) -> st.SearchStrategy[list[Step]]:
    place = st.integers(0, 5)
    return st.lists(st.tuples(st.sampled_from(names), place, place, st.integers(0, 6)), min_size=1, max_size=5)


def small(steps: list[Step]) -> bool:
    try:
        num, den = replay(Degree(), steps)
    except ZeroDivisionError:
        return False
    return int(num.max() + den.max()) < 12


@given(programs(*POLYNOMIAL).filter(small))
@settings(max_examples=60, deadline=None)
def test_polynomials(steps: list[Step]) -> None:
    constants = Constants()
    num, den = replay(Degree(), steps)
    power, height = replay(constants, steps)[0], replay(Height(), steps)[0]
    assert not den.any()
    columns = (p.expand(1, 2, 2).reshape(-1).tolist() for p in (num, power, height))
    for true, degree, count, bits in zip(expand(steps), *columns, strict=True):
        coefficients = [Fraction(int(c.numerator), int(c.denominator)) for c in true.numer.coeffs()]
        scale = Fraction(1, int(true.denom.LC)) if true else 1
        coefficients = [c * scale for c in coefficients]
        if not true:
            continue
        assert max(map(sum, true.numer.monoms())) <= degree - 1 and true.denom.is_ground
        clear = constants.denominator ** (count - 1)
        assert count and all((c * clear).denominator == 1 for c in coefficients)
        norm = sum(map(abs, coefficients))
        assert math.log2(norm.numerator) - math.log2(norm.denominator) <= bits


_QUOTIENT: list[Step] = [("matmul", 0, 0, 0), ("div", 0, 1, 0)]
"""A / (A @ A), where nothing cancels."""


@pytest.mark.parametrize(
    "last",
    [
        *(("add", 2, 0, 0), ("sub", 1, 2, 0), ("mul", 2, 2, 0), ("div", 2, 0, 0), ("matmul", 2, 0, 0)),
        *(("sum", 2, 0, 0), ("sum", 2, 0, 1), ("cumsum", 2, 0, 0), ("cumprod", 2, 0, 1), ("prod", 2, 0, 1)),
        *(("scaled", 2, 0, 1), ("over", 2, 0, 0), ("lower", 2, 0, 0)),
    ],
    ids=lambda step: step[0],
)
def test_each_rule_on_fractions(last: Step) -> None:
    check_fractions([*_QUOTIENT, last])


def test_running_sums_keep_what_came_before() -> None:
    steps: list[Step] = [("lower", 0, 0, 0), ("cumsum", 1, 0, 1)]
    assert expand(steps)[1] == POINT[0, 0] and replay(Degree(), steps)[0].tolist() == [[[2, 2], [2, 2]]]
    check_fractions(steps)


@given(programs(*POLYNOMIAL, "div", "div").filter(small))
@settings(max_examples=60, deadline=None)
def test_fractions(steps: list[Step]) -> None:
    check_fractions(steps)


def check_fractions(steps: list[Step]) -> None:
    """Degrees of numerator and denominator in lowest terms against the codes."""
    try:
        exact = expand(steps)
    except ZeroDivisionError:
        return  # a difference that is 0, which degrees do not see
    num, den = (p.expand(1, 2, 2).reshape(-1).tolist() for p in replay(Degree(), steps))
    for true, top, bottom in zip(exact, num, den, strict=True):
        if true:
            assert max(map(sum, true.numer.monoms())) <= top - 1
            assert max(map(sum, true.denom.monoms())) <= bottom


@pytest.mark.parametrize("make", [Degree, Constants, Height])
def test_zero_is_free(make: Any) -> None:
    carrier = make()
    one, zero = carrier.indeterminate((2, 2)), carrier.zeros((2, 2))
    for fractions in (False, True):
        carrier.fractions = fractions
        matrices = [tuple(p[:, None] for p in a) for a in (zero, one)]
        for parts in (carrier.mul(zero, one), carrier.matmul(*matrices), carrier.add(zero, zero), carrier.neg(zero)):
            assert not any(bool(p.any()) for p in parts)
        assert all(torch.equal(p, q) for p, q in zip(carrier.add(one, zero), one, strict=True))
        empty = tuple(p[:, :, :0] for p in one)
        assert not carrier.sum(empty, [2], False)[0].any()


def test_divisors_are_counted() -> None:
    carrier = Degree()
    x = carrier.indeterminate((3,))
    carrier.div(x, carrier.mul(x, x))
    assert carrier.divisors == 3 * 2
    with pytest.raises(ZeroDivisionError):
        carrier.div(x, carrier.zeros((3,)))


def test_systems_by_cramers_rule() -> None:
    carrier = Degree()
    a, b = carrier.indeterminate((3, 3)), carrier.indeterminate((3, 2))
    num, den = carrier.solve(a, b)
    assert num.unique().tolist() == [4] and den.unique().tolist() == [3] and carrier.divisors == 3
    several = carrier.solve(carrier.indeterminate((1, 3, 3)), carrier.indeterminate((5, 3, 2)))
    assert several[0].shape == (1, 5, 3, 2) and several[0].unique().tolist() == [4]
    high, low = Height().solve(Height().indeterminate((3, 3)), Height().indeterminate((3, 2)))
    assert float(low.min()) >= math.log2(6) and float(high.min()) >= math.log2(6)
    with pytest.raises(ZeroDivisionError):
        carrier.solve(carrier.zeros((3, 3)), b)


@pytest.mark.parametrize("value", [0.75, 0.1, -(2.0**-30), 1e-300, 5e-324])
def test_dyadic_denominators(value: float) -> None:
    carrier = Constants()
    assert carrier.constant(value)[0].tolist() == [2]
    assert Fraction(value).denominator == carrier.denominator == 2 ** int(carrier.denominator_log2)


def test_constant_divisors() -> None:
    carrier = Constants()
    x = carrier.indeterminate((7,))
    for divisor in (12.0, 10.0, 7.0, -1.0):
        x = carrier.div_constant(x, torch.tensor([[divisor]], dtype=torch.float64))
    assert carrier.denominator == 3 * 5 * 7 * 4 and x[0].unique().tolist() == [4]
    with pytest.raises(ZeroDivisionError):
        carrier.div_constant(x, torch.zeros(1, 1, dtype=torch.float64))


def test_whole_numbers_of_any_size() -> None:
    assert Degree().constant(10**400)[0].tolist() == [1] and Constants().constant(-(10**400))[0].tolist() == [1]
    assert math.log2(10**400) < float(Height().constant(10**400)[0]) < math.log2(10**400) + 1e-6


def test_large_products_stay_bounds() -> None:
    """Above the limit for term-by-term maxima the degree of a matrix product may only grow."""
    carrier = Degree()
    a = torch.randint(0, 4, (1, 1, 130, 90), generator=torch.Generator().manual_seed(1))
    b = torch.randint(0, 4, (1, 1, 90, 100), generator=torch.Generator().manual_seed(2))
    zero = torch.zeros_like
    whole = carrier.matmul((a, zero(a)), (b, zero(b)))[0]
    cut = [(a[..., k : k + 30], b[..., k : k + 30, :]) for k in (0, 30, 60)]
    pieces = torch.stack([carrier.matmul((x, zero(x)), (y, zero(y)))[0] for x, y in cut])
    assert bool((whole >= pieces.amax(0)).all())


def test_heights_of_products_far_apart() -> None:
    """Terms hundreds and thousands of bits below the largest stay bounded; infinity stays infinite."""
    carrier = Height()
    rows = torch.tensor([[1e4, 1.0], [0.0, 3.0], [torch.inf, 2.0]], dtype=torch.float64)[None, None]
    columns = torch.tensor([[0.0, 1.0], [5.0, 0.0]], dtype=torch.float64)[None, None]
    found = carrier.matmul((rows, torch.zeros_like(rows)), (columns, torch.zeros_like(columns)))[0][0, 0]
    assert found[0, 0] >= 6 and 10001 <= found[0, 1] < 10001.001 and 8 <= found[1, 0] < 8.001 and found[1, 1] == 0
    assert found[2, 0] >= 7 and found[2, 1] == torch.inf
    total = carrier.sum((rows, torch.zeros_like(rows)), [3], False)[0][0, 0]
    assert total[2] == torch.inf and 1e4 <= total[0] < 1e4 + 1


def test_degrees_beyond_all_bounds_stay_there() -> None:
    carrier = Degree()
    x = y = carrier.indeterminate((1,))
    for _ in range(80):
        x, y = carrier.mul(x, x), carrier.add(carrier.div(carrier.indeterminate((1,)), y), y)
    assert int(x[0]) == HUGE == int(y[0])


def test_logarithms_are_for_laurent() -> None:
    with pytest.raises(Logarithm):
        Degree().log(Degree().indeterminate(()))
