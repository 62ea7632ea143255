"""Several gradient steps on each token's loss before the next one."""

from __future__ import annotations

from typing import Any

from constructions.learners import Domain, Each, Learner, Parameter
from constructions.learners._tokens import fold, token_gradient
from constructions.namespace import namespace


def step(W: Any, x: Any, y: Any, W0: Any, N: Any, beta: Any, times: int) -> Any:
    """W after one token."""

    def once(W: Any) -> Any:
        return W - beta * token_gradient(W, x, y)

    return namespace(W).iterate(once, W, times)


def predict(X: Any, Y: Any, x_q: Any, W0: Any, beta: Any, times: int) -> Any:
    """The prediction (m,) after the last token; beta (N,) or 0-d."""

    def several(W: Any, x: Any, y: Any, W0: Any, N: Any, beta: Any) -> Any:
        return step(W, x, y, W0, N, beta, times)

    return fold(several, X, Y, W0, beta=beta) @ x_q


LEARNER = Learner(
    "repeated_steps",
    title="several gradient steps on each token",
    latex=r"W_t = G_t^n(W_{t-1}), \quad G_t(W) = W - \beta_t (W x_t - y_t) x_t^\top",
    source="arXiv 2502.10297 (one pair repeated)",
    call=predict,
    parameters=(
        Parameter("beta", r"\beta", "size of each step", each=Each.TOKEN),
        Parameter("times", "n", "number of steps a token", Domain.COUNT, neutral=1),
    ),
    simpler=(("times", "online_gd"),),
    gauge="n steps on a unit key are one step with rate 1 - (1 - beta)^n",
    step=step,
)
