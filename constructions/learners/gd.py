"""Batch gradient descent: `steps` steps on the mean squared loss L(W) = 1/(2N) sum_i |W x_i - y_i|^2."""

from __future__ import annotations

from typing import Any

from constructions.autograd_descent import descend
from constructions.learners import Domain, Learner, Parameter


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
)
