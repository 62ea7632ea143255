"""Degrees and heights of programs with logarithms: never below the true ones, and not far above for decays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from numeric.carriers.degree import HUGE, Constants, Degree, Height
from numeric.carriers.handles import FlintPolynomials, Handles, Quotient
from numeric.deciding.comparison import Comparison
from numeric.deciding.exact_identity import bounds, decide, follow
from numeric.deciding.programs import recorded, run
from numeric.entropy import Entropy
from numeric.finding import Verdict
from numeric.tape.notes import notes
from numeric.tape.refusals import Refused
from reports.said import said

N = 5
SHAPES = {"a": (N,), "x": (N,)}


def ratios(a: Any, x: Any) -> Any:
    g = a.log().cumsum(0)
    return (g[:, None] - g[None]).exp() @ x


def nested(a: Any, x: Any) -> Any:
    g = a.log().cumsum(0)
    decay = (g[:, None] - g[None]).exp()
    return decay @ (decay.t() @ x) * (-g).exp()


def of_sums(a: Any, x: Any) -> Any:
    g = (a + 3 * a.roll(1, 0) * x).log()
    return (g - x.log()).exp() + (2 * g).exp() - (-g).exp()


def of_quotients(a: Any, x: Any) -> Any:
    return ((a / (x + 2)).log() - (x / a).log()).exp() + x.sum()


def divided(a: Any, x: Any) -> Any:
    g = a.log()
    return x / ((-g).exp() + (g - x.log()).exp().sum())


def normalised(a: Any, x: Any) -> Any:
    return ((x.log() + a.log()).softmax(0) * (a.log() - x.log().sum()).exp()).cumsum(0)


def solved(a: Any, x: Any) -> Any:
    g = a.log().cumsum(0)
    matrix = (g[:, None] - g[None]).exp().tril() + torch.outer(x, x)
    return torch.linalg.solve(matrix, x)


PROGRAMS: list[Callable[..., Any]] = [ratios, nested, of_sums, of_quotients, divided, normalised, solved]


def at_polynomials(program: Callable[..., Any]) -> list[tuple[Any, Any]]:
    """Numerator and denominator of each result in lowest terms, by Q(x): the ring of fractions, all divisions allowed."""
    names = [f"{n}{i}" for n in SHAPES for i in range(N)]

    class Fractions(FlintPolynomials):
        def divide(self, a: Any, b: Any) -> Any:
            return self.ratio(a, b)

    carrier = Handles(Fractions(names))
    point = {
        n: carrier.put([carrier.ring.variables[f"{n}{i}"] for i in range(N)], (N,))  # type: ignore[attr-defined]
        for n in SHAPES
    }
    results = carrier.get(run(program, carrier, point)).reshape(-1)
    one = carrier.ring.from_fraction(1, 1)
    return [(r.top, r.bottom) if isinstance(r, Quotient) else (r, one) for r in results]


@pytest.mark.parametrize("program", [p for p in PROGRAMS if p is not solved], ids=lambda p: p.__name__)
def test_bounds_hold(program: Callable[..., Any]) -> None:
    found = bounds(program, SHAPES)
    fractions = at_polynomials(program)
    assert found.numerator >= max(int(top.total_degree()) for top, _ in fractions)
    assert found.denominator >= max(int(bottom.total_degree()) for _, bottom in fractions)


def test_heights_hold() -> None:
    def powers(a: Any, x: Any) -> Any:
        return (3 * (a + 5 * x).log()).exp()

    assert bounds(powers, SHAPES).height_log2 >= np.log2(6**3)
    assert bounds(lambda a, x: (-(7 * a).log()).exp() * x, SHAPES).height_log2 >= np.log2(7)
    assert bounds(lambda a, x: (-2 * (0.3 * a).log()).exp() * x, SHAPES).height_log2 >= 2 * 54


def test_solved_systems_hold_too() -> None:
    """The determinant below has degree 2 N at least, by its diagonal; elimination by fractions would be slow."""
    found = bounds(solved, SHAPES)
    assert found.denominator >= 2 * N and found.numerator >= found.denominator


def test_decays_are_polynomials_of_their_length() -> None:
    found = bounds(lambda a, x: a.log().cumsum(0).exp() * x, SHAPES)
    assert (found.numerator, found.denominator, found.divisors) == (N + 1, 0, N)


def test_growth_is_not_exponential() -> None:
    """A chunk's forward substitution: over its own denominators each row would double the degree."""

    def substituted(a: Any, x: Any) -> Any:
        n = a.shape[0]
        g = a.log().cumsum(0)
        matrix = ((g[:, None] - g[None]).exp() * torch.outer(x, x)).tril(-1)
        for i in range(1, n):
            matrix[i, :i] = matrix[i, :i] + (matrix[i, :, None].clone() * matrix[:, :i].clone()).sum(0)
        return matrix @ x

    sizes = [bounds(substituted, {"a": (n,), "x": (n,)}).numerator for n in (8, 16, 32)]
    assert sizes[2] / sizes[1] < 10 and sizes[1] / sizes[0] < 10
    assert decide(
        Comparison(substituted, substituted, {"a": ("n",), "x": ("n",)}, {"n": 32}, entropy=Entropy(1))
    ).verdict is (Verdict.CONFIRMED)


@pytest.mark.parametrize("make", [Degree, Constants, Height])
def test_programs_without_logarithms_run_as_before(make: Any) -> None:
    def program(a: Any, x: Any) -> Any:
        return (a * x).cumsum(0) / 3

    tape = recorded(program).at(SHAPES)
    carrier, parts = follow(make, tape, SHAPES)
    assert type(carrier) is make and len(parts) == 2
    plain = make()
    again = run(program, plain, {n: plain.indeterminate(s) for n, s in SHAPES.items()})
    assert all(torch.equal(p, q) for p, q in zip(parts, again, strict=True))
    assert notes(tape).operations["aten.cumsum.default"]


def test_degrees_beyond_all_bounds_say_nothing() -> None:
    def squared(x: Any) -> Any:
        for _ in range(70):
            x = x * x
        return x

    def divided(x: Any) -> Any:
        for _ in range(70):
            x = 1 / x + x
        return x

    for program in (squared, divided):
        assert bounds(program, {"x": ()}).numerator > HUGE
        found = decide(Comparison(program, program, {"x": ()}, {}, entropy=Entropy(1)))
        assert found.verdict is Verdict.UNDECIDED and "too weak" in said(found.reason)


def test_minus_infinity_subtracted() -> None:
    def program(a: Any, x: Any) -> Any:
        return (x.log() - a.log().masked_fill(torch.tensor([True] + [False] * (N - 1)), -torch.inf)).exp()

    with pytest.raises(Refused, match="minus infinity"):
        bounds(program, SHAPES)
