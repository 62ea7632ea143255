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
    state, rows = zeros((W_V.shape[0], W_K.shape[0]), U), []
    before = 0 * U[0, :]
    for t in range(U.shape[0]):
        now = U[t, :]
        state = accumulate(state, (W_V @ now)[:, None] @ (W_K @ before)[None, :], decay)
        rows.append(state @ (W_Q @ now))
        before = now
    return namespace(U).stack(rows)


def tokens(X: Array, Y: Array, x_q: Array) -> Array:
    """The typed sequence (2N+1, f+m): (x_1, 0), (0, y_1), ..., (x_q, 0)."""
    xp = namespace(X)
    f, m = X.shape[1], Y.shape[1]
    rows = []
    for t in range(X.shape[0]):
        rows.append(xp.concat([X[t, :], zeros((m,), X)], axis=0))
        rows.append(xp.concat([zeros((f,), X), Y[t, :]], axis=0))
    rows.append(xp.concat([x_q, zeros((m,), X)], axis=0))
    return xp.stack(rows)
