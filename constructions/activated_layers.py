"""Two ungated LTI layers with a pointwise activation (S5 without its gate): products come from its curvature.

    layer: g(R (h, u, 1)), entry by entry, of h_t = decay h_{t-1} + P (u, 1)
With g(z) = z/2 + q z^2 + (even, of fourth order), as GELU has it with q = 1/sqrt(2 pi):
    a b ~ [g(d(a+b)) + g(-d(a+b)) - g(d(a-b)) - g(-d(a-b))]/(8 q d^2),   z = g(z) - g(-z)
for a small inner scale d. The linear map of the next layer takes the sums. Joint tokens (x_t, y_t), then (x_q, 0).
Source: derived here; the layer is arXiv 2208.04933 (S5) with real decays 0 and 1.
"""

from __future__ import annotations

from collections.abc import Callable

from constructions.gated_accumulator import recurrence
from constructions.namespace import Array, identity, namespace, zeros
from constructions.two_layers import pairs, tokens, with_one

Activation = Callable[[Array], Array]
"""Entry by entry."""


def activated(U: Array, P: Array, decay: Array, R: Array, activation: Activation) -> Array:
    """Outputs (T, q) activation(R (h, u, 1)) of h_t = decay h_{t-1} + P (u, 1); P (n, p+1), R (q, n+p+1)."""
    u = with_one(U)
    h = recurrence(decay, u @ P.mT, 0 * decay)
    return activation(namespace(U).concat([h, u], axis=1) @ R.mT)


def product_inputs(a: Array, b: Array, delta: Array) -> Array:
    """The four rows delta (a+b), -delta (a+b), delta (a-b), -delta (a-b) for each row of a and b (n, p): (4n, p)."""
    xp = namespace(a, b)
    return xp.concat([delta * (a + b), -delta * (a + b), delta * (a - b), -delta * (a - b)], axis=0)


def product_sums(n: int, curvature: Array, delta: Array) -> Array:
    """The map (n, 4n) from the activations of `product_inputs` to the products."""
    one = identity(n, delta) / (8 * curvature * delta * delta)
    return namespace(delta).concat([one, one, -one, -one], axis=1)


def predict(
    X: Array, Y: Array, x_q: Array, scale: Array, activation: Activation, curvature: Array, delta: Array
) -> Array:
    """The prediction (m,) of the two layers with inner scale delta (0-d); curvature: q of the activation (0-d)."""
    xp = namespace(X)
    f, m = X.shape[1], Y.shape[1]
    x_of, y_of = pairs(f, m, X)
    n, d = m * f, f + m
    # on (x, y, 1): the pairs' products, and x itself
    on_x = xp.concat([x_of, zeros((n, m + 1), X)], axis=1)
    on_y = xp.concat([zeros((n, f), X), y_of, zeros((n, 1), X)], axis=1)
    copy = xp.concat([identity(f, X), zeros((f, m + 1), X)], axis=1)
    inner = xp.concat([product_inputs(on_x, on_y, delta), copy, -copy], axis=0)
    R = xp.concat([zeros((4 * n + 2 * f, d), X), inner], axis=1)
    V = activated(tokens(X, Y, x_q), zeros((d, d + 1), X), zeros((d,), X), R, activation)
    # the second layer accumulates the products and multiplies the sums by x
    P = xp.concat([product_sums(n, curvature, delta), zeros((n, 2 * f + 1), X)], axis=1)
    x_again = xp.concat([zeros((n, 5 * n), X), x_of, -x_of, zeros((n, 1), X)], axis=1)
    state = xp.concat([identity(n, X), zeros((n, 4 * n + 2 * f + 1), X)], axis=1)
    last = activated(V, P, zeros((n,), X) + 1, product_inputs(state, x_again, delta), activation)[-1, :]
    return scale * (y_of.mT @ (product_sums(n, curvature, delta) @ last))
