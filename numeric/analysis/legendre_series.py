r"""Legendre coefficients of signals that are not polynomials, in balls: poles, one-sided powers, Taylor series.

A window is x in [-1, 1]; a_n = (2n+1)/2 int v P_n dx. Also the parameter rho of the Bernstein ellipse through a point
(foci -1 and 1, semi-axes sum rho), and a series' nearest singularity from the poles of its Pade approximants.
Source: Neumann's integral for poles; Rodrigues' formula for powers; the rest is classical.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import factorial
from typing import Any

import numpy as np
from flint import acb, acb_poly, arb, arb_mat, fmpq

Array = Any


def pole(z: acb, count: int) -> list[acb]:
    """a_0, ..., a_{count-1} of v(x) = 1/(z - x), z outside [-1, 1]: a_n = (2n+1) Q_n(z)."""
    return [(2 * n + 1) * z.legendre_q(n, 0, 3) for n in range(count)]


def one_sided_power(beta: fmpq, c: Array, count: int) -> Array:
    """a_n (count, len(c)) of v(x) = max(x - c, 0)^beta for balls c in (-1, 1), beta > 0; object array of arb.

    a_n = (2n+1)/2 (1-c)^(beta+1) n! Gamma(beta+1)/Gamma(n+beta+2) P_n^(beta+1,-beta-1)(c), by the three-term
    recurrence, whose rounding the balls carry.
    """
    b = arb(beta)
    a = b + 1
    previous, current = c * 0 + 1, a + 1 + (c - 1)
    scale, whole = 1 / a, np.array([(1 - x) ** a for x in c], dtype=object)
    out = []
    for n in range(count):
        value = previous if n == 0 else current
        if n >= 2:
            top = 2 * n - 1
            one = top * ((2 * n) * (2 * n - 2) * c)
            previous, current = (
                current,
                (one * current - 2 * ((n - 1) ** 2 - a * a) * (2 * n) * previous) / (2 * n * n * (2 * n - 2)),
            )
            value = current
        out.append((fmpq(2 * n + 1, 2) * scale) * (whole * value))
        scale = scale * (n + 1) / (b + n + 2)
    return np.array(out, dtype=object)


def from_taylor(coefficients: Sequence[Any], count: int) -> list[Any]:
    """a_0, ..., a_{count-1} of the polynomial sum_j coefficients[j] x^j, arb or acb.

    int x^j P_n dx = 2^(n+1) j! ((j+n)/2)!/(((j-n)/2)! (j+n+1)!) for j >= n of n's parity, else 0.
    """
    out = []
    for n in range(count):
        total = coefficients[0] * 0
        for j in range(n, len(coefficients), 2):
            moment = fmpq(
                2 ** (n + 1) * factorial(j) * factorial((j + n) // 2), factorial((j - n) // 2) * factorial(j + n + 1)
            )
            total += coefficients[j] * moment
        out.append(fmpq(2 * n + 1, 2) * total)
    return out


def bernstein(z: acb) -> arb:
    """rho >= 1 of the ellipse with foci -1, 1 through z: |z + sqrt(z - 1) sqrt(z + 1)|, or its inverse."""
    size = abs(z + (z - 1).sqrt() * (z + 1).sqrt())
    return size if size > 1 else 1 / size


def nearest(coefficients: Sequence[arb], orders: tuple[int, int]) -> tuple[float, float]:
    """(ln rho, uncertainty) of the series' nearest singularity: the smallest ellipse through a pole that the Pade
    approximants of both orders a < b have.

    The last of the poles along a branch cut misses the branch point by O(1/order^2), so the uncertainty is the
    distance of the two over (b/a)^2 - 1, and twice that for the neglected orders. Poles within a hundredth of each
    other count as one; the others are spurious (a zero sits beside them). Raises ValueError if no pole recurs.
    """
    first, second = (_pade_poles(coefficients, order) for order in orders)
    factor = 2 / ((orders[1] / orders[0]) ** 2 - 1)
    found = []
    for z in second:
        distances = [abs(_ln_rho(z) - _ln_rho(w)) for w in first if abs(z - w) <= abs(z) / 100]
        if distances:
            found.append((_ln_rho(z), factor * min(distances)))
    if not found:
        raise ValueError(f"the Pade approximants of orders {orders} share no pole; use other orders or more terms")
    return min(found)


def _ln_rho(z: complex) -> float:
    return float(bernstein(acb(z.real, z.imag)).log())


def _pade_poles(coefficients: Sequence[arb], M: int) -> list[complex]:
    left = arb_mat(M, M, [coefficients[M + i - j] for i in range(M) for j in range(M)])
    try:
        q = left.solve(arb_mat(M, 1, [-coefficients[M + 1 + i] for i in range(M)])).entries()
        roots = acb_poly([acb(1), *map(acb, q)]).roots()
    except (ZeroDivisionError, ValueError):
        raise ValueError(
            f"the Pade approximant of order {M} is not certain: the series is rational of a lower order, or more digits "
            "are needed"
        ) from None
    return [complex(z) for z in roots]
