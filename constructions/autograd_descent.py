"""The same learner with nobody's gradient written down: torch's autograd of the loss.

An independent oracle for `constructions.gradient_descent`; torch only, or matrix words with gradients of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from constructions.gradient_descent import loss
from constructions.namespace import Array, namespace, zeros

Loss = Callable[..., Tensor]


def gradient(W: Tensor, *data: Any, of: Loss = loss) -> Tensor:
    """The gradient at W of `of(W, *data)` (default: the stated loss), by torch.autograd; the shape of W."""

    def value(at: Array) -> Array:
        return of(at, *data)

    return namespace(W).gradient(value, W)


def descend(W: Tensor, *data: Any, eta: Any, steps: int = 1, of: Loss = loss) -> Tensor:
    """`steps` steps W <- W - eta * gradient, each gradient by autograd."""

    def step(at: Array) -> Array:
        return at - eta * gradient(at, *data, of=of)

    return namespace(W).iterate(step, W, steps)


def prefix_predictions(X: Tensor, Y: Tensor, x_q: Tensor, eta: Any) -> Tensor:
    """One step from W = 0 on every prefix, asked at the next input: (N, m).

    Row t (from 1) takes the first t pairs, their own mean loss and step size eta t/N, and x_{t+1} (x_{N+1} = x_q).
    """
    N, start = X.shape[0], zeros((Y.shape[1], X.shape[1]), X)

    def weights(t: int, X: Array, Y: Array) -> Array:
        return descend(start, X, Y, eta=eta * t / N)

    xp = namespace(X)
    return (xp.prefixes(weights, X, Y) @ xp.following(X, x_q)[:, :, None])[:, :, 0]
