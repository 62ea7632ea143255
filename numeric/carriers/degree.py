"""Carriers that bound the polynomials a program computes: degree and height, as rational functions.

`Degree` gives the number that the Schwartz-Zippel lemma needs, computed from the code instead of assumed.
`Height` bounds the integer coefficients, hence how many primes can hide a non-zero polynomial.
Both are upper bounds: cancellations and common denominators are not recognised. An entry is a fraction
numerator/denominator; code 0 is the zero polynomial with denominator 1. They hold for all points, so K = 1.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from numeric.carriers.carrier import Carrier, Parts, largest, outer, products, same_batch, terms

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
    variable: float
    """The code of a variable."""

    def __init__(self) -> None:
        self.fractions = False
        """Whether denominators may be other than 0: only `div` and `solve` make such entries."""
        self._zero = torch.zeros((), dtype=self.dtypes[0])

    def indeterminate(self, shape: Sequence[int]) -> Parts:
        """Independent variables."""
        return self._whole(torch.full((1, *shape), self.variable, dtype=self.dtypes[0]))

    def neg(self, a: Parts) -> Parts:
        return a

    def log(self, a: Parts) -> Parts:
        raise Logarithm

    def matmul(self, a: Parts, b: Parts) -> Parts:
        if self._fractional(a, b):
            return self.sum(self.mul(*outer(a, b)), [-2], False)
        return self._product(a[0], b[0]) if a[0].shape[-1] else self._whole(a[0] @ b[0])

    @abstractmethod
    def _product(self, n1: Tensor, n2: Tensor) -> Parts:
        """A matrix product of whole entries, of at least one term each."""

    def _whole(self, num: Tensor) -> Parts:
        # one zero for all entries, since it is copied where it is kept
        return num, self._zero.expand(num.shape)

    def _fractional(self, *operands: Parts) -> bool:
        return self.fractions and any(bool(a[1].any()) for a in operands)


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

    def add(self, a: Parts, b: Parts) -> Parts:
        (n1, d1), (n2, d2) = a, b
        if not self.fractions:
            return self._whole(torch.maximum(n1, n2))
        left = torch.where(n1 > 0, n1 + d2, 0)
        right = torch.where(n2 > 0, n2 + d1, 0)
        # a zero summand leaves the other's denominator
        den = torch.where(n1 > 0, d1, 0) + torch.where(n2 > 0, d2, 0)
        return _capped(torch.maximum(left, right)), _capped(den)

    def mul(self, a: Parts, b: Parts) -> Parts:
        (n1, d1), (n2, d2) = a, b
        some = torch.minimum(n1, n2) > 0
        num = _capped((n1 + n2).sub_(1)).mul_(some)
        return (num, _capped(d1 + d2).mul_(some)) if self.fractions else self._whole(num)

    def div(self, a: Parts, b: Parts) -> Parts:
        (n1, d1), (n2, d2) = a, b
        if bool((n2 == 0).any()):
            raise ZeroDivisionError("a divisor is the zero polynomial")
        self.divisors += int((n2 - 1).double().sum())  # many capped degrees run over the end of int64
        self.fractions = True
        some = n1 > 0
        return _capped(torch.where(some, n1 + d2, 0)), _capped(torch.where(some, d1 + n2 - 1, 0))

    def div_constant(self, a: Parts, values: Tensor) -> Parts:
        return self.mul(a, self.lift(values[0]))

    def solve(self, a: Parts, b: Parts) -> Parts:
        """Cramer's rule: a determinant's degree is at most the sum over the rows of their largest degree."""
        (left, right), size = _cleared_rows(a, b), a[0].shape[-1]
        if size and bool((left.amax(-1) == 0).any()):
            raise ZeroDivisionError("a row of the matrix is zero")
        self.fractions = True
        below = _capped((left.amax(-1) - 1).double().sum(-1).clamp(max=HUGE).long()) if size else left.sum((-1, -2))
        both = torch.cat([left, right], -1).amax(-1) if size else left.sum(-1)
        above = (both - 1).clamp(min=0).double().sum(-1).clamp(max=HUGE).long() + 1
        self.divisors += int(below.double().sum())
        some = _meets(right)
        return torch.where(some, above[..., None, None], 0), torch.where(some, below[..., None, None], 0)

    def _product(self, n1: Tensor, n2: Tensor) -> Parts:
        if products(n1, n2) <= _EXACT_PRODUCT:
            # a zero is put so far down that no product with it comes out above 0
            low = (torch.where(n == 0, -2 * HUGE, n) for n in (n1, n2))
            (left,), (right,) = outer(*((n,) for n in low))
            return self._whole((left + right).amax(-2).sub_(1).clamp_(0, HUGE))
        bound = n1.amax(-1, keepdim=True) + n2.amax(-2, keepdim=True) - 1
        return self._whole(_capped(torch.where(_meeting(n1, n2), bound, 0)))

    def sum(self, a: Parts, dims: Sequence[int], keepdim: bool) -> Parts:
        num, den = a
        if not self._fractional(a):
            return self._whole(largest(num, dims, keepdim))
        # over the product of all denominators, each numerator gains the others' degrees
        live = torch.where(num > 0, den, 0)
        total = live.double().sum(dim=tuple(dims), keepdim=True).clamp(max=HUGE).long()
        top = _capped(largest(torch.where(num > 0, num + total - live, 0), dims, keepdim))
        return top, (total if keepdim else largest(total, dims, False))

    def cumsum(self, a: Parts, dim: int) -> Parts:
        if a[0].shape[dim] and not self._fractional(a):
            return self._whole(a[0].cummax(dim).values)
        return super().cumsum(a, dim)


def _cleared_rows(a: Parts, b: Parts) -> tuple[Tensor, Tensor]:
    """Codes of degree (or height) of [A | b] after each row was multiplied by its own denominators."""
    a, b = same_batch(a, b)
    live = [torch.where(num > 0, den, 0) for num, den in (a, b)]
    total = sum(den.sum(-1, keepdim=True) for den in live)
    left, right = (torch.where(num > 0, num + total - den, 0) for (num, _), den in zip((a, b), live, strict=True))
    return left, right


def _meets(right: Tensor) -> Tensor:
    # a column of zeros has the solution zero; all other entries may be anything
    return (right > 0).any(-2, keepdim=True).expand(right.shape)


def _meeting(left: Tensor, right: Tensor) -> Tensor:
    """Which entries of a matrix product have a term that is not 0."""
    return ((left > 0).double() @ (right > 0).double()) > 0


class Constants(Degree):
    """Degree in the non-integer constants: `lift` counts them as variables, inputs count 0.

    Multiplying by `denominator` to that degree clears the denominators of all constants. Every float is a dyadic
    rational, so its denominator is a power of two; a constant divisor adds its odd part.
    """

    name = "degree in constants"
    variable = 1

    def __init__(self) -> None:
        super().__init__()
        self._dyadic_log2 = 0
        self._odd = 1

    @property
    def denominator(self) -> int:
        """The number that clears one constant's denominator."""
        return self._odd << self._dyadic_log2

    @property
    def denominator_log2(self) -> float:
        """Its log2."""
        return self._dyadic_log2 + math.log2(self._odd)

    def lift(self, values: Tensor) -> Parts:
        whole = values == values.round()
        if not bool(whole.all()):
            mantissa, exponent = torch.frexp(values[~whole].double())
            scaled = (mantissa * 2.0**53).long()
            trailing = torch.log2((scaled & -scaled).double())
            self._dyadic_log2 = max(self._dyadic_log2, int((53 - exponent.double() - trailing).max()))
        return self._whole(torch.where(values == 0, 0, torch.where(whole, 1, 2))[None])

    def constant(self, value: float | int) -> Parts:
        if isinstance(value, int):
            return super().constant(value)
        return self.lift(torch.tensor(value, dtype=torch.float64))

    def div_constant(self, a: Parts, values: Tensor) -> Parts:
        return self.mul(a, self.divisor(values[0]))

    def divisor(self, values: Tensor) -> Parts:
        """The parts of 1/values for constants."""
        for value in values.reshape(-1).tolist():
            top, _ = value.as_integer_ratio()
            if top == 0:
                raise ZeroDivisionError("a divisor is the constant 0")
            power = (top & -top).bit_length() - 1
            self._odd = math.lcm(self._odd, abs(top) >> power)
            self._dyadic_log2 = max(self._dyadic_log2, power)
        return self._whole((2 - (values.abs() == 1).long())[None])


class Height(_Fractions):
    """Parts: log2(1 + 1-norm) of the numerator and log2(1-norm) of the denominator, coefficients included.

    Sound because log2(1+xy) <= log2(1+x) + log2(1+y), and a sum adds norms. Float rounding is covered by a relative
    slack a step, far above 2**-53.
    """

    dtypes: tuple[torch.dtype, ...] = (torch.float64, torch.float64)
    name = "height"
    variable = 1.0
    _slack = 1.0 + 2.0**-40

    def lift(self, values: Tensor) -> Parts:
        # log1p, since code 0 would make a constant below 2**-53 the zero polynomial
        return self._whole((torch.log1p(values.abs().double()) * (_LOG2_E * self._slack))[None])

    def constant(self, value: float | int) -> Parts:
        if isinstance(value, int):
            return self._whole(torch.tensor([math.log2(1 + abs(value)) * self._slack], dtype=torch.float64))
        return self.lift(torch.tensor(value, dtype=torch.float64))

    def add(self, a: Parts, b: Parts) -> Parts:
        (n1, d1), (n2, d2) = a, b
        left, right = n1, n2
        if self.fractions:
            left, right = torch.where(n1 > 0, n1 + d2, 0), torch.where(n2 > 0, n2 + d1, 0)
        both = torch.logaddexp2(left, right) * self._slack
        num = torch.where(torch.minimum(left, right) > 0, both, torch.maximum(left, right))
        if not self.fractions:
            return self._whole(num)
        return num, torch.where(n1 > 0, d1, 0) + torch.where(n2 > 0, d2, 0)

    def mul(self, a: Parts, b: Parts) -> Parts:
        (n1, d1), (n2, d2) = a, b
        some = torch.minimum(n1, n2) > 0
        num = torch.where(some, (n1 + n2) * self._slack, 0)
        return (num, torch.where(some, d1 + d2, 0)) if self.fractions else self._whole(num)

    def div(self, a: Parts, b: Parts) -> Parts:
        (n1, d1), (n2, d2) = a, b
        self.fractions = True
        some = n1 > 0
        return torch.where(some, (n1 + d2) * self._slack, 0), torch.where(some, d1 + n2, 0)

    def div_constant(self, a: Parts, values: Tensor) -> Parts:
        num, den = a
        grown = torch.log2(values.abs().double()).neg().clamp(min=0)
        num = torch.where(num > 0, (num + grown) * self._slack, 0)
        return (num, den.expand(num.shape)) if self.fractions else self._whole(num)

    def solve(self, a: Parts, b: Parts) -> Parts:
        """Cramer's rule: a determinant's 1-norm is at most the product over the rows of their sums."""
        self.fractions = True
        left, right = _cleared_rows(a, b)
        slack = self._slack * (1 + left.shape[-1] * 2.0**-40)
        below = torch.logsumexp(left * _LN2, -1).clamp(min=0).sum(-1) / _LN2 * slack
        above = torch.logsumexp(torch.cat([left, right], -1) * _LN2, -1).clamp(min=0).sum(-1) / _LN2 * slack + 1
        some = _meets(right)
        return torch.where(some, above[..., None, None], 0), torch.where(some, below[..., None, None], 0)

    def _product(self, n1: Tensor, n2: Tensor) -> Parts:
        top1, top2 = n1.amax(-1, keepdim=True), n2.amax(-2, keepdim=True)
        # nothing underflows: what is 500 bits below the largest of its row or column counts as much as that
        scaled1 = torch.where(n1 > 0, torch.exp2((n1 - top1).clamp(min=-500)), 0)
        scaled2 = torch.where(n2 > 0, torch.exp2((n2 - top2).clamp(min=-500)), 0)
        total = scaled1 @ scaled2
        # log2(total) is off by a unit of roundoff for each term and for each of its, at most, 1000 bits
        slack = (n1.shape[-1] + 2**10) * 2.0**-50
        bits = (torch.log2(total) + (top1 + top2)).clamp_(min=0).mul_(self._slack).add_(slack)
        # infinity less infinity: no bound
        return self._whole(torch.where(total == 0, 0, bits.nan_to_num(nan=torch.inf, posinf=torch.inf)))

    def sum(self, a: Parts, dims: Sequence[int], keepdim: bool) -> Parts:
        num, den = a
        if terms(num.shape, dims) == 0:
            return self._whole(num.sum(dim=tuple(dims), keepdim=keepdim))
        full = torch.where(num > 0, num, -torch.inf)
        total = None
        if self._fractional(a):
            live = torch.where(num > 0, den, 0)
            total = live.sum(dim=tuple(dims), keepdim=True)
            full = full + total - live
        summed = torch.logsumexp(full * _LN2, dim=tuple(dims), keepdim=keepdim) / _LN2
        out = torch.where(torch.isneginf(summed), 0, summed.clamp(min=0) * self._slack + 2.0**-30)
        if total is None:
            return self._whole(out)
        return out, (total if keepdim else largest(total, dims, False))
