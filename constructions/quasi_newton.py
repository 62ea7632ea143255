"""BFGS with exact line search: a quasi-Newton minimiser that sees a function only through its gradient.

    d = -H g,  s = t d with t the minimiser along d,  y = g(w + s) - g(w),
    H <- (I - rho s y^T) H (I - rho y s^T) + rho s s^T,   rho = 1/(y . s)
Columns (f, 1), H (f, f). The line search t = -(g . d)/((g(w + d) - g(w)) . d) is exact where the function is quadratic.
Source: Broyden, Fletcher, Goldfarb and Shanno 1970.
"""

from __future__ import annotations

from collections.abc import Callable

from constructions.namespace import Array, namespace, zeros

Gradient = Callable[[Array], Array]


def line_search(g: Array, d: Array, change: Array) -> Array:
    """The step length from the gradient g and its change over a unit step along d."""
    return -(g.mT @ d) / (change.mT @ d)


def update(H: Array, s: Array, y: Array) -> Array:
    """The inverse Hessian's estimate after a step s that changed the gradient by y."""
    rho = 1 / (y.mT @ s)
    left = H - rho * (s @ (y.mT @ H))
    return left - rho * ((left @ y) @ s.mT) + rho * (s @ s.mT)


def iterates(gradient: Gradient, w: Array, H: Array, steps: int) -> Array:
    """The points (steps, f) after each step from the column w, with the first estimate H."""

    def once(state: tuple[Array, Array, Array], _: Array) -> tuple[Array, Array, Array]:
        w, H, g = state
        d = -(H @ g)
        s = line_search(g, d, gradient(w + d) - g) * d
        after = gradient(w + s)
        return w + s, update(H, s, after - g), after

    def point(state: tuple[Array, Array, Array], _: Array) -> Array:
        w, *_ = state
        return w[:, 0]

    _, found = namespace(w).fold(once, (w, H, gradient(w)), zeros((steps,), w), read=point)
    return found
