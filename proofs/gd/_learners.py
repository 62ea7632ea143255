"""Learners of several claims."""

from constructions import gradient_descent, online_descent
from constructions.autograd_descent import descend
from constructions.namespace import Array, zeros
from proofs.forms import Witness


def descent(X: Array, Y: Array, x_q: Array, W0: Array, eta: Array, steps: int = 1) -> Array:
    """Autograd steps from W0, asked at x_q: (m,)."""
    return descend(W0, X, Y, eta=eta, steps=steps) @ x_q


def from_zero(X: Array, Y: Array, x_q: Array, eta: Array, steps: int = 1) -> Array:
    """Autograd steps from 0, asked at x_q: (m,)."""
    return descent(X, Y, x_q, zeros((Y.shape[1], X.shape[1]), X), eta, steps)


def online(X: Array, Y: Array, eta: Array) -> Array:
    """One online autograd pass from 0, with the same step at every token: (m, f)."""
    return online_descent.online(zeros((Y.shape[1], X.shape[1]), X), X, Y, eta.expand(X.shape[0]))


def step_defect(X: Array, Y: Array, x_q: Array, eta: Array) -> Array:
    """F(2U) - 2 F(U) + F(0) of the gradient-descent step F from 0, asked at x_q: (m,)."""

    def step(X: Array, Y: Array, x_q: Array) -> Array:
        return gradient_descent.step(zeros((Y.shape[1], X.shape[1]), X), X, Y, eta) @ x_q

    return step(2 * X, 2 * Y, 2 * x_q) - 2 * step(X, Y, x_q) + step(0 * X, 0 * Y, 0 * x_q)


NOT_AFFINE = Witness(
    step_defect,
    {"X": [[1]], "Y": [[1]], "x_q": [1], "eta": 1},
    [6],
    "F(2U) - 2 F(U) + F(0) of a gradient step, all tokens 1, eta = 1",
)
"""A gradient-descent step is not affine in its tokens."""
