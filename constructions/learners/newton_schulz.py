"""Newton-Schulz iteration for the inverse of A = X^T X, from scale I; the prediction is Y^T X P_k x_q."""

from __future__ import annotations

from typing import Any

from constructions import newton_schulz
from constructions.learners import Domain, Learner, Parameter


def predict(X: Any, Y: Any, x_q: Any, W0: Any, scale: Any, iterations: int) -> Any:
    """The prediction (m,); scale 0-d, against a sum over tokens."""
    return newton_schulz.weights(X.mT @ X, Y.mT @ X, scale, iterations) @ x_q


LEARNER = Learner(
    "newton_schulz",
    title="Newton-Schulz iteration from a multiple of the identity",
    latex=r"P_{j+1} = P_j (2 I - X^\top X P_j), \quad P_0 = \alpha I, \quad \hat y = Y^\top X P_k x_q",
    source="Schulz 1933; arXiv 2212.07677",
    call=predict,
    parameters=(
        Parameter("scale", r"\alpha", "start of the inverse, against a sum over tokens"),
        Parameter("iterations", "k", "number of iterations", Domain.COUNT),
    ),
    order=False,
    start=False,
    gauge="k iterations are 2^k steps of gradient descent from 0 on the summed loss",
)
