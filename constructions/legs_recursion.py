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
from dataclasses import dataclass
from typing import Any

import numpy as np

from constructions import legs
from constructions.discretisation import Solve
from constructions.namespace import Array, namespace

SCHEMES = ("forward", "backward", "trapezoid", "published", "zoh", "foh")
Power = Callable[[Array, Any], Array]
"""(A, x) -> x^A = e^{A log x} for x > 1."""


def _power(A: Array, x: float) -> Array:
    from scipy.linalg import expm

    return expm(A * np.log(x))


@dataclass(frozen=True)
class _Sampled:
    """A (N, N), B (N,) and the identity in the samples' numbers; how to solve, and powers."""

    A: Array
    B: Array
    eye: Array
    solve: Solve
    power: Power


def states(N: int, u: Array, scheme: str, solve: Solve = np.linalg.solve, power: Power = _power) -> Array:
    """The last state (N,) after samples u (T,), T >= 2, starting from u_0 e_0. Arrays of floats or of exact numbers.

    The zero-order hold uses u_0, ..., u_{T-2}; the first-order hold starts from the exact state of a line. `power` is
    used by the two holds alone."""
    if scheme not in SCHEMES:
        raise ValueError(f"scheme is {scheme!r}; expected one of {', '.join(SCHEMES)}")
    if len(u) < 2:
        raise ValueError(f"{len(u)} samples; a recursion needs at least two")
    s, zero, xp, steps = legs.system(N), u[0] * 0, namespace(u), u.shape[0] - 1
    given = _Sampled(s.A + zero, s.B + zero, np.eye(N, dtype=np.int64) + zero, solve, power)
    start, step = _SCHEMES[scheme]
    k, later = np.arange(1, steps + 1) + zero, 1 - np.eye(1, steps, dtype=np.int64)[0, :] + zero

    def token(a: Array, k: Any, later: Any, old: Any, new: Any) -> Array:
        return step(given, a, k, later, old, new)

    return np.asarray(xp.fold(token, start(N, u) + zero, k, later, xp.earlier(u), xp.drop(u, 1)))


# a_k from a_{k-1}, u_{k-1} and u_k. later: 0 in the first step, in which what stands over k - 1 is left out; else 1


def _slope(s: _Sampled, a: Array, k: Any, later: Any, old: Any) -> Array:
    """a' at the old sample, times its k - 1 steps h; zero at the first."""
    return later * (s.A @ a + s.B * old) / (k - later)


def _forward(s: _Sampled, a: Array, k: Any, later: Any, old: Any, new: Any) -> Array:
    return a + _slope(s, a, k, later, old)


def _backward(s: _Sampled, a: Array, k: Any, later: Any, old: Any, new: Any) -> Array:
    return s.solve(s.eye - s.A / k, a + s.B * new / k)


def _published(s: _Sampled, a: Array, k: Any, later: Any, old: Any, new: Any) -> Array:
    return s.solve(s.eye - s.A / (2 * k), a + s.A @ a / (2 * k) + s.B * new / k)


def _trapezoid(s: _Sampled, a: Array, k: Any, later: Any, old: Any, new: Any) -> Array:
    return s.solve(s.eye - s.A / (2 * k), a + _slope(s, a, k, later, old) / 2 + s.B * new / (2 * k))


def _zero_order(s: _Sampled, a: Array, k: Any, later: Any, old: Any, new: Any) -> Array:
    _, P, constant = _hold(s, k - later)
    return later * (P @ a + constant * old) + (1 - later) * a


def _first_order(s: _Sampled, a: Array, k: Any, later: Any, old: Any, new: Any) -> Array:
    x, P, constant = _hold(s, k - later)
    ramp = (k - later) * (s.solve(s.A - s.eye, P @ s.B - x * s.B) - constant)
    return later * (P @ a + constant * old + ramp * (new - old)) + (1 - later) * a


def _hold(s: _Sampled, k: Any) -> tuple[Any, Array, Array]:
    """(k+1)/k, its power A, and the answer to a constant input from k to k + 1 steps h."""
    x = 1 + 1 / k
    P = s.power(s.A, x)
    return x, P, s.solve(s.A, P @ s.B - s.B)


def _of_constant(N: int, u: Array) -> Array:
    return np.eye(N, 1, dtype=np.int64)[:, 0] * u[0]


def _of_line(N: int, u: Array) -> Array:
    """The coefficients of a line over [0, h]."""
    both = np.eye(N, 2, dtype=np.int64)
    return both[:, 0] * ((u[0] + u[1]) / 2) + both[:, 1] * ((u[1] - u[0]) / 2)


_SCHEMES = {
    "forward": (_of_constant, _forward),
    "backward": (_of_constant, _backward),
    "trapezoid": (_of_constant, _trapezoid),
    "published": (_of_constant, _published),
    "zoh": (_of_constant, _zero_order),
    "foh": (_of_line, _first_order),
}
