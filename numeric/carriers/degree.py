"""Carriers that bound the polynomials a program computes: degree and height, as rational functions.

`Degree` gives the number that the Schwartz-Zippel lemma needs, computed from the code instead of assumed.
`Height` bounds the integer coefficients, hence how many primes can hide a non-zero polynomial.
Both are upper bounds: cancellations and common denominators are not recognised. An entry is a fraction
numerator/denominator; code 0 is the zero polynomial with denominator 1. They hold for all points, so K = 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from numeric.carriers.carrier import Carrier, Parts, largest, outer, products, terms

_LOG2_E = math.log2(math.e)
_LN2 = math.log(2)
HUGE = 1 << 50
"""Degrees from here on are all the same, and say nothing: kept far from the end of int64."""
_EXACT_PRODUCT = 1 << 20
"""Largest number of products for which a matrix product takes its maximum term by term."""


def _capped(part: Tensor) -> Tensor:
    """A part just made, kept from running over the end of int64."""
    return part.clamp_(max=HUGE)


class Logarithm(Exception):
    """The program takes the logarithm of data, which needs `numeric.carriers.laurent`."""


class _Fractions(Carrier):
    """What degrees and heights share: most programs never divide by data, and then denominators cost nothing."""

    associative = True

    def __init__(self) -> None:
        self.fractions = False
        """Whether denominators may be other than 0: only `div` and `solve` make such entries."""

    def _whole(self, num: Tensor) -> Parts:
        """`num` over the denominator 1."""
        return num, torch.zeros((), dtype=num.dtype).expand(num.shape)

    def _has_denominators(self, *operands: Parts) -> bool:
        return self.fractions and any(bool(a[1].any()) for a in operands)

    def neg(self, a: Parts) -> Parts:
        return a

    def log(self, a: Parts) -> Parts:
        raise Logarithm

    def indeterminate(self, shape: Sequence[int]) -> Parts:
        """Independent variables."""
        return self._whole(torch.full((1, *shape), self.variable, dtype=self.dtypes[0]))

    variable: float
    """The code of a variable."""

    def _product_of_fractions(self, a: Parts, b: Parts) -> Parts:
        return _Fractions.sum(self, self.mul(*outer(a, b)), [-2], False)


class Degree(_Fractions):
    """Parts: degree of the numerator + 1 (0 for zero), degree of the denominator."""

    dtypes: tuple[torch.dtype, ...] = (torch.int64, torch.int64)
    name = "degree"
    variable = 2

    def __init__(self) -> None:
        super().__init__()
        self.divisors = 0
        """Total degree of the numerators of all divisors met: their zeros are the points to be avoided."""

    def lift(self, values: Tensor) -> Parts:
        return self._whole((values != 0).long()[None])

    def constant(self, value: float | int) -> Parts:
        return self._whole(torch.tensor([int(value != 0)]))
