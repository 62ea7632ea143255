"""Mamba's selective state space with its gates computed from the tokens: step sizes by softplus, decays by exp.

    Delta_t = softplus(W_Delta u_t + bias)  (p,),   B_t = W_B u_t,  C_t = W_C u_t  (n,),   decay_t = exp(Delta_t A)  (p, n)
and the recurrence of `constructions.mamba`. Tokens U (T, p), W_Delta (p, p), bias (p,), W_B, W_C (n, p), A (p, n).
softplus and exp are arguments (they act entry by entry), so that other arithmetics and given values can run.
Source: arXiv 2312.00752, algorithm 2 (S6), without the low-rank form of W_Delta, the convolution and the skip.
"""

from __future__ import annotations

from collections.abc import Callable

from constructions import mamba
from constructions.namespace import Array

Entrywise = Callable[[Array], Array]


def gates(U: Array, W_Delta: Array, bias: Array, A: Array, softplus: Entrywise, exp: Entrywise) -> tuple[Array, Array]:
    """The step sizes (T, p) and decays (T, p, n)."""
    Delta = softplus(U @ W_Delta.mT + bias[None, :])
    return Delta, exp(Delta[:, :, None] * A[None, :, :])


def last(U: Array, W_B: Array, W_C: Array, Delta: Array, decay: Array) -> Array:
    """The output (p,) at the last token for given step sizes and decays."""
    return mamba.read(U, U @ W_B.mT, W_C @ U[-1, :], Delta, decay)


def layer(
    U: Array, W_B: Array, W_C: Array, W_Delta: Array, bias: Array, A: Array, softplus: Entrywise, exp: Entrywise
) -> Array:
    """The output (p,) at the last token, gates computed from the tokens."""
    return last(U, W_B, W_C, *gates(U, W_Delta, bias, A, softplus, exp))
