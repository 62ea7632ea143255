"""Gated linear attention: a matrix memory with a decay for each key channel, given from outside.

    W_t = W_{t-1} diag(alpha_t) + rate_t v_t k_t^T,   prediction W_N q
Keys K (N, f), values V (N, m), alpha (N, f), rate (N,). Special cases: linear attention (alpha = rate = 1), RetNet
(alpha = one constant), Mamba-2 (alpha_t = exp(Delta_t a) for all channels, rate_t = Delta_t, keys B, values x, query
C).
Source: arXiv 2312.06635 (GLA); arXiv 2006.16236, 2307.08621, 2405.21060 for the special cases.
"""

from __future__ import annotations

from constructions.namespace import Array, identity, namespace, zeros


def step(W: Array, k: Array, v: Array, gate: Array, rate: Array | int = 1) -> Array:
    """W gate + rate v k^T for columns k (f, 1), v (m, 1) and a diagonal matrix gate (f, f)."""
    return W @ gate + rate * v @ k.mT


def memory(K: Array, V: Array, alpha: Array, rate: Array) -> Array:
    """The memory (m, f) after all tokens, from 0."""

    def token(W: Array, k: Array, v: Array, alpha: Array, rate: Array) -> Array:
        return step(W, k[:, None], v[:, None], identity(k.shape[0], K) * alpha[None, :], rate)

    return namespace(K).fold(token, zeros((V.shape[1], K.shape[1]), K), K, V, alpha, rate)
