"""One SGD step a token with weight decay in the gradient: torch.optim.SGD(lr=beta, weight_decay=decay).

The loss is 1/2 |W x_t - y_t|^2 + weight_decay/2 |W|^2, so step and decay start from the same W.
"""

from __future__ import annotations

from typing import Any

from constructions.autograd_descent import gradient
from constructions.learners import Domain, Each, Learner, Parameter
from constructions.learners._tokens import fold
from constructions.online_descent import token_loss


def _loss(W: Any, keys: Any, values: Any, weight_decay: Any) -> Any:
    return token_loss(W, keys, values) + weight_decay * (W * W).sum() / 2


def step(W: Any, x: Any, y: Any, W0: Any, N: Any, beta: Any, weight_decay: Any) -> Any:
    """W after one token."""
    return W - beta * gradient(W, x[None, :], y[None, :], weight_decay, of=_loss)


def predict(X: Any, Y: Any, x_q: Any, W0: Any, beta: Any, weight_decay: Any) -> Any:
    """The prediction (m,) after the last token; beta and weight_decay (N,) or 0-d."""
    return fold(step, X, Y, W0, beta=beta, weight_decay=weight_decay) @ x_q


LEARNER = Learner(
    "step_then_decay",
    title="one SGD step a token with weight decay (L2)",
    latex=r"W_t = W_{t-1} - \beta_t \bigl( (W_{t-1} x_t - y_t) x_t^\top + \lambda_t W_{t-1} \bigr)",
    source="the definition",
    call=predict,
    parameters=(
        Parameter("beta", r"\beta", "step size per token", each=Each.TOKEN),
        Parameter(
            "weight_decay",
            r"\lambda",
            "weight of 1/2 |W|^2 beside one token's loss",
            Domain.REAL,
            neutral=0,
            each=Each.TOKEN,
        ),
    ),
    simpler=(("weight_decay", "online_gd"),),
    gauge="with constant rates it is decay_then_step up to a readout scale",
    step=step,
)
