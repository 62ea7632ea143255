"""The GD-SSM layer: one diagonal state-space layer with multiplicative input and output gates.

Tokens x_1, y_1, ..., x_N, y_N, x_q (2N+1, d), zero padded to d = max(f, m). Window t holds the rows x_t, y_t, x_{t+1};
    input gate    G_t = Z_t^T w_q Z_t                 (d, d), w_q (3, 3)
    state         S_t = decay^T * S_{t-1} + G_t^T     (d, d), entrywise decay (d, d)
    output        o_t = C S_t Z_t^T D                 (d,), C (d, d), D (3,)
The layer is causal: row t sees the first t pairs and x_{t+1}.
Source: arXiv 2410.11687, normal-token form, with its published code's index conventions (S holds the transpose of
what the recurrence stacks). Departures: any f, m, N and stride; d need not be 10.
"""

from __future__ import annotations

from dataclasses import dataclass

from constructions.gated_accumulator import recurrence
from constructions.namespace import Array, identity, namespace, zeros

WINDOW = 3
PAIR = ((0, 1, 0), (0, 0, 0), (0, 0, 0))
"""w_q = e_1 e_2^T: the products x_t y_t^T."""
QUERY = (0, 0, 1)
"""D = e_3: the state is read at x_{t+1}."""


@dataclass(frozen=True)
class Parameters:
    """One layer's weights: w_q (3, 3), decay (d, d), C (d, d), D (3,)."""

    w_q: Array
    decay: Array
    C: Array
    D: Array


def tokens(X: Array, Y: Array, x_q: Array, width: int | None = None) -> Array:
    """The interleaved sequence (2N+1, d), zero padded to `width` (default: the larger of f and m).

    Raises ValueError for an empty context or mismatched numbers of x and y.
    """
    xp = namespace(X, Y, x_q)
    return xp.interleave(*xp.pad(X, Y, x_q, width=width))


def scalar_tokens(X: Array, y: Array, x_q: Array) -> Array:
    """The sequence for a scalar target y (N,): the token of y_t is (0, ..., 0, y_t). Width f."""
    xp = namespace(X, y, x_q)
    Y = xp.concat([zeros((X.shape[0], X.shape[1] - 1), X), y[:, None]], axis=1)
    return tokens(X, Y, x_q)


def windows(sequence: Array, stride: int = 2) -> Array:
    """Windows (T, 3, d) of three rows each, `stride` apart; trailing rows that fill no window are dropped."""
    return namespace(sequence).windows(sequence, WINDOW, stride)


def input_gate(window: Array, w_q: Array) -> Array:
    """Z^T w_q Z: entry [a, b] is sum_ij w_q[i, j] z_i[a] z_j[b]."""
    return window.mT @ w_q @ window


def output_gate(state: Array, window: Array, C: Array, D: Array) -> Array:
    """C S Z^T D as a column: the state read at a mixture of the window's rows."""
    return C @ state @ (window.mT @ D)


def layer(sequence: Array, weights: Parameters, stride: int = 2) -> Array:
    """The outputs (T, d) of one layer, one row a window, for a sequence (L, d)."""
    Z = windows(sequence, stride)
    width = sequence.shape[1]
    states = recurrence(weights.decay.mT, input_gate(Z, weights.w_q).mT, zeros((width, width), sequence))
    return output_gate(states, Z, weights.C, weights.D[:, None])[..., 0]


def published(scale: Array, width: int, decay: Array | None = None) -> Parameters:
    """The weights of the source: w_q = e_1 e_2^T, decay 1, C = -scale I, D = e_3 (e_1 first).

    scale: a 0-d array, the constant in front of the sum over tokens. The source uses lr/P, P the state size d;
    a step of size eta on the mean loss needs eta/N.
    """
    constant = namespace(scale).constant
    ones = zeros((width, width), scale) + (1 if decay is None else decay)
    return Parameters(constant(PAIR, scale), ones, -scale * identity(width, scale), constant(QUERY, scale))


def predictions(X: Array, Y: Array, x_q: Array, scale: Array) -> Array:
    """All N rows of predictions (N, m), that is minus the layer's outputs, with `published(scale)` weights.

    Row t is the prediction at x_{t+1} from the first t pairs; the last row is the prediction at x_q.
    """
    sequence = tokens(X, Y, x_q)
    return namespace(X).keep(-layer(sequence, published(scale, sequence.shape[1])), Y.shape[1])
