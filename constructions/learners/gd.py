"""Batch gradient descent: `steps` steps on the mean squared loss L(W) = 1/(2N) sum_i |W x_i - y_i|^2."""

from __future__ import annotations

from typing import Any

from constructions.autograd_descent import descend
from constructions.learners import Domain, Learner, Parameter
from constructions.learners._tokens import token_gradient


def step(W: Any, x: Any, y: Any, W0: Any, N: Any, eta: Any, steps: int) -> Any:
    """One step's sum over tokens, one token further: the gradient of L at W0 is the mean of the tokens' gradients there.

    Raises ValueError for several steps, whose later gradients need all tokens.
    """
    if steps != 1:
        raise ValueError(f"{steps} steps are no recursion over the tokens")
    return W - eta / N * token_gradient(W0, x, y)


def predict(X: Any, Y: Any, x_q: Any, W0: Any, eta: Any, steps: int) -> Any:
    """The prediction (m,) after `steps` steps from W0; the gradient is autograd's."""
    return descend(W0, X, Y, eta=eta, steps=steps) @ x_q


LEARNER = Learner(
    "gd",
    title="batch gradient descent on the mean squared loss",
    latex=r"W_{j+1} = W_j - \eta \nabla L(W_j), \quad L(W) = \frac{1}{2N} \sum_i \lVert W x_i - y_i \rVert^2",
    source="the definition",
    call=predict,
    parameters=(
        Parameter("eta", r"\eta", "step size on the mean loss (per token it is eta/N)"),
        Parameter("steps", "k", "number of steps", Domain.COUNT, default=1),
    ),
    order=False,
    step=step,
)
