"""GD-SSM on constructed tokens [x_t y_t ; x_{t+1}], scalar target: an LTI state with an output gate only.

    h_t = decay * h_{t-1} + B u_t   (f,),   o_t = h_t . (D u_t),   B = -scale [I 0], D = [0 I]   (f, 2f)
The product y_t x_t and the shift by one were done by whoever made the tokens.
Source: arXiv 2410.11687, constructed-token form (its code's `constructed-token` branch; C is never used there).
"""

from __future__ import annotations

from dataclasses import dataclass

from constructions.gated_accumulator import recurrence
from constructions.namespace import Array, identity, namespace, zeros


@dataclass(frozen=True)
class Weights:
    """One layer's weights: B and D (f, 2f), decay (f,)."""

    B: Array
    D: Array
    decay: Array


def weights(scale: Array, f: int) -> Weights:
    """The weights of the source: B = -scale [I 0], D = [0 I], decay 1; `scale` a 0-d array."""
    xp = namespace(scale)
    one, none = identity(f, scale), zeros((f, f), scale)
    return Weights(xp.concat([-scale * one, none], axis=1), xp.concat([none, one], axis=1), zeros((f,), scale) + 1)


def tokens(X: Array, y: Array, x_q: Array) -> Array:
    """The tokens (N, 2f): row t is [x_t y_t ; x_{t+1}], with x_{N+1} = x_q. X (N, f), y (N,), x_q (f,)."""
    xp = namespace(X, y, x_q)
    return xp.concat([X * y[:, None], xp.following(X, x_q)], axis=1)


def layer(sequence: Array, weights: Weights) -> Array:
    """The outputs (N,) for tokens (N, 2f)."""
    xp = namespace(sequence)
    states = recurrence(weights.decay, sequence @ weights.B.mT, zeros((weights.B.shape[0],), sequence))
    return xp.sum(states * (sequence @ weights.D.mT), axis=1)


def predictions(X: Array, y: Array, x_q: Array, scale: Array) -> Array:
    """All N predictions (N,), minus the outputs, with `weights(scale)`."""
    return -layer(tokens(X, y, x_q), weights(scale, X.shape[1]))
