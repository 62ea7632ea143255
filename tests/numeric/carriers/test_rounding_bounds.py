"""Both rounding bounds against exact rationals, operation by operation and chained: never exceeded, seldom infinite."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from numeric.carriers.a_priori import APriori, smallest_subnormal, unit_roundoff
from numeric.carriers.carrier import NoRule, Parts
from numeric.carriers.running import Running

DTYPES = {"float64": torch.float64, "float32": torch.float32}
K, ROWS, COLUMNS = 2, 3, 3
DIVISORS = torch.tensor([[[3.0, 0.1, -7.0]]], dtype=torch.float64)


class Number(NamedTuple):
    """One array in three ways: parts, what floating point has, what is exact (Fractions)."""

    parts: Parts
    value: Tensor
    exact: np.ndarray


class Operation(NamedTuple):
    rule: Callable[[Any, Parts, Parts], Parts]
    kernel: Callable[[Tensor, Tensor], Tensor]
    exact: Callable[[np.ndarray, np.ndarray], np.ndarray]


def _matmul(c: Any, a: Parts, b: Parts) -> Parts:
    return tuple(p[:, 0] for p in c.matmul(tuple(p[:, None] for p in a), tuple(p.mT[:, None] for p in b)))


_OVER = np.array([Fraction(v) for v in DIVISORS.reshape(-1).tolist()], dtype=object)
OPERATIONS: dict[str, Operation] = {
    "add": Operation(lambda c, a, b: c.add(a, b), torch.add, np.add),
    "sub": Operation(lambda c, a, b: c.sub(a, b), torch.sub, np.subtract),
    "mul": Operation(lambda c, a, b: c.mul(a, b), torch.mul, np.multiply),
    "neg": Operation(lambda c, a, b: c.neg(a), lambda a, b: -a, lambda x, y: -x),
    "matmul": Operation(_matmul, lambda a, b: a @ b.mT, lambda x, y: np.matmul(x, np.swapaxes(y, 1, 2))),
    "sum": Operation(
        lambda c, a, b: c.sum(a, [1, 2], True),
        lambda a, b: a.sum((1, 2), keepdim=True),
        lambda x, y: x.sum((1, 2), keepdims=True),
    ),
    "cumsum": Operation(lambda c, a, b: c.cumsum(a, 2), lambda a, b: a.cumsum(2), lambda x, y: np.cumsum(x, 2)),
    "cumprod": Operation(lambda c, a, b: c.cumprod(a, 1), lambda a, b: a.cumprod(1), lambda x, y: np.cumprod(x, 1)),
    "prod": Operation(
        lambda c, a, b: c.prod(a, 2, True), lambda a, b: a.prod(2, keepdim=True), lambda x, y: x.prod(2, keepdims=True)
    ),
    "cube": Operation(lambda c, a, b: c.power(a, 3), lambda a, b: a**3, lambda x, y: x * x * x),
    "over": Operation(
        lambda c, a, b: c.div_constant(a, DIVISORS),
        lambda a, b: a / DIVISORS.to(a.dtype),
        lambda x, y: x / _OVER,
    ),
}
"""The divisors that float32 does not hold are rounded there, as a scalar is."""
DIVISION = Operation(lambda c, a, b: c.div(a, b), torch.div, np.divide)


def fractions(values: Tensor) -> np.ndarray:
    flat = [Fraction(v) for v in values.reshape(-1).tolist()]
    return np.array(flat, dtype=object).reshape(tuple(values.shape))


def apply(carrier: Any, operation: Operation, a: Number, b: Number) -> Number:
    parts = operation.rule(carrier, a.parts, b.parts)
    value = operation.kernel(a.value, b.value)
    shape = a.value.shape
    if carrier.follows_kernel:
        parts = carrier.follow(parts, parts[0], value)
        assert parts[0] is value
    exact = np.broadcast_to(operation.exact(a.exact, b.exact), tuple(shape))
    return Number(tuple(p.expand(shape) for p in parts), value.expand(shape), exact)


def within(carrier: Any, number: Number) -> list[float]:
    """Checks every entry that can be assessed; error/bound of each."""
    bound = carrier.bound(number.parts).reshape(-1).tolist()
    ratios = []
    for value, true, allowed in zip(number.value.reshape(-1).tolist(), number.exact.reshape(-1), bound, strict=True):
        if math.isfinite(value) and math.isfinite(allowed):
            error = abs(Fraction(value) - true)
            assert error <= Fraction(allowed), (float(error), allowed)
            ratios.append(float(error / Fraction(allowed)) if error else 0.0)
    return ratios


def numbers(dtype: str) -> st.SearchStrategy[Tensor]:
    """Arrays of ordinary and of extreme numbers."""
    width = 64 if dtype == "float64" else 32
    anything = st.floats(width=width, allow_nan=False, allow_infinity=False)
    entry = st.one_of(anything, st.floats(-4, 4, width=width), st.sampled_from([0.0, 1.0, -1.0]))
    size = K * ROWS * COLUMNS
    return st.lists(entry, min_size=size, max_size=size).map(
        lambda v: torch.tensor(v, dtype=DTYPES[dtype]).reshape(K, ROWS, COLUMNS)
    )


@pytest.mark.parametrize("make", [APriori, Running])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [*OPERATIONS, "div"])
def test_one_operation_and_then_any_other(make: Any, dtype: str, name: str) -> None:
    if name == "div" and make is APriori:
        with pytest.raises(NoRule, match="division by data"):
            APriori().div((), ())
        return
    table = OPERATIONS | ({"div": DIVISION} if make is Running else {})

    @given(numbers(dtype), numbers(dtype), st.sampled_from(list(table)))
    @settings(max_examples=15, deadline=None)
    def holds(x: Tensor, y: Tensor, after: str) -> None:
        carrier = make(DTYPES[dtype])
        a, b = (Number(carrier.inputs(v), v, fractions(v)) for v in (x, y))
        for which in (name, after):
            if which == "div" and any(v == 0 for v in b.exact.flat):
                return
            a = apply(carrier, table[which], a, b)
            within(carrier, a)

    holds()


@pytest.mark.parametrize("make", [APriori, Running])
def test_bounds_are_not_vacuous(make: Any) -> None:
    generator = torch.Generator().manual_seed(1)
    worst = {}
    for name, operation in OPERATIONS.items():
        ratios = []
        for _ in range(30):
            carrier = make()
            x, y = torch.randn(2, K, ROWS, COLUMNS, generator=generator, dtype=torch.float64)
            a, b = (Number(carrier.inputs(v), v, fractions(v)) for v in (x, y))
            ratios += within(carrier, apply(carrier, operation, a, b))
        assert len(ratios) >= 30 * K
        worst[name] = max(ratios)
    assert worst.pop("neg") == 0 and min(worst.values()) > 2.0**-5, worst


@given(numbers("float64"), st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_running_bounds_carry_the_errors_of_their_operands(x: Tensor, seed: int) -> None:
    generator = np.random.default_rng(seed)
    carrier = Running()
    pair = []
    for values in (x, x.flip(0) + 1):
        error = values.abs() * float(2.0 ** -generator.integers(2, 60))
        shift = np.array([Fraction(int(k), 64) for k in generator.integers(-64, 65, values.numel())], dtype=object)
        exact = fractions(values) + shift.reshape(tuple(values.shape)) * fractions(error)
        pair.append(Number((values, error), values, exact))
    a, b = pair
    for operation in OPERATIONS.values():
        within(carrier, apply(carrier, operation, a, b))
    if all(v != 0 for v in b.exact.flat) and bool((b.value != 0).all()):
        within(carrier, apply(carrier, DIVISION, a, b))


@pytest.mark.parametrize("size", [2.0**-2, 2.0**-30])
def test_errors_that_all_point_the_worst_way(size: float) -> None:
    """Every operand is off by its whole error; products of errors count where they are large."""
    carrier = Running()
    values = torch.arange(1, K * ROWS * COLUMNS + 1, dtype=torch.float64).reshape(K, ROWS, COLUMNS)
    error = values * size
    up, down = (Number((values, error), values, fractions(values) + sign * fractions(error)) for sign in (1, -1))
    for name in ("add", "mul", "matmul", "sum", "cumsum", "cumprod", "prod", "cube", "over"):
        ratios = within(carrier, apply(carrier, OPERATIONS[name], up, up))
        assert len(ratios) == values.numel() and min(ratios) > 0.9, name
    assert min(within(carrier, apply(carrier, DIVISION, up, down))) > 0.9
    assert min(within(carrier, apply(carrier, OPERATIONS["sub"], up, down))) > 0.9


@pytest.mark.parametrize("dtype", DTYPES)
def test_exp_and_log_against_higher_precision(dtype: str) -> None:
    from flint import arb, ctx

    carrier = Running(DTYPES[dtype])
    values = torch.tensor([[0.3, 1.0, 20.5, 1e-3]], dtype=DTYPES[dtype])
    with ctx.workprec(200):
        for name, function in (("exp", lambda x: x.exp()), ("log", lambda x: x.log())):
            parts = getattr(carrier, name)(carrier.inputs(values))
            kernel = getattr(torch, name)(values)
            bound = carrier.bound(carrier.follow(parts, parts[0], kernel))
            for v, x, e in zip(kernel[0].tolist(), values[0].tolist(), bound[0].tolist(), strict=True):
                assert (function(arb(x)) - arb(v)).__abs__() <= arb(e)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_priori_is_safe_against_its_own_rounding(dtype: str) -> None:
    """gamma_n A + G_n E in rationals is below what `bound` returns, with room for the rounding of A and E."""
    carrier = APriori(DTYPES[dtype])
    generator = np.random.default_rng(0)
    n = generator.integers(1, 10**5, 200)
    majorant, underflow = 10.0 ** generator.uniform(-320, 290, (2, 200))
    got = carrier.bound((torch.tensor(n), torch.tensor(majorant), torch.tensor(underflow))).tolist()
    for count, size, lost, bound in zip(n.tolist(), majorant.tolist(), underflow.tolist(), got, strict=True):
        used = count * Fraction(carrier.unit)
        own = (6 * count + 8) * Fraction(unit_roundoff(torch.float64))
        formula = used / (1 - used) * Fraction(size) + 1 / (1 - used) * Fraction(lost)
        assert Fraction(bound) >= formula / (1 - own)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("add", 1),
        ("sub", 1),
        ("mul", 1),
        ("neg", 0),
        ("matmul", 3),
        ("sum", 8),
        ("cumsum", 2),
        ("prod", 2),
        ("over", 3),
    ],
)
def test_rounding_counts(name: str, count: int) -> None:
    carrier = APriori(torch.float32)  # which rounds the divisor 0.1, too
    ones = carrier.inputs(torch.ones(K, ROWS, COLUMNS))
    assert int(OPERATIONS[name].rule(carrier, ones, ones)[0].max()) == count


def test_counts_of_long_products() -> None:
    """Beyond the limit for term-by-term maxima the count may only grow."""
    carrier = APriori()
    a = torch.rand(1, 1, 60, 200, dtype=torch.float64), torch.rand(1, 1, 200, 100, dtype=torch.float64)
    left, right = ((torch.arange(v.numel()).reshape(v.shape) % 5, v, torch.zeros_like(v)) for v in a)
    whole = carrier.matmul(left, right)
    few = carrier.matmul(tuple(p[:, :, :20] for p in left), right)
    assert bool((whole[0][:, :, :20] >= few[0]).all()) and int(few[0].max()) == 4 + 4 + 200


@pytest.mark.parametrize("make", [APriori, Running])
def test_zero_is_free(make: Any) -> None:
    c = make()
    zero, ones = c.zeros((2, 2)), c.inputs(torch.ones(1, 2, 2, dtype=torch.float64))
    assert not c.bound(c.add(zero, zero)).any() and not c.bound(c.neg(zero)).any()
    if make is APriori:
        product = c.matmul(tuple(p[:, None] for p in zero), tuple(p[:, None] for p in ones))
        nothing = c.sum(tuple(p[:, :0] for p in ones), [1], True)
        for parts in (c.mul(zero, ones), product, nothing, c.add(zero, zero), c.neg(zero)):
            assert not any(bool(p.any()) for p in parts) and not c.bound(parts).any()
        assert c.mul(c.mul(zero, ones), ones)[0].tolist() == [[[0, 0], [0, 0]]]


@pytest.mark.parametrize("make", [APriori, Running])
def test_what_is_not_assessable(make: Any) -> None:
    c = make()
    huge = torch.tensor([[1e200, -1e200, 1.0]], dtype=torch.float64)
    square = c.mul(c.inputs(huge), c.inputs(huge))
    assert torch.isfinite(c.bound(c.sub(square, square))).tolist() == [[False, False, True]]
    assert not torch.isfinite(c.bound(c.mul(c.uninitialised((2,)), c.constant(0.5)))).any()
    with pytest.raises(ValueError, match="rounding bounds exist"):
        make(torch.float16)


def test_more_roundings_than_a_format_carries_have_no_bound() -> None:
    many = torch.tensor([2**23]), torch.ones(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    assert math.isinf(APriori(torch.float32).bound(many)) and math.isfinite(APriori().bound(many))


@pytest.mark.parametrize("make", [APriori, Running])
def test_underflow_is_not_optional(make: Any) -> None:
    """(1e-200 * 1e-200) * 1e300 is 0 in floats and 1e-100 exactly."""
    c = make()
    tiny, huge = (c.inputs(torch.tensor([v], dtype=torch.float64)) for v in (1e-200, 1e300))
    parts = c.mul(c.mul(tiny, tiny), huge)
    assert Fraction(float(c.bound(parts))) >= Fraction(1e-200) ** 2 * Fraction(1e300)
    if make is APriori:
        assert not parts[1].any() and not c.condition(parts).nan_to_num().any()
    else:
        without = Running(underflow=False)
        assert not without.bound(without.mul(without.mul(tiny, tiny), huge)).any()


def test_a_cast_below_the_declared_precision_is_not_forgiven() -> None:
    x = torch.tensor([[1 / 3]], dtype=torch.float64)
    for declared, forgiven in ((torch.float64, False), (torch.float32, True)):
        c = Running(declared)
        value, error = c.cast(c.inputs(x), torch.float32)
        assert value.dtype == torch.float32 and (error.item() >= abs(value.double() - x).item()) is forgiven


@pytest.mark.parametrize("make", [APriori, Running])
def test_constants(make: Any) -> None:
    for dtype in DTYPES.values():
        c = make(dtype)
        for held in (0.1, 2**53 + 1, 2**24 + 1, 1e-50):
            parts = c.constant(held)
            value = torch.tensor([float(held)], dtype=torch.float64).to(dtype)
            assert parts[0].shape == (1,) and within(c, Number(parts, value, np.array([Fraction(held)], dtype=object)))


def test_the_worst_of_several_ways() -> None:
    c = APriori()
    x, y = torch.rand(2, 1, 1, 1, 3, dtype=torch.float64)
    start, product = c.inputs(x), c.mul(c.inputs(x), c.inputs(y))
    for parts in (start, product):
        assert all(bool((w >= p).all()) for w, p in zip(c.worst([start, product]), parts, strict=True))
    assert int(c.accumulate(start, product, 4)[0].max()) == 4


def test_constants_of_the_formats() -> None:
    assert unit_roundoff(torch.float64) == 2.0**-53 and unit_roundoff(torch.float32) == 2.0**-24
    assert smallest_subnormal(torch.float64) == 5e-324 and smallest_subnormal(torch.float32) == 2.0**-149
