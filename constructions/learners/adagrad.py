"""Adagrad, one step a token: torch.optim.Adagrad, every entry of the gradient divided by its root sum of squares."""

from __future__ import annotations

from typing import Any

from constructions.learners import Class, Each, Learner, Parameter
from constructions.learners._tokens import token_gradient
from constructions.namespace import namespace


def predict(X: Any, Y: Any, x_q: Any, W0: Any, beta: Any, eps: Any) -> Any:
    """The prediction (m,) after the last token; beta (N,) or 0-d, eps 0-d; the sums start at 0."""
    xp = namespace(X)

    def token(at: tuple[Any, Any], x: Any, y: Any, beta: Any) -> tuple[Any, Any]:
        W, total = at
        g = token_gradient(W, x, y)
        total = total + g * g
        return W - beta * g / (total.sqrt() + eps), total

    return xp.fold(token, (W0, 0 * W0), X, Y, xp.per_token(beta, X))[0] @ x_q


LEARNER = Learner(
    "adagrad",
    title="Adagrad, one step a token",
    latex=r"W_t = W_{t-1} - \beta_t\, g_t \oslash \Bigl( \sqrt{\textstyle\sum_{s \le t} g_s \odot g_s} + \epsilon \Bigr), "
    r"\quad g_t = (W_{t-1} x_t - y_t) x_t^\top",
    source="Duchi, Hazan and Singer 2011",
    call=predict,
    parameters=(
        Parameter("beta", r"\beta", "step size per token", each=Each.TOKEN),
        Parameter("eps", r"\epsilon", "what is added to the root"),
    ),
    kind=Class.TRANSCENDENTAL,
)
