"""The published non-linear form, one layer: scalar tokens through an affine embedding, then the descent layer.

Each scalar u (x_t, y_t or x_q) goes through its own Dense map u w + b (p,), no activation; the layer then gives
    z = -scale sum_s phi(y_s) (phi(x_s) . phi(x_q))      (p,)
and a fixed read-out function of z follows. X, Y (N,), x_q (), w, b (p,).
Source: arXiv 2410.11687, published code of the non-linear regression (its half_glu2 form).
"""

from __future__ import annotations

from constructions.namespace import Array, namespace


def embed(u: Array, w: Array, b: Array) -> Array:
    """u w + b: (p,) for a 0-d u."""
    return u * w + b


def layer(X: Array, Y: Array, x_q: Array, w: Array, b: Array, scale: Array) -> Array:
    """z (p,), before the read-out."""
    query = embed(x_q, w, b)

    def token(z: Array, x: Array, y: Array) -> Array:
        return z - scale * embed(y, w, b) * (embed(x, w, b) @ query)

    return namespace(X).fold(token, 0 * w, X, Y)


def from_sums(N: int, Sx: Array, Sy: Array, Sxy: Array, x_q: Array, w: Array, b: Array, scale: Array) -> Array:
    """The same z from the context's sums N, sum x, sum y and sum x y alone."""
    alpha, beta, gamma = w @ w, w @ b, b @ b
    u_1 = alpha * x_q * Sxy + beta * Sxy + beta * x_q * Sy + gamma * Sy
    u_2 = alpha * x_q * Sx + beta * Sx + N * beta * x_q + N * gamma
    return -scale * (w * u_1 + b * u_2)


def sums(X: Array, Y: Array) -> tuple[Array, Array, Array]:
    """sum x, sum y, sum x y."""
    xp = namespace(X, Y)
    return xp.sum(X), xp.sum(Y), xp.sum(X * Y)
