"""RetNet's retention in its three published forms: recurrent, parallel, and chunk by chunk.

    S_t = gamma S_{t-1} + v_t k_t^T,   o_t = S_t q_t        =    o = (Q K^T * D) V,  D_ts = gamma^{t-s} for s <= t
Q, K (N, f), V (N, m), gamma 0-d, one a head: 1 - 2^{-5-h} for head h = 0, 1, ... Projections, the rotation of keys and
queries and the norm behind are left out. Source: arXiv 2307.08621, equations 5 to 8.
"""

from __future__ import annotations

from constructions.namespace import Array, namespace, power_of_two, zeros


def step(S: Array, k: Array, v: Array, gamma: Array) -> Array:
    """gamma S + v k^T for columns k (f, 1) and v (m, 1)."""
    return gamma * S + v @ k.mT


def head_decay(head: int) -> float:
    """gamma of head 0, 1, ...: 1 - 2^{-5-h}, exact in binary."""
    return 1 - 2.0**-5 / power_of_two(head)


def recurrent(Q: Array, K: Array, V: Array, gamma: Array) -> Array:
    """All outputs (N, m), token by token."""

    def token(S: Array, q: Array, k: Array, v: Array) -> Array:
        return step(S, k[:, None], v[:, None], gamma)

    def row(S: Array, q: Array, k: Array, v: Array) -> Array:
        return S @ q

    _, rows = namespace(K).fold(token, zeros((V.shape[1], K.shape[1]), K), Q, K, V, read=row)
    return rows


def parallel(Q: Array, K: Array, V: Array, gamma: Array) -> Array:
    """All outputs (N, m), by one masked product."""
    return (Q @ K.mT * namespace(K).decay_mask(gamma, K)) @ V


def chunk(state: Array, K: Array, V: Array, gamma: Array) -> Array:
    """The state after a chunk of n tokens: gamma^n state + V^T diag(gamma^{n-1}, ..., 1) K."""
    xp = namespace(K)
    return xp.decay_total(gamma, K) * state + V.mT @ (xp.decay_to_end(gamma, K)[:, None] * K)


def chunkwise(Q: Array, K: Array, V: Array, gamma: Array, size: int) -> Array:
    """All outputs (N, m), in chunks of `size` tokens (the last may be shorter)."""
    xp = namespace(K)

    def after(S: Array, q: Array, k: Array, v: Array) -> Array:
        return chunk(S, k, v, gamma)

    def outputs(S: Array, q: Array, k: Array, v: Array) -> Array:
        return parallel(q, k, v, gamma) + xp.decay_from_start(gamma, k)[:, None] * (q @ S.mT)

    _, rows = xp.chunks(after, zeros((V.shape[1], K.shape[1]), K), Q, K, V, size=size, read=outputs)
    return rows
