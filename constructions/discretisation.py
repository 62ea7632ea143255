"""A continuous state space on samples: generalised bilinear (Euler, Tustin), zero- and first-order hold, three
conventions.

Every scheme is x_{k+1} = A x_k + B_now u_k + B_next u_{k+1}, y_k = C x_k + D u_k. Conventions of the hold:
    P       the sample before the step is held: B_next = 0
    S4      the sample after it (published S4 code: x_k = A x_{k-1} + B u_k): B_now = 0
    proper  the scheme's own mixture (1 - alpha) u_k + alpha u_{k+1}; for FOH the linear interpolation.
`solve` and `exponential` are arguments, so that the same code runs in float64 (the defaults) and on exact numbers or
balls.
Source: the schemes are standard; the conventions are told apart here because they change the derivative readout.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from constructions.namespace import Array, namespace
from constructions.state_space import StateSpace

Solve = Callable[[Array, Array], Array]
Exponential = Callable[[Array], Array]
CONVENTIONS = ("P", "S4", "proper")


@dataclass(frozen=True)
class Discrete:
    """x_{k+1} = A x_k + B_now u_k + B_next u_{k+1}, y_k = C x_k + D u_k; A (N, N), the B and C (N,)."""

    A: Array
    B_now: Array
    B_next: Array
    C: Array
    D: Any


def _eye(like: Array) -> Array:
    return np.eye(*like.shape, dtype=like.dtype) * (like[0, 0] * 0 + 1)


def _exponential(matrix: Array) -> Array:
    from scipy.linalg import expm

    return expm(matrix)


def _held(s: StateSpace, A: Array, B: Array, convention: str, alpha: Any) -> Discrete:
    if convention not in CONVENTIONS:
        raise ValueError(f"convention is {convention!r}; expected one of {', '.join(CONVENTIONS)}")
    share = {"P": 0, "S4": 1, "proper": alpha}[convention]
    return Discrete(A, (1 - share) * B, share * B, s.C, s.D)


def gbt(system: StateSpace, h: Any, alpha: Any, convention: str = "proper", solve: Solve = np.linalg.solve) -> Discrete:
    """The generalised bilinear transform with step h: alpha 0 forward Euler, 1/2 Tustin, 1 backward Euler."""
    eye = _eye(system.A)
    left = eye - alpha * h * system.A
    both = solve(left, np.concatenate([eye + (1 - alpha) * h * system.A, (h * system.B)[:, None]], axis=1))
    xp = namespace(both)
    return _held(system, xp.keep(both, system.order), xp.drop(both, system.order)[:, 0], convention, alpha)


def zoh(system: StateSpace, h: Any, convention: str = "P", exponential: Exponential = _exponential) -> Discrete:
    """Zero-order hold by one exponential of the matrix augmented by the input; no inverse of A is taken (FouT's may
    be singular)."""
    if convention == "proper":
        raise ValueError("a zero-order hold has no mixture of its own; choose convention P or S4")
    A, (driven,) = _exponentials(system, 1, h, exponential)
    return _held(system, A, driven, convention, 0)


def foh(system: StateSpace, h: Any, exponential: Exponential = _exponential) -> Discrete:
    """First-order hold: the input is interpolated linearly; one exponential of the matrix augmented by u and its
    slope."""
    A, (start, slope) = _exponentials(system, 2, h, exponential)
    return Discrete(A, start - slope / h, slope / h, system.C, system.D)


def _exponentials(system: StateSpace, inputs: int, h: Any, exponential: Exponential) -> tuple[Array, Array]:
    """e^{hA} (N, N), and what the input and its slopes do over a step, `inputs` rows of N: one exponential of A with
    them as states, each the slope of the one before."""
    N = system.order
    driven = np.concatenate([system.A, system.B[:, None] * np.eye(1, inputs, dtype=np.int64)], axis=1)
    chain = np.eye(inputs, N + inputs, k=N + 1, dtype=np.int64) + system.A[0, 0] * 0
    found = exponential(h * np.concatenate([driven, chain]))
    xp = namespace(found)
    kept = xp.keep(found.T, N)
    return xp.keep(kept.T, N), xp.drop(kept.T, N).T


def matched(discrete: Discrete, end: Array, h: Any) -> Discrete:
    """The readout y_k = end.(x_{k+1} - x_k)/h of a scheme in convention P: the discrete counterpart of route (i)."""
    if np.any(discrete.B_next != 0):
        raise ValueError("a matched readout needs convention P: the next sample must not be used")
    return Discrete(
        discrete.A, discrete.B_now, discrete.B_next, (end @ discrete.A - end) / h, (end @ discrete.B_now) / h
    )


def single_input(system: StateSpace, h: Any, alpha: Any, solve: Solve = np.linalg.solve) -> Discrete:
    """The proper scheme realised with one input sample: what `scipy.signal.cont2discrete(method="gbt")` returns.

    Its state is not the hold's; C becomes C (I - alpha h A)^{-1} and D becomes D + alpha C (I - alpha h A)^{-1} h B.
    """
    plain = gbt(system, h, alpha, "P", solve)
    C = solve((_eye(system.A) - alpha * h * system.A).T, system.C)
    return Discrete(plain.A, plain.B_now, plain.B_next, C, system.D + alpha * (C @ (h * system.B)))


def run(discrete: Discrete, u: Array, start: Array | None = None) -> Array:
    """Outputs (T, ...) for inputs u (T, ...) by recurrence: y_k = C x_k + D u_k, vectorised over trailing axes of u."""
    xp, flat = namespace(u), u.reshape(u.shape[0], -1)
    A, C, D = discrete.A, discrete.C, discrete.D
    now, after = discrete.B_now[:, None], discrete.B_next[:, None]
    x = np.zeros((A.shape[0], flat.shape[1]), dtype=u.dtype) if start is None else start.reshape(A.shape[0], -1)

    def step(states: tuple[Array, Array], here: Array, ahead: Array) -> tuple[Array, Array]:
        return states[1], A @ states[1] + now * here + after * ahead

    def read(states: tuple[Array, Array], here: Array, ahead: Array) -> Array:
        return C @ states[0] + D * here

    ahead = xp.following(flat, xp.last(flat))  # what is taken to follow the last sample is never read
    return np.asarray(xp.fold(step, (x, x), flat, ahead, read=read)[1]).reshape(u.shape)
