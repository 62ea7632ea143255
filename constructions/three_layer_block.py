"""The published three-layer block on raw tokens: three GD-SSM accumulators combined, then the input added.

Layer i has window weights w_i, decay 1, C = -scale I and the states Z_i(t), all layers reading the same tokens (f = m):
    explicit_t = Z_1(N) Z_2(t) + Z_1(t) + Z_3(t),   output row N+1+t = explicit_t x_{t+1} + input row N+1+t,
and the first N+1 rows are the input itself. scale is the source's lr/P.
Source: the published code of arXiv 2410.11687 (its multi-step form: constants set by hand, no discretisation).
"""

from __future__ import annotations

from collections.abc import Sequence

from constructions.gated_accumulator import recurrence
from constructions.gd_ssm import WINDOW, input_gate, windows
from constructions.namespace import Array, namespace, unit, zeros

Pairs = Sequence[tuple[int, int]]
"""Window weights w = sum of e_i e_j^T over these (i, j), counted from 0."""
PUBLISHED: tuple[Pairs, ...] = (((0, 1),), ((0, 0),), ((0, 1),))
"""The three layers' window weights: e_1 e_2^T, e_1 e_1^T, e_1 e_2^T."""


def combine(first: Array, first_last: Array, second: Array, third: Array) -> Array:
    """Z_1 + Z_1(N) Z_2 + Z_3, all (d, d)."""
    return first + first_last @ second + third


def accumulators(sequence: Array, pairs: Pairs, scale: Array) -> Array:
    """The states Z(1), ..., Z(N), shape (N, d, d), with the window weights of `pairs` and C = -scale I."""
    w_q = zeros((WINDOW, WINDOW), sequence)
    for i, j in pairs:
        w_q = w_q + unit(i, WINDOW, sequence)[:, None] @ unit(j, WINDOW, sequence)[None, :]
    writes = input_gate(windows(sequence), w_q).mT
    width = sequence.shape[1]
    return -scale * recurrence(zeros((width, width), sequence) + 1, writes, zeros((width, width), sequence))


def explicit(sequence: Array, scale: Array, weights: Sequence[Pairs] = PUBLISHED, *, causal: bool = False) -> Array:
    """The matrices explicit_t, shape (N, d, d); `causal` takes Z_1(t) where the source takes Z_1(N)."""
    first, second, third = (accumulators(sequence, pairs, scale) for pairs in weights)
    return combine(first, first if causal else first[-1:, ...], second, third)


def rows(matrices: Array, sequence: Array) -> Array:
    """explicit_t x_{t+1} for every window, shape (N, d)."""
    return (matrices @ windows(sequence)[:, 2, :, None])[..., 0]


def block(sequence: Array, scale: Array, weights: Sequence[Pairs] = PUBLISHED) -> Array:
    """The block's output (2N+1, d) for the tokens (2N+1, d), the skip connection included."""
    xp = namespace(sequence)
    found = rows(explicit(sequence, scale, weights), sequence)
    padding = zeros((sequence.shape[0] - found.shape[0], sequence.shape[1]), sequence)
    return xp.concat([padding, found], axis=0) + sequence
