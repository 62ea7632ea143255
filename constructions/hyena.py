"""Hyena: values filtered by a long convolution and multiplied by a gate, several times over.

    z <- x^n * (h^n conv z)   for n = 1, ..., order,   z = v at first;   (h conv z)_t = sum_{s <= t} h_{t-s} z_s
v, gates x^n (T, d), filters h^n (T, d), channel by channel; projections outside. Source: arXiv 2302.10866, definition 3.1.
"""

from __future__ import annotations

from collections.abc import Sequence

from constructions.namespace import Array, identity, namespace, zeros


def convolve(h: Array, z: Array) -> Array:
    """The causal convolution (T, d) of each channel of z with its filter."""
    xp = namespace(z)

    def row(t: int, h: Array, z: Array) -> Array:
        return xp.sum(xp.flip(h, axis=0) * z, axis=0)

    return xp.prefixes(row, h, z)


def layer(v: Array, gates: Sequence[Array], filters: Sequence[Array]) -> Array:
    """The output (T, d); as many filters as gates."""

    def multiplied(z: Array, x: Array, h: Array) -> Array:
        return x * convolve(h, z)

    xp = namespace(v)
    return xp.fold(multiplied, v, xp.stack(gates), xp.stack(filters))


def shift(T: int, like: Array) -> Array:
    """The filter of a delay by one token, for each channel of `like` (any, d): (T, d)."""
    xp = namespace(like)
    impulse = xp.earlier(xp.concat([zeros((1,), like), identity(T, like)[:, 0]], axis=0))
    return impulse[:, None] + 0 * like[0, :][None, :]
