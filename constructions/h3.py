"""H3: a shift memory pairs each token with the one before, a diagonal memory adds the products up, a gate reads them.

    S_t = decay S_{t-1} + (W_V u_t) (W_K u_{t-1})^T,   o_t = S_t (W_Q u_t)
Tokens U (T, d), u_0 = 0; W_V (a, d), W_K and W_Q (r, d); decay 0-d. The shift memory is the previous token's key.
Source: arXiv 2212.14052 (H3), with the outer product over a head's channels and one decay.
"""

from __future__ import annotations

from constructions.gated_accumulator import accumulate
from constructions.namespace import Array, namespace, zeros


def layer(U: Array, W_V: Array, W_K: Array, W_Q: Array, decay: Array) -> Array:
    """All outputs (T, a)."""

    def token(at: tuple[Array, Array], u: Array) -> tuple[Array, Array]:
        return accumulate(at[0], (W_V @ u)[:, None] @ (W_K @ at[1])[None, :], decay), u

    def row(at: tuple[Array, Array], u: Array) -> Array:
        return at[0] @ (W_Q @ u)

    start = zeros((W_V.shape[0], W_K.shape[0]), U), zeros((U.shape[1],), U)
    return namespace(U).fold(token, start, U, read=row)[1]


def tokens(X: Array, Y: Array, x_q: Array) -> Array:
    """The typed sequence (2N+1, f+m): (x_1, 0), (0, y_1), ..., (x_q, 0)."""
    xp = namespace(X)
    N, f, m = X.shape[0], X.shape[1], Y.shape[1]
    left, right = xp.concat([X, zeros((N, m), X)], axis=1), xp.concat([zeros((N, f), X), Y], axis=1)
    return xp.interleave(left, right, xp.concat([x_q, zeros((m,), X)], axis=0))
