"""Griffin's RG-LRU: an elementwise recurrence whose input scale keeps the state's variance.

    h_t = a_t * h_{t-1} + sqrt(1 - a_t^2) * (i_t * x_t)      (all entrywise), h_0 given
The gates are given through t_t > 0 by a = (1 - t^2)/(1 + t^2), so that sqrt(1 - a^2) = 2 t/(1 + t^2) is rational; every
a in (-1, 1) is reached. x, t, i (T, d). There is no product of a key and a value anywhere.
Source: arXiv 2402.19427 (Griffin), where a_t and i_t are sigmoids of the input; Hawk is the same layer without attention.
"""

from __future__ import annotations

from constructions.namespace import Array, namespace


def gates(t: Array) -> tuple[Array, Array]:
    """a and sqrt(1 - a^2), entrywise."""
    return (1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)


def step(h: Array, x: Array, a: Array, b: Array) -> Array:
    """a h + b x, for gates a and b = sqrt(1 - a^2) i."""
    return a * h + b * x


def layer(h: Array, x: Array, t: Array, i: Array) -> Array:
    """The last state (d,) from h (d,)."""

    def token(h: Array, x: Array, t: Array, i: Array) -> Array:
        a, b = gates(t)
        return step(h, x, a, b * i)

    return namespace(x).fold(token, h, x, t, i)
