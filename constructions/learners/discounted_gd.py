"""One step of gradient descent on a discounted loss: 1/2 sum_i w_i |W x_i - y_i|^2, w_i = prod of later decays.

The last token has weight 1. The loss is a sum: nothing divides the step.
Source: arXiv 2307.08621 (retention), 2405.21060 (a step size and a decay for each token).
"""

from __future__ import annotations

from typing import Any

from constructions.autograd_descent import gradient
from constructions.learners import Domain, Each, Learner, Parameter
from constructions.learners._tokens import token_gradient, weighted_loss
from constructions.namespace import namespace


def predict(X: Any, Y: Any, x_q: Any, W0: Any, eta: Any, decay: Any) -> Any:
    """The prediction (m,); eta and decay (N,) or 0-d; the gradient at W0 is autograd's."""
    return (W0 - gradient(W0, X, Y, namespace(X).decay_to_end(decay, X) * eta, of=weighted_loss)) @ x_q


def step(W: Any, x: Any, y: Any, W0: Any, N: Any, eta: Any, decay: Any) -> Any:
    """What is added to W0 decays, then moves by the token's gradient at W0."""
    return W0 + decay * (W - W0) - eta * token_gradient(W0, x, y)


LEARNER = Learner(
    "discounted_gd",
    title="one step of gradient descent on the discounted squared loss",
    latex=r"W = W_0 - \nabla L(W_0), \quad L(W) = \frac12 \sum_i \eta_i \Bigl(\prod_{j > i} \gamma_j\Bigr) "
    r"\lVert W x_i - y_i \rVert^2",
    source="arXiv 2307.08621",
    call=predict,
    parameters=(
        Parameter("eta", r"\eta", "step size per token on the summed loss", each=Each.TOKEN),
        Parameter("decay", r"\gamma", "discount a token", Domain.UNIT, neutral=1, each=Each.TOKEN),
    ),
    simpler=(("decay", "gd"),),
    step=step,
)
