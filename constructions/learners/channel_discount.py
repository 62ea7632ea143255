"""One step of gradient descent with a discount for each channel: column c of W follows its own discounted loss.

Column c of the step is column c of the gradient of 1/2 sum_i w_{i,c} |W x_i - y_i|^2, w_{i,c} = prod of later decays.
Source: arXiv 2312.06635 (gated linear attention), with a step size.
"""

from __future__ import annotations

from typing import Any

import torch

from constructions.autograd_descent import gradient
from constructions.learners import Domain, Each, Learner, Parameter
from constructions.learners._tokens import later, token_gradient, weighted_loss


def predict(X: Any, Y: Any, x_q: Any, W0: Any, eta: Any, decay: Any) -> Any:
    """The prediction (m,); eta (N,) or 0-d, decay (N, f) or 0-d; the gradients at W0 are autograd's."""
    weights = [w.expand(X.shape[1]) for w in later(decay, X)]
    columns = [
        gradient(W0, X, Y, torch.stack([w[c] for w in weights]) * eta, of=weighted_loss)[:, c]
        for c in range(X.shape[1])
    ]
    return (W0 - torch.stack(columns, 1)) @ x_q


def step(W: Any, x: Any, y: Any, W0: Any, N: Any, eta: Any, decay: Any) -> Any:
    """What is added to W0 decays channel by channel, then moves by the token's gradient at W0."""
    return W0 + decay * (W - W0) - eta * token_gradient(W0, x, y)


LEARNER = Learner(
    "channel_discount",
    title="one step of gradient descent with a discount for each channel",
    latex=r"w_c = w_{0,c} - \partial_c L_c(W_0), \quad L_c(W) = \frac12 \sum_i \eta_i \Bigl(\prod_{j > i} "
    r"\gamma_{j,c}\Bigr) \lVert W x_i - y_i \rVert^2",
    source="arXiv 2312.06635",
    call=predict,
    parameters=(
        Parameter("eta", r"\eta", "step size per token on the summed loss", each=Each.TOKEN),
        Parameter("decay", r"\gamma", "discount a token and channel", Domain.UNIT, neutral=1, each=Each.TOKEN_CHANNEL),
    ),
    simpler=(("decay", "gd"),),
    step=step,
)
