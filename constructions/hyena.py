"""Hyena: values filtered by a long convolution and multiplied by a gate, several times over.

    z <- x^n * (h^n conv z)   for n = 1, ..., order,   z = v at first;   (h conv z)_t = sum_{s <= t} h_{t-s} z_s
v, gates x^n (T, d), filters h^n (T, d), channel by channel; projections outside. Source: arXiv 2302.10866, definition 3.1.
"""

from __future__ import annotations

from collections.abc import Sequence

from constructions.namespace import Array, namespace


def convolve(h: Array, z: Array) -> Array:
    """The causal convolution (T, d) of each channel of z with its filter."""
    rows = []
    for t in range(z.shape[0]):
        total = h[t, :] * z[0, :]
        for s in range(1, t + 1):
            total = total + h[t - s, :] * z[s, :]
        rows.append(total)
    return namespace(z).stack(rows)


def layer(v: Array, gates: Sequence[Array], filters: Sequence[Array]) -> Array:
    """The output (T, d); as many filters as gates."""
    z = v
    for x, h in zip(gates, filters, strict=True):
        z = x * convolve(h, z)
    return z


def shift(T: int, like: Array) -> Array:
    """The filter of a delay by one token, for each channel of `like` (any, d): (T, d)."""
    none = 0 * like[0, :]
    return namespace(like).stack([none + (1 if t == 1 else 0) for t in range(T)])
