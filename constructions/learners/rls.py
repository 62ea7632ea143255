"""Recursive least squares with forgetting, whose prior is forgotten too.

W minimises 1/2 sum_i decay^(N-i) |W x_i - y_i|^2 + decay^N lam/2 |W - W0|^2, solved by its normal equations.
"""

from __future__ import annotations

from typing import Any

from constructions.learners import Class, Domain, Learner, Parameter
from constructions.learners._tokens import solve
from constructions.namespace import identity, namespace


def predict(X: Any, Y: Any, x_q: Any, W0: Any, lam: Any, decay: Any) -> Any:
    """The prediction (m,); lam and decay 0-d."""
    weights = namespace(X).decay_to_end(decay, X)
    weighted = X * weights[:, None]
    prior = weights[0] * decay * lam
    z = solve(weighted.mT @ X + prior * identity(X.shape[1], X), x_q[:, None])
    return W0 @ x_q + ((Y - X @ W0.mT).mT @ weighted @ z)[:, 0]


LEARNER = Learner(
    "rls",
    title="recursive least squares with forgetting (the prior is forgotten too)",
    latex=r"W = \arg\min_W \tfrac12 \sum_i \gamma^{N-i} \lVert W x_i - y_i \rVert^2 "
    r"+ \gamma^N \tfrac{\lambda}{2} \lVert W - W_0 \rVert^2",
    source="Haykin, Adaptive Filter Theory, chapter 10",
    call=predict,
    parameters=(
        Parameter("lam", r"\lambda", "prior, against the summed loss, before forgetting"),
        Parameter("decay", r"\gamma", "forgetting factor a token", Domain.UNIT, neutral=1),
    ),
    kind=Class.RATIONAL,
    simpler=(("decay", "ridge"),),
)
