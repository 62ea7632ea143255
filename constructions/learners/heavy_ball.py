"""Online gradient descent with momentum (heavy ball): torch.optim.SGD(lr=beta, momentum=mu), one step a token."""

from __future__ import annotations

from typing import Any

from constructions.learners import Domain, Each, Learner, Parameter
from constructions.learners._tokens import at, token_gradient


def predict(X: Any, Y: Any, x_q: Any, W0: Any, beta: Any, mu: Any) -> Any:
    """The prediction (m,) after the last token; beta and mu (N,) or 0-d; the momentum starts at 0."""
    W, M = W0, 0 * W0
    for t in range(X.shape[0]):
        M = at(mu, t) * M + token_gradient(W, X[t, :], Y[t, :])
        W = W - at(beta, t) * M
    return W @ x_q


LEARNER = Learner(
    "heavy_ball",
    title="online gradient descent with momentum, one step a token",
    latex=r"M_t = \mu_t M_{t-1} + (W_{t-1} x_t - y_t) x_t^\top, \quad W_t = W_{t-1} - \beta_t M_t",
    source="Polyak 1964",
    call=predict,
    parameters=(
        Parameter("beta", r"\beta", "step size per token", each=Each.TOKEN),
        Parameter("mu", r"\mu", "factor of the momentum a token", Domain.UNIT, neutral=0, each=Each.TOKEN),
    ),
    simpler=(("mu", "online_gd"),),
)
