"""Step limits of one-step schemes from a characteristic polynomial, and an exact stability test.

A scheme with parameter alpha maps a pole z of the continuous system to (1 + (1-alpha) h z)/(1 - alpha h z), inside the
unit circle exactly when (1 - 2 alpha) h |z|^2 < -2 Re z. Source: the generalised bilinear transform; Schur 1917 for the
exact test.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from flint import acb, arb, fmpq, fmpq_poly

from numeric.analysis.rational_matrices import number


def poles(q: fmpq_poly) -> list[acb]:
    """The roots of q as isolating balls, with multiplicity."""
    pairs: list[Any] = list(q.numer().complex_roots())
    return [root for root, times in pairs for _ in range(times)]


def largest_step(q: fmpq_poly, alpha: Fraction = Fraction(0)) -> arb:
    """The supremum of the stable steps h, in the time unit of q = det(sI - A): alpha 0 is forward Euler.

    Raises ValueError for alpha >= 1/2, where every h is stable, and for a q with a root that is not certainly in the
    open left half plane.
    """
    if alpha >= Fraction(1, 2):
        raise ValueError(f"alpha is {alpha}; from 1/2 on every step is stable, so there is no largest one")
    found = poles(q)
    if not all(z.real < 0 for z in found):
        raise ValueError("a pole is not certainly in the open left half plane; there is no stable step to bound")
    share = 1 - 2 * arb(number(alpha))
    limits = [-2 * z.real / (abs(z) ** 2 * share) for z in found]
    least = limits[0]
    for limit in limits[1:]:
        least = least.min(limit)
    return least


def schur_stable(p: fmpq_poly) -> bool:
    """True if all roots of p lie strictly inside the unit circle, decided in rationals by Schur's reduction."""
    c = [fmpq(v) for v in p.coeffs()]
    while len(c) > 1:
        first, last = c[0], c[-1]
        if abs(first) >= abs(last):
            return False
        c = [last * a - first * b for a, b in zip(c, reversed(c), strict=True)][1:]
        c = [fmpq(v) for v in fmpq_poly(c).numer().coeffs()]
    return True
