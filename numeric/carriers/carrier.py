"""What an arithmetic has to provide so that a recorded program can be replayed in it.

A carrier's number array is a tuple of plain tensors of one shape (its parts): one int64 tensor of residues, or a value
and an error, or a degree. Axis 0 counts trials: a part has the shape (K, *shape), or (1, *shape) where all trials
share it. Moves and copies run on each part by torch itself; only arithmetic comes here. All parts of the number zero
are 0 in every carrier, hence zero padding and masks need no rule.

Operands have equal rank and broadcast by sizes 1 alone. Results may share memory with operands: whoever keeps one and
writes into it copies it first.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Parts = tuple[Tensor, ...]

_DOUBLING = 1 << 14
"""Largest number of entries a step for which a scan is done by doubling: fewer calls, more arithmetic."""


class NoRule(Exception):
    """The arithmetic has no meaning for an operation (a square root of a residue); the message says why."""


class OutsideDomain(ZeroDivisionError):
    """The logarithm of a negative number: like a pole, a point at which the program has no value."""


class Carrier(ABC):
    """One arithmetic. Axes named by `dim` and `dims` are axes of the parts, at least 1: trials are never summed."""

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
    associative: bool = False
    """True if sums and products may be bracketed at will, by few calls on large arrays."""
    keeps_logarithms: bool = True
    """True if a logarithm is kept as the number it was taken of, False if it is a number like any other."""

    @abstractmethod
    def lift(self, values: Tensor) -> Parts:
        """Constants: finite float64 entries, without trial axis, read as the dyadic rationals they are."""

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
        """a/values for a plain divisor, such as the N of a mean: exact, and no zero of an indeterminate.

        `values` has the rank of `a`, its leading size is 1.
        """
        return self.div(a, self.lift(values[0]))

    @abstractmethod
    def matmul(self, a: Parts, b: Parts) -> Parts:
        """(K or 1, B or 1, n, k) @ (K or 1, B or 1, k, l)."""

    def mm(self, a: Parts, b: Parts) -> Parts:
        """(K or 1, n, k) @ (K or 1, k, l)."""
        return tuple(p[:, 0] for p in self.matmul(tuple(p[:, None] for p in a), tuple(p[:, None] for p in b)))

    def mv(self, a: Parts, v: Parts) -> Parts:
        """(K or 1, n, k) @ (K or 1, k)."""
        return tuple(p[..., 0] for p in self.mm(a, tuple(p[..., None] for p in v)))

    @abstractmethod
    def sum(self, a: Parts, dims: Sequence[int], keepdim: bool) -> Parts:
        """Sum over `dims` (at least one)."""

    def sub(self, a: Parts, b: Parts) -> Parts:
        """a - b."""
        return self.add(a, self.neg(b))

    def log(self, a: Parts) -> Parts:
        """What is kept of the logarithms of `a`, or the logarithms themselves."""
        return a

    def exp(self, a: Parts) -> Parts:
        """The exponentials of what `log` returned."""
        return a

    def ratio(self, a: Parts, b: Parts) -> Parts:
        """a/b for what is kept of logarithms."""
        return self.div(a, b)

    def nonzero(self, a: Parts) -> Tensor:
        """Which entries are not 0, as plain booleans, for the choice of pivots."""
        raise NoRule("no rule for solving linear systems in this arithmetic")

    def singular(self) -> None:
        """A matrix has no inverse, in at least one trial."""
        raise ZeroDivisionError("a matrix is singular")

    def solve(self, a: Parts, b: Parts) -> Parts:
        """X with A X = B, shapes (K, ..., n, n) and (K, ..., n, k), by Gauss-Jordan elimination, pivots not 0.

        Raises ZeroDivisionError for a singular matrix, unless the carrier drops trials instead (`singular`).
        """
        n = a[0].shape[-1]
        whole = tuple(torch.cat(pair, -1) for pair in zip(*same_batch(a, b), strict=True))
        for i in range(n):
            candidates = self.nonzero(tuple(p[..., i:, i] for p in whole))
            if not bool(candidates.any(-1).all()):
                self.singular()
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
        if self.associative:
            while (n := a[0].shape[dim]) > 1:
                halves = (tuple(p.narrow(dim, start, n // 2) for p in a) for start in (0, n // 2))
                product = self.mul(*halves)
                rest = tuple(p.narrow(dim, n - n % 2, n % 2) for p in a)
                a = tuple(joined(pair, dim) for pair in zip(product, rest, strict=True)) if n % 2 else product
            last = a
        else:
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
        """Plain booleans, with trial axis, for "lt", "le", "gt", "ge", "eq", "ne"."""
        raise NoRule("data-dependent: a comparison of indeterminates has no answer")

    def uninitialised(self, shape: Sequence[int]) -> Parts:
        """What `torch.empty` returns; not zero, so that code which reads it shows."""
        return tuple(torch.ones((1, *shape), dtype=d) for d in self.dtypes)

    def zeros(self, shape: Sequence[int]) -> Parts:
        """The number zero."""
        return tuple(torch.zeros((1, *shape), dtype=d) for d in self.dtypes)

    def constant(self, value: float | int) -> Parts:
        """A Python number, parts of shape (1,). Here an integer above 2**53 is read as the float that holds it."""
        try:
            held = float(value)
        except OverflowError:
            raise NoRule(f"the integer {str(value)[:20]}... is beyond float64") from None
        return self.lift(torch.tensor(held, dtype=torch.float64))

    def _scan(self, a: Parts, dim: int, combine: Callable[[Parts, Parts], Parts]) -> Parts:
        n = a[0].shape[dim]
        if n == 0:
            return a
        if self.associative and a[0].numel() <= n * _DOUBLING:
            step = 1
            while step < n:
                later = combine(
                    tuple(p.narrow(dim, step, n - step) for p in a), tuple(p.narrow(dim, 0, n - step) for p in a)
                )
                a = tuple(joined((p.narrow(dim, 0, step), q), dim) for p, q in zip(a, later, strict=True))
                step *= 2
            return a
        out = [tuple(p.narrow(dim, 0, 1) for p in a)]
        for t in range(1, n):
            out.append(combine(out[-1], tuple(p.narrow(dim, t, 1) for p in a)))
        return tuple(joined([o[i] for o in out], dim) for i in range(len(a)))


def terms(shape: Sequence[int], dims: Sequence[int]) -> int:
    """How many entries a sum over `dims` adds up."""
    return math.prod(shape[d] for d in dims)


def joined(pieces: Sequence[Tensor], dim: int) -> Tensor:
    """`torch.cat` along `dim`, where some pieces are the same in all trials and others are not."""
    trials = broadcast(*(p.shape[0] for p in pieces))
    return torch.cat([p if p.shape[0] == trials else p.expand(trials, *p.shape[1:]) for p in pieces], dim)


def products(a: Tensor, b: Tensor) -> int:
    """How many products of numbers a matrix product takes."""
    return broadcast(a.shape[0], b.shape[0]) * broadcast(a.shape[1], b.shape[1]) * math.prod(a.shape[2:]) * b.shape[3]


def broadcast(*sizes: int) -> int:
    """The common size along one axis."""
    return next((n for n in sizes if n != 1), 1)


def broadcast_shapes(*shapes: Sequence[int]) -> torch.Size:
    """As torch's function, which imports a symbolic engine for it. Raises RuntimeError where they do not fit."""
    return torch.broadcast_tensors(*(_POINT.expand(tuple(s)) for s in shapes))[0].shape  # type: ignore[no-untyped-call]


_POINT = torch.zeros(())


def same_batch(a: Parts, b: Parts) -> tuple[Parts, Parts]:
    """Matrices expanded to one shape but for their last two axes."""
    lead = [broadcast(*sizes) for sizes in zip(a[0].shape[:-2], b[0].shape[:-2], strict=True)]
    return tuple(p.expand(*lead, -1, -1) for p in a), tuple(p.expand(*lead, -1, -1) for p in b)


def outer(a: Parts, b: Parts) -> tuple[Parts, Parts]:
    """The operands of a matrix product laid out so that a product of entries summed over axis -2 is that product."""
    return tuple(p.unsqueeze(-1) for p in a), tuple(p.unsqueeze(-3) for p in b)


def largest(part: Tensor, dims: Sequence[int], keepdim: bool) -> Tensor:
    """`part.amax(dims)`, 0 where there is nothing to take the maximum of."""
    if terms(part.shape, dims) == 0:
        return part.sum(dim=tuple(dims), keepdim=keepdim)
    return part.amax(dim=tuple(dims), keepdim=keepdim)
