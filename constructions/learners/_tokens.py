"""What the learners share: the loss of one token, its gradient, parameters per token, and a solver of small systems."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from torch import Tensor

from constructions.autograd_descent import Loss, gradient
from constructions.namespace import namespace
from constructions.online_descent import token_loss


def token_gradient(W: Tensor, x: Tensor, y: Tensor, of: Loss = token_loss) -> Tensor:
    """The gradient (m, f) at W of 1/2 |W x - y|^2 for one token x (f,), y (m,), by autograd; nothing divides it."""
    return gradient(W, x[None, :], y[None, :], of=of)


def fold(step: Callable[..., Tensor], X: Tensor, Y: Tensor, W0: Tensor, **each: Any) -> Tensor:
    """W after a step a token from W0; `each` holds parameters with one value a token, or one for all."""

    def token(W: Tensor, x: Tensor, y: Tensor, **own: Any) -> Tensor:
        return step(W, x, y, W0, X.shape[0], **own)

    return cast(Tensor, namespace(X).fold(token, W0, X, Y, **each))


def weighted_loss(W: Tensor, X: Tensor, Y: Tensor, weights: Tensor) -> Tensor:
    """1/2 sum_i weights_i |W x_i - y_i|^2, weights (N,): a sum, not a mean."""
    residual = W @ X.mT - Y.mT
    return (weights * residual * residual).sum() / 2


def solve(A: Tensor, B: Tensor) -> Tensor:
    """A^{-1} B for positive definite A (n, n) and B (n, k), by elimination without exchanges, in any arithmetic.

    Raises ZeroDivisionError in exact arithmetic where a leading minor is 0.
    """
    xp = namespace(A)

    def eliminate(rows: Tensor) -> Tensor:
        """The first column taken out of all rows but the first, which goes to the end."""
        first = rows[0, :] / rows[0, 0]
        return cast(Tensor, xp.drop(xp.following(rows - rows[:, 0, None] * first[None, :], first), 1))

    return cast(Tensor, xp.iterate(eliminate, xp.concat([A, B], axis=1), A.shape[0]))
