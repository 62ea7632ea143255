r"""Scaled LegS under zero- and first-order hold is exact.

For $a' = (A a + B u)/t$ at $t = kh$, with $P_k = \left(\frac{k+1}{k}\right)^A$,

$$ a_{k+1} = P_k a_k + A^{-1} (P_k - I) B\, u_k + (u_{k+1} - u_k)\, k \left[(A - I)^{-1} \left(P_k - \tfrac{k+1}{k}
   I\right) - A^{-1} (P_k - I)\right] B $$

is the exact Legendre projection of the polygon through the samples (first-order hold), started from
$a_1 = \left(\frac{u_0+u_1}{2}, \frac{u_1-u_0}{2}, 0, \ldots\right)$; without the last term and started from $u_0 e_0$
it is that of the step function (zero-order hold). The step $h$ drops out, and all entries are rational in $k$.

Why.
$-A^{-1} B$ and $t (I - A)^{-1} B$ are particular solutions for $u = 1$ and $u = t$, and $t^A$ solves the homogeneous
equation. $A$ has the eigenvalues $-1, \ldots, -N$, so $x^A$ is Lagrange's interpolation of $x^z$ there.

Assumes.
- exact rung: the $N$ and samples listed

Source.
derived here
"""

from collections.abc import Callable, Iterator

import numpy as np
import sympy as sp
from flint import fmpq, fmpq_poly

from constructions.legs_recursion import states
from constructions.namespace import Array
from numeric.analysis.rational_matrices import objects, power, solve
from numeric.words.telescoping import Equation, Step
from proofs.forms import Same, claim, derived, exactly
from proofs.hippo import _scalar

SAMPLES = (3, -1, 4, 1, -5, 9)
Recursion = Callable[[int, Array, str], Array]


def recursion(N: int, u: Array, scheme: str) -> Array:
    """The construction on exact numbers."""
    return states(N, objects(u), scheme, solve, power)


def projected(N: int, u: tuple[int, ...], linear: bool) -> list[fmpq]:
    """The Legendre coefficients (N,) on [0, T] of the step function or the polygon through u, from its integrals."""
    T = len(u) - 1
    out = []
    for n in range(N):
        P = fmpq_poly.legendre_p(n)
        total = fmpq(0)
        for k in range(T):
            low, high = fmpq(2 * k - T, T), fmpq(2 * k + 2 - T, T)
            # on [k, k+1]: u_k, or the line through u_k and u_{k+1} in x = 2t/T - 1
            slope = fmpq(u[k + 1] - u[k], 1) * fmpq(T, 2) if linear else fmpq(0)
            F = (fmpq_poly([u[k] - slope * low, slope]) * P).integral()
            total += F(high) - F(low)
        out.append(fmpq(2 * n + 1, 2) * total)
    return out


@exactly(range(1, 9), range(1, 17))
def exact(N: int, run: Recursion = recursion) -> Iterator[Same]:
    """The recursion's last state against the integrals, for a polygon and a step function with integer values."""
    for scheme in ("zoh", "foh"):
        for count in range(2, len(SAMPLES) + 1):
            u = SAMPLES[:count]
            found = run(N, np.array(u, dtype=object), scheme)
            yield Same(scheme, list(found), projected(N, u, scheme == "foh"), {"u": list(u)})


@derived(part="particular solutions and shares of one step, one eigenvalue at a time; not the start")
def steps(ramp_factor: int = 1) -> Iterator[Step]:
    """The two particular solutions of t a' = A a + B u, for every A (one eigenvalue a at a time) and t."""
    u = sp.symbols("u0:4")
    values = np.array(u, dtype=object)
    for scheme, mean in (("zoh", sum(u[:3])), ("foh", u[0] / 2 + u[1] + u[2] + u[3] / 2)):
        found = states(1, values, scheme, _scalar.solve, lambda A, x: np.array([[1 / x]], dtype=object))
        yield Equation(
            f"the construction with one state, {scheme}",
            3 * found[0],
            mean,
            "$A = -1$, $x^A = 1/x$: the mean over $[0, 3h]$",
        )
    t, a, k = sp.Symbol("t", positive=True), sp.Symbol("a"), sp.Symbol("k", positive=True)
    P, x = sp.Symbol("P"), (k + 1) / k
    yield Equation("a constant input", sp.diff(-1 / a, t) * t, a * (-1 / a) + 1, "$-A^{-1} B$ stays")
    line = t / (1 - a)
    yield Equation("a line", sp.diff(line, t) * t, a * line + t, "$t (I - A)^{-1} B$ solves the equation for $u = t$")
    # u = u_k + (t - k) d over one step, h = 1: response to the ramp t - k, started at rest at t = k
    ramp = (k + 1) / (1 - a) + k / a - P * (k / (1 - a) + k / a)
    yield Equation(
        "the ramp's share",
        ramp,
        ramp_factor * k * ((P - x) / (a - 1) - (P - 1) / a),
        "the line minus $k$ times the constant, with $P = ((k+1)/k)^A$ for the homogeneous part",
    )
    yield Equation("the constant's share", -1 / a + P / a, (P - 1) / a, "at rest at $t = k$")


def _single_weight(N: int, u: Array, scheme: str) -> Array:
    """Zero-order hold with e^{A/k} for ((k+1)/k)^A: the time scale frozen over the step, to first order."""

    def frozen(A: Array, x: fmpq) -> Array:
        return np.eye(len(A), dtype=np.int64) + A * (x - 1)

    return states(N, objects(u), scheme, solve, frozen)


CLAIM = claim(
    __name__,
    exact.checks() | steps.checks(),
    exact.mutant("frozen", "the weight 1/t frozen at 1/k over the step", run=_single_weight),
    exact.mutant(
        "constant",
        "the zero-order hold serves for the first-order one",
        run=lambda N, u, scheme: recursion(N, u, "zoh"),
    ),
    steps.mutant("ramp_twice", "the ramp's share doubled", ramp_factor=2),
)
