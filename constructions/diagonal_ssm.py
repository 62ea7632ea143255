"""Diagonal state spaces with complex modes, as S4D, S5 and LRU publish them, before their non-linearities.

    h_t = decay h_{t-1} + B u_t   (one entry a mode),   o_t = factor Re(C h_t) + D u_t
Complex numbers are pairs (real, imaginary) of real arrays, so that every arithmetic runs them. The published choices:
    S5, S4D  decay = e^{step lam}, B = (decay - 1)/lam B_c ("zoh"), or both by the bilinear rule; factor 2 for the
             conjugate modes that are not stored. S5: B (n, p), C (q, n). S4D: each channel a system of its own.
    LRU      decay = lam, B = gamma B_c with gamma = sqrt(1 - |lam|^2); factor 1
Source: arXiv 2206.11893 (S4D), 2208.04933 (S5), 2303.06349 (LRU).
"""

from __future__ import annotations

from constructions.namespace import Array, namespace

Pair = tuple[Array, Array]
"""Real and imaginary part."""


def multiply(a: Pair, b: Pair) -> Pair:
    """a b, entrywise."""
    return a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]


def divide(a: Pair, b: Pair) -> Pair:
    """a/b, entrywise."""
    size = b[0] * b[0] + b[1] * b[1]
    return (a[0] * b[0] + a[1] * b[1]) / size, (a[1] * b[0] - a[0] * b[1]) / size


def zoh(lam: Pair, kept: Pair) -> Pair:
    """The factor (kept - 1)/lam of the input matrix under a zero-order hold, kept = e^{step lam}."""
    return divide((kept[0] - 1, kept[1]), lam)


def bilinear(lam: Pair, step: Array) -> tuple[Pair, Pair]:
    """The decay (1 + step lam/2)/(1 - step lam/2) and the input's factor step/(1 - step lam/2)."""
    half = (step / 2 * lam[0], step / 2 * lam[1])
    below = (1 - half[0], -half[1])
    return divide((1 + half[0], half[1]), below), divide((step, 0 * step), below)


def advance(h: Pair, write: Pair, decay: Pair) -> Pair:
    """decay h + write."""
    kept = multiply(decay, h)
    return kept[0] + write[0], kept[1] + write[1]


def read(h: Pair, C: Pair, factor: int) -> Array:
    """factor Re(C h) for C (q, n) and h (n,)."""
    return factor * (C[0] @ h[0] - C[1] @ h[1])


def outputs(U: Array, decay: Pair, B: Pair, C: Pair, D: Array, factor: int = 2) -> Array:
    """All outputs (T, q) for inputs U (T, p); decay (n,), B (n, p), C (q, n), D (q, p)."""

    def token(h: Pair, u: Array) -> Pair:
        return advance(h, (B[0] @ u, B[1] @ u), decay)

    def row(h: Pair, u: Array) -> Array:
        return read(h, C, factor) + D @ u

    return namespace(U).fold(token, (0 * decay[0], 0 * decay[1]), U, read=row)[1]


def s5(U: Array, lam: Pair, kept: Pair, B: Pair, C: Pair, D: Array) -> Array:
    """S5 with a zero-order hold: outputs (T, q); kept (n,) stands for e^{step lam}."""
    scale = zoh(lam, kept)
    column = (scale[0][:, None], scale[1][:, None])
    return outputs(U, kept, multiply(column, B), C, D)


def s4d(U: Array, decay: Pair, scale: Pair, B: Pair, C: Pair, D: Array) -> Array:
    """S4D: outputs (T, H), channel by channel; decay, scale, B, C (H, n), D (H,). B is multiplied by scale."""
    discrete = multiply(scale, B)

    def unchanged(nothing: Array, *channel: Array) -> Array:
        return nothing

    def channel(
        nothing: Array, u: Array, a: Array, b: Array, p: Array, q: Array, r: Array, s: Array, d: Array
    ) -> Array:
        own, column, row = (a, b), (p[:, None], q[:, None]), (r[None, :], s[None, :])
        return outputs(u[:, None], own, column, row, d[None, None])[:, 0]

    _, rows = namespace(U).fold(unchanged, D, U.mT, *decay, *discrete, *C, D, read=channel)
    return rows.mT


def sphere(x: Array, y: Array) -> tuple[Pair, Array]:
    """LRU modes and their gamma without a root: every |lam|^2 + gamma^2 = 1 but (0, 0, -1), by stereographic projection."""
    size = 1 + x * x + y * y
    return (2 * x / size, 2 * y / size), (2 - size) / size


def lru(U: Array, lam: Pair, gamma: Array, B: Pair, C: Pair, D: Array) -> Array:
    """LRU: outputs (T, q); lam, gamma (n,)."""
    return outputs(U, lam, (gamma[:, None] * B[0], gamma[:, None] * B[1]), C, D, factor=1)
