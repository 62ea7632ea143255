"""Degree and height of programs with logarithms, whose exponentials are products of powers, negative ones included.

Let a_1, ..., a_n be what the program takes logarithms of (polynomials, written over their denominators) and P = a_1 ... a_n.
exp(g_i - g_j) is a product of a's with whole exponents; written as a fraction over its own denominator, a sum of many
such terms would have the product of all denominators below. Over the one denominator P^e it has none: an entry is
N / (D P^e) with deg N <= n - 1 + e deg P and deg D <= d. Sums take the larger e, products add.
deg P is known only after the run, so divisions use an assumed bound, and the run is repeated until it holds.
Derived here.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from numeric.carrier import Carrier, NoRule, Parts, stride_max
from numeric.degree import HUGE, Constants, Degree, Height, Logarithm
from numeric.interpreter import Interpreter, Record
from numeric.programs import Program, run

_PASSES = 4


class _Laurent(Carrier):
    """Adds the exponent e as a third part to `Degree`, `Constants` or `Height`.

    What a tensor of logarithms holds has other parts: bounds of its positive and of its negative exponents, times the
    degrees (or heights) of what they belong to, and of the largest exponent.
    """

    unit: float
    """The code of the polynomial 1."""

    def __init__(self, assumed: Any) -> None:
        super().__init__()
        self.assumed = assumed
        self.clearing: Any = 0
        """The degree (or height) of P so far."""

    def _base(self, a: Parts) -> Parts:
        """`a` without its exponent: over the denominator D P^e."""
        extra = a[2] * self.assumed
        return torch.where(a[0] > 0, _capped(a[0] + extra), 0), torch.where(a[0] > 0, _capped(a[1] + extra), 0)

    def _with(self, parts: Parts, exponent: Tensor | None = None) -> Parts:
        zero = torch.zeros(parts[0].shape, dtype=torch.int64)
        return (*parts, zero if exponent is None else torch.where(parts[0] > 0, exponent, zero))

    def lift(self, values: Tensor) -> Parts:
        return self._with(super().lift(values))  # type: ignore[safe-super]

    def indeterminate(self, shape: Sequence[int]) -> Parts:
        """Independent variables."""
        return self._with(super().indeterminate(shape))  # type: ignore[misc]

    def add(self, a: Parts, b: Parts) -> Parts:
        return self._with(super().add(a[:2], b[:2]), torch.maximum(a[2], b[2]))  # type: ignore[safe-super]

    def mul(self, a: Parts, b: Parts) -> Parts:
        return self._with(super().mul(a[:2], b[:2]), _capped(a[2] + b[2]))  # type: ignore[safe-super]

    def div(self, a: Parts, b: Parts) -> Parts:
        quotient = super().div(a[:2], self._base(b))  # type: ignore[safe-super]
        return self._with(quotient, a[2].expand(quotient[0].shape))

    def div_constant(self, a: Parts, values: Tensor) -> Parts:
        quotient = self._constant_quotient(a[:2], values)
        return self._with(quotient, a[2].expand(quotient[0].shape))

    @abstractmethod
    def _constant_quotient(self, a: Parts, values: Tensor) -> Parts: ...

    def solve(self, a: Parts, b: Parts) -> Parts:
        return self._with(super().solve(self._base(a), self._base(b)))

    def sum(self, a: Parts, dims: Sequence[int], keepdim: bool) -> Parts:
        exponent = stride_max(torch.where(a[0] > 0, a[2], 0), dims, keepdim)
        return self._with(super().sum(a[:2], dims, keepdim), exponent)  # type: ignore[safe-super]

    def cumsum(self, a: Parts, dim: int) -> Parts:
        return self._scan(a, dim, self.add)

    def matmul(self, a: Parts, b: Parts) -> Parts:
        if bool((a[1] > 0).any()) or bool((b[1] > 0).any()) or bool((a[2] > 0).any()) or bool((b[2] > 0).any()):
            products = self.mul(tuple(p[..., :, :, None] for p in a), tuple(p[..., None, :, :] for p in b))
            return self.sum(products, [products[0].ndim - 2], False)
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
        return self._with((a[0].clone(), torch.zeros_like(a[0])), torch.where(a[1] > 0, a[2], 0))

    def ratio(self, a: Parts, b: Parts) -> Parts:
        if bool((b[0] == 0).any()):
            raise NoRule("minus infinity is subtracted, or the sign of it changed")
        return self.mul(a, (b[1] + self.unit, (b[0] - self.unit).clamp(min=0), b[2]))


def _capped(part: Tensor) -> Tensor:
    return part if part.dtype.is_floating_point else part.clamp(max=HUGE)


class _Degree(_Laurent, Degree):
    dtypes = (torch.int64, torch.int64, torch.int64)
    unit = 1

    def _constant_quotient(self, a: Parts, values: Tensor) -> Parts:
        return Degree.mul(self, a, Degree.lift(self, values))


class _Constants(_Laurent, Constants):
    dtypes = (torch.int64, torch.int64, torch.int64)
    unit = 1

    def _constant_quotient(self, a: Parts, values: Tensor) -> Parts:
        return Degree.mul(self, a, self.divisor(values))


class _Height(_Laurent, Height):
    dtypes = (torch.float64, torch.float64, torch.int64)
    unit = 1.0

    def _constant_quotient(self, a: Parts, values: Tensor) -> Parts:
        return Height.div_constant(self, a, values)


_FOLLOWED: dict[type[Carrier], Callable[[Any], Any]] = {Degree: _Degree, Constants: _Constants, Height: _Height}


def follow(
    make: type[Degree] | type[Height], program: Program, shapes: Mapping[str, tuple[int, ...]]
) -> tuple[Any, Parts, Record]:
    """The carrier, the parts (numerator, denominator) of `program`'s result on indeterminates, and its record.

    A program that takes no logarithms runs once, without exponents.
    """
    carrier: Any = make()
    try:
        interp = Interpreter(carrier)
        parts = run(program, interp, {name: carrier.indeterminate(shape) for name, shape in shapes.items()}).parts
        return carrier, parts, interp.record
    except Logarithm:
        pass
    assumed: Any = 0
    for _ in range(_PASSES):
        carrier = _FOLLOWED[make](assumed)
        interp = Interpreter(carrier)
        parts = run(program, interp, {name: carrier.indeterminate(shape) for name, shape in shapes.items()}).parts
        if carrier.clearing <= assumed:
            break
        assumed = carrier.clearing
    else:
        carrier.assumed = HUGE
    return carrier, carrier._base(parts), interp.record
