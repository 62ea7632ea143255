"""Readouts of LegT's state that look ahead or give higher derivatives, exact on polynomials of degree <= N.

All at theta = 1 in the coefficient basis: y = sum_n (c_n - D) a_n + D u, that is the reconstruction's own answer
plus D times
the residual u - sum_n a_n. D depends on how the state is made: "closed" (the LegT equation) or "exact" (projection,
LegS).
Legendre values come from the three-term recurrence with + - * /, so arguments may be Fractions or floats. Derived here.
"""

from __future__ import annotations

from fractions import Fraction
from math import factorial
from typing import Any

import numpy as np

from constructions import legt
from constructions.discretisation import Discrete, Solve, gbt
from constructions.namespace import Array
from constructions.state_space import StateSpace


def legendre(count: int, x: Any) -> list[Any]:
    """P_0(x), ..., P_{count-1}(x); for x >= 1 all terms are positive and nothing cancels."""
    values = [x * 0 + 1, x]
    for n in range(1, count - 1):
        values.append(((2 * n + 1) * x * values[n] - n * values[n - 1]) / (n + 1))
    return values[:count]


def ahead(N: int, h: Any, state: str = "closed") -> StateSpace:
    """The value u(t + h), h in units of theta: C_n = P_n(1 + 2h) - D_h.

    D_h = (P_N + P_{N-1})(1 + 2h)/2 for closed states, P_N(1 + 2h) for exact ones.
    """
    values = legendre(N + 1, 1 + 2 * h)
    D = _gain(values[N], values[N - 1], state)
    s = legt.system(N)
    return StateSpace(s.A, s.B, np.array([v - D for v in values[:N]], dtype=object), D)


def slope(n: int, m: int) -> Fraction:
    """The m-th derivative of P_n at 1: (n+m)!/(2^m m! (n-m)!)."""
    return Fraction(factorial(n + m), 2**m * factorial(m) * factorial(n - m)) if m <= n else Fraction(0)


def derivative(N: int, m: int, state: str = "closed") -> StateSpace:
    """The m-th derivative of u, 1 <= m <= N; m = 1 is route (i) for closed states and route (iii) for exact ones."""
    if not 1 <= m <= N:
        raise ValueError(f"m is {m}; expected between 1 and N = {N}")
    D = _gain(2**m * slope(N, m), 2**m * slope(N - 1, m), state)
    s = legt.system(N)
    return StateSpace(s.A, s.B, np.array([2**m * slope(n, m) - D for n in range(N)], dtype=object), D)


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


def _gain(top: Any, below: Any, state: str) -> Any:
    if state not in ("closed", "exact"):
        raise ValueError(f"state is {state!r}; expected closed or exact")
    return top if state == "exact" else (top + below) / 2
