"""Constants that a code computed with rounding (by cos, exp, pow, sums), and what an error in them moves.

Main definitions: `Computed`, `inexact`, `error_of`. A tape holds a constant as the number that it is in this run; how the
code came to it, it does not say. One that takes all the digits of its type to write may have come out of rounded
operations: of as many, one after the other, as an input has entries along an axis, each a library's function at most, on
operands of up to 1 or the largest constant beside it. `Computed` is `Running` with so large an error in each of them: a
difference of two programs within its bounds is no difference of what they compute, and nor is it an agreement.
Derived here.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from numeric.carriers.a_priori import unit_roundoff
from numeric.carriers.carrier import Parts
from numeric.carriers.running import _ULPS, Running

DIGITS = 6
"""Errors in constants that leave the outputs fewer digits would explain whatever is seen, and so explain nothing."""
_WRITTEN = {torch.float64: 15, torch.float32: 7}
"""So many digits of a type hold any number that somebody wrote down with as many."""
_SHORT = 2.0**20
"""Dyadic numbers with denominators up to this are what they are."""


def inexact(value: float, dtype: torch.dtype = torch.float64) -> bool:
    """Whether a number of this type takes all its digits to write, as 0.9999999999999999 and unlike 0.9 or 1/1024."""
    if not math.isfinite(value) or (value * _SHORT).is_integer():
        return False
    written = np.format_float_scientific(np.float32(value) if dtype == torch.float32 else value, trim="-")
    digits = written.split("e")[0].lstrip("-").replace(".", "")
    return len(digits) >= _WRITTEN.get(dtype, _WRITTEN[torch.float64])


def error_of(values: Tensor, share: float) -> Tensor:
    """How far each of some constants may be from what was meant; share: of the largest of them, or of 1."""
    if not values.dtype.is_floating_point or not values.numel():
        return torch.zeros(values.shape, dtype=torch.float64)
    distinct, where = torch.unique(values, return_inverse=True)
    taken = torch.tensor([inexact(v, values.dtype) for v in distinct.tolist()])[where]
    size = distinct.double().abs()
    top = max(1.0, float(size[torch.isfinite(size)].max())) if bool(torch.isfinite(size).any()) else 1.0
    return taken.double() * (top * share)


def share_of(steps: int, dtype: torch.dtype = torch.float64) -> float:
    """The relative error of so many functions of a library, one after the other."""
    return _ULPS * steps * unit_roundoff(dtype)


class Computed(Running):
    """Parts as in `Running`. steps: operations that a constant may have come out of, one after the other."""

    name = "computed constants"

    def __init__(self, dtype: torch.dtype, steps: int) -> None:
        super().__init__(dtype)
        self._share = share_of(steps, dtype)

    def lift(self, values: Tensor) -> Parts:
        held, error = super().lift(values)
        return held, error + error_of(values, self._share)[None]
