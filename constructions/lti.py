"""A linear time-invariant state space of any size, with biases: S5, S4D, LRU or any stack of them without
non-linearity.

    h_t = A h_{t-1} + B u_t + b,   o_t = C h_t + D u_t + d,   h_0 = 0
A (n, n), B (n, p), C (q, n), D (q, p), b (n,), d (q,); inputs U (T, p). A diagonal A is the usual special case, and a
complex one is a real one of twice the size. Source: the layers of arXiv 2208.04933 (S5), 2206.11893 (S4D),
2303.06349 (LRU), before their non-linearities.
"""

from __future__ import annotations

from constructions.namespace import Array, namespace


def step(h: Array, u: Array, A: Array, B: Array, b: Array) -> Array:
    """A h + B u + b for columns h (n, 1), u (p, 1), b (n, 1)."""
    return A @ h + B @ u + b


def read(h: Array, u: Array, C: Array, D: Array, d: Array) -> Array:
    """C h + D u + d for columns."""
    return C @ h + D @ u + d


def outputs(U: Array, A: Array, B: Array, C: Array, D: Array, b: Array, d: Array) -> Array:
    """All outputs (T, q) for inputs U (T, p)."""

    def token(h: Array, u: Array) -> Array:
        return step(h, u[:, None], A, B, b[:, None])

    def row(h: Array, u: Array) -> Array:
        return read(h, u[:, None], C, D, d[:, None])[:, 0]

    return namespace(U).fold(token, 0 * b[:, None], U, read=row)[1]
