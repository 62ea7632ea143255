"""Rational and polynomial carriers against Python's fractions and SymPy."""

from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
import torch

from numeric.carrier import NoRule
from numeric.handles import FlintPolynomials, Handles, SymenginePolynomials
from numeric.interpreter import Interpreter, Refused
from numeric.programs import fractions, rational


def program(A, B, c):
    total = torch.zeros(2, 2)
    for k in range(3):
        total += (A[k, :, None] * B[k, None, :] - c) / (k + 2)
    return (total @ total).sum(0, keepdim=True).cumsum(1)


def oracle(A, B, c):
    total = [[sum((A[k][i] * B[k][j] - c) / Fraction(k + 2) for k in range(3)) for j in range(2)] for i in range(2)]
    square = [[sum(total[i][r] * total[r][j] for r in range(2)) for j in range(2)] for i in range(2)]
    first = [square[0][j] + square[1][j] for j in range(2)]
    return [first[0], first[0] + first[1]]


def test_rationals_equal_python_fractions():
    A = fractions([Fraction(k, 3) for k in range(6)], (3, 2))
    B = fractions([Fraction(2 - k, 5) for k in range(6)], (3, 2))
    value, _ = rational(program, {"A": A, "B": B, "c": fractions([Fraction(1, 7)], ())})
    assert value.tolist() == [oracle(A.tolist(), B.tolist(), Fraction(1, 7))]


@pytest.mark.parametrize("make", [FlintPolynomials, SymenginePolynomials])
def test_polynomials_equal_sympy(make):
    names = [f"{n}{i}" for n in "ab" for i in range(6)] + ["c"]
    ring = make(names)
    carrier = Handles(ring)
    at = iter(names)
    inputs = {
        n: carrier.put([ring.variables[next(at)] for _ in range(int(np.prod(s)))], s)
        for n, s in (("A", (3, 2)), ("B", (3, 2)), ("c", ()))
    }
    interp = Interpreter(carrier)
    with interp:
        out = program(**{n: interp.wrap(p) for n, p in inputs.items()})
    symbols = [sp.Symbol(n) for n in names]
    A, B = ([[symbols[6 * k + 2 * i + j] for j in range(2)] for i in range(3)] for k in range(2))
    for found, wanted in zip(carrier.get(out.parts)[0], oracle(A, B, symbols[-1]), strict=True):
        assert sp.expand(sp.sympify(str(found).replace("^", "**")) - wanted) == 0


def test_division_by_data_is_refused_for_polynomials_and_exact_for_rationals():
    def program(x):
        return 1 / x

    ring = FlintPolynomials(["x"])
    carrier = Handles(ring)
    interp = Interpreter(carrier)
    with pytest.raises(Refused, match=r"rational function"), interp:
        program(interp.wrap(carrier.put([ring.variables["x"]], ())))
    assert rational(program, {"x": fractions([Fraction(3)], ())})[0].item() == Fraction(1, 3)
    with pytest.raises(ZeroDivisionError):
        rational(program, {"x": fractions([0], ())})


@pytest.mark.parametrize(
    ("operation", "wanted"),
    [
        (lambda x: x.abs(), [2, 0, 5]),
        (lambda x: torch.relu(x), [0, 0, 5]),
        (lambda x: x.clamp(-1, 3), [-1, 0, 3]),
        (lambda x: torch.maximum(x, -x), [2, 0, 5]),
        (lambda x: x.sign(), [-1, 0, 1]),
        (lambda x: torch.where(x > 0, x, 2 * x), [-4, 0, 5]),
        (lambda x: x.max().reshape(1), [5]),
        (lambda x: x.amin(0, keepdim=True), [-2]),
        (lambda x: x + 1 if x.sum() > 2 else x, [-1, 1, 6]),
    ],
)
def test_rationals_decide_piecewise_operations(operation, wanted):
    value, _ = rational(operation, {"x": fractions([-2, 0, 5], (3,))})
    assert value.tolist() == wanted


def test_constants_are_read_as_the_dyadic_numbers_they_are():
    value, record = rational(lambda x: 0.1 * x, {"x": fractions([1], ())})
    assert value.item() == Fraction(0.1) != Fraction(1, 10)
    assert any(c.startswith("0.1 at") for c in record.constants)


def test_a_transcendental_is_refused_by_name_and_line():
    with pytest.raises(Refused, match=r"aten\.exp\.default at .*test_handles\.py:\d+: transcendental"):
        rational(lambda x: torch.exp(x), {"x": fractions([1], ())})


def test_indeterminates_have_no_order():
    ring = FlintPolynomials(["x"])
    with pytest.raises(NoRule, match="data-dependent"):
        carrier = Handles(ring)
        x = carrier.put([ring.variables["x"]], ())
        carrier.compare("lt", x, x)
