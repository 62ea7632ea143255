"""How the gated network's weights are made of the attention's, read off the code: a derivation may not assume it."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from constructions import gated_rnn
from numeric.words import Unsupported

_SIZES = ((1, 1, 1), (2, 3, 2), (3, 2, 4))
"""(a, r, d): rows of W_V, rows of W_K and W_Q, width of the inputs."""


def attention_decays() -> tuple[Fraction, Fraction]:
    """The decays of the key-value neurons and of the query neurons.

    Raises Unsupported unless, at several sizes, key-value neuron (i, j) has row i of W_V and row j of W_K without the
    constant, query neuron j row j of W_Q and the constant alone, and the outputs i are sum_j h_ij q_j.
    """
    found = {_decays(a, r, d) for a, r, d in _SIZES}
    if len(found) != 1:
        raise Unsupported("the coded decays depend on the sizes")
    return found.pop()


def _decays(a: int, r: int, d: int) -> tuple[Fraction, Fraction]:
    numbers = iter(range(2, 100))
    W_V, W_K, W_Q = (np.array([[float(next(numbers)) for _ in range(d)] for _ in range(n)]) for n in (a, r, r))
    coded = gated_rnn.attention_weights(W_V, W_K, W_Q)
    pairs = [(i, j) for i in range(a) for j in range(r)]
    m = [[*W_V[i], 0.0] for i, _ in pairs] + [[*row, 0.0] for row in W_Q]
    x = [[*W_K[j], 0.0] for _, j in pairs] + [[0.0] * d + [1.0]] * r
    if not (np.array_equal(coded.W_m, m) and np.array_equal(coded.W_x, x)):
        raise Unsupported("a coded neuron is not made of the rows that the derivation gives it")
    h = np.array([float(next(numbers)) for _ in range(a * r + r)])
    memory, query = h[: a * r].reshape(a, r), h[a * r :]
    if not np.array_equal(coded.D @ ((coded.O_m @ h) * (coded.O_x @ h)), memory @ query):
        raise Unsupported("the coded outputs are not sum_j h_ij q_j")
    kept, dropped = set(coded.decay[: a * r]), set(coded.decay[a * r :])
    if len(kept) != 1 or len(dropped) != 1:
        raise Unsupported("neurons of one kind have several decays in the code")
    return Fraction(float(kept.pop())), Fraction(float(dropped.pop()))
