"""The online learner: stochastic gradient descent, one step a token (or a mini-batch), with nobody's gradient written.

L_t(W) = 1/2 |W k_t - v_t|^2 with W (m, f); rates multiply its gradient and nothing divides it. torch only, but the loss.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from constructions.autograd_descent import descend
from constructions.namespace import Array, namespace


def token_loss(W: Array, keys: Array, values: Array) -> Array:
    """1/2 sum_i |W k_i - v_i|^2 over the rows given: keys (n, f), values (n, m). A sum, not a mean; any namespace."""
    residual = W @ keys.mT - values.mT
    return namespace(W, keys, values).sum(residual * residual) / 2


def online(W: Tensor, keys: Tensor, values: Tensor, rates: Any) -> Tensor:
    """One step a token from W (m, f) with step sizes `rates` (N,): the final W."""

    def token(W: Array, k: Array, v: Array, rate: Array) -> Array:
        return descend(W, k[None, :], v[None, :], eta=rate, of=token_loss)

    return namespace(W).fold(token, W, keys, values, rates)


def minibatches(W: Tensor, keys: Tensor, values: Tensor, rate: Any, size: int) -> Tensor:
    """One step a mini-batch of `size` tokens (the last may be shorter), on the summed loss: the final W."""

    def batch(W: Array, k: Array, v: Array) -> Array:
        return descend(W, k, v, eta=rate, of=token_loss)

    return namespace(W).chunks(batch, W, keys, values, size=size)
