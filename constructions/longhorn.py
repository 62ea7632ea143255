"""Longhorn's exact update: the delta rule with the step size of an implicit gradient step.

    W_t = W_{t-1} - beta_t/(1 + beta_t |k_t|^2) (W_{t-1} k_t - v_t) k_t^T
W (m, f); beta (N,) positive. Source: arXiv 2407.14207, with one beta for all rows; its released kernel replaces
k k^T by diag(k * k), which is another rule.
"""

from __future__ import annotations

from constructions.namespace import Array, namespace


def step(W: Array, k: Array, v: Array, beta: Array) -> Array:
    """One token, for columns k (f, 1) and v (m, 1)."""
    return W - (beta / (1 + beta * (k.mT @ k))) * ((W @ k - v) @ k.mT)


def diagonal_step(W: Array, k: Array, v: Array, beta: Array) -> Array:
    """One token of the released kernel: (1 - e * k^2) W + e v k^T entrywise, e = beta/(1 + beta |k|^2)."""
    rate = beta / (1 + beta * (k.mT @ k))
    return W - rate * (W * (k * k).mT) + rate * (v @ k.mT)


def layer(W: Array, K: Array, V: Array, beta: Array) -> Array:
    """The memory W (m, f) after all tokens."""

    def token(W: Array, k: Array, v: Array, beta: Array) -> Array:
        return step(W, k[:, None], v[:, None], beta)

    return namespace(W).fold(token, W, K, V, beta)
