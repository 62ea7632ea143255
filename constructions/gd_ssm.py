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
from constructions.namespace import Array, identity, namespace, pad_last, unit, zeros

WINDOW = 3


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
    if X.shape[0] == 0 or X.shape[0] != Y.shape[0]:
        raise ValueError(f"X has {X.shape[0]} rows and Y {Y.shape[0]}; both need the same number, at least 1")
    xp = namespace(X, Y, x_q)
    width = width or max(X.shape[1], Y.shape[1])
    pairs = xp.stack([pad_last(X, width), pad_last(Y, width)], axis=1)
    return xp.concat([xp.reshape(pairs, (2 * X.shape[0], width)), pad_last(x_q, width)[None, :]], axis=0)


def scalar_tokens(X: Array, y: Array, x_q: Array) -> Array:
    """The sequence for a scalar target y (N,): the token of y_t is (0, ..., 0, y_t). Width f."""
    xp = namespace(X, y, x_q)
    Y = xp.concat([zeros((X.shape[0], X.shape[1] - 1), X), y[:, None]], axis=1)
    return tokens(X, Y, x_q)


def windows(sequence: Array, stride: int = 2) -> Array:
    """Windows (T, 3, d) of three rows each, `stride` apart; trailing rows that fill no window are dropped."""
    xp = namespace(sequence)
    count = (sequence.shape[0] - WINDOW) // stride + 1
    if count < 1:
        raise ValueError(f"a sequence of {sequence.shape[0]} tokens has no window of {WINDOW}; at least x_1, y_1, x_q")
    return xp.stack([sequence[k : k + stride * (count - 1) + 1 : stride, :] for k in range(WINDOW)], axis=1)


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
    w_q = unit(0, WINDOW, scale)[:, None] @ unit(1, WINDOW, scale)[None, :]
    ones = zeros((width, width), scale) + (1 if decay is None else decay)
    return Parameters(w_q, ones, -scale * identity(width, scale), unit(2, WINDOW, scale))


def predictions(X: Array, Y: Array, x_q: Array, scale: Array) -> Array:
    """All N rows of predictions (N, m), that is minus the layer's outputs, with `published(scale)` weights.

    Row t is the prediction at x_{t+1} from the first t pairs; the last row is the prediction at x_q.
    """
    sequence = tokens(X, Y, x_q)
    return -layer(sequence, published(scale, sequence.shape[1]))[:, : Y.shape[1]]
