"""Online gradient descent with momentum (heavy ball): torch.optim.SGD(lr=beta, momentum=mu), one step a token."""

from __future__ import annotations

from typing import Any

from constructions.learners import Domain, Each, Learner, Parameter
from constructions.learners._tokens import token_gradient
from constructions.namespace import namespace


def predict(X: Any, Y: Any, x_q: Any, W0: Any, beta: Any, mu: Any) -> Any:
    """The prediction (m,) after the last token; beta and mu (N,) or 0-d; the momentum starts at 0."""
    xp = namespace(X)

    def token(at: tuple[Any, Any], x: Any, y: Any, beta: Any, mu: Any) -> tuple[Any, Any]:
        M = mu * at[1] + token_gradient(at[0], x, y)
        return at[0] - beta * M, M

    return xp.fold(token, (W0, 0 * W0), X, Y, xp.per_token(beta, X), xp.per_token(mu, X))[0] @ x_q


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
