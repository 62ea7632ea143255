"""The oblique delta rule: the error is read at p_t and written at x_t. Gradient descent only where p_t = x_t."""

from __future__ import annotations

from typing import Any

from constructions.autograd_descent import gradient
from constructions.learners import Domain, Each, Learner, Parameter
from constructions.learners._tokens import fold


def _half_square(z: Any, y: Any) -> Any:
    return ((z - y) * (z - y)).sum() / 2


def _pairing(W: Any, x: Any, error: Any) -> Any:
    return (error * (W @ x)).sum()


def step(W: Any, x: Any, y: Any, W0: Any, N: Any, beta: Any, decay: Any, p: Any) -> Any:
    """W after one token: the loss's gradient at the output W p, carried to W through the output W x."""
    W = decay * W
    error = gradient(W @ p, y, of=_half_square)
    return W - beta * gradient(W, x, error, of=_pairing)


def predict(X: Any, Y: Any, x_q: Any, W0: Any, beta: Any, decay: Any, p: Any) -> Any:
    """The prediction (m,) after the last token; beta and decay (N,) or 0-d, p (N, f)."""
    return fold(step, X, Y, W0, beta=beta, decay=decay, p=p) @ x_q


LEARNER = Learner(
    "oblique_delta",
    title="oblique delta rule: the error is read at p, written at x",
    latex=r"W_t = W' - \beta_t (W' p_t - y_t) x_t^\top, \quad W' = \alpha_t W_{t-1}",
    source="arXiv 2506.02475",
    call=predict,
    parameters=(
        Parameter("beta", r"\beta", "step size per token", each=Each.TOKEN),
        Parameter("decay", r"\alpha", "factor of the weights a token", Domain.UNIT, neutral=1, each=Each.TOKEN),
        Parameter("p", "p", "where each token's error is read", Domain.REAL, each=Each.TOKEN_CHANNEL),
    ),
    step=step,
)
