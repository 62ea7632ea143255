"""Rational and polynomial carriers against Python's fractions and SymPy."""

from __future__ import annotations

import operator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp
import torch

from numeric.carriers.carrier import NoRule, OutsideDomain, Parts
from numeric.carriers.handles import FlintPolynomials, Handles, Quotient, Rationals, SymenginePolynomials, as_fraction


def rationals(*shape: int, seed: int = 0) -> tuple[Handles, Parts, np.ndarray]:
    """A carrier, parts of a few fractions, zero among them, and the same as Python's."""
    generator = np.random.default_rng(seed)
    tops, bottoms = generator.integers(-4, 5, shape), generator.integers(1, 5, shape)
    exact = np.array([Fraction(int(t), int(b)) for t, b in zip(tops.flat, bottoms.flat, strict=True)], dtype=object)
    carrier = Handles(Rationals())
    parts = carrier.put([carrier.ring.from_fraction(v.numerator, v.denominator) for v in exact], shape)
    return carrier, parts, exact.reshape(shape)


def read(carrier: Handles, parts: Parts) -> np.ndarray:
    found = carrier.get(parts)
    return np.array([as_fraction(v) for v in found.flat], dtype=object).reshape(found.shape)


def test_rationals_equal_python_fractions() -> None:
    c, a, x = rationals(2, 3, 3)
    b, y = c.put([c.ring.from_fraction(k, 3) for k in range(1, 10)], (3, 3)), np.arange(1, 10).reshape(3, 3)
    y = y * Fraction(1, 3)
    b = tuple(p[:, None] for p in b)
    pairs = {
        "add": x + y,
        "sub": x - y,
        "mul": x * y,
        "div": x / y,
        "matmul": x @ y,
    }
    for name, wanted in pairs.items():
        assert np.array_equal(read(c, getattr(c, name)(a, b)), wanted), name
    assert np.array_equal(read(c, c.neg(a)), -x)
    assert np.array_equal(read(c, c.sum(a, [1, 3], True)), x.sum((0, 2), keepdims=True))
    assert np.array_equal(read(c, c.sum(a, [2], False)), x.sum(1))
    assert np.array_equal(read(c, c.cumsum(a, 3)), np.cumsum(x, 2))
    assert np.array_equal(read(c, c.cumprod(a, 2)), np.cumprod(x, 1))
    assert np.array_equal(read(c, c.prod(a, 1, False)), x.prod(0))
    assert np.array_equal(read(c, c.power(a, 5)), x**5)
    assert np.array_equal(
        read(c, c.div_constant(a, torch.full((1, 1, 1, 1), 0.1))), x / Fraction(float(np.float32(0.1)))
    )
    for name in ("lt", "le", "gt", "ge", "eq", "ne"):
        assert c.compare(name, a, b)[0].tolist() == np.vectorize(getattr(operator, name))(x, y).tolist()


def test_several_trials_and_empty_dimensions() -> None:
    c, a, x = rationals(3, 2, 2)
    trials = tuple(p[0] for p in a)  # three trials of (2, 2)
    total = c.matmul(tuple(p[:, None] for p in trials), tuple(p[:1, None] for p in trials))
    assert total[0].shape == (3, 1, 2, 2)
    assert np.array_equal(read(c, tuple(p[2:] for p in total))[0], x[2] @ x[0])
    with pytest.raises(ValueError, match="one trial"):
        c.get(total)
    empty = c.zeros((2, 0))
    assert not c.sum(empty, [2], False)[0].any() and c.sum(empty, [1], True)[0].shape == (1, 1, 0)
    product = c.matmul(tuple(p[:, None] for p in empty), tuple(p[:, None].mT for p in empty))
    assert product[0].shape == (1, 1, 2, 2) and not product[0].any()
    assert c.matmul(c.zeros((0, 2, 2)), c.zeros((0, 2, 2)))[0].shape == (1, 0, 2, 2)


def test_systems() -> None:
    c, a, _ = rationals(2, 3, 3, seed=3)
    a = c.add(a, c.lift(7 * torch.eye(3, dtype=torch.float64)[None]))
    b = c.put([c.ring.from_fraction(k, 2) for k in range(6)], (3, 2))
    solved = c.solve(a, tuple(p[:, None] for p in b))
    assert np.array_equal(
        read(c, c.matmul(a, solved)), np.broadcast_to(np.arange(6).reshape(3, 2) * Fraction(1, 2), (2, 3, 2))
    )
    first = c.lift(torch.tensor([[0.0, 2.0], [4.0, 0.0]], dtype=torch.float64))
    assert read(c, c.solve(first, first)).tolist() == [[1, 0], [0, 1]]
    with pytest.raises(ZeroDivisionError):
        c.solve(c.lift(torch.ones(2, 2, dtype=torch.float64)), first)


def test_constants_are_read_as_the_dyadic_numbers_they_are() -> None:
    c = Handles(Rationals())
    values = [0.1, -5e-324, 1e308, 0.0]
    assert read(c, c.lift(torch.tensor(values, dtype=torch.float64))).tolist() == [Fraction(v) for v in values]
    assert c.lift(torch.zeros(2, dtype=torch.float64))[0].tolist() == [[0, 0]]
    assert c.constant(10**400)[0].shape == (1,)
    assert as_fraction(c.get(c.constant(10**400)).item()) == 10**400


@pytest.mark.parametrize("make", [FlintPolynomials, SymenginePolynomials])
def test_polynomials_equal_sympy(make: Any) -> None:
    names = [f"a{i}" for i in range(4)] + [f"b{i}" for i in range(4)]
    ring = make(names)
    c = Handles(ring)
    a, b = (c.put([ring.variables[n] for n in names[k : k + 4]], (1, 2, 2)) for k in (0, 4))
    x, y = (np.array(sp.symbols(names[k : k + 4]), dtype=object).reshape(2, 2) for k in (0, 4))
    found = c.cumprod(c.sub(c.matmul(a, b), c.div_constant(a, torch.full((1, 1, 1, 1), 3.0))), 2)
    wanted = np.cumprod(x @ y - x / sp.Integer(3), 0)
    for one, true in zip(c.get(found).flat, wanted.flat, strict=True):
        assert sp.expand(sp.sympify(str(one).replace("^", "**")) - true) == 0


def test_division_by_data_is_refused_for_polynomials() -> None:
    ring = FlintPolynomials(["x"])
    c = Handles(ring)
    x = c.put([ring.variables["x"]], ())
    with pytest.raises(NoRule, match="rational function"):
        c.div(c.constant(1), x)
    with pytest.raises(ZeroDivisionError):
        c.div(x, c.constant(0))
    with pytest.raises(ZeroDivisionError):
        Handles(Rationals()).div((torch.zeros(1, dtype=torch.int64),), (torch.zeros(1, dtype=torch.int64),))


def test_quotients_of_logarithms_come_back_to_polynomials() -> None:
    ring = FlintPolynomials(["x", "y"])
    c = Handles(ring)
    x, y = (c.put([ring.variables[n]], ()) for n in "xy")
    quotient = c.ratio(c.log(x), c.log(y))
    assert isinstance(c.get(quotient).item(), Quotient)
    back = c.mul(c.add(quotient, quotient), y)
    assert c.get(back).item() == 2 * ring.variables["x"]
    with pytest.raises(NoRule, match="logarithm of a sum"):
        other = SymenginePolynomials(["x", "y"])
        other.ratio(other.variables["x"], other.variables["x"] + other.variables["y"])


def test_indeterminates_have_no_order_and_negative_numbers_no_logarithm() -> None:
    ring = FlintPolynomials(["x"])
    c = Handles(ring)
    x = c.put([ring.variables["x"]], ())
    with pytest.raises(NoRule, match="data-dependent"):
        c.compare("lt", x, x)
    q = Handles(Rationals())
    assert torch.equal(q.log(q.constant(0))[0], q.constant(0)[0])
    with pytest.raises(OutsideDomain):
        q.log(q.constant(-2))
