"""Mini-batch gradient descent: one step on the summed loss of every `size` tokens; the last batch may be shorter."""

from __future__ import annotations

from typing import Any

from constructions.learners import Domain, Learner, Parameter
from constructions.online_descent import minibatches


def predict(X: Any, Y: Any, x_q: Any, W0: Any, beta: Any, size: int) -> Any:
    """The prediction (m,) after the last batch; beta 0-d."""
    return minibatches(W0, X, Y, beta, size) @ x_q


LEARNER = Learner(
    "mini_batch",
    title="mini-batch gradient descent on the summed loss",
    latex=r"W_{j+1} = W_j - \beta \sum_{i \in B_j} (W_j x_i - y_i) x_i^\top",
    source="arXiv 2407.04620, section 2.4 (without layer norm)",
    call=predict,
    parameters=(
        Parameter("beta", r"\beta", "step size on the summed loss of a batch"),
        Parameter("size", "b", "number of tokens a batch", Domain.COUNT, neutral=1),
    ),
    simpler=(("size", "online_gd"),),
)
