"""One gradient step on polynomial features of degree 0, 1, 2, with a step size for each degree; the loss is a sum.

The model is W_0 + W_1 x + W_2 (x kron x), all weights start at 0; the loss is 1/2 sum_i |model(x_i) - y_i|^2.
"""

from __future__ import annotations

from typing import Any

import torch

from constructions.autograd_descent import gradient
from constructions.learners import Domain, Learner, Parameter
from constructions.online_descent import token_loss


def _features(X: Any) -> list[Any]:
    square = X[:, :, None] * X[:, None, :]
    return [X.new_ones(X.shape[0], 1), X, square.reshape(X.shape[0], -1)]


def predict(X: Any, Y: Any, x_q: Any, W0: Any, eta0: Any, eta1: Any, eta2: Any) -> Any:
    """The prediction (m,); the gradient, of all weights at once, is autograd's."""
    phi = torch.cat(_features(X), 1)
    g = gradient(phi.new_zeros(Y.shape[1], phi.shape[1]), phi, Y, of=token_loss)
    asked = _features(x_q[None, :])
    steps = torch.cat([eta * part[0, :] for eta, part in zip((eta0, eta1, eta2), asked, strict=True)])
    return -(g @ steps)


LEARNER = Learner(
    "polynomial_gd",
    title="one gradient step on polynomial features up to degree 2",
    latex=r"\hat y = -\sum_d \eta_d\, \partial_{W_d} L(0)\, x_q^{\otimes d}, \quad "
    r"L = \tfrac12 \sum_i \Bigl\lVert \sum_{d \le 2} W_d\, x_i^{\otimes d} - y_i \Bigr\rVert^2",
    source="derived here; unnormalised Based is (1, 1, 1/2), ReBased (0, 0, 1)",
    call=predict,
    parameters=tuple(
        Parameter(f"eta{d}", rf"\eta_{d}", f"step size of degree {d} on the summed loss", Domain.REAL, neutral=0)
        for d in range(3)
    ),
    order=False,
    start=False,
)
