"""k gradient-descent steps from two accumulators and k matrix products: E <- E (I + Z_2) + Z_3.

Z_2 = -scale A and Z_3 = -scale B are the states of two GD-SSM layers after all tokens (window weights e_1 e_1^T and
e_1 e_2^T, C = -scale I, scale = eta/N); started at E_0 = -W_0, E_k is minus the weights after k steps.
Source: derived here; it extends the published three-layer block of arXiv 2410.11687 (its E_2 from E_1 = Z_1).
"""

from __future__ import annotations

from constructions.namespace import Array, namespace
from constructions.two_accumulators import sums


def extend(E: Array, Z_2: Array, Z_3: Array) -> Array:
    """E (I + Z_2) + Z_3, shape (m, f)."""
    return E + E @ Z_2 + Z_3


def prediction(X: Array, Y: Array, x_q: Array, W0: Array, scale: Array, steps: int) -> Array:
    """Minus E_k x_q, shape (m,), from W0 (m, f)."""
    A, B = sums(X, Y, x_q)

    def once(E: Array) -> Array:
        return extend(E, -scale * A, -scale * B)

    return -(namespace(X).iterate(once, -W0, steps) @ x_q)
