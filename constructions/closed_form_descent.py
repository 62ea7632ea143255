"""k gradient-descent steps in closed form: powers of the contraction I - scale A, and their sum.

    W_k = W_0 Q^k + scale B sum_{j<k} Q^j,   Q = I - scale A,   A = X^T X (f, f),   B = Y^T X (m, f),   scale = eta/N.
Source: derived here from W <- W - scale (W A - B); von Oswald et al. 2023 (arXiv 2212.07677) state one step.
"""

from __future__ import annotations

from constructions.namespace import Array, identity, namespace


def extend(power: Array, total: Array, contraction: Array, one: Array) -> tuple[Array, Array]:
    """From Q^k and sum_{j<k} Q^j to the same at k + 1, the sum by Horner's rule I + (sum) Q, I = `one`; all (f, f)."""
    return power @ contraction, one + total @ contraction


def combine(W0: Array, B: Array, power: Array, total: Array, scale: Array) -> Array:
    """W_0 Q^k + scale B sum_{j<k} Q^j, shape (m, f)."""
    return W0 @ power + scale * (B @ total)


def solution(W0: Array, A: Array, B: Array, scale: Array, steps: int) -> Array:
    """W_k (m, f) after `steps` steps from W0 (m, f)."""
    one = identity(A.shape[0], A)

    def once(at: tuple[Array, Array]) -> tuple[Array, Array]:
        return extend(at[0], at[1], one - scale * A, one)

    power, total = namespace(A).iterate(once, (one, 0 * one), steps)
    return combine(W0, B, power, total, scale)
