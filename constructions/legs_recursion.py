"""Scaled LegS on samples u_k = u(kh): a' = (A a + B u)/t with t = kh, so the step h drops out of the recursion.

forward: a_{k+1} = a_k + (A a_k + B u_k)/k (k >= 1; the first step keeps u_0 e_0); backward: (I - A/(k+1)) a_{k+1} =
a_k + B u_{k+1}/(k+1);
trapezoid: (I - A/(2(k+1))) a_{k+1} = a_k + (A a_k + B u_k)/(2k) + B u_{k+1}/(2(k+1));
zoh, foh: exact for an input that is constant (at u_k) or linear over each step, with P = ((k+1)/k)^A: a_{k+1} = P a_k +
A^{-1} (P - I) B u_k (+ (u_{k+1} - u_k) k [(A - I)^{-1} (P - (k+1)/k I) - A^{-1} (P - I)] B);
published: the code base's "bilinear", which uses A/k and the new sample on both sides, (I - A/(2k)) a_k = (I +
A/(2k)) a_{k-1} + B u_k/k.
Coefficient basis. Source: arXiv 2008.07669 and its code; the trapezoid with both weights is derived here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from constructions import legs
from constructions.discretisation import Solve
from constructions.namespace import Array

SCHEMES = ("forward", "backward", "trapezoid", "published", "zoh", "foh")
Power = Callable[[Array, Any], Array]
"""(A, x) -> x^A = e^{A log x} for x > 1."""


def _power(A: Array, x: float) -> Array:
    from scipy.linalg import expm

    return expm(A * np.log(x))


def states(N: int, u: Array, scheme: str, solve: Solve = np.linalg.solve, power: Power = _power) -> Array:
    """The last state (N,) after samples u (T,), T >= 2, starting from u_0 e_0. Arrays of floats or of exact numbers.

    The zero-order hold uses u_0, ..., u_{T-2}; the first-order hold starts from the exact state of a line. `power` is
    used by the two holds alone."""
    if scheme not in SCHEMES:
        raise ValueError(f"scheme is {scheme!r}; expected one of {', '.join(SCHEMES)}")
    if len(u) < 2:
        raise ValueError(f"{len(u)} samples; a recursion needs at least two")
    s = legs.system(N)
    zero = u[0] * 0
    A, B, eye = s.A + zero, s.B + zero, np.eye(N, dtype=np.int64) + zero
    a = eye[0] * u[0]
    if scheme in ("zoh", "foh"):
        return _held(N, u, scheme == "foh", solve, power)
    for k in range(1, len(u)):
        if scheme == "forward":
            a = a + (A @ a + B * u[k - 1]) / (k - 1) if k > 1 else a
        elif scheme == "backward":
            a = solve(eye - A / k, a + B * u[k] / k)
        elif scheme == "published":
            a = solve(eye - A / (2 * k), a + A @ a / (2 * k) + B * u[k] / k)
        else:
            old = (A @ a + B * u[k - 1]) / (2 * (k - 1)) if k > 1 else zero
            a = solve(eye - A / (2 * k), a + old + B * u[k] / (2 * k))
    return a


def _held(N: int, u: Array, linear: bool, solve: Solve, power: Power) -> Array:
    s = legs.system(N)
    zero = u[0] * 0
    A, B, eye = s.A + zero, s.B + zero, np.eye(N, dtype=np.int64) + zero
    a = eye[0] * u[0]
    if linear:  # the coefficients of a line over [0, h]
        a = eye[0] * ((u[0] + u[1]) / 2) + (eye[1] * ((u[1] - u[0]) / 2) if N > 1 else zero)
    for k in range(1, len(u) - 1):
        x = 1 + (zero + 1) / k
        P = power(A, x)
        constant = solve(A, P @ B - B)
        ramp = k * (solve(A - eye, P @ B - x * B) - constant) if linear else zero
        a = P @ a + constant * u[k] + ramp * (u[k + 1] - u[k])
    return a
