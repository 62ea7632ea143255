"""Ridge regression: W minimises 1/2 sum_i |W x_i - y_i|^2 + lam/2 |W - W0|^2, solved by its normal equations."""

from __future__ import annotations

from typing import Any

from constructions.learners import Class, Learner, Parameter
from constructions.learners._tokens import solve
from constructions.namespace import identity


def predict(X: Any, Y: Any, x_q: Any, W0: Any, lam: Any) -> Any:
    """The prediction (m,); lam 0-d, against a sum over tokens."""
    z = solve(X.mT @ X + lam * identity(X.shape[1], X), x_q[:, None])
    return W0 @ x_q + ((Y - X @ W0.mT).mT @ X @ z)[:, 0]


LEARNER = Learner(
    "ridge",
    title="ridge regression",
    latex=r"W = \arg\min_W \tfrac12 \sum_i \lVert W x_i - y_i \rVert^2 + \tfrac{\lambda}{2} \lVert W - W_0 \rVert^2",
    source="Hoerl and Kennard 1970",
    call=predict,
    parameters=(Parameter("lam", r"\lambda", "ridge, against the summed loss (nothing divides it)"),),
    kind=Class.RATIONAL,
    order=False,
)
