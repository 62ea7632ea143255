"""FouT: the Fourier coefficients of a sliding window, and readouts of the input's derivative.

In the lag tau = t - s of the window [t - theta, t], at theta = 1: u = a_0 + sum_m a_cm cos(m omega tau) + a_sm sin(m
omega tau),
m <= M, omega = 2 pi. State order (0, cos 1, sin 1, cos 2, ...), N = 2M + 1. With e = (1, 1, 0, 1, 0, ...) (values at
tau = 0),
r^2 = (1, 2, 2, ...) and the closure u(t - theta) = 2 e.a - u (a Fourier series converges to the midpoint of a jump),
    a' = W a + 2 r^2 e (u - e.a),   W[cos m, sin m] = -m omega,  W[sin m, cos m] = m omega.
Readouts: route i C = (-2N e - m omega on sin m), D = 2N; route ii the sine part alone, D = 0; `corrected` adds
multiples of
(m omega)^2 to the cosine entries, which restores the convergence to u' that route i lacks.
omega is an argument, so that exact arithmetic can treat it as an unknown: pi is transcendental, and an identity between
rational functions of omega that holds at 2 pi holds for every omega. Source: arXiv 2008.07669 (A, B); readouts
derived here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from constructions.namespace import Array, namespace
from constructions.state_space import StateSpace


def norms(M: int) -> Array:
    """r^2 = (1, 2, 2, ...), int64 (2M+1,)."""
    return np.array([1] + [2] * (2 * M), dtype=np.int64)


def end(M: int) -> Array:
    """The basis functions at lag 0: (1, 1, 0, 1, 0, ...), int64 (2M+1,)."""
    return np.array([1] + [1, 0] * M, dtype=np.int64)


def rotation(M: int, omega: Any) -> Array:
    """W (2M+1, 2M+1): the shift of the window, object or float64."""
    return (np.diag(_turns(M), -1) - np.diag(_turns(M), 1)) * omega


def _turns(M: int) -> Array:
    """0, 1, 0, 2, ..., 0, M: how often each sine turns in the window, from state 1 on."""
    return np.kron(np.arange(1, M + 1), np.array([0, 1]))


def system(M: int, omega: Any, route: str = "i") -> StateSpace:
    """The system at theta = 1 in the coefficient basis. omega: 2 pi as a float, or any exact number in its place."""
    if M < 0:
        raise ValueError(f"M is {M}; expected the number of harmonics, 0 or more")
    if route not in ("i", "ii"):
        raise ValueError(f"route is {route!r}; expected i or ii (or call corrected)")
    size, e, r2 = 2 * M + 1, end(M), norms(M)
    W = rotation(M, omega)
    A = W - 2 * (r2 * e)[:, None] * e[None, :]
    C = -np.concatenate([np.zeros(1, dtype=np.int64), _turns(M)]) * omega
    D = {"i": 2 * size, "ii": 0}[route]
    return StateSpace(A, 2 * r2 * e, C - D * e, D)


def corrected(M: int, omega: Any, J: int = 1) -> StateSpace:
    """Route i with the cosine entries of the J highest harmonics raised by omega_m (m omega)^2/4, 1 <= J <= M.

    omega_m = prod over the other i of these harmonics of m^2/(m^2 - i^2).
    """
    if not 1 <= J <= M:
        raise ValueError(f"J is {J}; expected between 1 and the number of harmonics M = {M}")
    plain = system(M, omega)
    chosen, same = np.arange(M - J + 1, M + 1), np.eye(J, dtype=np.int64)
    square = chosen * chosen

    def factor(raised: Array, other: Array, own: Array) -> Array:
        return raised * (square + own * (1 - square)) / (square - other + own)

    raised = namespace(chosen).fold(factor, (chosen * omega) * (chosen * omega) / 4, square, same)
    cosines = np.kron(raised, np.array([1, 0]))
    return StateSpace(
        plain.A, plain.B, plain.C + np.concatenate([np.zeros(2 * (M - J) + 1, dtype=np.int64), cosines]), plain.D
    )
