"""TTT-Linear without its layer norm: a linear model trained on mini-batches inside the layer, in its dual form.

Inside a mini-batch that starts at W the outputs are, without forming the intermediate weights,
    o_t = W q_t - rate sum_{s <= t} (W k_s - v_s) (k_s . q_t),
and the next mini-batch starts at W - rate sum_s (W k_s - v_s) k_s^T. Tokens: K (N, f), V (N, m), Q (N, f).
Source: arXiv 2407.04620, section 2.5 (dual form), with f(x) = W x.
"""

from __future__ import annotations

from constructions.namespace import Array, namespace


def errors(W: Array, K: Array, V: Array) -> Array:
    """The errors W k_s - v_s at W, shape (n, m)."""
    return K @ W.mT - V


def outputs(W: Array, K: Array, V: Array, Q: Array, rate: Array) -> Array:
    """The outputs (n, m) of one mini-batch in dual form, from W (m, f)."""
    return Q @ W.mT - rate * (namespace(W).tril(Q @ K.mT) @ errors(W, K, V))


def after(W: Array, K: Array, V: Array, rate: Array) -> Array:
    """The weights after the mini-batch, (m, f)."""
    return W - rate * (errors(W, K, V).mT @ K)


def layer(W: Array, K: Array, V: Array, Q: Array, rate: Array, size: int) -> Array:
    """All outputs (N, m) with mini-batches of `size` tokens (the last may be shorter)."""

    def batch(W: Array, K: Array, V: Array, Q: Array) -> Array:
        return after(W, K, V, rate)

    def rows(W: Array, K: Array, V: Array, Q: Array) -> Array:
        return outputs(W, K, V, Q, rate)

    return namespace(W).chunks(batch, W, K, V, Q, size=size, read=rows)[1]
