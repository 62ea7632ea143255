"""Discounted ridge regression with a constant prior: the mesa layer's solution.

W minimises 1/2 sum_i beta_i w_i |W x_i - y_i|^2 + 1/2 sum_c lam_c |W e_c|^2, w_i = prod of later decays; normal equations.
"""

from __future__ import annotations

from typing import Any

from constructions.learners import Class, Domain, Each, Learner, Parameter
from constructions.learners._tokens import solve
from constructions.namespace import identity, namespace


def predict(X: Any, Y: Any, x_q: Any, W0: Any, lam: Any, beta: Any, decay: Any) -> Any:
    """The prediction (m,); lam (f,) or 0-d, beta and decay (N,) or 0-d."""
    weighted = X * (namespace(X).decay_to_end(decay, X) * beta)[:, None]
    z = solve(weighted.mT @ X + lam * identity(X.shape[1], X), x_q[:, None])
    return (Y.mT @ weighted @ z)[:, 0]


LEARNER = Learner(
    "mesa",
    title="discounted ridge regression with a constant prior (mesa layer)",
    latex=r"W = \arg\min_W \tfrac12 \sum_i \beta_i \Bigl(\prod_{j > i} \gamma_j\Bigr) \lVert W x_i - y_i \rVert^2 "
    r"+ \tfrac12 \sum_c \lambda_c \lVert W e_c \rVert^2",
    source="arXiv 2506.05233, eq. 5",
    call=predict,
    parameters=(
        Parameter("lam", r"\lambda", "prior of each channel, against the summed loss", each=Each.CHANNEL),
        Parameter("beta", r"\beta", "weight of each token", neutral=1, each=Each.TOKEN),
        Parameter("decay", r"\gamma", "discount a token", Domain.UNIT, neutral=1, each=Each.TOKEN),
    ),
    kind=Class.RATIONAL,
    start=False,
    simpler=(("decay", "ridge"),),
    gauge="beta and lam only through beta/lam",
)
