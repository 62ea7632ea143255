"""Conjugate gradients on the ridge loss, each output by itself: `steps` exact line searches along conjugate directions.

The loss of output r is 1/2 sum_i (w x_i - y_{i,r})^2 + lam/2 |w|^2.
"""

from __future__ import annotations

from typing import Any

from constructions.autograd_descent import gradient
from constructions.learners import Class, Domain, Learner, Parameter
from constructions.namespace import Array, namespace


def _loss(w: Any, X: Any, y: Any, lam: Any) -> Any:
    residual = X @ w - y
    return (residual @ residual + lam * (w @ w)) / 2


def predict(X: Any, Y: Any, x_q: Any, W0: Any, lam: Any, steps: int) -> Any:
    """The prediction (m,) after `steps` steps from W0; gradients are autograd's."""
    xp = namespace(X)

    def output(_: Array, w: Array, y: Array) -> Array:
        def slope(w: Array) -> Array:
            return gradient(w, X, y, lam, of=_loss)

        def moved(w: Array, g: Array, d: Array) -> Array:
            # the gradient is affine, so its change along d is the curvature
            return w - (g @ d) / (d @ (slope(w + d) - g)) * d

        def once(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
            w, g, d = state
            after = moved(w, g, d)
            following = slope(after)
            return after, following, (following @ following) / (g @ g) * d - following

        w, g, d = xp.iterate(once, (w, slope(w), -slope(w)), steps - 1)
        return moved(w, g, d) @ x_q

    def nothing(state: Array, *_: Array) -> Array:
        return state

    _, found = xp.fold(nothing, lam, W0, Y.mT, read=output)
    return found


LEARNER = Learner(
    "conjugate_gradient",
    title="conjugate gradients on the ridge loss",
    latex=r"w_{j+1} = w_j + \alpha_j d_j, \quad d_j = -g_j + \frac{g_j^\top g_j}{g_{j-1}^\top g_{j-1}} d_{j-1}",
    source="Hestenes and Stiefel 1952 (Fletcher-Reeves form)",
    call=predict,
    parameters=(
        Parameter("lam", r"\lambda", "ridge, against the summed loss", Domain.REAL, neutral=0),
        Parameter("steps", "k", "number of steps", Domain.COUNT),
    ),
    kind=Class.RATIONAL,
    order=False,
)
