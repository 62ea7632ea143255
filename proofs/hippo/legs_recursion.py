r"""Scaled LegS on samples.

For $a' = (A a + B u)/t$ sampled at $t = kh$ the step $h$ drops out. At a fixed time the state's error with $n$ steps is
of order $1/n$ for forward and backward Euler, $1/n^2$ for the trapezoid rule that weights each end with its own $1/t$,
and only $1/n$ for the published bilinear recursion, which uses one $1/t$ and one sample for both ends. Forward Euler's
factors commute and $\prod_{k=1}^{N} (I + A/k) = 0$: the start is forgotten after exactly $N$ steps.

Why.
$A$ has the eigenvalues $-1, \ldots, -N$, so the product is its characteristic polynomial divided by $N!$
(Cayley-Hamilton). The orders are measured on $u = 1 + t^2 + t^3$ and $1 - 2t + t^2 + t^4$, whose exact coefficients are
rational (hippo.legs_matrices).

Assumes.
- orders: $N = 4$ and $N = 6$, one input each, $t = 1$
- exact rung: the $N$ listed

Source.
derived here; recursions of arXiv 2008.07669
"""

# Over 120 lines: every recursion measured in floats, and obeyed and forgotten in rationals.

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
from flint import fmpq, fmpq_mat

from constructions import legs
from constructions.legs_recursion import states
from numeric.analysis.rates import fit
from numeric.analysis.rational_matrices import identity, is_zero, matrix, objects, solve
from proofs.forms import Draw, Kind, Rate, Same, Settings, at_points, claim, orders
from proofs.hippo.legs_matrices import coefficients

CASES: Mapping[int, tuple[int, ...]] = {4: (1, 0, 1, 1), 6: (1, -2, 1, 0, 1)}
"""States N, and the coefficients of the input 1, t, t^2, ... whose orders are measured with them."""

COUNTS = (64, 96, 128, 192, 256, 384, 512)
ORDERS: Mapping[str, float] = {"forward": -1, "backward": -1, "trapezoid": -2, "published": -1}


def exact_state(N: int) -> np.ndarray:
    """The coefficients (N,) of the input on [0, 1], from their integrals."""
    total = fmpq_mat(N, 1)
    for p, c in enumerate(CASES[N]):
        total += c * coefficients(N, fmpq(p))
    return np.array([float(Fraction(int(v.p), int(v.q))) for v in total.entries()])


@cache
def errors(N: int, scheme: str) -> tuple[float, ...]:
    """Largest coefficient error at t = 1 for each number of steps."""
    wanted = exact_state(N)
    found = []
    for n in COUNTS:
        t = np.arange(n + 1) / n
        u = np.polynomial.Polynomial(CASES[N])(t)
        found.append(float(np.abs(states(N, u, scheme) - wanted).max()))
    return tuple(found)


@orders("float64", part="the orders")
def measure(settings: Settings, claimed: Mapping[str, float] = ORDERS) -> Iterator[Rate]:
    """Orders in the number of steps."""
    for N in CASES:
        for scheme, order in claimed.items():
            yield Rate(f"{scheme}, N = {N}", fit(COUNTS, errors(N, scheme)), order)


Run = Callable[..., Any]


def rule(scheme: str, k: int, A: fmpq_mat, B: fmpq_mat, a: list[fmpq_mat], u: list[fmpq]) -> fmpq_mat:
    """What the scheme adds in the step to k, from the slopes (A a + B u)/k at both ends; the first has one end alone."""

    def slope(j: int) -> fmpq_mat:
        return (A * a[j] + B * u[j]) * fmpq(1, j) if j else B * 0

    if scheme == "published":
        return (A * (a[k - 1] + a[k]) * fmpq(1, 2) + B * u[k]) * fmpq(1, k)
    now = {"forward": fmpq(0), "backward": fmpq(1), "trapezoid": fmpq(1, 2)}[scheme]
    return slope(k) * now + slope(k - 1) * (1 - now)


@at_points(
    lambda size: 1,
    range(1, 9),
    range(1, 21),
    part="the recursions' rules and what forward Euler forgets, not the orders",
)
def exact(size: int, draw: Draw, last: Callable[[int], int] = lambda size: size, run: Run = states) -> Iterator[Same]:
    """prod_{k=1}^{N} (I + A/k) = 0 exactly, and not earlier, nor in a run of forward Euler; every recursion obeys its rule
    on drawn samples."""
    A, B = matrix(legs.system(size).A), matrix(legs.system(size).B)
    product = identity(size)
    once = objects(np.array([1] + [0] * (size + 3)))
    for k in range(1, last(size) + 1):
        yield Same("not forgotten before", is_zero(product), False, {"factors": k - 1})
        left = matrix(run(size, once[: k + 1], "forward", solve))
        yield Same("not forgotten by the run before", is_zero(left), False, {"samples": k + 1})
        product = product * (identity(size) + A * fmpq(1, k))
    yield Same("forgotten after N steps", is_zero(product), True)
    left = matrix(run(size, once[: last(size) + 2], "forward", solve))
    yield Same("forgotten by the run after N steps", is_zero(left), True)
    u = [draw("u", size, k) for k in range(6)]
    for scheme in ORDERS:
        start = identity(size) * fmpq_mat(size, 1, [int(n == 0) for n in range(size)]) * u[0]
        a = [start, *(matrix(run(size, np.array(u[: k + 1], dtype=object), scheme, solve)) for k in range(1, 6))]
        for k in range(1, 6):
            yield Same(f"the rule of {scheme}", a[k] - a[k - 1], rule(scheme, k, A, B, a, u), {"k": k})
    constant = [int(n == 0) for n in range(size)]
    for scheme in ORDERS:
        kept = list(run(size, objects(np.ones(5, dtype=np.int64)), scheme, solve))
        yield Same(f"a constant is kept, {scheme}", kept, constant)


CLAIM = claim(
    __name__,
    measure.checks() | exact.checks(),
    measure.mutant(
        "published_second", "the published bilinear recursion is of second order", claimed={**ORDERS, "published": -2}
    ),
    measure.mutant("trapezoid_first", "the trapezoid rule is of first order", claimed={**ORDERS, "trapezoid": -1}),
    exact.mutant(
        "one_weight",
        "the trapezoid rule with one 1/t for both ends is the one with each end's own",
        run=lambda N, u, scheme, solve: states(N, u, "published" if scheme == "trapezoid" else scheme, solve),
    ),
    exact.mutant("sooner", "forgotten after N - 1 steps", last=lambda size: size - 1),
    exact.mutant("later", "not forgotten before N + 1 steps", last=lambda size: size + 1),
    kind=Kind.RATE,
)
