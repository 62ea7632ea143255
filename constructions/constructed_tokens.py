"""GD-SSM on constructed tokens [x_t y_t ; x_{t+1}], scalar target: an LTI state with an output gate only.

    h_t = decay * h_{t-1} + B u_t   (f,),   o_t = h_t . (D u_t),   B = -scale [I 0], D = [0 I]   (f, 2f)
The product y_t x_t and the shift by one were done by whoever made the tokens.
Source: arXiv 2410.11687, constructed-token form (its code's `constructed-token` branch; C is never used there).
"""

from __future__ import annotations

from constructions.gated_accumulator import recurrence
from constructions.namespace import Array, identity, namespace, zeros


def tokens(X: Array, y: Array, x_q: Array) -> Array:
    """The tokens (N, 2f): row t is [x_t y_t ; x_{t+1}], with x_{N+1} = x_q. X (N, f), y (N,), x_q (f,)."""
    xp = namespace(X, y, x_q)
    following = xp.concat([X[1:, :], x_q[None, :]], axis=0)
    return xp.concat([X * y[:, None], following], axis=1)


def layer(sequence: Array, B: Array, D: Array, decay: Array) -> Array:
    """The outputs (N,) for tokens (N, 2f); B and D (f, 2f), decay (f,)."""
    xp = namespace(sequence)
    states = recurrence(decay, sequence @ B.mT, zeros((B.shape[0],), sequence))
    return xp.sum(states * (sequence @ D.mT), axis=1)


def predictions(X: Array, y: Array, x_q: Array, scale: Array) -> Array:
    """All N predictions (N,), minus the outputs, with B = -scale [I 0], D = [0 I], decay 1."""
    xp = namespace(X)
    f = X.shape[1]
    one, none = identity(f, X), zeros((f, f), X)
    B, D = xp.concat([-scale * one, none], axis=1), xp.concat([none, one], axis=1)
    return -layer(tokens(X, y, x_q), B, D, zeros((f,), X) + 1)
