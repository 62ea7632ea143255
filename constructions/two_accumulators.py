"""One gradient-descent step from any start W0: two gated accumulators, A = sum x x^T and B = sum y x^T.

    o = W0 x_q + scale (B - W0 A) x_q,   scale = eta/N.
Both accumulators are GD-SSM states with unit decay: input gates w_q = e_1 e_2^T (B) and e_1 e_1^T (A).
Source: derived here; arXiv 2410.11687 states the case W0 = 0.
"""

from __future__ import annotations

from constructions.gated_accumulator import recurrence
from constructions.gd_ssm import WINDOW, input_gate, tokens, windows
from constructions.namespace import Array, namespace, unit, zeros

GATES = {"A": (0, 0), "B": (0, 1)}
"""Each accumulator's window weights e_i e_j^T, as the pair (i, j) counted from 0."""


def states(X: Array, Y: Array, x_q: Array) -> tuple[Array, Array]:
    """The accumulators after all tokens: A (d, d) and B (d, d), zero padded to d = max(f, m)."""
    sequence = tokens(X, Y, x_q)
    Z = windows(sequence)
    width = sequence.shape[1]
    kept = zeros((width, width), X) + 1
    found = []
    for i, j in GATES.values():
        writes = input_gate(Z, unit(i, WINDOW, X)[:, None] @ unit(j, WINDOW, X)[None, :]).mT
        found.append(recurrence(kept, writes, zeros((width, width), X))[-1, ...])
    return found[0], found[1]


def read(W0: Array, A: Array, B: Array, query: Array, scale: Array) -> Array:
    """W0 q + scale (B - W0 A) q for a query column (f, 1)."""
    return W0 @ query + scale * ((B - W0 @ A) @ query)


def prediction(X: Array, Y: Array, x_q: Array, W0: Array, scale: Array) -> Array:
    """The layer's prediction (m,) at x_q after one step from W0 (m, f)."""
    f, m = X.shape[1], Y.shape[1]
    A, B = states(X, Y, x_q)
    return read(W0, A[:f, :f], B[:m, :f], namespace(x_q).reshape(x_q, (f, 1)), scale)[:, 0]
