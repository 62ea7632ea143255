"""Newton-Schulz iteration for the inverse of A: P <- P (2 I - A P), from P_0 = scale I.

The predictor is B P_k with A = X^T X (f, f), B = Y^T X (m, f). Source: Schulz 1933; used in context by von Oswald
et al. 2023 and Fu et al. 2023 (arXiv 2310.17086).
"""

from __future__ import annotations

from constructions.namespace import Array, identity, namespace


def step(P: Array, A: Array) -> Array:
    """P (2 I - A P), shape (f, f)."""
    return 2 * P - P @ A @ P


def weights(A: Array, B: Array, scale: Array, iterations: int) -> Array:
    """B P_k (m, f) after `iterations` iterations from P_0 = scale I."""

    def once(P: Array) -> Array:
        return step(P, A)

    return B @ namespace(A).iterate(once, scale * identity(A.shape[0], A), iterations)
