"""Titans' memory rule: momentum of the surprise, and a forgetting gate on the memory.

    S_t = mu_t S_{t-1} - theta_t grad l_t(M_{t-1}),   M_t = (1 - alpha_t) M_{t-1} + S_t,   l_t(M) = |M k_t - v_t|^2/2
M, S (m, f), S_0 = 0; mu, theta, alpha (N,). The gradient is taken at the memory before it forgets.
Source: arXiv 2501.00663, section 3.1, for a linear memory; its loss has no factor 1/2, which theta takes.
"""

from __future__ import annotations

from constructions.namespace import Array, namespace


def step(M: Array, S: Array, k: Array, v: Array, mu: Array, theta: Array, alpha: Array) -> tuple[Array, Array]:
    """M and S after one token, for columns k (f, 1) and v (m, 1)."""
    S = mu * S - theta * ((M @ k - v) @ k.mT)
    return (1 - alpha) * M + S, S


def layer(M: Array, K: Array, V: Array, mu: Array, theta: Array, alpha: Array) -> Array:
    """The memory (m, f) after all tokens, from M (m, f)."""

    def token(
        memories: tuple[Array, Array], k: Array, v: Array, mu: Array, theta: Array, alpha: Array
    ) -> tuple[Array, Array]:
        return step(*memories, k[:, None], v[:, None], mu, theta, alpha)

    return namespace(M).fold(token, (M, 0 * M), K, V, mu, theta, alpha)[0]
