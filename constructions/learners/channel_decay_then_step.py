"""Decay channel by channel, then one gradient step at the decayed point (Kimi delta attention)."""

from __future__ import annotations

from typing import Any

from constructions.learners import Domain, Each, Learner, Parameter
from constructions.learners._tokens import fold, token_gradient


def step(W: Any, x: Any, y: Any, W0: Any, N: Any, beta: Any, decay: Any) -> Any:
    """W after one token; decay (f,) multiplies columns."""
    W = W * decay
    return W - beta * token_gradient(W, x, y)


def predict(X: Any, Y: Any, x_q: Any, W0: Any, beta: Any, decay: Any) -> Any:
    """The prediction (m,) after the last token; beta (N,) or 0-d, decay (N, f) or 0-d."""
    return fold(step, X, Y, W0, beta=beta, decay=decay) @ x_q


LEARNER = Learner(
    "channel_decay_then_step",
    title="decay channel by channel, then one gradient step a token at the decayed point",
    latex=r"W_t = W' - \beta_t (W' x_t - y_t) x_t^\top, \quad W' = W_{t-1} \mathrm{diag}(\alpha_t)",
    source="arXiv 2510.26692",
    call=predict,
    parameters=(
        Parameter("beta", r"\beta", "step size per token", each=Each.TOKEN),
        Parameter("decay", r"\alpha", "factor a token and channel", Domain.UNIT, neutral=1, each=Each.TOKEN_CHANNEL),
    ),
    simpler=(("decay", "online_gd"),),
    step=step,
)
