"""Decay, then one gradient step at the decayed point: the gated delta rule."""

from __future__ import annotations

from typing import Any

from constructions.learners import Domain, Each, Learner, Parameter
from constructions.learners._tokens import fold, token_gradient


def step(W: Any, x: Any, y: Any, W0: Any, N: Any, beta: Any, decay: Any) -> Any:
    """W after one token."""
    W = decay * W
    return W - beta * token_gradient(W, x, y)


def predict(X: Any, Y: Any, x_q: Any, W0: Any, beta: Any, decay: Any) -> Any:
    """The prediction (m,) after the last token; beta and decay (N,) or 0-d."""
    return fold(step, X, Y, W0, beta=beta, decay=decay) @ x_q


LEARNER = Learner(
    "decay_then_step",
    title="decay, then one gradient step a token at the decayed point",
    latex=r"W_t = W' - \beta_t (W' x_t - y_t) x_t^\top, \quad W' = \alpha_t W_{t-1}",
    source="arXiv 2412.06464, eq. 10",
    call=predict,
    parameters=(
        Parameter("beta", r"\beta", "step size per token", each=Each.TOKEN),
        Parameter("decay", r"\alpha", "factor of the weights a token", Domain.UNIT, neutral=1, each=Each.TOKEN),
    ),
    simpler=(("decay", "online_gd"),),
    gauge="with constant rates it is step_then_decay up to a readout scale: its weights times the decay are the SGD "
    "weights at rate beta * decay",
    step=step,
)
