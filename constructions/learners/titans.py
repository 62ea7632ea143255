"""Titans' rule for a linear memory: momentum with a rate inside, and decoupled decay; gradients at the undecayed W."""

from __future__ import annotations

from typing import Any

from constructions.learners import Domain, Each, Learner, Parameter
from constructions.learners._tokens import token_gradient
from constructions.namespace import namespace


def predict(X: Any, Y: Any, x_q: Any, W0: Any, theta: Any, mu: Any, decay: Any) -> Any:
    """The prediction (m,) after the last token; theta, mu and decay (N,) or 0-d; the momentum starts at 0."""
    xp = namespace(X)

    def token(at: tuple[Any, Any], x: Any, y: Any, theta: Any, mu: Any, decay: Any) -> tuple[Any, Any]:
        S = mu * at[1] - theta * token_gradient(at[0], x, y)
        return decay * at[0] + S, S

    each = [xp.per_token(value, X) for value in (theta, mu, decay)]
    return xp.fold(token, (W0, 0 * W0), X, Y, *each)[0] @ x_q


LEARNER = Learner(
    "titans",
    title="momentum with decoupled decay, one step a token (Titans)",
    latex=r"S_t = \mu_t S_{t-1} - \theta_t (W_{t-1} x_t - y_t) x_t^\top, \quad W_t = \alpha_t W_{t-1} + S_t",
    source="arXiv 2501.00663, eq. 13 and 14",
    call=predict,
    parameters=(
        Parameter("theta", r"\theta", "step size per token", each=Each.TOKEN),
        Parameter("mu", r"\mu", "factor of the momentum a token", Domain.UNIT, neutral=0, each=Each.TOKEN),
        Parameter("decay", r"\alpha", "factor of the weights a token", Domain.UNIT, neutral=1, each=Each.TOKEN),
    ),
    simpler=(("decay", "heavy_ball"),),
)
