"""One step of gradient descent with a discount for each channel: column c of W follows its own discounted loss.

Column c of the step is column c of the gradient of 1/2 sum_i w_{i,c} |W x_i - y_i|^2, w_{i,c} = prod of later decays.
Source: arXiv 2312.06635 (gated linear attention), with a step size.
"""

from __future__ import annotations

from typing import Any

from constructions.autograd_descent import gradient
from constructions.learners import Domain, Each, Learner, Parameter
from constructions.learners._tokens import token_gradient, weighted_loss
from constructions.namespace import Array, identity, namespace, zeros


def predict(X: Any, Y: Any, x_q: Any, W0: Any, eta: Any, decay: Any) -> Any:
    """The prediction (m,); eta (N,) or 0-d, decay (N, f) or 0-d; the gradients at W0 are autograd's."""
    xp = namespace(X)
    weights = xp.decay_to_end(zeros(X.shape, X) + decay, X)

    def channel(W: Array, *_: Array) -> Array:
        return W

    def column(W: Array, own: Array, unit: Array) -> Array:
        return gradient(W, X, Y, own * eta, of=weighted_loss) @ unit

    _, columns = xp.fold(channel, W0, weights.mT, identity(X.shape[1], X), read=column)
    return (W0 - columns.mT) @ x_q


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
