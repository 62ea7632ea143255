"""Readouts of LegT's state that look ahead or give higher derivatives, exact on polynomials of degree <= N.

All at theta = 1 in the coefficient basis: y = sum_n (c_n - D) a_n + D u, that is the reconstruction's own answer
plus D times
the residual u - sum_n a_n. D depends on how the state is made: "closed" (the LegT equation) or "exact" (projection,
LegS).
Legendre values come from the three-term recurrence with + - * /, so arguments may be Fractions or floats. Derived here.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from constructions import legt
from constructions.discretisation import Discrete, Solve, gbt
from constructions.namespace import Array, namespace
from constructions.state_space import StateSpace


def legendre(count: int, x: Any) -> Array:
    """P_0(x), ..., P_{count-1}(x), (count,); for x >= 1 all terms are positive and nothing cancels."""
    n = np.arange(count).astype(object)

    def step(both: tuple[Any, Any], n: Any) -> tuple[Any, Any]:
        return both[1], ((2 * n + 1) * x * both[1] - n * both[0]) / (n + 1)

    # P_n and P_{n+1} from P_{n-1} and P_n; what P_{-1} is does not matter, its factor is n = 0
    _, values = namespace(n).fold(step, (x * 0, x * 0 + 1), n, read=lambda both, n: both[0])
    return np.asarray(values)


def ahead(N: int, h: Any, state: str = "closed") -> StateSpace:
    """The value u(t + h), h in units of theta: C_n = P_n(1 + 2h) - D_h.

    D_h = (P_N + P_{N-1})(1 + 2h)/2 for closed states, P_N(1 + 2h) for exact ones.
    """
    s, values = legt.system(N), legendre(N + 1, 1 + 2 * h)
    return _answer(s, values, state)


def slopes(count: int, m: int) -> Array:
    """The m-th derivatives of P_0(1 + 2h), ..., P_{count-1}(1 + 2h) at h = 0, m >= 1: (n+m)!/(m! (n-m)!), 0 for n < m."""
    n, orders = np.arange(count).astype(object), np.arange(1, m + 1).astype(object)

    def another(found: Array, i: Any) -> Array:
        return found * (n + i) * (n + 1 - i) / i

    return np.asarray(namespace(n).fold(another, 0 * n + Fraction(1), orders))


def derivative(N: int, m: int, state: str = "closed") -> StateSpace:
    """The m-th derivative of u, 1 <= m <= N; m = 1 is route (i) for closed states and route (iii) for exact ones."""
    if not 1 <= m <= N:
        raise ValueError(f"m is {m}; expected between 1 and N = {N}")
    return _answer(legt.system(N), slopes(N + 1, m), state)


def residual_hold(system: StateSpace, end: Array, h: Any, alpha: Any, solve: Solve = np.linalg.solve) -> Discrete:
    """The next sample by holding the residual u - end.x over one step of the proper scheme `alpha`; y_k predicts
    u_{k+1}.

    The prediction p solves p - end.(A x_k + B ((1 - alpha) u_k + alpha p)) = u_k - end.x_k, A and B the scheme's. end
    (N,): the basis functions' values at the right end, in the basis of `system`. alpha = 0 is u_k + h y_k with route i.
    """
    held = gbt(system, h, alpha, "P", solve)
    whole = end @ held.B_now
    below = 1 - alpha * whole
    now = gbt(system, h, alpha, "proper", solve)
    return Discrete(now.A, now.B_now, now.B_next, (end @ held.A - end) / below, (1 + (1 - alpha) * whole) / below)


def _answer(s: StateSpace, values: Array, state: str) -> StateSpace:
    """The reconstruction's own answer sum_n values_n a_n, n < N, and D times the residual; values (N + 1,), objects."""
    if state not in ("closed", "exact"):
        raise ValueError(f"state is {state!r}; expected closed or exact")
    own = namespace(values).earlier(values)
    D = {"exact": values[-1], "closed": (values[-1] + own[-1]) / 2}[state]
    return StateSpace(s.A, s.B, (own - D).astype(object), D)
