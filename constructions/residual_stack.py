"""k stacked layers, each reading its own final state: k gradient-descent steps (two passes over the tokens).

Every token carries its residual r_i = y_i - W x_i, the query carries W x_q. One layer:
    S = sum_i r_i x_i^T,   r_i <- r_i - scale S x_i,   prediction <- prediction + scale S x_q,   scale = eta/N.
All tokens read the *final* S, so the layer is not causal; that is what makes the second and later steps exact.
Source: the residual stream of von Oswald et al. 2023 (arXiv 2212.07677), with an SSM's accumulated state.
"""

from __future__ import annotations

from constructions.namespace import Array, namespace


def layer(X: Array, residual: Array, prediction: Array, query: Array, scale: Array) -> tuple[Array, Array]:
    """One layer: the new residuals (N, m) and the new prediction column (m, 1); X (N, f), query (f, 1)."""
    state = residual.mT @ X
    return residual - scale * (X @ state.mT), prediction + scale * (state @ query)


def predict(X: Array, Y: Array, x_q: Array, W0: Array, scale: Array, layers: int) -> Array:
    """The prediction (m,) at x_q after `layers` layers, started from W0 (m, f)."""
    query = x_q[:, None]

    def once(at: tuple[Array, Array]) -> tuple[Array, Array]:
        return layer(X, at[0], at[1], query, scale)

    _, prediction = namespace(X).iterate(once, (Y - X @ W0.mT, W0 @ query), layers)
    return prediction[:, 0]
