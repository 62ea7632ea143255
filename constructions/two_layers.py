"""Two layers that each have one kind of multiplication take a gradient-descent step together.

On joint tokens u_t = (x_t, y_t), t = 1..N, then (x_q, 0); scale = eta/N. In each form both layers are diagonal linear
recurrences with fixed decays 0 or 1 and linear maps of (u, 1), and the only products are
    input gated     (P u) * (Q u) before the state,
    output gated    (R h) * (S u) after the state,
    squared         (R (h, u))^2 after the state, entry by entry.
Source: derived here.
"""

from __future__ import annotations

from constructions.gated_accumulator import recurrence
from constructions.namespace import Array, again, each, identity, namespace, zeros


def with_one(U: Array) -> Array:
    """A constant 1 appended to every token: (T, p + 1)."""
    return namespace(U).concat([U, zeros((U.shape[0], 1), U) + 1], axis=1)


def input_gated(U: Array, P: Array, Q: Array, decay: Array) -> Array:
    """States (T, n) of h_t = decay h_{t-1} + (P u) * (Q u); P, Q (n, p + 1), decay (n,)."""
    u = with_one(U)
    return recurrence(decay, (u @ P.mT) * (u @ Q.mT), 0 * decay)


def output_gated(U: Array, P: Array, decay: Array, R: Array, S: Array) -> Array:
    """Outputs (T, q) (R (h, 1)) * (S (u, 1)) of h_t = decay h_{t-1} + P u; P (n, p + 1), R (q, n + 1), S (q, p + 1)."""
    u = with_one(U)
    h = recurrence(decay, u @ P.mT, 0 * decay)
    return (with_one(h) @ R.mT) * (u @ S.mT)


def squared(U: Array, P: Array, decay: Array, R: Array) -> Array:
    """Outputs (T, q) (R (h, u, 1))^2, entrywise, of h_t = decay h_{t-1} + P u; P (n, p + 1), R (q, n + p + 1)."""
    u = with_one(U)
    h = recurrence(decay, u @ P.mT, 0 * decay)
    return (namespace(U).concat([h, u], axis=1) @ R.mT) ** 2


def tokens(X: Array, Y: Array, x_q: Array) -> Array:
    """The joint tokens (N+1, f+m): (x_t, y_t), then (x_q, 0)."""
    xp = namespace(X)
    last = xp.concat([x_q, zeros((Y.shape[1],), X)], axis=0)
    return xp.concat([xp.concat([X, Y], axis=1), last[None, :]], axis=0)


def pairs(f: int, m: int, like: Array) -> tuple[Array, Array]:
    """Selections (m f, f) of x_j and (m f, m) of y_i, for the pairs (i, j) with j running fastest."""
    return again(identity(f, like), m), each(identity(m, like), f)


def _beside(*parts: Array) -> Array:
    return namespace(*parts).concat([*parts], axis=1)


def _above(*parts: Array) -> Array:
    return namespace(*parts).concat([*parts], axis=0)


def by_input_gates(X: Array, Y: Array, x_q: Array, scale: Array) -> Array:
    """The prediction (m,) of two input-gated layers: the first makes B and copies x, the second multiplies them."""
    f, m = X.shape[1], Y.shape[1]
    x_of, y_of = pairs(f, m, X)
    n = m * f
    none = zeros((n, 1), X)
    P = _above(_beside(zeros((n, f), X), y_of, none), _beside(identity(f, X), zeros((f, m + 1), X)))
    Q = _above(_beside(x_of, zeros((n, m + 1), X)), _beside(zeros((f, f + m), X), zeros((f, 1), X) + 1))
    kept = namespace(X).concat([zeros((n,), X) + 1, zeros((f,), X)], axis=0)
    V = input_gated(tokens(X, Y, x_q), P, Q, kept)
    left = _beside(identity(n, X), zeros((n, f), X), none)
    right = _beside(zeros((n, n), X), x_of, none)
    products = input_gated(V, left, right, zeros((n,), X))
    return scale * (y_of.mT @ products[-1, :])


def by_output_gates(X: Array, Y: Array, x_q: Array, scale: Array) -> Array:
    """The prediction (m,) of two output-gated layers: the first makes y x^T and copies x, the second sums and reads."""
    f, m = X.shape[1], Y.shape[1]
    x_of, y_of = pairs(f, m, X)
    n, d = m * f, f + m
    P = _beside(identity(d, X), zeros((d, 1), X))
    R = _above(_beside(zeros((n, f), X), y_of, zeros((n, 1), X)), _beside(identity(f, X), zeros((f, m + 1), X)))
    S = _above(_beside(x_of, zeros((n, m + 1), X)), _beside(zeros((f, d), X), zeros((f, 1), X) + 1))
    V = output_gated(tokens(X, Y, x_q), P, zeros((d,), X), R, S)
    sums = _beside(identity(n, X), zeros((n, f + 1), X))
    read = _beside(identity(n, X), zeros((n, 1), X))
    gate = _beside(zeros((n, n), X), x_of, zeros((n, 1), X))
    products = output_gated(V, sums, zeros((n,), X) + 1, read, gate)
    return scale * (y_of.mT @ products[-1, :])


def by_squares(X: Array, Y: Array, x_q: Array, scale: Array) -> Array:
    """The prediction (m,) of two LTI layers with a pointwise square: ab = ((a + b)^2 - (a - b)^2)/4, twice."""
    f, m = X.shape[1], Y.shape[1]
    x_of, y_of = pairs(f, m, X)
    n, d, xp = m * f, f + m, namespace(X)
    ones, none = zeros((f, 1), X) + 1, zeros((n, 1), X)
    unused = [zeros((k, d), X) for k in (n, n, f, f)]
    R = _above(
        _beside(unused[0], x_of, y_of, none),
        _beside(unused[1], -x_of, y_of, none),
        _beside(unused[2], identity(f, X), zeros((f, m), X), ones),
        _beside(unused[3], identity(f, X), zeros((f, m), X), -ones),
    )
    V = squared(tokens(X, Y, x_q), zeros((d, d + 1), X), zeros((d,), X), R)
    one_n = identity(n, X) / 4
    sums = _beside(one_n, -one_n, zeros((n, 2 * f + 1), X))
    x_again = _beside(zeros((n, 2 * n), X), x_of / 4, -x_of / 4, none)
    R = _above(_beside(identity(n, X), x_again), _beside(identity(n, X), -x_again))
    squares = squared(V, sums, zeros((n,), X) + 1, R)[-1, :]
    return scale * (y_of.mT @ (xp.keep(squares, n) - xp.drop(squares, n))) / 4
