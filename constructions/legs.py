"""LegS: Legendre coefficients of the whole past, scaled to [0, t] or exponentially warped to (-inf, t].

In the coefficient basis (sum_n a_n P_n, n < N), with A lower triangular,
    scaled:  a' = (A a + B u)/t      window [0, t];       LTI:  a' = (A a + B u)/theta     weight e^(-tau/theta).
Both equations hold exactly for the projections; no closure. The naive readouts are LegT's, divided by t or theta.
`matched` is the readout that makes the LTI system exact on polynomials of degree <= N.
Source: A and B are HiPPO's LegS (arXiv 2008.07669) in another basis; readouts derived here.
"""

from __future__ import annotations

from fractions import Fraction
from math import factorial
from typing import Any

import numpy as np

from constructions import legt
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
    row, col = n[:, None], n[None, :]
    A = np.where(col < row, below(row), np.where(col == row, diagonal(row), 0))
    return StateSpace(A, naive.B, naive.C, naive.D)


def taper(N: int) -> list[Fraction]:
    """c (N,) of the matched LTI readout: y is the time derivative of sum_n c_n a_n, and c tapers from 1 to 0.

    c_n = sum_{j=n+1}^{N} kappa_j ((j-1)!)^2/((j-1-n)! (j+n)!), kappa_j = (-1)^(N-j) j^N/((j-1)! (N-j)!). Exact
    rationals:
    the terms alternate and a float64 sum loses all digits for N >= 30.
    """
    kappa = [0] + [Fraction((-1) ** (N - j) * j**N, factorial(j - 1) * factorial(N - j)) for j in range(1, N + 1)]
    return [
        sum(
            (
                kappa[j] * Fraction(factorial(j - 1) ** 2, factorial(j - 1 - n) * factorial(j + n))
                for j in range(n + 1, N + 1)
            ),
            Fraction(0),
        )
        for n in range(N)
    ]


def matched(N: int) -> StateSpace:
    """The LTI system at theta = 1 with the readout C = c A, D = c B = N(N+1)/2; Python numbers as objects."""
    plain = system(N)
    c = taper(N)
    A = plain.A.astype(object)
    C = np.array([sum((c[n] * A[n, k] for n in range(k, N)), Fraction(0)) for k in range(N)], dtype=object)
    return StateSpace(A, plain.B.astype(object), C, Fraction(N * (N + 1), 2))
