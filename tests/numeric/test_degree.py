"""Degree and height bounds against what programs really compute: values on random lines, and expanded coefficients."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import flint
import pytest
import torch
from torch import Tensor

from numeric.carriers.degree import Constants, Degree, Height
from numeric.carriers.finite_field import FiniteField
from numeric.carriers.handles import FlintPolynomials, Handles
from numeric.deciding.programs import run
from numeric.entropy import Entropy
from numeric.tape.refusals import Refused

F = torch.nn.functional
P = 2305843009213693921

Shapes = Mapping[str, tuple[int, ...]]


def descent(X: Tensor, Y: Tensor, x_q: Tensor, W: Tensor, eta: Tensor, steps: int) -> Tensor:
    """Steps of gradient descent by autograd, asked at x_q."""
    for _ in range(steps):
        with torch.enable_grad():
            leaf = W.detach().requires_grad_()
            (g,) = torch.autograd.grad(((X @ leaf.t() - Y) ** 2).sum() / (2 * len(X)), leaf)
        W = W - eta * g
    return W @ x_q


def loop(X: Tensor, Y: Tensor, x_q: Tensor, W: Tensor, eta: Tensor) -> Tensor:
    """One step as a recurrence with in-place writes."""
    state = torch.zeros_like(W)
    for x, y in zip(X, Y, strict=True):
        state += torch.outer(y - W @ x, x)
    return W @ x_q + eta / len(X) * (state @ x_q)


PROBLEM: Shapes = {"X": (3, 2), "Y": (3, 2), "x_q": (2,), "W": (2, 2), "eta": ()}
MATRIX: Shapes = {"A": (3, 3), "b": (3,)}

POLYNOMIALS: dict[str, tuple[Callable[..., Tensor], Shapes, int]] = {
    # program, shapes, true total degree
    "loop": (loop, PROBLEM, 5),
    "one step": (lambda **d: descent(**d, steps=1), PROBLEM, 5),
    "two steps": (lambda **d: descent(**d, steps=2), PROBLEM, 8),
    "four steps": (lambda **d: descent(**d, steps=4), PROBLEM, 14),
    "power": (lambda A, b: A**5 + b, MATRIX, 5),
    "matrix power": (lambda A, b: torch.linalg.matrix_power(A, 4) @ b, MATRIX, 5),
    "scan": (lambda A, b: A.cumprod(0).cumsum(1) * b, MATRIX, 4),
    "product": (lambda A, b: A.prod(1) + b.prod(), MATRIX, 3),
    "masked": (lambda A, b: (A.tril(-1) @ A.tril(-1) @ A.tril(-1)) + 0 * b, MATRIX, 0),
    "substitution": (
        lambda A, b: torch.linalg.solve_triangular(A.tril(-1), b[:, None], upper=False, unitriangular=True),
        MATRIX,
        3,
    ),
    "constants": (lambda A, b: 0.75 * (A @ (b / 3)) + A.mean() * 0.1 - 5, MATRIX, 2),
    "mean of squares": (lambda A, b: F.mse_loss(A @ b, b) + b[0] * 0.5, MATRIX, 4),
}
FRACTIONS: dict[str, tuple[Callable[..., Tensor], Shapes]] = {
    "quotient": (lambda A, b: b / A.sum(1), MATRIX),
    "sum of quotients": (lambda A, b: (1 / A).sum(0) * b, MATRIX),
    "normalised attention": (lambda A, b: (A @ b) / (A @ torch.ones(3, dtype=torch.float64)), MATRIX),
    "nested": (lambda A, b: 1 / (1 + b / (1 + b * A[0])), MATRIX),
    "cumulative": (lambda A, b: (A[0] / b).cumsum(0), MATRIX),
    "negative power": (lambda A, b: A[0] ** -3 + b, MATRIX),
    "matrix of quotients": (lambda A, b: (A / b) @ (1 / b), MATRIX),
    "substitution": (lambda A, b: torch.linalg.solve_triangular(A.tril(), b[:, None], upper=False), MATRIX),
}


def bound(carrier: Degree | Height, program: Callable[..., Any], shapes: Shapes) -> Any:
    return run(program, carrier, {n: carrier.indeterminate(s) for n, s in shapes.items()})


def line(program: Callable[..., Any], shapes: Shapes, points: int) -> list[list[int]]:
    """Values mod P of every output at t = 0, 1, ... on a random line through the inputs."""
    entropy = Entropy("a random line")
    base = {n: (entropy.residues(s, P), entropy.residues(s, P)) for n, s in shapes.items()}
    rows = []
    for t in range(points):
        at = {n: (((a + t * (b % 2**40)) % P)[None],) for n, (a, b) in base.items()}
        rows.append(run(program, FiniteField(torch.tensor([P])), at)[0].reshape(-1).tolist())
    return [list(column) for column in zip(*rows, strict=True)]


def observed_degree(values: list[int]) -> int:
    """The degree of the polynomial through the values at 0, 1, ...: how often differences can be taken."""
    degree, row = -1, values
    while any(row):
        degree += 1
        row = [(b - a) % P for a, b in zip(row, row[1:], strict=False)]
    return degree


@pytest.mark.parametrize("name", POLYNOMIALS)
def test_degree_is_never_below_what_a_line_shows(name: str) -> None:
    program, shapes, true = POLYNOMIALS[name]
    num, den = bound(Degree(), program, shapes)
    assert not den.any()
    claimed = (num.reshape(-1) - 1).clamp(min=0).tolist()
    seen = [observed_degree(v) for v in line(program, shapes, max(claimed) + 3)]
    assert all(max(s, 0) <= c for s, c in zip(seen, claimed, strict=True))
    assert max(max(seen), 0) == true == max(claimed)


@pytest.mark.parametrize("name", FRACTIONS)
def test_fractions_have_the_degrees_claimed(name: str) -> None:
    """f = p/q with deg p <= n, deg q <= d exists on a random line: the linear system for p and q has a solution."""
    program, shapes = FRACTIONS[name]
    num, den = bound(Degree(), program, shapes)
    tops, bottoms = (num.reshape(-1) - 1).clamp(min=0).tolist(), den.reshape(-1).tolist()
    for values, n, d in zip(line(program, shapes, max(tops) + max(bottoms) + 6), tops, bottoms, strict=True):
        rows = [
            [pow(t, i, P) for i in range(n + 1)] + [-value * pow(t, j, P) % P for j in range(d + 1)]
            for t, value in enumerate(values)
        ]
        assert flint.nmod_mat(rows, P).rank() < n + d + 2


def test_divisors_are_counted() -> None:
    carrier = Degree()
    bound(carrier, lambda A, b: b / (A @ b), MATRIX)
    assert carrier.divisors == 3 * 2
    with pytest.raises(Refused):
        bound(Degree(), lambda A, b: b / (A.tril(-1)[0]), MATRIX)


def coefficients(program: Callable[..., Any], shapes: Shapes) -> list[list[Fraction]]:
    """All coefficients of every output, expanded over the rationals."""
    names = [f"{n}{i}" for n, s in shapes.items() for i in range(math.prod(s))]
    ring = FlintPolynomials(names)
    carrier = Handles(ring)
    at = iter(names)
    point = {n: carrier.put([ring.variables[next(at)] for _ in range(math.prod(s))], s) for n, s in shapes.items()}
    results = carrier.get(run(program, carrier, point)).reshape(-1)
    return [[Fraction(int(c.p), int(c.q)) for c in p.coeffs()] if p != 0 else [] for p in results]


SMALL = {name: POLYNOMIALS[name] for name in POLYNOMIALS if name != "four steps"}


@pytest.mark.parametrize("name", SMALL)
def test_height_and_denominators_bound_the_coefficients(name: str) -> None:
    program, shapes, _ = SMALL[name]
    constants = Constants()
    num, den = bound(constants, program, shapes)
    assert not den.any()
    powers = (num.reshape(-1) - 1).clamp(min=0).tolist()
    heights = bound(Height(), program, shapes)[0].reshape(-1).tolist()
    clear = constants.denominator
    assert math.log2(clear) <= constants.denominator_log2 * (1 + 2**-40)
    for terms, power, height in zip(coefficients(program, shapes), powers, heights, strict=True):
        scaled = [c * clear**power for c in terms]
        assert all(c.denominator == 1 for c in scaled)
        if terms:
            assert math.log2(sum(map(abs, terms))) <= height
            assert math.log2(max(abs(c) for c in scaled)) <= height + power * constants.denominator_log2


def test_height_of_constants_below_the_unit_roundoff() -> None:
    """2^-60 * (2^100 x) has the coefficient 2^40; reading 2^-60 as zero would give height 0."""
    got = bound(Height(), lambda x: 2.0**-60 * (2.0**100 * x), {"x": ()})[0]
    assert float(got) >= 40
    assert float(bound(Height(), lambda x: x / 2.0**-70, {"x": ()})[0]) >= 70


@pytest.mark.parametrize("constant", [0.75, 0.1, -(2.0**-30), 1e-300, 5e-324])
def test_dyadic_denominators(constant: float) -> None:
    carrier = Constants()
    parts = bound(carrier, lambda x: constant * x + 3 * x, {"x": ()})
    assert int(parts[0]) - 1 == 1
    assert Fraction(constant).denominator == 2 ** int(carrier.denominator_log2)


def test_constant_divisors() -> None:
    carrier = Constants()
    parts = bound(carrier, lambda x: (x / 12) / 10 + x.mean(), {"x": (7,)})
    assert carrier.denominator == 3 * 5 * 7 * 4
    assert int(parts[0].max()) - 1 == 2
    with pytest.raises(ZeroDivisionError):
        bound(Constants(), lambda x: x / 0, {"x": ()})
