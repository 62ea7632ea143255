"""Softmax attention at one query: a mean of the values, weighted by exponentials of the scores.

    o = sum_i exp(scale k_i . q) v_i / sum_i exp(scale k_i . q)
K (N, f), V (N, m), q (f,). The exponential is an argument, so that weights can be given and arithmetic chosen.
Source: arXiv 1706.03762 (one head, projections applied outside, scale = 1/sqrt(f) there).
"""

from __future__ import annotations

from collections.abc import Callable

from constructions.namespace import Array


def mean(weights: Array, V: Array, ones: Array) -> Array:
    """The weighted mean of the rows of V (N, m), a column (m, 1); weights and ones (N, 1)."""
    return (V.mT @ weights) / (ones.mT @ weights)


def smooth(weights: Array, V: Array) -> Array:
    """The weighted mean (m,) of the rows of V (N, m), weights (N,)."""
    column = weights[:, None]
    return mean(column, V, 0 * column + 1)[:, 0]


def attend(K: Array, V: Array, q: Array, scale: Array, exp: Callable[[Array], Array]) -> Array:
    """The output (m,) at q; exp acts entry by entry."""
    return smooth(exp(scale * (K @ q)), V)
