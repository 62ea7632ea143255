"""k stacked causal layers: every token is updated from the state of its own prefix, the query from the final state.

Token t carries a residual r_t (m,); one layer is S_t = S_{t-1} + r_t x_t^T, r_t <- r_t - scale S_t x_t, and
prediction <- prediction + scale S_N x_q. `constructions.residual_stack` reads S_N everywhere instead.
Source: derived here; the layer is a GD-SSM state with a token-aligned update of the targets.
"""

from __future__ import annotations

from constructions.namespace import Array, identity, namespace, zeros


def token(state: Array, residual: Array, x: Array, scale: Array) -> tuple[Array, Array]:
    """The state (m, f) after a token and the token's new residual, for columns residual (m, 1) and x (f, 1)."""
    state = state + residual @ x.mT
    return state, residual - scale * (state @ x)


def start(X: Array, Y: Array, x_q: Array, W0: Array) -> tuple[Array, Array]:
    """The residuals (N, m) and the prediction, before any layer; the query x_q is a vector or a column."""
    return Y - X @ W0.mT, W0 @ x_q


def readout(prediction: Array, state: Array, x_q: Array, scale: Array) -> Array:
    """The prediction after a layer whose final state is `state` (m, f)."""
    return prediction + scale * (state @ x_q)


def layer(X: Array, residuals: Array, scale: Array) -> tuple[Array, Array]:
    """One layer: the new residuals (N, m) and the final state (m, f); X (N, f)."""
    state, rows = zeros((residuals.shape[1], X.shape[1]), X), []
    for t in range(X.shape[0]):
        state, row = token(state, residuals[t, :][:, None], X[t, :][:, None], scale)
        rows.append(row[:, 0])
    return namespace(X).stack(rows), state


def predict(X: Array, Y: Array, x_q: Array, W0: Array, scale: Array, layers: int) -> Array:
    """The prediction (m,) at x_q after `layers` layers, started from W0 (m, f)."""
    residuals, prediction = start(X, Y, x_q, W0)
    for _ in range(layers):
        residuals, state = layer(X, residuals, scale)
        prediction = readout(prediction, state, x_q, scale)
    return prediction


def prefix_gram(X: Array) -> Array:
    """tril(X X^T), shape (N, N): entry [t, s] is x_t . x_s for s <= t."""
    return namespace(X).tril(X @ X.mT)


def power_step(power: Array, total: Array, T: Array, scale: Array) -> tuple[Array, Array]:
    """The next power of I - scale T, and the sum with this power added."""
    return power - scale * (power @ T), total + power


def powers_summed(T: Array, scale: Array, count: int) -> Array:
    """sum_{j<count} (I - scale T)^j for a square matrix T."""
    one = identity(T.shape[0], T)
    power, total = one, 0 * one
    for _ in range(count):
        power, total = power_step(power, total, T, scale)
    return total
