"""The published three-layer block on raw tokens: three GD-SSM accumulators combined, then the input added.

Layer i has window weights w_i, decay 1, C = -scale I and the states Z_i(t), all layers reading the same tokens (f = m):
    explicit_t = Z_1(N) Z_2(t) + Z_1(t) + Z_3(t),   output row N+1+t = explicit_t x_{t+1} + input row N+1+t,
and the first N+1 rows are the input itself. scale is the source's lr/P.
Source: the published code of arXiv 2410.11687 (its multi-step form: constants set by hand, no discretisation).
"""

from __future__ import annotations

from constructions.gated_accumulator import recurrence
from constructions.gd_ssm import PAIR, QUERY, input_gate, windows
from constructions.namespace import Array, namespace, zeros

Window = tuple[tuple[int, ...], ...]
"""Window weights (3, 3)."""
SQUARE = ((1, 0, 0), (0, 0, 0), (0, 0, 0))
"""e_1 e_1^T: the products x_t x_t^T."""
PUBLISHED = (PAIR, SQUARE, PAIR)
"""The three layers' window weights: e_1 e_2^T, e_1 e_1^T, e_1 e_2^T."""


def combine(first: Array, first_last: Array, second: Array, third: Array) -> Array:
    """Z_1 + Z_1(N) Z_2 + Z_3, all (d, d)."""
    return first + first_last @ second + third


def accumulators(sequence: Array, window: Window, scale: Array) -> Array:
    """The states Z(1), ..., Z(N), shape (N, d, d), with these window weights and C = -scale I."""
    w_q = namespace(sequence).constant(window, sequence)
    writes = input_gate(windows(sequence), w_q).mT
    width = sequence.shape[1]
    return -scale * recurrence(zeros((width, width), sequence) + 1, writes, zeros((width, width), sequence))


def states(sequence: Array, scale: Array, weights: tuple[Window, ...] = PUBLISHED) -> tuple[Array, Array, Array]:
    """Z_1, Z_2 and Z_3, each (N, d, d)."""
    one, two, three = weights
    return accumulators(sequence, one, scale), accumulators(sequence, two, scale), accumulators(sequence, three, scale)


def explicit(sequence: Array, scale: Array, weights: tuple[Window, ...] = PUBLISHED) -> Array:
    """The matrices explicit_t, shape (N, d, d)."""
    first, second, third = states(sequence, scale, weights)
    return combine(first, namespace(sequence).last(first), second, third)


def causal(sequence: Array, scale: Array) -> Array:
    """The same with Z_1(t) where the source takes Z_1(N)."""
    first, second, third = states(sequence, scale)
    return combine(first, first, second, third)


def rows(matrices: Array, sequence: Array) -> Array:
    """explicit_t x_{t+1} for every window, shape (N, d)."""
    query = namespace(sequence).constant(QUERY, sequence)
    return (matrices @ (windows(sequence).mT @ query[:, None]))[..., 0]


def block(sequence: Array, scale: Array, weights: tuple[Window, ...] = PUBLISHED) -> Array:
    """The block's output (2N+1, d) for the tokens (2N+1, d), the skip connection included."""
    xp = namespace(sequence)
    found = rows(explicit(sequence, scale, weights), sequence)
    padding = zeros((sequence.shape[0] - found.shape[0], sequence.shape[1]), sequence)
    return xp.concat([padding, found], axis=0) + sequence
