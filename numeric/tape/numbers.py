"""Arrays of a carrier's numbers, for writing rules like formulas.

Main definitions: `Numbers`, `Logarithms`, `Pair`. Parts have a leading trial axis that shapes here leave out: operands
are aligned from the right behind it, as torch broadcasts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from numeric.carriers.carrier import Carrier, Parts, broadcast_shapes


class Numbers:
    """Numbers of a carrier, with + - * / @ between them."""

    __slots__ = ("carrier", "parts")

    def __init__(self, carrier: Carrier, parts: Parts) -> None:
        self.carrier, self.parts = carrier, parts

    @property
    def shape(self) -> torch.Size:
        """The shape, without trials."""
        return self.parts[0].shape[1:]

    @property
    def ndim(self) -> int:
        return self.parts[0].ndim - 1

    def numel(self) -> int:
        """How many numbers a trial has."""
        return self.shape.numel()

    def made(self, parts: Parts) -> Numbers:
        """Other parts of the same kind."""
        return type(self)(self.carrier, parts)

    def moved(self, move: Callable[[Tensor], Tensor]) -> Any:
        """A rearrangement of the entries, trial axis included."""
        return self.made(tuple(move(p) for p in self.parts))

    def __add__(self, other: Numbers) -> Numbers:
        return Numbers(self.carrier, self.carrier.add(*aligned(self, other)))

    def __sub__(self, other: Numbers) -> Numbers:
        return Numbers(self.carrier, self.carrier.sub(*aligned(self, other)))

    def __mul__(self, other: Numbers) -> Numbers:
        return Numbers(self.carrier, self.carrier.mul(*aligned(self, other)))

    def __truediv__(self, other: Numbers) -> Numbers:
        return Numbers(self.carrier, self.carrier.div(*aligned(self, other)))

    def __neg__(self) -> Numbers:
        return Numbers(self.carrier, self.carrier.neg(self.parts))

    def __matmul__(self, other: Numbers) -> Numbers:
        """(..., n, k) @ (..., k, l) with batch axes broadcast."""
        a, b = self, other
        if a.ndim == 2 and b.ndim == 2:
            return Numbers(self.carrier, self.carrier.mm(a.parts, b.parts))
        batch = broadcast_shapes(a.shape[:-2], b.shape[:-2])
        n, k, last = a.shape[-2], a.shape[-1], b.shape[-1]
        left, right = a.expand((*batch, n, k)), b.expand((*batch, k, last))
        product = self.carrier.matmul(
            tuple(p.reshape(p.shape[0], batch.numel(), n, k) for p in left.parts),
            tuple(p.reshape(p.shape[0], batch.numel(), k, last) for p in right.parts),
        )
        return Numbers(self.carrier, tuple(p.reshape(p.shape[0], *batch, n, last) for p in product))

    def times_vector(self, other: Numbers) -> Numbers:
        """(n, k) @ (k,)."""
        return Numbers(self.carrier, self.carrier.mv(self.parts, other.parts))

    def over(self, divisor: Tensor | float) -> Numbers:
        """Divided by plain constants, such as the N of a mean: exact, and no zero of an indeterminate."""
        values = torch.as_tensor(divisor)
        values = values.double() if not self.carrier.follows_kernel else values
        rank = max(self.ndim, values.ndim)
        mine = tuple(_raised(p, rank) for p in self.parts)
        return Numbers(self.carrier, self.carrier.div_constant(mine, _raised(values[None], rank)))

    def power(self, exponent: int) -> Numbers:
        """To a whole power of at least 1."""
        return Numbers(self.carrier, self.carrier.power(self.parts, exponent))

    def sum(self, dims: Sequence[int], keepdim: bool = False) -> Numbers:
        """Over `dims` (non-negative)."""
        if not dims:
            return self
        return Numbers(self.carrier, self.carrier.sum(self.parts, [d + 1 for d in dims], keepdim))

    def cumsum(self, dim: int) -> Numbers:
        return Numbers(self.carrier, self.carrier.cumsum(self.parts, dim + 1))

    def cumprod(self, dim: int) -> Numbers:
        return Numbers(self.carrier, self.carrier.cumprod(self.parts, dim + 1))

    def prod(self, dim: int, keepdim: bool = False) -> Numbers:
        return Numbers(self.carrier, self.carrier.prod(self.parts, dim + 1, keepdim))

    def solve(self, right: Numbers) -> Numbers:
        """X with self X = right, matrices (..., n, n) and (..., n, k) with equal batch axes."""
        return Numbers(self.carrier, self.carrier.solve(self.parts, right.parts))

    def accumulate(self, product: Numbers, length: int) -> Numbers:
        """self + product, where a kernel may start the sum of `length` terms that `product` is from self."""
        return Numbers(self.carrier, self.carrier.accumulate(*aligned(self, product), length))

    def compare(self, name: str, other: Numbers) -> Tensor:
        """Plain booleans with the trial axis."""
        return self.carrier.compare(name, *aligned(self, other))

    def chosen(self, takes: Tensor, other: Numbers) -> Numbers:
        """Where `takes` (trial axis included) self, else other."""
        rank = max(self.ndim, other.ndim, takes.ndim - 1)
        condition = _raised(takes, rank)
        pairs = zip(self.parts, other.parts, strict=True)
        return self.made(tuple(torch.where(condition, _raised(x, rank), _raised(y, rank)) for x, y in pairs))

    def expand(self, shape: Sequence[int]) -> Any:
        rank = len(shape)
        return self.moved(lambda p: _raised(p, rank).expand(p.shape[0], *shape))

    def reshape(self, *shape: int) -> Any:
        return self.moved(lambda p: p.reshape(p.shape[0], *shape))

    def unsqueeze(self, dim: int) -> Any:
        return self.moved(lambda p: p.unsqueeze(dim + 1 if dim >= 0 else dim))

    def squeeze(self, dim: int) -> Any:
        return self.moved(lambda p: p.squeeze(dim + 1 if dim >= 0 else dim))

    def select(self, dim: int, index: int) -> Any:
        return self.moved(lambda p: p.select(dim + 1 if dim >= 0 else dim, index))

    @property
    def mT(self) -> Any:
        return self.moved(lambda p: p.mT)


class Logarithms(Numbers):
    """Entries stand for the logarithms of the numbers held."""

    __slots__ = ()


class Pair:
    """Complex numbers: real and imaginary part; None for a part that is zero."""

    __slots__ = ("imaginary", "real")

    def __init__(self, real: Numbers | None, imaginary: Numbers | None) -> None:
        self.real, self.imaginary = real, imaginary


def _raised(part: Tensor, rank: int) -> Tensor:
    """A part with singleton axes behind the trial axis, so that it has `rank` axes beside it."""
    missing = rank + 1 - part.ndim
    if missing <= 0:
        return part
    return part.unsqueeze(1) if missing == 1 else part.reshape(part.shape[0], *(1,) * missing, *part.shape[1:])


def aligned(a: Numbers, b: Numbers) -> tuple[Parts, Parts]:
    """The parts of both with equal rank."""
    x, y = a.parts, b.parts
    if x[0].ndim == y[0].ndim:
        return x, y
    rank = max(x[0].ndim, y[0].ndim) - 1
    return tuple(_raised(p, rank) for p in x), tuple(_raised(p, rank) for p in y)


def stacked(rows: Sequence[Numbers], dim: int) -> Any:
    """A new axis `dim` (non-negative) of equal shapes."""
    count = max(r.parts[0].shape[0] for r in rows)
    parts = []
    for i in range(len(rows[0].parts)):
        parts.append(torch.stack([r.parts[i].expand(count, *r.parts[i].shape[1:]) for r in rows], dim + 1))
    return rows[0].made(tuple(parts))


def concatenated(rows: Sequence[Numbers], dim: int) -> Any:
    """Joined along `dim` (non-negative)."""
    count = max(r.parts[0].shape[0] for r in rows)
    parts = []
    for i in range(len(rows[0].parts)):
        parts.append(torch.cat([r.parts[i].expand(count, *r.parts[i].shape[1:]) for r in rows], dim + 1))
    return rows[0].made(tuple(parts))
