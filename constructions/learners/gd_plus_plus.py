"""GD++: each step of gradient descent is followed by a change of all inputs, x <- (I - gamma X^T X) x.

Step l fits what is left: from W = 0, one gradient step on the residuals R with the changed inputs; its prediction at
the changed query is added. gamma multiplies a sum over tokens, eta the gradient of the mean loss.
Source: von Oswald et al. 2023 (arXiv 2212.07677), section 3.
"""

from __future__ import annotations

from typing import Any

from constructions.autograd_descent import descend
from constructions.learners import Domain, Learner, Parameter
from constructions.namespace import namespace


def predict(X: Any, Y: Any, x_q: Any, W0: Any, eta: Any, gamma: Any, steps: int) -> Any:
    """The prediction (m,) after `steps` steps from W0; the gradient is autograd's."""

    def once(at: tuple[Any, ...]) -> tuple[Any, ...]:
        prediction, R, X, x_q = at
        move = descend(0 * W0, X, R, eta=eta)
        change = gamma * (X.mT @ X)
        return prediction + move @ x_q, R - X @ move.mT, X - X @ change, x_q - change @ x_q

    return namespace(X).iterate(once, (W0 @ x_q, Y - X @ W0.mT, X, x_q), steps)[0]


LEARNER = Learner(
    "gd_plus_plus",
    title="GD++: gradient descent whose inputs are changed after each step",
    latex=r"R \leftarrow R - X \Delta^\top, \; \Delta = -\eta \nabla L_{X, R}(0), \quad "
    r"x \leftarrow (I - \gamma X^\top X)\, x",
    source="arXiv 2212.07677, section 3",
    call=predict,
    parameters=(
        Parameter("eta", r"\eta", "step size on the mean loss"),
        Parameter("gamma", r"\gamma", "change of the inputs, times a sum over tokens", Domain.REAL, neutral=0),
        Parameter("steps", "k", "number of steps", Domain.COUNT, default=2),
    ),
    order=False,
    simpler=(("gamma", "gd"),),
)
