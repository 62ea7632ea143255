"""LegS: Legendre coefficients of the whole past, scaled to [0, t] or exponentially warped to (-inf, t].

In the coefficient basis (sum_n a_n P_n, n < N), with A lower triangular,
    scaled:  a' = (A a + B u)/t      window [0, t];       LTI:  a' = (A a + B u)/theta     weight e^(-tau/theta).
Both equations hold exactly for the projections; no closure. The naive readouts are LegT's, divided by t or theta.
`matched` is the readout that makes the LTI system exact on polynomials of degree <= N.
Source: A and B are HiPPO's LegS (arXiv 2008.07669) in another basis; readouts derived here.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from constructions import legt
from constructions.namespace import Array, namespace
from constructions.state_space import StateSpace

drive, gain, readout, norms = legt.drive, legt.gain, legt.readout, legt.norms


def below(n: Any) -> Any:
    """Entry (n, k) of A for k < n."""
    return -(2 * n + 1)


def diagonal(n: Any) -> Any:
    """Entry (n, n) of A; the entries above it are zero."""
    return -(n + 1)


def system(N: int, route: str = "i") -> StateSpace:
    """The system at t = 1 or theta = 1 in the coefficient basis with a naive readout, int64."""
    naive = legt.system(N, route)
    n = np.arange(N)
    A = np.tril(below(n[:, None] + 0 * n[None, :]), k=-1) + np.diag(diagonal(n))
    return StateSpace(A, naive.B, naive.C, naive.D)


def taper(N: int) -> Array:
    """c (N,) of the matched LTI readout: y is the time derivative of sum_n c_n a_n, and c tapers from 1 to 0.

    c_n = sum_{j=n+1}^{N} kappa_j ((j-1)!)^2/((j-1-n)! (j+n)!), kappa_j = (-1)^(N-j) j^N/((j-1)! (N-j)!). Exact
    rationals, as objects: the terms alternate and a float64 sum loses all digits for N >= 30.
    """
    j, same = np.arange(1, N + 1).astype(object), np.eye(N, dtype=np.int64).astype(object)
    xp = namespace(j)

    def weight(kappa: tuple[Array, Array], i: Array, own: Array) -> tuple[Array, Array]:
        return kappa[0] * (j + own * (1 - j)), kappa[1] * (j - i + own)

    def term(found: tuple[Array, Array], n: Array) -> tuple[Array, Array]:
        return found[0] * (j - 1 - n), found[1] * (j + n + 1)

    top, below = xp.fold(weight, (j, 1 + 0 * j), j, same)  # kappa_j: j times the product of j/(j - i) over all other i
    _, terms = xp.fold(term, (top, below * j), j - 1, read=lambda found, n: xp.stack(found))
    first = xp.sum(top * Fraction(1) / (below * j))
    rest = xp.sum(xp.earlier(terms)[:, 0, :] * Fraction(1) / xp.earlier(terms)[:, 1, :], axis=1)
    return np.concatenate([np.asarray([first]), rest])


def matched(N: int) -> StateSpace:
    """The LTI system at theta = 1 with the readout C = c A, D = c B = N(N+1)/2; Python numbers as objects."""
    plain = system(N)
    A = plain.A.astype(object)
    return StateSpace(A, plain.B.astype(object), taper(N) @ A, Fraction(N * (N + 1), 2))
