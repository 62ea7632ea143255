"""RetNet's retention in its three published forms: recurrent, parallel, and chunk by chunk.

    S_t = gamma S_{t-1} + v_t k_t^T,   o_t = S_t q_t        =    o = (Q K^T * D) V,  D_ts = gamma^{t-s} for s <= t
Q, K (N, f), V (N, m), gamma 0-d, one a head: 1 - 2^{-5-h} for head h = 0, 1, ... Projections, the rotation of keys and
queries and the norm behind are left out. Source: arXiv 2307.08621, equations 5 to 8.
"""

from __future__ import annotations

from constructions.namespace import Array, namespace, zeros


def step(S: Array, k: Array, v: Array, gamma: Array) -> Array:
    """gamma S + v k^T for columns k (f, 1) and v (m, 1)."""
    return gamma * S + v @ k.mT


def head_decay(head: int) -> float:
    """gamma of head 0, 1, ...: 1 - 2^{-5-h}, exact in binary."""
    return 1 - 2.0 ** (-5 - head)


def recurrent(Q: Array, K: Array, V: Array, gamma: Array) -> Array:
    """All outputs (N, m), token by token."""
    state, rows = zeros((V.shape[1], K.shape[1]), K), []
    for t in range(K.shape[0]):
        state = step(state, K[t, :][:, None], V[t, :][:, None], gamma)
        rows.append(state @ Q[t, :])
    return namespace(K).stack(rows)


def powers(gamma: Array, count: int) -> Array:
    """gamma^0, ..., gamma^(count-1): (count,)."""
    found = [gamma - gamma + 1]
    for _ in range(count - 1):
        found.append(found[-1] * gamma)
    return namespace(gamma).stack(found)


def mask(gamma: Array, count: int) -> Array:
    """D (count, count): gamma^{t-s} for s <= t, else 0."""
    xp = namespace(gamma)
    p = powers(gamma, count)
    return xp.stack([xp.concat([xp.flip(p[: t + 1]), 0 * p[: count - 1 - t]]) for t in range(count)])


def parallel(Q: Array, K: Array, V: Array, gamma: Array) -> Array:
    """All outputs (N, m), by one masked product."""
    return (Q @ K.mT * mask(gamma, K.shape[0])) @ V


def chunk(state: Array, K: Array, V: Array, weights: Array, decay: Array) -> Array:
    """The state after a chunk: decay state + V^T diag(weights) K; weights a square diagonal matrix."""
    return decay * state + V.mT @ weights @ K


def chunkwise(Q: Array, K: Array, V: Array, gamma: Array, size: int) -> Array:
    """All outputs (N, m), in chunks of `size` tokens (the last may be shorter)."""
    xp = namespace(K)
    state, rows = zeros((V.shape[1], K.shape[1]), K), []
    for t in range(0, K.shape[0], size):
        q, k, v = Q[t : t + size, :], K[t : t + size, :], V[t : t + size, :]
        length = k.shape[0]
        p = powers(gamma, length + 1)
        rows.append(parallel(q, k, v, gamma) + p[1:, None] * (q @ state.mT))
        state = chunk(state, k, v, xp.eye(length, dtype=K.dtype) * xp.flip(p[:-1])[:, None], p[-1])
    return xp.concat(rows)
