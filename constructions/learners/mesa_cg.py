"""The mesa layer with an inexact solver: conjugate gradients on (H + lam I) z = x_q from z = 0, then G z.

H = sum_i w_i x_i x_i^T and G = sum_i w_i y_i x_i^T, w_i = decay^(N-i). Linear in Y, not in the query.
Source: arXiv 2506.05233, section 3.
"""

from __future__ import annotations

from typing import Any

from constructions import conjugate_gradient
from constructions.learners import Class, Domain, Each, Learner, Parameter
from constructions.namespace import identity, namespace


def predict(X: Any, Y: Any, x_q: Any, W0: Any, lam: Any, decay: Any, steps: int) -> Any:
    """The prediction (m,); lam 0-d, decay (N,) or 0-d."""
    xp = namespace(X)
    weighted = X * xp.decay_to_end(decay, X)[:, None]
    A, query = weighted.mT @ X + lam * identity(X.shape[1], X), x_q[:, None]

    def once(state: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
        return conjugate_gradient.step(*state, A)

    solved, *_ = xp.iterate(once, conjugate_gradient.start(0 * query, A, query), steps)
    return Y.mT @ (weighted @ solved[:, 0])


LEARNER = Learner(
    "mesa_cg",
    title="discounted ridge regression, solved for the query by conjugate gradients",
    latex=r"\hat y = G z_k, \quad z_k = \mathrm{CG}_k(H + \lambda I,\, x_q), \quad H = \sum_i \gamma^{N-i} x_i x_i^\top, "
    r"\; G = \sum_i \gamma^{N-i} y_i x_i^\top",
    source="arXiv 2506.05233",
    call=predict,
    parameters=(
        Parameter("lam", r"\lambda", "prior, against the summed loss"),
        Parameter("decay", r"\gamma", "discount a token", Domain.UNIT, neutral=1, each=Each.TOKEN),
        Parameter("steps", "k", "number of steps", Domain.COUNT),
    ),
    kind=Class.RATIONAL,
    start=False,
)
