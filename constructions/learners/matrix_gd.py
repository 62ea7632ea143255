"""One step of preconditioned gradient descent on the mean squared loss, with any matrix.

Source: arXiv 2306.00297, 2306.09927: what a trained linear attention layer runs.
"""

from __future__ import annotations

from typing import Any

from constructions.autograd_descent import gradient
from constructions.learners import Domain, Each, Learner, Parameter


def predict(X: Any, Y: Any, x_q: Any, W0: Any, P: Any) -> Any:
    """The prediction (m,); P (f, f) multiplies the gradient of the mean loss from the right."""
    return (W0 - gradient(W0, X, Y) @ P) @ x_q


LEARNER = Learner(
    "matrix_gd",
    title="one step of batch gradient descent, preconditioned by a matrix",
    latex=r"W_1 = W_0 - \nabla L(W_0)\, P, \quad L(W) = \frac{1}{2N} \sum_i \lVert W x_i - y_i \rVert^2",
    source="arXiv 2306.00297, theorem 1",
    call=predict,
    parameters=(Parameter("P", "P", "preconditioner on the mean loss", Domain.REAL, each=Each.MATRIX),),
    order=False,
)
