"""The same learner with nobody's gradient written down: torch's autograd of the loss, and torch.optim.SGD.

Independent oracles for `constructions.gradient_descent`; torch only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from constructions.gradient_descent import loss

Loss = Callable[..., Tensor]


def gradient(W: Tensor, *data: Any, of: Loss = loss) -> Tensor:
    """The gradient at W of `of(W, *data)` (default: the stated loss), by torch.autograd; the shape of W."""
    with torch.enable_grad():
        leaf = W.detach().requires_grad_()
        (found,) = torch.autograd.grad(of(leaf, *data), leaf)
    return found


def descend(W: Tensor, *data: Any, eta: Any, steps: int = 1, of: Loss = loss) -> Tensor:
    """`steps` steps W <- W - eta * gradient, each gradient by autograd."""
    for _ in range(steps):
        W = W - eta * gradient(W, *data, of=of)
    return W


def sgd(W: Tensor, *data: Any, eta: Any, steps: int = 1, of: Loss = loss) -> Tensor:
    """`steps` steps of torch.optim.SGD at learning rate 1 on eta times the loss, which is step size eta.

    The learning rate stays a Python number because the optimiser takes no other; eta may be an indeterminate.
    """
    with torch.enable_grad():
        weight = torch.nn.Parameter(W.detach().clone())
        optimiser = torch.optim.SGD([weight], lr=1.0, foreach=False)
        for _ in range(steps):
            optimiser.zero_grad()
            (eta * of(weight, *data)).backward()
            optimiser.step()
    return weight.detach()


def prefix_predictions(X: Tensor, Y: Tensor, x_q: Tensor, eta: Any) -> Tensor:
    """One step from W = 0 on every prefix, asked at the next input: (N, m).

    Row t (from 1) takes the first t pairs, their own mean loss and step size eta t/N, and x_{t+1} (x_{N+1} = x_q).
    """
    N = X.shape[0]
    following = torch.concat([X[1:, :], x_q[None, :]])
    W = X.new_zeros(Y.shape[1], X.shape[1])
    rows = [descend(W, X[:t, :], Y[:t, :], eta=eta * t / N) @ following[t - 1, :] for t in range(1, N + 1)]
    return torch.stack(rows)
