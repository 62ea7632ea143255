"""Newton's iteration for the inverse of A = X^T X, from alpha A; the prediction is Y^T X P_k x_q."""

from __future__ import annotations

from typing import Any

from constructions import newton_schulz
from constructions.learners import Domain, Learner, Parameter
from constructions.namespace import namespace


def predict(X: Any, Y: Any, x_q: Any, W0: Any, alpha: Any, iterations: int) -> Any:
    """The prediction (m,); alpha 0-d."""
    A = X.mT @ X

    def once(P: Any) -> Any:
        return newton_schulz.step(P, A)

    return Y.mT @ (X @ (namespace(X).iterate(once, alpha * A, iterations) @ x_q))


LEARNER = Learner(
    "iterative_newton",
    title="Newton's iteration for the inverse, from a multiple of the Gram matrix",
    latex=r"P_{j+1} = P_j (2 I - A P_j), \quad P_0 = \alpha A, \quad A = X^\top X, \quad \hat y = Y^\top X P_k x_q",
    source="arXiv 2310.17086, section 3",
    call=predict,
    parameters=(
        Parameter("alpha", r"\alpha", "start of the inverse"),
        Parameter("iterations", "k", "number of iterations", Domain.COUNT),
    ),
    order=False,
    start=False,
)
