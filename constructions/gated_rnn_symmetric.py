"""The gated linear recurrent network with a symmetric memory: it stores sum u u^T once, whatever attention reads from it.

Neurons (i, j), i <= j, accumulate u_i u_j; d query neurons take W_K^T W_Q u; the output multiplies entry (i, j) of the
symmetric memory by query j, and D = W_V sums: d (d + 3)/2 neurons for any W_V (a, d), W_K, W_Q (r, d).
Source: arXiv 2309.01775 (network, and its remark that the memory is symmetric); the count derived here.
"""

from __future__ import annotations

from constructions.gated_rnn import Weights
from constructions.namespace import Array, identity, namespace, zeros


def attention_weights(W_V: Array, W_K: Array, W_Q: Array) -> Weights:
    """The weights whose output is sum_{s<=t} W_V u_s (W_K u_s)^T W_Q u_t, for `constructions.gated_rnn.layer`."""
    xp = namespace(W_V, W_K, W_Q)
    d = W_V.shape[1]
    pairs = [(i, j) for i in range(d) for j in range(i, d)]
    n, one = len(pairs), identity(d, W_V)
    left, right = (xp.stack([one[pair[side], :] for pair in pairs]) for side in (0, 1))
    column, ones = zeros((n, 1), W_V), zeros((d, 1), W_V) + 1
    W_m = xp.concat([xp.concat([left, column], axis=1), xp.concat([W_K.mT @ W_Q, 0 * ones], axis=1)], axis=0)
    W_x = xp.concat([xp.concat([right, column], axis=1), xp.concat([0 * one, ones], axis=1)], axis=0)
    kept = xp.concat([zeros((n,), W_V) + 1, zeros((d,), W_V)], axis=0)
    neurons = identity(n + d, W_V)
    entries = [(i, j) for i in range(d) for j in range(d)]
    O_m = xp.stack([neurons[pairs.index((min(i, j), max(i, j))), :] for i, j in entries])
    O_x = xp.stack([neurons[n + j, :] for _, j in entries])
    return Weights(kept, W_m, W_x, O_m, O_x, xp.stack([W_V[:, i] for i, _ in entries], axis=1))
