"""Online gradient descent (LMS): one step a token on L_t(W) = 1/2 |W x_t - y_t|^2, nothing divides the step."""

from __future__ import annotations

from typing import Any

from constructions.learners import Each, Learner, Parameter
from constructions.learners._tokens import fold, token_gradient


def step(W: Any, x: Any, y: Any, W0: Any, N: Any, beta: Any) -> Any:
    """W after one token."""
    return W - beta * token_gradient(W, x, y)


def predict(X: Any, Y: Any, x_q: Any, W0: Any, beta: Any) -> Any:
    """The prediction (m,) after the last token; beta (N,) or 0-d."""
    return fold(step, X, Y, W0, beta=beta) @ x_q


LEARNER = Learner(
    "online_gd",
    title="online gradient descent, one step a token (LMS)",
    latex=r"W_t = W_{t-1} - \beta_t (W_{t-1} x_t - y_t) x_t^\top",
    source="Widrow and Hoff 1960; arXiv 2102.11174",
    call=predict,
    parameters=(Parameter("beta", r"\beta", "step size per token", each=Each.TOKEN),),
    step=step,
)
