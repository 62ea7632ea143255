"""The gated linear recurrent network with a symmetric memory: it stores sum u u^T once, whatever attention reads from it.

Neurons (i, j), i <= j, accumulate u_i u_j; d query neurons take W_K^T W_Q u; the output multiplies entry (i, j) of the
symmetric memory by query j, and D = W_V sums: d (d + 3)/2 neurons for any W_V (a, d), W_K, W_Q (r, d).
Source: arXiv 2309.01775 (network, and its remark that the memory is symmetric); the count derived here.
"""

from __future__ import annotations

from constructions.gated_rnn import Weights
from constructions.namespace import Array, again, each, identity, namespace, zeros


def attention_weights(W_V: Array, W_K: Array, W_Q: Array) -> Weights:
    """The weights whose output is sum_{s<=t} W_V u_s (W_K u_s)^T W_Q u_t, for `constructions.gated_rnn.layer`."""
    xp = namespace(W_V, W_K, W_Q)
    d, one = W_V.shape[1], identity(W_V.shape[1], W_V)
    left, right = _pairs(one)
    n = left.shape[0]
    column, ones = zeros((n, 1), W_V), zeros((d, 1), W_V) + 1
    W_m = xp.concat([xp.concat([left, column], axis=1), xp.concat([W_K.mT @ W_Q, 0 * ones], axis=1)], axis=0)
    W_x = xp.concat([xp.concat([right, column], axis=1), xp.concat([0 * one, ones], axis=1)], axis=0)
    kept = xp.concat([zeros((n,), W_V) + 1, zeros((d,), W_V)], axis=0)
    # entry (i, j) of the memory is the neuron of that pair or of the pair (j, i): both, if i = j, and then once
    upper, lower = (each(a.mT, d) * again(b.mT, d) for a, b in ((left, right), (right, left)))
    O_m = xp.concat([upper + lower - upper * lower, zeros((d * d, d), W_V)], axis=1)
    O_x = xp.concat([zeros((d * d, n), W_V), again(one, d)], axis=1)
    return Weights(kept, W_m, W_x, O_m, O_x, each(W_V.mT, d).mT)


def _pairs(one: Array) -> tuple[Array, Array]:
    """The unit vectors e_i and e_j of every pair i <= j, one pair a row: (d (d + 1)/2, d) each."""
    xp, none = namespace(one), zeros((0, one.shape[1]), one)

    def last(found: tuple[Array, Array, Array], unit: Array) -> tuple[Array, Array, Array]:
        left, right, so_far = found
        so_far = xp.concat([so_far, unit[None, :]], axis=0)
        return xp.concat([left, so_far], axis=0), xp.concat([right, 0 * so_far + unit], axis=0), so_far

    left, right, _ = xp.fold(last, (none, none, none), one)
    return left, right
