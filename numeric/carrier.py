"""What an arithmetic has to provide so that torch code can run in it.

A carrier's number array is a tuple of plain tensors of one shape (its parts): one int64 tensor of residues, or a value
and an error, or a degree. Views, copies and slices run on each part by torch itself, so aliasing and in-place writes
stay right; only arithmetic comes here. All parts of the number zero are 0 in every carrier, hence `zeros`, `tril` and
zero padding need no rule.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

Parts = tuple[Tensor, ...]


class NoRule(Exception):
    """The arithmetic has no meaning for an operation (a square root of a residue); the message says why."""


class OutsideDomain(ZeroDivisionError):
    """The logarithm of a negative number: like a pole, a point at which the program has no value."""


class Carrier(ABC):
    """One arithmetic. Operands broadcast as in torch; `matmul` gets two 2-d or two 3-d operands."""

    name: str
    dtypes: tuple[torch.dtype, ...]
    """The dtypes of the parts."""
    follows_kernel: bool = False
    """True if part 0 is to be what torch's own kernel returns on the operands' part 0 (running error bounds)."""
    precision: torch.dtype = torch.float64
    """The dtype the code is meant to run in: conversions to narrower ones are recorded as casts."""
    any_order: bool = False
    """True if parts bound what any kernel may return, in whatever order it takes sums and products."""
    decides_order: bool = False
    """True if comparisons have an answer (numbers, not indeterminates)."""

    keeps_logarithms: bool = True
    """True if `log` makes a tensor of logarithms (`numeric.logarithms`), False if it is a number like any other."""

    @abstractmethod
    def lift(self, values: Tensor) -> Parts:
        """Constants: finite float64 entries read as the dyadic rationals they are (integers included)."""

    @abstractmethod
    def add(self, a: Parts, b: Parts) -> Parts: ...

    @abstractmethod
    def neg(self, a: Parts) -> Parts: ...

    @abstractmethod
    def mul(self, a: Parts, b: Parts) -> Parts: ...

    @abstractmethod
    def div(self, a: Parts, b: Parts) -> Parts:
        """a/b. Raises ZeroDivisionError where b is 0, NoRule where the carrier has no division."""

    def div_constant(self, a: Parts, values: Tensor) -> Parts:
        """a/values for a plain divisor, such as the N of a mean: exact, and no zero of an indeterminate."""
        return self.div(a, self.lift(values))

    @abstractmethod
    def matmul(self, a: Parts, b: Parts) -> Parts: ...

    @abstractmethod
    def sum(self, a: Parts, dims: Sequence[int], keepdim: bool) -> Parts:
        """Sum over `dims` (non-negative, at least one)."""

    def sub(self, a: Parts, b: Parts) -> Parts:
        """a - b."""
        return self.add(a, self.neg(b))

    def log(self, a: Parts) -> Parts:
        """What a tensor of the logarithms of `a` holds (`numeric.logarithms`), or the logarithms themselves."""
        return a

    def exp(self, a: Parts) -> Parts:
        """The exponentials of what `log` returned."""
        return a

    def ratio(self, a: Parts, b: Parts) -> Parts:
        """a/b for what tensors of logarithms hold."""
        return self.div(a, b)

    def nonzero(self, a: Parts) -> Tensor:
        """Which entries are not 0, as plain booleans, for the choice of pivots."""
        raise NoRule("no rule for solving linear systems in this arithmetic")

    def solve(self, a: Parts, b: Parts) -> Parts:
        """X with A X = B, shapes (..., n, n) and (..., n, k), by Gauss-Jordan elimination with pivots that are not 0.

        Raises ZeroDivisionError for a singular matrix.
        """
        n = a[0].shape[-1]
        whole = tuple(torch.cat([x, y], -1) for x, y in zip(a, b, strict=True))
        for i in range(n):
            candidates = self.nonzero(tuple(p[..., i:, i] for p in whole))
            if not bool(candidates.any(-1).all()):
                raise ZeroDivisionError("a matrix is singular")
            pivot = candidates.long().argmax(-1) + i
            order = torch.arange(n).expand(*pivot.shape, n).clone()
            order.scatter_(-1, pivot[..., None], i)
            order[..., i] = pivot
            whole = tuple(p.gather(-2, order[..., None].expand(p.shape)) for p in whole)
            row = self.div(tuple(p[..., i, :] for p in whole), tuple(p[..., i, i, None] for p in whole))
            factors = tuple(p[..., :, i, None] for p in whole)
            whole = self.sub(whole, self.mul(factors, tuple(r[..., None, :] for r in row)))
            whole = tuple(
                torch.cat([p[..., :i, :], r[..., None, :], p[..., i + 1 :, :]], -2)
                for p, r in zip(whole, row, strict=True)
            )
        return tuple(p[..., n:] for p in whole)

    def accumulate(self, c: Parts, product: Parts, length: int) -> Parts:
        """c + product, where `product` is a matrix product of `length` terms and a kernel may start its sum from c."""
        return self.add(c, product)

    def worst(self, ways: Sequence[Parts]) -> Parts:
        """Parts that hold for each of the ways in which kernels compute one thing. Only called if `any_order`."""
        raise TypeError(f"{type(self).__name__} sets any_order, so it has to define worst")

    def power(self, a: Parts, exponent: int) -> Parts:
        """a**exponent entrywise, exponent >= 1, by squaring."""
        result: Parts | None = None
        while exponent:
            if exponent & 1:
                result = a if result is None else self.mul(result, a)
            exponent >>= 1
            if exponent:
                a = self.mul(a, a)
        assert result is not None
        return result

    def cumsum(self, a: Parts, dim: int) -> Parts:
        """Running sums along `dim`."""
        return self._scan(a, dim, self.add)

    def cumprod(self, a: Parts, dim: int) -> Parts:
        """Running products along `dim`."""
        return self._scan(a, dim, self.mul)

    def prod(self, a: Parts, dim: int, keepdim: bool) -> Parts:
        """Product along `dim` (at least one factor)."""
        last = tuple(p.narrow(dim, p.shape[dim] - 1, 1) for p in self.cumprod(a, dim))
        return last if keepdim else tuple(p.squeeze(dim) for p in last)

    def cast(self, a: Parts, dtype: torch.dtype) -> Parts:
        """A conversion between floating dtypes inside the code: the identity in exact arithmetic (it is recorded)."""
        return a

    def follow(self, parts: Parts, before: Tensor, kernel: Tensor) -> Parts:
        """The parts of `kernel`, torch's own result, where a rule found `parts` with the value `before`.

        Only called if `follows_kernel`.
        """
        raise TypeError(f"{type(self).__name__} sets follows_kernel, so it has to define follow")

    def compare(self, name: str, a: Parts, b: Parts) -> Tensor:
        """Plain booleans for "lt", "le", "gt", "ge", "eq", "ne"."""
        raise NoRule("data-dependent: a comparison of indeterminates has no answer")

    def uninitialised(self, shape: Sequence[int], entropy_free_fill: int = 1) -> Parts:
        """What `torch.empty` returns; not zero, so that code which reads it shows."""
        return tuple(torch.full(tuple(shape), entropy_free_fill, dtype=d) for d in self.dtypes)

    def zeros(self, shape: Sequence[int]) -> Parts:
        """The number zero."""
        return tuple(torch.zeros(tuple(shape), dtype=d) for d in self.dtypes)

    def constant(self, value: float | int) -> Parts:
        """A Python number as a 0-d constant. An integer above 2**53 is read as the float that holds it."""
        try:
            held = float(value)
        except OverflowError:
            raise NoRule(f"the integer {str(value)[:20]}... is beyond float64") from None
        return self.lift(torch.tensor(held, dtype=torch.float64))

    def _scan(self, a: Parts, dim: int, combine: Any) -> Parts:
        if a[0].ndim == 0 or a[0].shape[dim] == 0:
            return tuple(p.clone() for p in a)
        slices = [tuple(p.select(dim, t) for p in a) for t in range(a[0].shape[dim])]
        out = [slices[0]]
        for item in slices[1:]:
            out.append(combine(out[-1], item))
        return tuple(torch.stack([o[i] for o in out], dim=dim) for i in range(len(a)))


def terms(shape: Sequence[int], dims: Sequence[int]) -> int:
    """How many entries a sum over `dims` adds up."""
    return math.prod(shape[d] for d in dims)


def stride_sum(part: Tensor, dims: Sequence[int], keepdim: bool) -> Tensor:
    """`part.sum(dims)` for plain tensors (torch sums over all dims for an empty list, hence the guard)."""
    return part.sum(dim=tuple(dims), keepdim=keepdim) if dims else part.clone()


def stride_max(part: Tensor, dims: Sequence[int], keepdim: bool) -> Tensor:
    """`part.amax(dims)`, 0 where there is nothing to take the maximum of."""
    if not dims:
        return part.clone()
    if terms(part.shape, dims) == 0:
        return part.sum(dim=tuple(dims), keepdim=keepdim)
    return part.amax(dim=tuple(dims), keepdim=keepdim)
