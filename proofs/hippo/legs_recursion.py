"""The scaled LegS recursions: their orders, and when forward Euler forgets its start."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from functools import cache

import numpy as np
from flint import fmpq, fmpq_mat

from constructions import legs
from constructions.legs_recursion import states
from numeric.rates import fit
from numeric.rational_matrices import identity, is_zero, matrix, objects, solve
from proofs.claim import Check, Claim, Kind, Mutant
from proofs.evidence import Rung, Settings
from proofs.hippo._checks import Rate, Same, exactly, orders

N = 4
COUNTS = (64, 96, 128, 192, 256, 384, 512)
ORDERS: Mapping[str, float] = {"forward": -1, "backward": -1, "trapezoid": -2, "published": -1}


def exact_state() -> np.ndarray:
    """The coefficients (N,) of u = 1 + t^2 + t^3 on [0, 1]: e_0 + sum over p of (pI - A)^{-1} B."""
    A, B = matrix(legs.system(N).A), matrix(legs.system(N).B)
    total = fmpq_mat(N, 1, [1] + [0] * (N - 1))
    for p in (2, 3):
        total += (p * identity(N) - A).solve(B)
    return np.array([float(Fraction(int(v.p), int(v.q))) for v in total.entries()])


@cache
def errors(scheme: str) -> tuple[float, ...]:
    """Largest coefficient error at t = 1 for each number of steps."""
    wanted = exact_state()
    found = []
    for n in COUNTS:
        t = np.arange(n + 1) / n
        found.append(float(np.abs(states(N, 1 + t**2 + t**3, scheme) - wanted).max()))
    return tuple(found)


def measure(claimed: Mapping[str, float] = ORDERS) -> Callable[[Settings], Iterator[Rate]]:
    """Orders in the number of steps."""

    def run(settings: Settings) -> Iterator[Rate]:
        for scheme, order in claimed.items():
            yield Rate(scheme, fit(COUNTS, errors(scheme)), order)

    return run


def exact(last: Callable[[int], int] = lambda size: size) -> Check:
    """prod_{k=1}^{N} (I + A/k) = 0 exactly, and not earlier; backward Euler solves its own equation in rationals."""

    def compare(size: int) -> Iterator[Same]:
        A = matrix(legs.system(size).A)
        product = identity(size)
        for k in range(1, last(size) + 1):
            yield Same("not forgotten before", is_zero(product), False, {"factors": k - 1})
            product = product * (identity(size) + A * fmpq(1, k))
        yield Same("forgotten after N steps", is_zero(product), True)
        u = objects(np.array([Fraction(1)] * 5, dtype=object))
        constant = [int(n == 0) for n in range(size)]
        for scheme in ORDERS:
            yield Same(f"a constant is kept, {scheme}", list(states(size, u, scheme, solve)), constant)

    return exactly(compare, range(1, 9), range(1, 21))


def _claimed(name: str, order: float) -> Check:
    return orders(measure({**ORDERS, name: order}))


CLAIM = Claim(
    __name__,
    title="Scaled LegS on samples",
    kind=Kind.RATE,
    statement=r"""For $a' = (A a + B u)/t$ sampled at $t = kh$ the step $h$ drops out. At a fixed time the state's
error with $n$ steps is of order $1/n$ for forward and backward Euler, $1/n^2$ for the trapezoid rule that weights
each end with its own $1/t$, and only $1/n$ for the published bilinear recursion, which uses one $1/t$ and one sample
for both ends. Forward Euler's factors commute and $\prod_{k=1}^{N} (I + A/k) = 0$: the start is forgotten after
exactly $N$ steps.""",
    derivation=r"""$A$ has the eigenvalues $-1, \ldots, -N$, so the product is its characteristic polynomial divided
by $N!$ (Cayley-Hamilton). The orders are measured on $u = 1 + t^2 + t^3$, whose exact coefficients are rational
(hippo.legs_matrices).""",
    assumptions=(r"orders: $N = 4$, one input, $t = 1$",),
    source="derived here; recursions of arXiv 2008.07669",
    checks={Rung.MEASURED: orders(measure(), trust=("float64",)), Rung.EXACT: exact()},
    mutants=(
        Mutant(
            "published_second",
            "the published bilinear recursion is of second order",
            {Rung.MEASURED: _claimed("published", -2)},
        ),
        Mutant("trapezoid_first", "the trapezoid rule is of first order", {Rung.MEASURED: _claimed("trapezoid", -1)}),
        Mutant("sooner", "forgotten after N - 1 steps", {Rung.EXACT: exact(lambda size: size - 1)}),
        Mutant("later", "not forgotten before N + 1 steps", {Rung.EXACT: exact(lambda size: size + 1)}),
    ),
)
