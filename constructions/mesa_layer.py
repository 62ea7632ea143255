"""The mesa layer: ridge regression solved in context, by rank-one updates of an inverse.

    R_t = R_{t-1} - R_{t-1} k_t k_t^T R_{t-1}/(1 + k_t^T R_{t-1} k_t),   G_t = G_{t-1} + v_t k_t^T,   y = G_N R_N q
R_0 = I/ridge (f, f), G_0 = 0 (m, f); keys K (N, f), values V (N, m), query q (f,).
Source: arXiv 2309.05858 (mesa layer), arXiv 2506.05233 (with forgetting).
"""

from __future__ import annotations

from constructions.namespace import Array, identity, namespace, zeros


def inverse_step(R: Array, k: Array) -> Array:
    """(R^{-1} + k k^T)^{-1} by Sherman-Morrison, for symmetric R (f, f) and a column k (f, 1)."""
    moved = R @ k
    return R - (moved @ moved.mT) / (1 + k.mT @ moved)


def token(R: Array, G: Array, k: Array, v: Array, forget: Array | None = None) -> tuple[Array, Array]:
    """Both memories after a token with columns k (f, 1), v (m, 1); `forget` scales them first, the prior included."""
    if forget is not None:
        R, G = R / forget, forget * G
    return inverse_step(R, k), G + v @ k.mT


def solution(R: Array, G: Array) -> Array:
    """The weights G R (m, f)."""
    return G @ R


def weights(K: Array, V: Array, ridge: Array, forget: Array | None = None) -> Array:
    """The weights G_N R_N (m, f) after all tokens; `forget` is 0-d."""
    start = identity(K.shape[1], K) / ridge, zeros((V.shape[1], K.shape[1]), K)

    def step(memories: tuple[Array, Array], k: Array, v: Array) -> tuple[Array, Array]:
        return token(*memories, k[:, None], v[:, None], forget)

    R, G = namespace(K).fold(step, start, K, V)
    return solution(R, G)
