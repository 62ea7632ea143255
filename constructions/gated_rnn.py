"""A gated linear recurrent network with the weights that make it linear self-attention, or one descent step.

    h_t = lambda * h_{t-1} + (W_m v_t) * (W_x v_t),   o_t = D ((O_m h_t) * (O_x h_t)),   v_t = (u_t, 1)
lambda (n,) of zeros and ones; W_m, W_x (n, d+1); O_m, O_x (p, n); D (q, p). The constant 1 replaces biases.
Source: Zucchet et al. 2023 (arXiv 2309.01775).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from constructions.gated_accumulator import recurrence
from constructions.namespace import Array, again, each, identity, namespace, zeros


@dataclass(frozen=True)
class Weights:
    """The network's weights, dense as the model stores them."""

    decay: Array
    W_m: Array
    W_x: Array
    O_m: Array
    O_x: Array
    D: Array

    @property
    def neurons(self) -> int:
        """The number of state entries."""
        count: int = self.decay.shape[0]
        return count

    @property
    def parameters(self) -> int:
        """The number of stored entries, zeros and the decays included."""
        gates = prod(self.W_m.shape) + prod(self.W_x.shape) + prod(self.O_m.shape) + prod(self.O_x.shape)
        return prod(self.decay.shape) + gates + prod(self.D.shape)


def products(rows: Array, first: Array, second: Array) -> Array:
    """A gate: two linear maps of the same rows, multiplied entry by entry."""
    return (rows @ first.mT) * (rows @ second.mT)


def layer(U: Array, weights: Weights) -> Array:
    """All outputs (T, q) for inputs U (T, d)."""
    v = namespace(U).concat([U, zeros((U.shape[0], 1), U) + 1], axis=1)
    h = recurrence(weights.decay, products(v, weights.W_m, weights.W_x), 0 * weights.decay)
    return products(h, weights.O_m, weights.O_x) @ weights.D.mT


def attention_weights(W_V: Array, W_K: Array, W_Q: Array) -> Weights:
    """The weights whose output is sum_{s<=t} W_V u_s (W_K u_s)^T W_Q u_t; W_V (a, d), W_K and W_Q (r, d).

    Neurons: a r key-value products (decay 1), then r queries (decay 0, input times 1).
    """
    xp = namespace(W_V, W_K, W_Q)
    a, r, d = W_V.shape[0], W_K.shape[0], W_V.shape[1]
    n = a * r
    values, keys = each(W_V, r), again(W_K, a)
    column, one = zeros((n, 1), W_V), zeros((r, 1), W_V) + 1
    W_m = xp.concat([xp.concat([values, column], axis=1), xp.concat([W_Q, 0 * one], axis=1)], axis=0)
    W_x = xp.concat([xp.concat([keys, column], axis=1), xp.concat([zeros((r, d), W_V), one], axis=1)], axis=0)
    kept = xp.concat([zeros((n,), W_V) + 1, zeros((r,), W_V)], axis=0)
    O_m = xp.concat([identity(n, W_V), zeros((n, r), W_V)], axis=1)
    O_x = xp.concat([zeros((n, n), W_V), again(identity(r, W_V), a)], axis=1)
    return Weights(kept, W_m, W_x, O_m, O_x, each(identity(a, W_V), r).mT)


def descent_weights(f: int, m: int, like: Array) -> Weights:
    """The weights for tokens (x, y), d = f + m: values y, keys and queries x; m f + f neurons, the output is B x_t."""
    xp = namespace(like)
    W_K = xp.concat([identity(f, like), zeros((f, m), like)], axis=1)
    W_V = xp.concat([zeros((m, f), like), identity(m, like)], axis=1)
    return attention_weights(W_V, W_K, W_K)
