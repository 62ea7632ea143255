"""Carriers that bound the polynomials a program computes: degree and height, as rational functions.

`Degree` gives the number that the Schwartz-Zippel lemma needs, computed from the code instead of assumed.
`Height` bounds the integer coefficients, hence how many primes can hide a non-zero polynomial.
Both are upper bounds: cancellations and common denominators are not recognised. An entry is a fraction
numerator/denominator; code 0 is the zero polynomial with denominator 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from numeric.carrier import Carrier, Parts, stride_max, terms

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
    """The program takes the logarithm of data, which needs `numeric.laurent`."""


class Degree(Carrier):
    """Parts: degree of the numerator + 1 (0 for zero), degree of the denominator."""

    dtypes: tuple[torch.dtype, ...] = (torch.int64, torch.int64)
    name = "degree"

    def __init__(self) -> None:
        self.divisors = 0
        """Total degree of the numerators of all divisors met: their zeros are the points to be avoided."""

    def lift(self, values: Tensor) -> Parts:
        return (values != 0).long(), torch.zeros(values.shape, dtype=torch.int64)

    def indeterminate(self, shape: Sequence[int]) -> Parts:
        """Independent variables."""
        return torch.full(tuple(shape), 2, dtype=torch.int64), torch.zeros(tuple(shape), dtype=torch.int64)

    def add(self, a: Parts, b: Parts) -> Parts:
        (n1, d1), (n2, d2) = a, b
        left = torch.where(n1 > 0, n1 + d2, 0)
        right = torch.where(n2 > 0, n2 + d1, 0)
        # a zero summand leaves the other's denominator
        den = torch.where(n1 > 0, d1, 0) + torch.where(n2 > 0, d2, 0)
        return _capped(torch.maximum(left, right)), _capped(den)

    def neg(self, a: Parts) -> Parts:
        return a

    def mul(self, a: Parts, b: Parts) -> Parts:
        (n1, d1), (n2, d2) = a, b
        some = (n1 > 0) & (n2 > 0)
        return _capped(torch.where(some, n1 + n2 - 1, 0)), _capped(torch.where(some, d1 + d2, 0))

    def div(self, a: Parts, b: Parts) -> Parts:
        (n1, d1), (n2, d2) = a, b
        if bool((n2 == 0).any()):
            raise ZeroDivisionError("a divisor is the zero polynomial")
        self.divisors += int((n2 - 1).sum())
        some = n1 > 0
        return _capped(torch.where(some, n1 + d2, 0)), _capped(torch.where(some, d1 + n2 - 1, 0))

    def div_constant(self, a: Parts, values: Tensor) -> Parts:
        return self.mul(a, self.lift(values))

    def log(self, a: Parts) -> Parts:
        raise Logarithm

    def solve(self, a: Parts, b: Parts) -> Parts:
        """Cramer's rule: a determinant's degree is at most the sum over the rows of their largest degree."""
        (left, right), size = _cleared_rows(a, b), a[0].shape[-1]
        if size and bool((left.amax(-1) == 0).any()):
            raise ZeroDivisionError("a row of the matrix is zero")
        below = _capped((left.amax(-1) - 1).double().sum(-1).clamp(max=HUGE).long()) if size else left.sum((-1, -2))
        both = torch.cat([left, right], -1).amax(-1) if size else left.sum(-1)
        above = (both - 1).clamp(min=0).double().sum(-1).clamp(max=HUGE).long() + 1
        self.divisors += int(below.sum())
        some = _meets(right)
        return torch.where(some, above[..., None, None], 0), torch.where(some, below[..., None, None], 0)

    def matmul(self, a: Parts, b: Parts) -> Parts:
        (n1, d1), (n2, d2) = a, b
        if bool((d1 > 0).any()) or bool((d2 > 0).any()):
            return self._rational_matmul(a, b)
        work = n1.numel() * n2.shape[-1]
        if work <= _EXACT_PRODUCT:
            pairs = n1[..., :, :, None] + n2[..., None, :, :] - 1
            some = (n1 > 0)[..., :, :, None] & (n2 > 0)[..., None, :, :]
            out = torch.where(some, pairs, 0)
            out = out.amax(-2) if n1.shape[-1] else out.sum(-2)
        else:
            bound = n1.amax(-1, keepdim=True) + n2.amax(-2, keepdim=True) - 1
            meets = ((n1 > 0).double() @ (n2 > 0).double()) > 0
            out = torch.where(meets, bound, 0)
        return _capped(out), torch.zeros_like(out)

    def _rational_matmul(self, a: Parts, b: Parts) -> Parts:
        products = self.mul(tuple(p[..., :, :, None] for p in a), tuple(p[..., None, :, :] for p in b))
        return self.sum(products, [products[0].ndim - 2], False)

    def sum(self, a: Parts, dims: Sequence[int], keepdim: bool) -> Parts:
        num, den = a
        if not bool((den > 0).any()):
            top = stride_max(num, dims, keepdim)
            return top, torch.zeros_like(top)
        # over the product of all denominators, each numerator gains the others' degrees
        live = torch.where(num > 0, den, 0)
        total = live.double().sum(dim=tuple(dims), keepdim=True).clamp(max=HUGE).long()
        top = _capped(stride_max(torch.where(num > 0, num + total - live, 0), dims, keepdim))
        return top, (total if keepdim else stride_max(total, dims, False))

    def cumsum(self, a: Parts, dim: int) -> Parts:
        num, den = a
        if num.ndim and num.shape[dim] and not bool((den > 0).any()):
            return num.cummax(dim).values, torch.zeros_like(num)
        return super().cumsum(a, dim)


def _cleared_rows(a: Parts, b: Parts) -> tuple[Tensor, Tensor]:
    """Codes of degree (or height) of [A | b] after each row was multiplied by its own denominators."""
    live = [torch.where(num > 0, den, 0) for num, den in (a, b)]
    total = sum(den.sum(-1, keepdim=True) for den in live)
    left, right = (torch.where(num > 0, num + total - den, 0) for (num, _), den in zip((a, b), live, strict=True))
    return left, right


def _meets(right: Tensor) -> Tensor:
    # a column of zeros has the solution zero; all other entries may be anything
    return (right > 0).any(-2, keepdim=True).expand(right.shape)


class Constants(Degree):
    """Degree in the non-integer constants: `lift` counts them as variables, inputs count 0.

    Multiplying by `denominator` to that degree clears the denominators of all constants. Every float is a dyadic
    rational, so its denominator is a power of two; a constant divisor adds its odd part.
    """

    name = "degree in constants"

    def __init__(self) -> None:
        super().__init__()
        self._dyadic_log2 = 0.0
        self._odd = 1

    @property
    def denominator_log2(self) -> float:
        """log2 of the number that clears one constant's denominator."""
        return self._dyadic_log2 + math.log2(self._odd)

    def lift(self, values: Tensor) -> Parts:
        whole = values == values.round()
        if not bool(whole.all()):
            mantissa, exponent = torch.frexp(values[~whole].double())
            scaled = (mantissa * 2.0**53).long()
            trailing = torch.log2((scaled & -scaled).double())
            self._dyadic_log2 = max(self._dyadic_log2, float((53 - exponent.double() - trailing).max()))
        return torch.where(values == 0, 0, torch.where(whole, 1, 2)), torch.zeros(values.shape, dtype=torch.int64)

    def indeterminate(self, shape: Sequence[int]) -> Parts:
        return torch.full(tuple(shape), 1, dtype=torch.int64), torch.zeros(tuple(shape), dtype=torch.int64)

    def div_constant(self, a: Parts, values: Tensor) -> Parts:
        return self.mul(a, self.divisor(values))

    def divisor(self, values: Tensor) -> Parts:
        """The parts of 1/values for constants."""
        for value in values.reshape(-1).tolist():
            top, _ = value.as_integer_ratio()
            if top == 0:
                raise ZeroDivisionError("a divisor is the constant 0")
            power = (top & -top).bit_length() - 1
            self._odd = math.lcm(self._odd, abs(top) >> power)
            self._dyadic_log2 = max(self._dyadic_log2, float(power))
        units = (values.abs() == 1).long()
        return 2 - units, torch.zeros(values.shape, dtype=torch.int64)


class Height(Carrier):
    """Parts: log2(1 + 1-norm) of the numerator and log2(1-norm) of the denominator, coefficients included.

    Sound because log2(1+xy) <= log2(1+x) + log2(1+y), and a sum adds norms. Float rounding is covered by a relative
    slack a step, far above 2**-53.
    """

    dtypes: tuple[torch.dtype, ...] = (torch.float64, torch.float64)
    name = "height"
    _slack = 1.0 + 2.0**-40

    def lift(self, values: Tensor) -> Parts:
        # log1p, since code 0 would make a constant below 2**-53 the zero polynomial
        return torch.log1p(values.abs().double()) * (_LOG2_E * self._slack), torch.zeros(
            values.shape, dtype=torch.float64
        )

    def indeterminate(self, shape: Sequence[int]) -> Parts:
        """Independent variables: norm 1."""
        return torch.ones(tuple(shape), dtype=torch.float64), torch.zeros(tuple(shape), dtype=torch.float64)

    def add(self, a: Parts, b: Parts) -> Parts:
        (n1, d1), (n2, d2) = a, b
        left, right = torch.where(n1 > 0, n1 + d2, 0), torch.where(n2 > 0, n2 + d1, 0)
        both = torch.logaddexp2(left, right) * self._slack
        num = torch.where((n1 > 0) & (n2 > 0), both, torch.maximum(left, right))
        return num, torch.where(n1 > 0, d1, 0) + torch.where(n2 > 0, d2, 0)

    def neg(self, a: Parts) -> Parts:
        return a

    def mul(self, a: Parts, b: Parts) -> Parts:
        (n1, d1), (n2, d2) = a, b
        some = (n1 > 0) & (n2 > 0)
        return torch.where(some, (n1 + n2) * self._slack, 0), torch.where(some, d1 + d2, 0)

    def div(self, a: Parts, b: Parts) -> Parts:
        (n1, d1), (n2, d2) = a, b
        some = n1 > 0
        return torch.where(some, (n1 + d2) * self._slack, 0), torch.where(some, d1 + n2, 0)

    def div_constant(self, a: Parts, values: Tensor) -> Parts:
        num, den = a
        grown = torch.log2(values.abs().double()).neg().clamp(min=0)
        return torch.where(num > 0, (num + grown) * self._slack, 0), den + torch.zeros_like(grown)

    def log(self, a: Parts) -> Parts:
        raise Logarithm

    def solve(self, a: Parts, b: Parts) -> Parts:
        """Cramer's rule: a determinant's 1-norm is at most the product over the rows of their sums."""
        left, right = _cleared_rows(a, b)
        slack = self._slack * (1 + left.shape[-1] * 2.0**-40)
        below = torch.logsumexp(left * _LN2, -1).clamp(min=0).sum(-1) / _LN2 * slack
        above = torch.logsumexp(torch.cat([left, right], -1) * _LN2, -1).clamp(min=0).sum(-1) / _LN2 * slack + 1
        some = _meets(right)
        return torch.where(some, above[..., None, None], 0), torch.where(some, below[..., None, None], 0)

    def matmul(self, a: Parts, b: Parts) -> Parts:
        (n1, d1), (n2, d2) = a, b
        if bool((d1 > 0).any()) or bool((d2 > 0).any()):
            products = self.mul(tuple(p[..., :, :, None] for p in a), tuple(p[..., None, :, :] for p in b))
            return self.sum(products, [products[0].ndim - 2], False)
        if n1.shape[-1] == 0:
            out = torch.exp2(n1) @ torch.exp2(n2)
            return out, torch.zeros_like(out)
        top1, top2 = n1.amax(-1, keepdim=True), n2.amax(-2, keepdim=True)
        scaled1 = torch.where(n1 > 0, torch.exp2(n1 - top1), 0)
        scaled2 = torch.where(n2 > 0, torch.exp2(n2 - top2), 0)
        total = scaled1 @ scaled2
        # terms lost to underflow are covered by the slack of half a bit
        out = torch.where(total > 0, (torch.log2(total) + top1 + top2).clamp(min=0) + 0.5, 0)
        meets = ((n1 > 0).double() @ (n2 > 0).double()) > 0
        floor = torch.where(meets, 0.5 + top1 + top2 - 1000, 0).clamp(min=0)
        return torch.maximum(out, floor), torch.zeros_like(out)

    def sum(self, a: Parts, dims: Sequence[int], keepdim: bool) -> Parts:
        num, den = a
        live = torch.where(num > 0, den, 0)
        total = live.sum(dim=tuple(dims), keepdim=True) if dims else live
        if terms(num.shape, dims) == 0:
            out = num.sum(dim=tuple(dims), keepdim=keepdim)
            return out, torch.zeros_like(out)
        full = torch.where(num > 0, num + total - live, -torch.inf)
        summed = torch.logsumexp(full * _LN2, dim=tuple(dims), keepdim=keepdim) / _LN2
        out = torch.where(torch.isinf(summed), 0, summed.clamp(min=0) * self._slack + 2.0**-30)
        return out, (total if keepdim else stride_max(total, dims, False))
