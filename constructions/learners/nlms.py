"""Normalised LMS: one step a token, with step size mu / (eps + |x_t|^2); with eps = 0 there is none for a token of zeros."""

from __future__ import annotations

from typing import Any

from constructions.learners import Class, Domain, Each, Learner, Parameter
from constructions.learners._tokens import fold, token_gradient


def step(W: Any, x: Any, y: Any, W0: Any, N: Any, mu: Any, eps: Any) -> Any:
    """W after one token."""
    return W - mu / (eps + x @ x) * token_gradient(W, x, y)


def predict(X: Any, Y: Any, x_q: Any, W0: Any, mu: Any, eps: Any) -> Any:
    """The prediction (m,) after the last token; mu (N,) or 0-d, eps 0-d."""
    return fold(step, X, Y, W0, mu=mu, eps=eps) @ x_q


LEARNER = Learner(
    "nlms",
    title="normalised LMS, one step a token",
    latex=r"W_t = W_{t-1} - \frac{\mu}{\epsilon + \lVert x_t \rVert^2} (W_{t-1} x_t - y_t) x_t^\top",
    source="Nagumo and Noda 1967",
    call=predict,
    parameters=(
        Parameter("mu", r"\mu", "step size per token, before the division by the squared norm", each=Each.TOKEN),
        Parameter("eps", r"\epsilon", "what is added to the squared norm", Domain.NONNEGATIVE),
    ),
    kind=Class.RATIONAL,
    step=step,
)
