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
    state, rows = zeros((x.shape[1], B.shape[1]), x), []
    for t in range(x.shape[0]):
        state = step(state, x[t, :][:, None], B[t, :][:, None], Delta[t], a[t])
        rows.append(state @ C[t, :])
    return namespace(x).stack(rows)


def mask(a: Array) -> Array:
    """L (N, N): the product of a_{s+1}, ..., a_t for s <= t, 0 for s > t."""
    xp, N = namespace(a), a.shape[0]
    rows = [xp.concat([0 * a[:1] + 1, 0 * a[1:]])]
    for t in range(1, N):
        before = rows[-1][:t] * a[t]
        rows.append(xp.concat([before, 0 * a[:1] + 1, 0 * a[t + 1 :]]))
    return xp.stack(rows)


def dual(x: Array, B: Array, C: Array, Delta: Array, a: Array) -> Array:
    """All outputs (N, p), by one masked product."""
    return (mask(a) * (C @ B.mT)) @ (Delta[:, None] * x)
