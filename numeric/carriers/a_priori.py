"""A-priori rounding bounds: how far floating point can be from the polynomial that a program computes.

Main definition: `APriori`, a carrier with three parts: rounding count n, majorant A and underflow E. For a program that
adds, subtracts, multiplies and divides by constants, in the standard model of rounding with gradual underflow,

    |fl - exact| <= gamma_n A + (1 + gamma_n) E,   gamma_n = n u / (1 - n u),

whatever the order in which sums and products are taken, with or without fused multiply-add: n is the largest number of
roundings that a monomial passes through, A is the polynomial with all signs made plus at the absolute values of its
arguments, and E collects what products lose by underflow, carried along by the factors they meet later.
Overflow is never bounded: the bound is then infinite or NaN, and the entry is not assessable.

Source: N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., sections 2.2, 3.1, 3.4; the underflow
part and the slack for the bound's own rounding are derived below.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import torch
from torch import Tensor

from numeric.carriers.carrier import Carrier, NoRule, Parts, largest, outer, products

UNIT = 2.0**-53
"""Unit roundoff of float64, in which every bound is evaluated."""
SUBNORMAL = 2.0**-1074
"""The smallest positive float64."""
_POW_ULPS = 4
"""Largest error of a library's `pow`, in units in the last place (glibc, SVML and CUDA state at most this)."""
_EXACT_PRODUCT = 1 << 20
"""Largest number of products for which a matrix product's count takes its maximum term by term."""
_FAR = 1 << 60
"""More roundings than any program has."""


def unit_roundoff(dtype: torch.dtype) -> float:
    """u of a floating dtype: 2**-53 for float64, 2**-24 for float32."""
    return torch.finfo(dtype).eps / 2


def smallest_subnormal(dtype: torch.dtype) -> float:
    """The spacing of the subnormal numbers of a floating dtype: 2**-1074 for float64, 2**-149 for float32."""
    info = torch.finfo(dtype)
    return float(info.tiny) * float(info.eps)


def _live(a: Parts) -> Tensor:
    # an entry with A = E = 0 is a 0 that floating point gets right, so adding it rounds nothing
    return (a[1] + a[2]) != 0


class APriori(Carrier):
    """Parts: n (int64), A (float64), E (float64), for a program that runs in `dtype` (float64 or float32).

    Invariant: with G_n = 1/(1 - n u), an entry's floating value is within gamma_n A + G_n E of the exact one. For a
    product, gamma_a + gamma_b + gamma_a gamma_b <= gamma_(a+b) and G_a G_b <= G_(a+b), so the factor G carries itself.
    A and E are float64 numbers themselves, and their products underflow too. What A loses that way is at most
    SUBNORMAL a product, hence covered by E, which gains 4 subnormals a product: one for the program's own
    underflow, the others for those in the evaluation of A and E. Thus the exact majorant is at most A + E, and
    E' = E1 (A2 + 3 E2) + A1 E2 + 4 subnormals holds it up. Relative errors are left to the slack in `bound`.
    """

    dtypes = (torch.int64, torch.float64, torch.float64)
    name = "a-priori rounding bound"
    any_order = True
    keeps_logarithms = False

    def __init__(self, dtype: torch.dtype = torch.float64) -> None:
        if dtype not in (torch.float64, torch.float32):
            raise ValueError(f"dtype is {dtype}; rounding bounds exist for torch.float64 and torch.float32")
        self.precision = dtype
        self.unit = unit_roundoff(dtype)
        self._least = 4 * smallest_subnormal(dtype)

    def inputs(self, values: Tensor) -> Parts:
        """Arguments of the program, with trial axis: floats of its own dtype (or narrower), exact as they are."""
        return tuple(p.squeeze(0) for p in self.lift(values))

    def bound(self, parts: Parts) -> Tensor:
        """The bound, shape of the parts, float64: inf or NaN where it is not assessable (overflow, too many roundings).

        Safe against the rounding of its own evaluation: n counts at least as many roundings as A went through, and E
        goes through at most five for each of them, so the exact parts are below the computed ones times
        1 + gamma_(6n+9), which also covers the operations of this formula.
        """
        n, majorant, underflow = parts
        count = n.double()
        own = (6 * count + 9) * UNIT
        used = count * self.unit
        usable = (used < 0.25) & (own < 0.25)
        grown = 1 / (1 - used)
        total = used * grown * majorant + 2 * grown * underflow
        some = (count > 0) & (majorant > 0) | (underflow > 0)
        return torch.where(usable, total * (1 + 2 * own) + some.double() * (4 * SUBNORMAL), torch.inf)

    def condition(self, parts: Parts) -> Tensor:
        """n A, the bound's rounding part without its unit, to compare two programs by; NaN where underflow matters.

        Where underflow matters it depends on the scaling of the data, and says nothing about a program's stability.
        """
        n, majorant, underflow = parts
        size = n.double() * majorant
        return torch.where(underflow <= self.unit * size, size, torch.nan)

    def lift(self, values: Tensor) -> Parts:
        wide = values.double()
        held = wide.to(self.precision).double()
        lost = held != wide
        # below the smallest normal number the loss is no fraction of the value
        small = wide.abs() < torch.finfo(self.precision).tiny
        return (
            lost.long()[None],
            torch.where(torch.isfinite(held), wide.abs(), torch.inf)[None],
            ((lost & small).double() * self._least)[None],
        )

    def constant(self, value: float | int) -> Parts:
        n, majorant, underflow = super().constant(value)
        if isinstance(value, int) and int(float(value)) != value:
            n, majorant = n + 1, majorant * (1 + 4 * UNIT)
        return n, majorant, underflow

    def uninitialised(self, shape: Sequence[int]) -> Parts:
        n, majorant, underflow = self.zeros(shape)
        return n, majorant + torch.inf, underflow

    def add(self, a: Parts, b: Parts) -> Parts:
        both = (_live(a) & _live(b)).long()
        return torch.maximum(a[0], b[0]) + both, a[1] + b[1], a[2] + b[2]

    def accumulate(self, c: Parts, product: Parts, length: int) -> Parts:
        # a kernel may start its sum from c, which then passes through every addition
        n, majorant, underflow = self.add(c, product)
        started = torch.where(_live(c), c[0] + length, 0)
        return torch.maximum(n, started), majorant, underflow

    def worst(self, ways: Sequence[Parts]) -> Parts:
        first, *others = ways
        for other in others:
            first = tuple(torch.maximum(p, q) for p, q in zip(first, other, strict=True))
        return first

    def neg(self, a: Parts) -> Parts:
        return a

    def mul(self, a: Parts, b: Parts) -> Parts:
        both = _live(a) & _live(b)
        underflow = a[2] * (b[1] + 3 * b[2]) + a[1] * b[2] + both.double() * self._least
        return torch.where(both, a[0] + b[0] + 1, 0), a[1] * b[1], underflow

    def exp(self, a: Parts) -> NoReturn:
        raise NoRule("transcendental: exp has no a-priori rounding bound (it has a running one)")

    def log(self, a: Parts) -> NoReturn:
        raise NoRule("transcendental: log has no a-priori rounding bound (it has a running one)")

    def div(self, a: Parts, b: Parts) -> NoReturn:
        raise NoRule("a division by data has no a-priori rounding bound (divisions by constants have)")

    def div_constant(self, a: Parts, values: Tensor) -> Parts:
        if bool((values == 0).any()):
            raise ZeroDivisionError("a divisor is the constant 0")
        lost, size, _ = self.lift(values[0])
        live = _live(a)
        # two roundings, since some kernels multiply by the reciprocal; that may be subnormal, hence A times a subnormal
        n = torch.where(live, a[0] + 2 + lost, 0)
        extra = live.double() * self._least * (1 + a[1])
        inside = size >= torch.finfo(self.precision).tiny
        return n, torch.where(inside, a[1] / size, torch.inf), a[2] / size + a[2] * self._least + extra

    def power(self, a: Parts, exponent: int) -> Parts:
        if exponent == 1:
            return a
        whole = self.cumprod(tuple(p[..., None].expand(*p.shape, exponent) for p in a), a[0].ndim)
        n, majorant, underflow = (p[..., -1] for p in whole)
        if exponent > 2:
            # a library's pow instead of products; an ulp is up to two units of roundoff
            live = _live(a)
            n = torch.where(live, torch.maximum(n, exponent * a[0] + 2 * _POW_ULPS), 0)
            underflow = underflow + live.double() * (_POW_ULPS * self._least)
        return n, majorant, underflow

    def matmul(self, a: Parts, b: Parts) -> Parts:
        live_a, live_b = _live(a), _live(b)
        pairs = live_a.double() @ live_b.double()
        if a[0].shape[-1] == 0:
            return pairs.long(), pairs, pairs
        if products(a[0], b[0]) <= _EXACT_PRODUCT:
            # a zero is put so far down that no product with it comes out above 0
            low = (torch.where(live, p[0], -_FAR) for live, p in ((live_a, a), (live_b, b)))
            (left,), (right,) = outer(*((n,) for n in low))
            factors = (left + right).amax(-2)
        else:
            factors = a[0].amax(-1, keepdim=True) + b[0].amax(-2, keepdim=True)
        # a product of L pairs: one rounding for the product, at most L - 1 for the sum, in any order
        n = torch.where(pairs > 0, factors + pairs.long(), 0)
        underflow = a[2] @ (b[1] + 3 * b[2]) + a[1] @ b[2] + pairs * self._least
        return n, a[1] @ b[1], underflow

    def sum(self, a: Parts, dims: Sequence[int], keepdim: bool) -> Parts:
        live, majorant, underflow = (p.sum(dim=tuple(dims), keepdim=keepdim) for p in (_live(a), a[1], a[2]))
        n = largest(a[0], dims, keepdim) + (live - 1).clamp(min=0)
        return n, majorant, underflow

    def cumsum(self, a: Parts, dim: int) -> Parts:
        if a[0].shape[dim] == 0:
            return a
        live = _live(a).long().cumsum(dim)
        return a[0].cummax(dim).values + (live - 1).clamp(min=0), a[1].cumsum(dim), a[2].cumsum(dim)

    def cumprod(self, a: Parts, dim: int) -> Parts:
        if a[0].shape[dim] == 0:
            return a
        n, majorant, underflow = self._scan(a, dim, self.mul)
        # in another order the partial products are others: each loses a subnormal and meets some of the other factors
        outer = (a[1] + 3 * a[2]).clamp(min=1).cumprod(dim)
        place = torch.arange(a[0].shape[dim]).reshape([-1 if d == dim else 1 for d in range(a[0].ndim)])
        live = _live((n, majorant, underflow))
        return n, majorant, underflow + live.double() * (place * self._least) * outer
