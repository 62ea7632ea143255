"""Mamba-2's state space duality: the recurrence with one decay a token, and the masked product that is the same.

    S_t = a_t S_{t-1} + Delta_t x_t B_t^T,  y_t = S_t C_t      =      y = (L * C B^T) diag(Delta) x,  L_ts = a_t ... a_{s+1}
x (N, p), B, C (N, n), Delta, a (N,): a stands for e^{Delta A}, given as a number. One head, without the skip D x.
Source: arXiv 2405.21060, section 3 (its 1-semiseparable matrix L).
"""

from __future__ import annotations

from constructions.namespace import Array, namespace, zeros


def step(S: Array, x: Array, B: Array, Delta: Array, a: Array) -> Array:
    """a S + Delta x B^T for columns x (p, 1) and B (n, 1)."""
    return a * S + Delta * x @ B.mT


def recurrent(x: Array, B: Array, C: Array, Delta: Array, a: Array) -> Array:
    """All outputs (N, p), token by token."""

    def token(S: Array, x: Array, B: Array, C: Array, Delta: Array, a: Array) -> Array:
        return step(S, x[:, None], B[:, None], Delta, a)

    def row(S: Array, x: Array, B: Array, C: Array, Delta: Array, a: Array) -> Array:
        return S @ C

    return namespace(x).fold(token, zeros((x.shape[1], B.shape[1]), x), x, B, C, Delta, a, read=row)[1]


def dual(x: Array, B: Array, C: Array, Delta: Array, a: Array) -> Array:
    """All outputs (N, p), by one masked product."""
    return (namespace(x).decay_mask(a, x) * (C @ B.mT)) @ (Delta[:, None] * x)
