"""Sliding-window gradient descent (the Omega rule): each token's step is on the summed loss of the last c tokens."""

from __future__ import annotations

from typing import Any

from constructions.autograd_descent import descend
from constructions.learners import Domain, Each, Learner, Parameter
from constructions.namespace import Array, namespace, zeros
from constructions.online_descent import token_loss


def predict(X: Any, Y: Any, x_q: Any, W0: Any, beta: Any, window: int) -> Any:
    """The prediction (m,) after the last token; beta (N,) or 0-d."""
    xp = namespace(X)

    def recent(tokens: Array) -> Array:
        """The last `window` tokens of each, zeros before the first, of which no loss comes: (N, window, ...)."""
        return xp.windows(xp.concat([zeros((window - 1, tokens.shape[1]), X), tokens], axis=0), window, 1)

    def token(W: Array, inputs: Array, targets: Array, rate: Array) -> Array:
        return descend(W, inputs, targets, eta=rate, of=token_loss)

    return xp.fold(token, W0, recent(X), recent(Y), xp.per_token(beta, X)) @ x_q


LEARNER = Learner(
    "sliding_window",
    title="gradient descent on a sliding window, one step a token",
    latex=r"W_t = W_{t-1} - \beta_t \sum_{i > t - c} (W_{t-1} x_i - y_i) x_i^\top",
    source="arXiv 2505.23735, eq. 9, with equal weights",
    call=predict,
    parameters=(
        Parameter("beta", r"\beta", "step size on the summed loss of a window", each=Each.TOKEN),
        Parameter("window", "c", "number of tokens a window", Domain.COUNT, neutral=1),
    ),
    simpler=(("window", "online_gd"),),
)
