"""k stacked causal layers: every token is updated from the state of its own prefix, the query from the final state.

Token t carries a residual r_t (m,); one layer is S_t = S_{t-1} + r_t x_t^T, r_t <- r_t - scale S_t x_t, and
prediction <- prediction + scale S_N x_q. `constructions.residual_stack` reads S_N everywhere instead.
Source: derived here; the layer is a GD-SSM state with a token-aligned update of the targets.
"""

from __future__ import annotations

from constructions.namespace import Array, identity, namespace, zeros


def write(state: Array, residual: Array, x: Array) -> Array:
    """The state (m, f) after a token, for columns residual (m, 1) and x (f, 1)."""
    return state + residual @ x.mT


def correct(state: Array, residual: Array, x: Array, scale: Array) -> Array:
    """The token's new residual (m, 1), from the state after it."""
    return residual - scale * (state @ x)


def start(X: Array, Y: Array, x_q: Array, W0: Array) -> tuple[Array, Array]:
    """The residuals (N, m) and the prediction, before any layer; the query x_q is a vector or a column."""
    return Y - X @ W0.mT, W0 @ x_q


def readout(prediction: Array, state: Array, x_q: Array, scale: Array) -> Array:
    """The prediction after a layer whose final state is `state` (m, f)."""
    return prediction + scale * (state @ x_q)


def layer(X: Array, residuals: Array, scale: Array) -> tuple[Array, Array]:
    """One layer: the new residuals (N, m) and the final state (m, f); X (N, f)."""

    def token(state: Array, residual: Array, x: Array) -> Array:
        return write(state, residual[:, None], x[:, None])

    def row(state: Array, residual: Array, x: Array) -> Array:
        return correct(state, residual[:, None], x[:, None], scale)[:, 0]

    state, rows = namespace(X).fold(token, zeros((residuals.shape[1], X.shape[1]), X), residuals, X, read=row)
    return rows, state


def predict(X: Array, Y: Array, x_q: Array, W0: Array, scale: Array, layers: int) -> Array:
    """The prediction (m,) at x_q after `layers` layers, started from W0 (m, f)."""

    def once(at: tuple[Array, Array]) -> tuple[Array, Array]:
        residuals, state = layer(X, at[0], scale)
        return residuals, readout(at[1], state, x_q, scale)

    _, prediction = namespace(X).iterate(once, start(X, Y, x_q, W0), layers)
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

    def once(at: tuple[Array, Array]) -> tuple[Array, Array]:
        return power_step(at[0], at[1], T, scale)

    _, total = namespace(T).iterate(once, (one, 0 * one), count)
    return total
