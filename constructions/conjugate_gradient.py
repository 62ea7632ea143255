"""Conjugate gradients on the normal equations A w = b of least squares, A = X^T X, b = X^T y, one output at a time.

    alpha = |r|^2/(p^T A p),  w <- w + alpha p,  r' = r - alpha A p,  p <- r' + (|r'|^2/|r|^2) p,   r_0 = p_0 = b - A w_0
w, r, p are columns (f, 1), or stacks (m, f, 1) of them. A and b may be divided by N alike: the iterates do not change.
Source: Hestenes and Stiefel 1952; in context in MesaNet (arXiv 2506.05233), there for (H + Lambda)^{-1} q.
"""

from __future__ import annotations

from constructions.namespace import Array, namespace, zeros


def start(w: Array, A: Array, b: Array) -> tuple[Array, Array, Array]:
    """w, its residual b - A w, and the first direction, which is the residual."""
    r = b - A @ w
    return w, r, r


def step(w: Array, r: Array, p: Array, A: Array) -> tuple[Array, Array, Array]:
    """One iteration: the next w, r and p. Divides by p^T A p and |r|^2."""
    moved = A @ p
    alpha = (r.mT @ r) / (p.mT @ moved)
    after = r - alpha * moved
    beta = (after.mT @ after) / (r.mT @ r)
    return w + alpha * p, after, after + beta * p


def iterates(W0: Array, X: Array, Y: Array, iterations: int) -> Array:
    """The weights (iterations, m, f) after each iteration from W0 (m, f); X (N, f), Y (N, m)."""
    A, B = X.mT @ X, X.mT @ Y

    def once(state: tuple[Array, Array, Array], _: Array) -> tuple[Array, Array, Array]:
        w, r, p = state
        return step(w, r, p, A)

    def weights(state: tuple[Array, Array, Array], _: Array) -> Array:
        w, *_ = state
        return w[..., 0]

    first = start(W0[..., None], A, B.mT[..., None])
    _, found = namespace(X).fold(once, first, zeros((iterations,), X), read=weights)
    return found
