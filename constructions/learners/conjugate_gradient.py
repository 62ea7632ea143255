"""Conjugate gradients on the ridge loss, each output by itself: `steps` exact line searches along conjugate directions.

The loss of output r is 1/2 sum_i (w x_i - y_{i,r})^2 + lam/2 |w|^2.
"""

from __future__ import annotations

from typing import Any

import torch

from constructions.autograd_descent import gradient
from constructions.learners import Class, Domain, Learner, Parameter


def _loss(w: Any, X: Any, y: Any, lam: Any) -> Any:
    residual = X @ w - y
    return (residual @ residual + lam * (w @ w)) / 2


def predict(X: Any, Y: Any, x_q: Any, W0: Any, lam: Any, steps: int) -> Any:
    """The prediction (m,) after `steps` steps from W0; gradients are autograd's."""
    rows = []
    for r in range(Y.shape[1]):
        w, y = W0[r, :], Y[:, r]
        g = gradient(w, X, y, lam, of=_loss)
        d = -g
        for step in range(steps):
            if step:
                following = gradient(w, X, y, lam, of=_loss)
                d = (following @ following) / (g @ g) * d - following
                g = following
            # the gradient is affine, so its change along d is the curvature
            curved = gradient(w + d, X, y, lam, of=_loss) - g
            w = w - (g @ d) / (d @ curved) * d
        rows.append(w @ x_q)
    return torch.stack(rows)


LEARNER = Learner(
    "conjugate_gradient",
    title="conjugate gradients on the ridge loss",
    latex=r"w_{j+1} = w_j + \alpha_j d_j, \quad d_j = -g_j + \frac{g_j^\top g_j}{g_{j-1}^\top g_{j-1}} d_{j-1}",
    source="Hestenes and Stiefel 1952 (Fletcher-Reeves form)",
    call=predict,
    parameters=(
        Parameter("lam", r"\lambda", "ridge, against the summed loss", Domain.REAL, neutral=0),
        Parameter("steps", "k", "number of steps", Domain.COUNT),
    ),
    kind=Class.RATIONAL,
    order=False,
)
