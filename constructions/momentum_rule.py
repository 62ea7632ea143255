"""The momentum delta rule: the token's error is averaged into a second memory, which moves the first.

    M_t = mu_t M_{t-1} + (W_{t-1} k_t - v_t) k_t^T,   W_t = W_{t-1} - eta_t M_t,   M_0 = 0
W, M (m, f); mu, eta (N,). Source: arXiv 2501.00663 (momentum in the memory), without its decay.
"""

from __future__ import annotations

from constructions.namespace import Array, namespace


def step(W: Array, M: Array, k: Array, v: Array, mu: Array, eta: Array) -> tuple[Array, Array]:
    """W and M after one token, for columns k (f, 1) and v (m, 1)."""
    M = mu * M + (W @ k - v) @ k.mT
    return W - eta * M, M


def layer(W: Array, K: Array, V: Array, mu: Array, eta: Array) -> Array:
    """The memory W (m, f) after all tokens; one mu and one eta (0-d) for all."""

    def token(memories: tuple[Array, Array], k: Array, v: Array) -> tuple[Array, Array]:
        return step(*memories, k[:, None], v[:, None], mu, eta)

    return namespace(W).fold(token, (W, 0 * W), K, V)[0]
