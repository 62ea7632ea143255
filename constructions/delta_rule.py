"""DeltaNet and its gated form: a matrix memory that is corrected by each token's prediction error.

    DeltaNet         W_t = W_{t-1} (I - beta_t k_t k_t^T) + beta_t v_t k_t^T
    gated DeltaNet   W_t = alpha_t W_{t-1} (I - beta_t k_t k_t^T) + beta_t v_t k_t^T
W (m, f); keys K (N, f), values V (N, m); beta, alpha (N,): given numbers, however a layer computes them.
Source: arXiv 2102.11174, 2406.06484 (DeltaNet), 2412.06464 (gated DeltaNet).
"""

from __future__ import annotations

from constructions.namespace import Array, namespace


def step(W: Array, k: Array, v: Array, beta: Array, alpha: Array | int = 1) -> Array:
    """One token: alpha W (I - beta k k^T) + beta v k^T, for columns k (f, 1) and v (m, 1)."""
    return alpha * (W - beta * (W @ k) @ k.mT) + beta * v @ k.mT


def layer(W: Array, K: Array, V: Array, beta: Array, alpha: Array | None = None) -> Array:
    """The memory (m, f) after all tokens, from W (m, f)."""

    def token(W: Array, k: Array, v: Array, beta: Array, *alpha: Array) -> Array:
        return step(W, k[:, None], v[:, None], beta, *alpha)

    return namespace(W).fold(token, W, K, V, beta) if alpha is None else namespace(W).fold(token, W, K, V, beta, alpha)
