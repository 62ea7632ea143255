"""One gradient-descent step from any start W0: two gated accumulators, A = sum x x^T and B = sum y x^T.

    o = W0 x_q + scale (B - W0 A) x_q,   scale = eta/N.
Both accumulators are GD-SSM states with unit decay: input gates w_q = e_1 e_2^T (B) and e_1 e_1^T (A).
Source: derived here; arXiv 2410.11687 states the case W0 = 0.
"""

from __future__ import annotations

from constructions.gated_accumulator import last_state
from constructions.gd_ssm import PAIR, input_gate, tokens, windows
from constructions.namespace import Array, namespace, zeros

GATES = {"A": ((1, 0, 0), (0, 0, 0), (0, 0, 0)), "B": PAIR}
"""Each accumulator's window weights: e_1 e_1^T and e_1 e_2^T."""


def states(X: Array, Y: Array, x_q: Array) -> tuple[Array, Array]:
    """The accumulators after all tokens: A (d, d) and B (d, d), zero padded to d = max(f, m)."""
    xp, sequence = namespace(X), tokens(X, Y, x_q)
    width = sequence.shape[1]

    def accumulated(gate: tuple[tuple[int, ...], ...]) -> Array:
        writes = input_gate(windows(sequence), xp.constant(gate, X)).mT
        return last_state(zeros((width, width), X) + 1, writes, zeros((width, width), X))

    return accumulated(GATES["A"]), accumulated(GATES["B"])


def sums(X: Array, Y: Array, x_q: Array) -> tuple[Array, Array]:
    """The accumulators without the zeros: A (f, f) and B (m, f)."""
    xp, f, m = namespace(X), X.shape[1], Y.shape[1]
    A, B = states(X, Y, x_q)
    return xp.keep(xp.keep(A, f).mT, f).mT, xp.keep(xp.keep(B, f).mT, m).mT


def read(W0: Array, A: Array, B: Array, query: Array, scale: Array) -> Array:
    """W0 q + scale (B - W0 A) q for a query column (f, 1)."""
    return W0 @ query + scale * ((B - W0 @ A) @ query)


def prediction(X: Array, Y: Array, x_q: Array, W0: Array, scale: Array) -> Array:
    """The layer's prediction (m,) at x_q after one step from W0 (m, f)."""
    A, B = sums(X, Y, x_q)
    return read(W0, A, B, x_q[:, None], scale)[:, 0]
