"""The implicit (proximal) step, one a token: W_t minimises 1/2 |W - W_{t-1}|^2 + beta_t/2 |W x_t - y_t|^2.

The minimiser moves along the gradient at itself: W_t = W_{t-1} - beta_t e x_t^T with e = W_t x_t - y_t; both together
are one linear equation for e, (1 + beta_t |x_t|^2) e = W_{t-1} x_t - y_t.
"""

from __future__ import annotations

from typing import Any

from constructions.learners import Class, Each, Learner, Parameter
from constructions.learners._tokens import fold


def step(W: Any, x: Any, y: Any, W0: Any, N: Any, beta: Any) -> Any:
    """W after one token."""
    e = (W @ x - y) / (1 + beta * (x @ x))
    return W - beta * e[:, None] * x


def predict(X: Any, Y: Any, x_q: Any, W0: Any, beta: Any) -> Any:
    """The prediction (m,) after the last token; beta (N,) or 0-d."""
    return fold(step, X, Y, W0, beta=beta) @ x_q


LEARNER = Learner(
    "implicit_step",
    title="implicit (proximal) step, one a token",
    latex=r"W_t = \arg\min_W \tfrac12 \lVert W - W_{t-1} \rVert^2 + \tfrac{\beta_t}{2} \lVert W x_t - y_t \rVert^2",
    source="arXiv 2407.14207, eq. 4",
    call=predict,
    parameters=(Parameter("beta", r"\beta", "weight of the token's squared error", each=Each.TOKEN),),
    kind=Class.RATIONAL,
    step=step,
)
