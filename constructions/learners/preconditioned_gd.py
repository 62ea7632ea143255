"""One step of preconditioned gradient descent on the mean squared loss, with a step size of its own for each channel.

Source: arXiv 2306.00297 (Gamma diagonal); Mamba's per-channel step sizes are of this kind.
"""

from __future__ import annotations

from typing import Any

from constructions.autograd_descent import gradient
from constructions.learners import Domain, Each, Learner, Parameter
from constructions.namespace import namespace


def predict(X: Any, Y: Any, x_q: Any, W0: Any, eta: Any, steps: int) -> Any:
    """The prediction (m,); eta (f,) multiplies the columns of the gradient of the mean loss."""

    def once(W: Any) -> Any:
        return W - gradient(W, X, Y) * eta

    return namespace(X).iterate(once, W0, steps) @ x_q


LEARNER = Learner(
    "preconditioned_gd",
    title="batch gradient descent with a step size for each channel",
    latex=r"W_{j+1} = W_j - \nabla L(W_j)\, \mathrm{diag}(\eta), \quad L(W) = \frac{1}{2N} \sum_i \lVert W x_i - y_i \rVert^2",
    source="arXiv 2306.00297, theorem 1 (diagonal case)",
    call=predict,
    parameters=(
        Parameter("eta", r"\eta", "step size of each channel on the mean loss", each=Each.CHANNEL),
        Parameter("steps", "k", "number of steps", Domain.COUNT, default=1),
    ),
    order=False,
)
