"""Degree and height of programs with logarithms, whose exponentials are products of powers, negative ones included.

Let a_1, ..., a_n be what the program takes logarithms of (polynomials, written over their denominators) and P = a_1 ... a_n.
exp(g_i - g_j) is a product of a's with whole exponents; written as a fraction over its own denominator, a sum of many
such terms would have the product of all denominators below. Over the one denominator P^e it has none: an entry is
N / (D P^e) with deg N <= n - 1 + e deg P and deg D <= d. Sums take the larger e, products add.
deg P is known only after the run, so divisions use an assumed bound, and the run is repeated until it holds:
`LAURENT[Degree](assumed)` holds if its `clearing` is at most `assumed` afterwards.
Derived here.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from numeric.carriers.carrier import Carrier, NoRule, Parts, largest, outer
from numeric.carriers.degree import HUGE, Constants, Degree, Height


class Laurent(Carrier):
    """Adds the exponent e as a third part to `Degree`, `Constants` or `Height`.

    What is kept of logarithms has other parts: bounds of its positive and of its negative exponents, times the
    degrees (or heights) of what they belong to, and of the largest exponent.
    """

    unit: float
    """The code of the polynomial 1."""

    def __init__(self, assumed: Any) -> None:
        super().__init__()
        self.assumed = assumed
        self.clearing: Any = 0
        """The degree (or height) of P so far."""
        self.fractions = True  # negative exponents fill the second part as denominators do

    def base(self, a: Parts) -> Parts:
        """`a` without its exponent: over the denominator D P^e."""
        extra = a[2] * self.assumed
        return torch.where(a[0] > 0, _capped(a[0] + extra), 0), torch.where(a[0] > 0, _capped(a[1] + extra), 0)

    def _with(self, parts: Parts, exponent: Tensor | None = None) -> Parts:
        zero = torch.zeros((), dtype=torch.int64)
        if exponent is None:
            return (*parts, zero.expand(parts[0].shape))
        return (*parts, torch.where(parts[0] > 0, exponent, zero))

    def lift(self, values: Tensor) -> Parts:
        return self._with(super().lift(values))  # type: ignore[safe-super]

    def constant(self, value: float | int) -> Parts:
        parts = super().constant(value)
        return parts if len(parts) == 3 else self._with(parts)

    def indeterminate(self, shape: Sequence[int]) -> Parts:
        """Independent variables."""
        return self._with(super().indeterminate(shape))  # type: ignore[misc]

    def add(self, a: Parts, b: Parts) -> Parts:
        return self._with(super().add(a[:2], b[:2]), torch.maximum(a[2], b[2]))  # type: ignore[safe-super]

    def mul(self, a: Parts, b: Parts) -> Parts:
        return self._with(super().mul(a[:2], b[:2]), _capped(a[2] + b[2]))  # type: ignore[safe-super]

    def div(self, a: Parts, b: Parts) -> Parts:
        return self._with(super().div(a[:2], self.base(b)), a[2])  # type: ignore[safe-super]

    def div_constant(self, a: Parts, values: Tensor) -> Parts:
        return self._with(self._constant_quotient(a[:2], values), a[2])

    @abstractmethod
    def _constant_quotient(self, a: Parts, values: Tensor) -> Parts: ...

    def solve(self, a: Parts, b: Parts) -> Parts:
        return self._with(super().solve(self.base(a), self.base(b)))

    def sum(self, a: Parts, dims: Sequence[int], keepdim: bool) -> Parts:
        exponent = largest(torch.where(a[0] > 0, a[2], 0), dims, keepdim)
        return self._with(super().sum(a[:2], dims, keepdim), exponent)  # type: ignore[safe-super]

    def cumsum(self, a: Parts, dim: int) -> Parts:
        return self._scan(a, dim, self.add)

    def matmul(self, a: Parts, b: Parts) -> Parts:
        if any(bool(p.any()) for p in (*a[1:], *b[1:])):
            return self.sum(self.mul(*outer(a, b)), [-2], False)
        return self._with(super().matmul(a[:2], b[:2]))  # type: ignore[safe-super]

    def log(self, a: Parts) -> Parts:
        num, den, exponent = a
        above = self._measure(num) + exponent * self.clearing
        below = den + exponent * self.clearing
        live = num > 0
        added = torch.where(live, above + below, 0).double().sum().item()
        self.clearing = min(HUGE, self.clearing + (int(added) if not num.dtype.is_floating_point else added))
        self._divide(above)
        return (
            torch.where(live, _capped(above + self.unit), 0),
            torch.where(live, _capped(below), 0),
            torch.where(live, exponent.clamp(min=1), 0),
        )

    def _measure(self, num: Tensor) -> Tensor:
        """The degree that a code stands for, or at least the height."""
        return num if num.dtype.is_floating_point else (num - 1).clamp(min=0)

    def _divide(self, above: Tensor) -> None:
        if isinstance(self, Degree):  # what logarithms are taken of must not be 0
            self.divisors += int(above.double().sum().item())

    def exp(self, a: Parts) -> Parts:
        # what has no measure below needs no power of P
        return self._with((a[0], torch.zeros_like(a[0])), torch.where(a[1] > 0, a[2], 0))

    def ratio(self, a: Parts, b: Parts) -> Parts:
        if bool((b[0] == 0).any()):
            raise NoRule("minus infinity is subtracted, or the sign of it changed")
        return self.mul(a, (b[1] + self.unit, (b[0] - self.unit).clamp(min=0), b[2]))


def _capped(part: Tensor) -> Tensor:
    return part if part.dtype.is_floating_point else part.clamp(max=HUGE)


class _Degree(Laurent, Degree):
    dtypes = (torch.int64, torch.int64, torch.int64)
    unit = 1

    def _constant_quotient(self, a: Parts, values: Tensor) -> Parts:
        return Degree.mul(self, a, Degree.lift(self, values[0]))


class _Constants(Laurent, Constants):
    dtypes = (torch.int64, torch.int64, torch.int64)
    unit = 1

    def _constant_quotient(self, a: Parts, values: Tensor) -> Parts:
        return Degree.mul(self, a, self.divisor(values[0]))


class _Height(Laurent, Height):
    dtypes = (torch.float64, torch.float64, torch.int64)
    unit = 1.0

    def _constant_quotient(self, a: Parts, values: Tensor) -> Parts:
        return Height.div_constant(self, a, values)


LAURENT: Mapping[type[Carrier], type[Laurent]] = {Degree: _Degree, Constants: _Constants, Height: _Height}
"""The form that follows logarithms, by the carrier that meets them."""
