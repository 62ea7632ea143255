"""Samba: a Mamba layer and a sliding-window attention layer on one residual stream.

    e_t <- e_t + W_out y_t,   y_t of S6 with values W_u e, keys W_B e, queries W_C e
    e_t <- e_t + P o_t,       o_t the softmax attention of e_t to the last `window` tokens, itself included
Tokens E (T, d). Norms and the multilayer perceptrons between the two are left out.
Source: arXiv 2406.07522 (Samba); S6 as in `constructions.mamba`, attention as in `constructions.softmax_attention`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from constructions import softmax_attention
from constructions.gated_accumulator import gated_recurrence
from constructions.namespace import Array, namespace, zeros


@dataclass(frozen=True)
class Mamba:
    """W_u (c, d), W_B and W_C (n, d), W_out (d, c)."""

    u: Array
    B: Array
    C: Array
    out: Array


@dataclass(frozen=True)
class Attention:
    """W_V (a, d), W_K and W_Q (r, d), P (d, a)."""

    value: Array
    key: Array
    query: Array
    out: Array


def mamba_layer(E: Array, weights: Mamba, Delta: Array, decay: Array) -> Array:
    """The stream (T, d) after S6 with step sizes Delta (T, c) and decays (T, c, n)."""
    writes = (Delta * (E @ weights.u.mT))[:, :, None] * (E @ weights.B.mT)[:, None, :]
    states = gated_recurrence(decay, writes, 0 * writes[0, ...])
    read = (states @ (E @ weights.C.mT)[:, :, None])[..., 0]
    return E + read @ weights.out.mT


def window_layer(E: Array, weights: Attention, window: int, scale: Array, exp: Callable[[Array], Array]) -> Array:
    """The stream (T, d) after attention to the last `window` tokens."""
    xp = namespace(E)

    def recent(tokens: Array) -> Array:
        """The last `window` tokens of each, zeros before the first: (T, window, ...)."""
        return xp.windows(xp.concat([zeros((window - 1, tokens.shape[1]), E), tokens], axis=0), window, 1)

    def token(state: Array, *_: Array) -> Array:
        return state

    def attended(_: Array, K: Array, V: Array, q: Array, there: Array) -> Array:
        return softmax_attention.smooth(exp(scale * (K @ q)) * there[:, 0], V)

    keys, values, queries = E @ weights.key.mT, E @ weights.value.mT, E @ weights.query.mT
    there = zeros((E.shape[0], 1), E) + 1
    _, found = xp.fold(token, scale, recent(keys), recent(values), queries, recent(there), read=attended)
    return E + found @ weights.out.mT
