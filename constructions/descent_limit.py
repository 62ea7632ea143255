"""Where gradient descent goes: its distance to a stationary point is multiplied by one matrix every step.

    W_k = W_inf + (W_0 - W_inf) Q^k,   Q = (1 - eta ridge) I - scale A,   A = X^T X (f, f),   scale = eta/N,
for every W_inf (m, f) where the gradient of L(W) + ridge/2 |W|^2 is 0 (ridge 0: least squares). Source: derived here.
"""

from __future__ import annotations

from constructions.namespace import Array, namespace


def contract(E: Array, A: Array, scale: Array, shrink: Array | int = 1) -> Array:
    """E Q with Q = shrink I - scale A: the distance (m, f) after one more step, shrink = 1 - eta ridge."""
    return shrink * E - scale * (E @ A)


def after(W0: Array, limit: Array, A: Array, scale: Array, steps: int, shrink: Array | int = 1) -> Array:
    """W_k (m, f) from W0 (m, f), by the distance to `limit` (m, f)."""

    def once(E: Array) -> Array:
        return contract(E, A, scale, shrink)

    return limit + namespace(A).iterate(once, W0 - limit, steps)


def rate(eigenvalues: Array, scale: Array) -> Array:
    """1 - scale lam for each eigenvalue lam of A: the factors of the distance, which shrinks iff all |factors| < 1."""
    return 1 - scale * eigenvalues
