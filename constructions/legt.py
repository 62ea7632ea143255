"""LegT: the Legendre coefficients of a sliding window, and three readouts of the input's derivative.

Window [t - theta, t], Legendre series u(t - theta + theta (x+1)/2) = sum_n a_n P_n(x), n < N, here at theta = 1:
    a_n' = -(2n+1) sum_k e_nk a_k + (2n+1) u,   e_nk = 1 for k <= n, (-1)^(n-k) for k > n,
after the closure u(t - theta) = sum_k (-1)^k a_k. Readouts y = sum_k (k(k+1) - D) a_k + D u:
    route i: D = N^2 (the time derivative of the reconstruction's right-end value),
    route ii: D = 0 (the derivative of the reconstruction at its right end), route iii: D = N(N+1).
Source: A and B are HiPPO's LegT (arXiv 2008.07669) in another basis; the readouts are derived here (arXiv 2407.09375
promises such weights). Functions of n, k, N use only + - *, so they run on ints, arrays and SymPy symbols.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from constructions.namespace import Array
from constructions.state_space import StateSpace

ROUTES = ("i", "ii", "iii")


def below(n: Any) -> Any:
    """Entry (n, k) of A for k <= n."""
    return -(2 * n + 1)


def above(n: Any, parity: Any) -> Any:
    """Entry (n, k) of A for k > n; parity is (-1)^(n-k)."""
    return -parity * (2 * n + 1)


def drive(n: Any) -> Any:
    """Entry n of B; also the squared norm r_n^2 of the coefficient basis."""
    return 2 * n + 1


def gain(N: Any, route: str = "i") -> Any:
    """D of a route."""
    if route not in ROUTES:
        raise ValueError(f"route is {route!r}; expected one of {', '.join(ROUTES)}")
    return {"i": N * N, "ii": 0 * N, "iii": N * (N + 1)}[route]


def readout(k: Any, D: Any) -> Any:
    """Entry k of C for the gain D: the family y_D = y_ii + D (u - sum_k a_k)."""
    return k * (k + 1) - D


def true_readout(k: Any, N: Any, parity: Any) -> Any:
    """Entry k of C when the delayed sample is known: y = sum_k C_k a_k + N^2 u + N (-1)^N u(t - theta).

    parity is (-1)^(N-k). This is the exact time derivative of the projection's right-end value, no closure.
    """
    return readout(k, N * N) - parity * N


def ends(N: int) -> tuple[Array, Array]:
    """The basis functions at the right and left end of the window: ones, and (-1)^n; int64 (N,)."""
    return np.ones(N, dtype=np.int64), -np.cumprod(-np.ones(N, dtype=np.int64))


def norms(N: int) -> Array:
    """r_n^2 = 2n + 1, int64 (N,)."""
    return np.asarray(drive(np.arange(_count(N))))


def system(N: int, route: str = "i") -> StateSpace:
    """The system at theta = 1 in the coefficient basis, int64."""
    n = np.arange(_count(N))
    row, sign = n[:, None] + 0 * n[None, :], ends(n.shape[0])[1]
    A = np.tril(below(row)) + np.triu(above(row, sign[:, None] * sign[None, :]), k=1)
    D = gain(N, route)
    return StateSpace(A, drive(n), readout(n, D), D)


def _count(N: int) -> int:
    if N < 1:
        raise ValueError(f"N is {N}; expected at least one state")
    return N
