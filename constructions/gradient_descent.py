"""The learner: gradient descent on the stated least-squares loss, written from the loss.

L(W) = 1/(2N) sum_i |W x_i - y_i|^2 with W (m, f), X (N, f), Y (N, m): rows are examples. The step size eta multiplies
the gradient of this L, so a step moves W by eta/N times a sum over tokens.
Source: von Oswald et al. 2023 (arXiv 2212.07677), eq. 5-6, with the mean over the N examples.
"""

from __future__ import annotations

from constructions.namespace import Array, namespace


def loss(W: Array, X: Array, Y: Array) -> Array:
    """L(W), a scalar: half the mean over the N examples of the squared error, summed over the m outputs."""
    residual = W @ X.mT - Y.mT
    return namespace(W, X, Y).sum(residual * residual) / (2 * X.shape[0])


def gradient(W: Array, X: Array, Y: Array) -> Array:
    """The gradient of L at W, shape (m, f): (W X^T - Y^T) X / N."""
    return ((W @ X.mT - Y.mT) @ X) / X.shape[0]


def step(W: Array, X: Array, Y: Array, eta: Array) -> Array:
    """W - eta * gradient: one step of gradient descent on L."""
    return W - eta * gradient(W, X, Y)


def descend(W: Array, X: Array, Y: Array, eta: Array, steps: int) -> Array:
    """`steps` steps from W, all with step size eta."""

    def once(W: Array) -> Array:
        return step(W, X, Y, eta)

    return namespace(X).iterate(once, W, steps)


def weighted_loss(W: Array, X: Array, Y: Array, weights: Array) -> Array:
    """1/(2N) sum_i weights_i |W x_i - y_i|^2, weights (N,)."""
    xp = namespace(W, X, Y)
    residual = W @ X.mT - Y.mT
    return xp.sum(weights[None, :] * residual * residual) / (2 * X.shape[0])
