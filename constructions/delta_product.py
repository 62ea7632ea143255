"""DeltaProduct: several delta-rule steps for every token, each with its own key, value and step size.

    W <- W (I - beta_{t,j} k_{t,j} k_{t,j}^T) + beta_{t,j} v_{t,j} k_{t,j}^T     for j = 1..n_h, then the next token
W (m, f); K (N, n_h, f), V (N, n_h, m), beta (N, n_h). Source: arXiv 2502.10297.
"""

from __future__ import annotations

from constructions import delta_rule
from constructions.namespace import Array, namespace


def layer(W: Array, K: Array, V: Array, beta: Array) -> Array:
    """The memory (m, f) after all tokens, from W (m, f)."""
    return namespace(W).fold(delta_rule.layer, W, K, V, beta)


def repeated(b: Array, beta: Array, square: Array) -> Array:
    """The step size that one step needs for one repetition more of the same pair, square = |k|^2: b + beta (1 - b |k|^2)."""
    return b + beta * (1 - b * square)
