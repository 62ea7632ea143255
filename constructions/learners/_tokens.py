"""What the learners share: the loss of one token, its gradient, parameters per token, and a solver of small systems."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from constructions.autograd_descent import Loss, gradient
from constructions.online_descent import token_loss


def token_gradient(W: Tensor, x: Tensor, y: Tensor, of: Loss = token_loss) -> Tensor:
    """The gradient (m, f) at W of 1/2 |W x - y|^2 for one token x (f,), y (m,), by autograd; nothing divides it."""
    return gradient(W, x[None, :], y[None, :], of=of)


def at(value: Any, t: int) -> Any:
    """Token t's value of a parameter: entry or row t, or the one number for all."""
    return value[t] if value.ndim else value


def fold(step: Callable[..., Tensor], X: Tensor, Y: Tensor, W0: Tensor, **each: Any) -> Tensor:
    """W after a step a token from W0; `each` holds parameters with one value a token, or one for all."""
    W = W0
    for t in range(X.shape[0]):
        W = step(W, X[t, :], Y[t, :], W0, X.shape[0], **{name: at(value, t) for name, value in each.items()})
    return W


def weighted_loss(W: Tensor, X: Tensor, Y: Tensor, weights: Tensor) -> Tensor:
    """1/2 sum_i weights_i |W x_i - y_i|^2, weights (N,): a sum, not a mean."""
    residual = W @ X.mT - Y.mT
    return (weights * residual * residual).sum() / 2


def solve(A: Tensor, B: Tensor) -> Tensor:
    """A^{-1} B for positive definite A (n, n) and B (n, k), by elimination without exchanges, in any arithmetic.

    Raises ZeroDivisionError in exact arithmetic where a leading minor is 0.
    """
    rows = [torch.cat([a, b]) for a, b in zip(A.unbind(), B.unbind(), strict=True)]
    n = len(rows)
    for k in range(n):
        rows[k] = rows[k] / rows[k][k]
        for j in range(k + 1, n):
            rows[j] = rows[j] - rows[j][k] * rows[k]
    for k in range(n - 1, 0, -1):
        for j in range(k):
            rows[j] = rows[j] - rows[j][k] * rows[k]
    return torch.stack([row[n:] for row in rows])
