"""Linear self-attention without softmax, on joint tokens e_j = (x_j, y_j), and the weights that make it descend.

    e_j <- e_j + P sum_{i <= N} (W_V e_i) (W_K e_i)^T (W_Q e_j)      for all N + 1 tokens, the last one the query,
whose keys and values are left out of the sum. Tokens E (N+1, f+m), weights (f+m, f+m); the query starts as
(x_q, -W_0 x_q), and the prediction is minus its y part.
Source: von Oswald et al. 2023 (arXiv 2212.07677), proposition 1 (its code stores transposed weights).
"""

from __future__ import annotations

from dataclasses import dataclass

from constructions.namespace import Array, identity, namespace, zeros


@dataclass(frozen=True)
class Weights:
    """One layer's projections, each (d, d) with d = f + m."""

    key: Array
    query: Array
    value: Array
    out: Array


def attend(E: Array, context: Array, weights: Weights) -> Array:
    """E plus its attention to `context`: keys and values from `context` (n, d), queries from E (any rows, d)."""
    memory = (context @ weights.value.mT).mT @ (context @ weights.key.mT)
    return E + (E @ weights.query.mT) @ memory.mT @ weights.out.mT


def layer(E: Array, weights: Weights) -> Array:
    """One layer on the tokens (N+1, d); the last token, the query, is no key."""
    return attend(E, namespace(E).earlier(E), weights)


def layer_with_query(E: Array, weights: Weights) -> Array:
    """One layer in which the query, too, is a key."""
    return attend(E, E, weights)


def tokens(X: Array, Y: Array, x_q: Array, W0: Array) -> Array:
    """The tokens (N+1, f+m): (x_i, y_i), then (x_q, -W0 x_q)."""
    xp = namespace(X, Y, x_q)
    last = xp.concat([x_q, -(W0 @ x_q)], axis=0)
    return xp.concat([xp.concat([X, Y], axis=1), last[None, :]], axis=0)


def descent_weights(W0: Array, scale: Array, gamma: Array | None = None) -> Weights:
    """The weights of one gradient-descent step from W0 (m, f), scale = eta/N; with gamma those of GD++.

    W_K = W_Q = diag(I_f, 0); W_V = [[0, 0], [W0, -I_m]], P = scale I; GD++ has W_V[x, x] = I_f and
    P = diag(-gamma I_f, scale I_m).
    """
    xp = namespace(W0)
    m, f = W0.shape
    I_f, I_m, corner = identity(f, W0), identity(m, W0), zeros((f, m), W0)
    key = xp.concat([xp.concat([I_f, corner], axis=1), zeros((m, f + m), W0)], axis=0)
    moving = 0 * I_f if gamma is None else I_f
    value = xp.concat([xp.concat([moving, corner], axis=1), xp.concat([W0, -I_m], axis=1)], axis=0)
    top = scale * I_f if gamma is None else -gamma * I_f
    out = xp.concat([xp.concat([top, corner], axis=1), xp.concat([corner.mT, scale * I_m], axis=1)], axis=0)
    return Weights(key, key, value, out)


def predict(X: Array, Y: Array, x_q: Array, W0: Array, scale: Array, layers: int) -> Array:
    """The prediction (m,) at x_q after `layers` equal layers."""
    xp, weights = namespace(X), descent_weights(W0, scale)

    def once(E: Array) -> Array:
        return layer(E, weights)

    return -xp.drop(xp.last(xp.iterate(once, tokens(X, Y, x_q, W0), layers)), X.shape[1])
