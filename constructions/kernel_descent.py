"""Gradient descent on features in kernel form: only inner products of features are used.

    f_k(q) = W_0 phi(q) + scale kappa_q^T sum_{j<k} (I - scale kappa)^j R_0,   kappa = Phi Phi^T, kappa_q = Phi phi(q)
with features Phi (N, p) of the context, phi(q) (p,), residuals R_0 = Y - Phi W_0^T (N, m), scale = eta/N.
Source: derived here (the representer form of gradient descent on a linear model in features).
"""

from __future__ import annotations

from constructions.namespace import Array, namespace


def residual_step(r: Array, kappa: Array, scale: Array) -> Array:
    """(I - scale kappa) r: the residuals after one more step."""
    return r - scale * (kappa @ r)


def prediction_step(prediction: Array, r: Array, kappa_q: Array, scale: Array) -> Array:
    """The prediction after one more step, a vector (m,) or a row (1, m), for kappa_q a vector (N,) or a row (1, N)."""
    return prediction + scale * (kappa_q @ r)


def predict(kappa: Array, kappa_q: Array, start: Array, residuals: Array, scale: Array, steps: int) -> Array:
    """The prediction (m,) from kappa (N, N), kappa_q (N,), the start's prediction (m,) and its residuals (N, m)."""

    def once(at: tuple[Array, Array]) -> tuple[Array, Array]:
        return prediction_step(at[0], at[1], kappa_q, scale), residual_step(at[1], kappa, scale)

    prediction, _ = namespace(kappa).iterate(once, (start, residuals), steps)
    return prediction
