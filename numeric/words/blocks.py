"""Block matrices of matrix words: cut into rows and columns, multiplied block by block.

Main definitions: `blocks`, `Blocks`. They carry token induction: the inputs with one more token are the block column
[X; x^T], so that Y^T X over one token more collapses to Y^T X + y x^T.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from operator import add
from types import SimpleNamespace
from typing import Any

from numeric.words import (
    NAMESPACE,
    ONE,
    Hadamard,
    Ratio,
    ShapeError,
    Unsupported,
    Words,
    axes,
    eye,
    lift,
    same_shape,
    spread,
    trace,
    vector,
    zeros,
)


class Blocks:
    """A matrix cut into rows and columns of `Words`; made by `blocks`. A single block is a plain `Words` instead.

    Operators as for `Words`; operands have to be cut at the same places (zero matrices and multiples of the identity
    are cut as needed). ShapeError where the sizes differ, Unsupported where only the cuts do.
    """

    __slots__ = ("entries", "ndim", "origin")
    __array_ufunc__ = None
    __hash__ = None  # type: ignore[assignment]
    dtype = device = None

    def __init__(self, entries: Sequence[Sequence[Words]], origin: tuple[Any, ...], ndim: int = 2) -> None:
        self.entries, self.origin = tuple(tuple(row) for row in entries), origin
        self.ndim = ndim  # 1: a vector, stored as a column

    @property
    def heights(self) -> tuple[Ratio, ...]:
        """The number of rows in each row of blocks."""
        return tuple(row[0].rows for row in self.entries)

    @property
    def widths(self) -> tuple[Ratio, ...]:
        """The number of columns in each column of blocks."""
        return tuple(entry.cols for entry in self.entries[0])

    @property
    def rows(self) -> Ratio:
        """The number of rows."""
        return reduce(add, self.heights)

    @property
    def cols(self) -> Ratio:
        """The number of columns."""
        return reduce(add, self.widths)

    @property
    def shape(self) -> tuple[Words, ...]:
        """`(rows, cols)` as scalars, `(rows,)` for a vector."""
        return (lift(self.rows), lift(self.cols))[: self.ndim]

    @property
    def is_zero(self) -> bool:
        """Whether every block is zero."""
        return all(entry.is_zero for row in self.entries for entry in row)

    def each(self, function: Callable[[Words], Words], origin: tuple[Any, ...]) -> Blocks:
        """The blocks with a function applied to each."""
        return Blocks([[function(entry) for entry in row] for row in self.entries], origin, self.ndim)

    def __add__(self, other: Any) -> Any:
        if not isinstance(other, (Blocks, Words)):
            return NotImplemented
        same_shape("+", self, other)
        right = cut(other, self.heights, self.widths)
        if (self.heights, self.widths) != (right.heights, right.widths):
            raise Unsupported("+ of two matrices cut into blocks at different places")
        pairs = zip(self.entries, right.entries, strict=True)
        return Blocks([[a + b for a, b in zip(*rows, strict=True)] for rows in pairs], ("add", self, other), self.ndim)

    __radd__ = __add__

    def __neg__(self) -> Blocks:
        return self.each(lambda entry: -entry, ("scale", lift(-1), self))

    def __sub__(self, other: Any) -> Any:
        return self + -other

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __mul__(self, other: Any) -> Any:
        number = lift(other)
        if isinstance(number, Words) and number.small:
            return self.each(lambda entry: entry * number, ("scale", number, self))
        if not isinstance(other, (Blocks, Words)):
            return NotImplemented
        if (self.rows, self.cols, self.ndim) != (other.rows, other.cols, other.ndim):
            return spread(self, other)
        return Hadamard(self, other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        number = lift(other)
        return self * (1 / number) if isinstance(number, Words) else NotImplemented

    def __pow__(self, power: int) -> Hadamard:
        if power != 2:
            raise Unsupported(f"power {power!r} of a matrix: only a square to be summed")
        return Hadamard(self, self)

    def __matmul__(self, other: Any) -> Any:
        if not isinstance(other, (Blocks, Words)):
            return NotImplemented
        if self.ndim == 1:
            return _vector((column(self).mT @ other), other.ndim - 1)
        if other.ndim == 1:
            return _vector(self @ column(other), 1)
        if not other.ndim or self.cols != other.rows:
            raise ShapeError(f"@ of shapes {self.shape} and {other.shape}: the inner sizes differ")
        right = other if isinstance(other, Blocks) else Blocks([[other]], other.origin)
        if isinstance(other, Words) and len(self.widths) > 1:
            right = cut(other, self.widths, self.widths if other.rows == other.cols else (other.cols,))
        if self.widths != right.heights:
            raise Unsupported("@ of two matrices cut into blocks at different places")
        columns = list(zip(*right.entries, strict=True))
        product = [[reduce(add, (a @ b for a, b in zip(row, c, strict=True))) for c in columns] for row in self.entries]
        return _collapsed(product, ("matmul", self, other))

    def __rmatmul__(self, other: Any) -> Any:
        if not isinstance(other, Words):
            return NotImplemented
        if 1 in (self.ndim, other.ndim):
            row = other.ndim == 1
            product = (column(other).mT if row else other) @ column(self)
            return _vector(product, self.ndim - 1 if row else 1)
        product = (self.mT @ other.mT).mT
        product.origin = ("matmul", other, self)
        return product

    @property
    def mT(self) -> Blocks:
        """The transposed matrix."""
        if self.ndim == 1:
            raise Unsupported(f"the transpose of a vector of shape {self.shape}: write [:, None] or [None, :]")
        columns = zip(*self.entries, strict=True)
        return Blocks([[entry.mT for entry in column] for column in columns], ("transpose", self))

    T = mT

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (Blocks, Words)):
            return NotImplemented
        return self.shape == other.shape and bool((self - other).is_zero)

    def __getitem__(self, index: Any) -> Any:
        """A vector as a column or a row, a column as a vector."""
        match self.ndim, axes(index):
            case 1, (":", "None") | ("...", "None"):
                return column(self)
            case 1, ("None", ":") | ("None", "..."):
                return column(self).mT
            case 2, (":", 0) | ("...", 0) if self.cols.one:
                return Blocks(self.entries, self.origin, 1)
        raise Unsupported(f"the index {index!r} of blocks of shape {self.shape}: entries and slices have no words")

    def _chosen(self, *_: object) -> Any:
        raise Unsupported("a choice by a block matrix: no truth value or length there")

    __bool__ = __len__ = __iter__ = __contains__ = _chosen

    def trace(self) -> Words:
        """The trace, a scalar; ShapeError unless square, Unsupported unless rows and columns are cut alike."""
        if self.rows != self.cols:
            raise ShapeError(f"trace of shape {self.shape}: not square")
        if self.heights != self.widths:
            raise Unsupported("trace of a matrix whose rows and columns are cut at different places")
        total = reduce(add, (trace(row[i]) for i, row in enumerate(self.entries)))
        return Words(ONE, ONE, total.terms.items(), ("trace", self), 0)

    def substitute(self, old: Words, new: Any) -> Blocks:
        """As `Words.substitute`, in each block."""
        return self.each(lambda entry: entry.substitute(old, new), ("substitute", self, old, lift(new)))

    def coefficients(self, t: Words) -> dict[int, Blocks]:
        """As `Words.coefficients`."""

        def part(p: int) -> Blocks:
            return self.each(lambda x: x.coefficients(t).get(p, zeros(x.rows, x.cols)), ("coefficient", self, t, p))

        return {p: part(p) for p in sorted({p for row in self.entries for entry in row for p in entry.coefficients(t)})}

    def __repr__(self) -> str:
        return "[" + "; ".join(", ".join(map(repr, row)) for row in self.entries) + "]"

    def latex(self) -> str:
        """LaTeX without dollar signs."""
        rows = r" \\ ".join(" & ".join(entry.latex() for entry in row) for row in self.entries)
        return rf"\begin{{bmatrix}} {rows} \end{{bmatrix}}"

    def _repr_latex_(self) -> str:
        return f"${self.latex()}$"

    def __array_namespace__(self, *, api_version: str | None = None) -> SimpleNamespace:
        return NAMESPACE


Matrix = Words | Blocks


def column(x: Matrix) -> Any:
    """A vector as a matrix of one column; a matrix as it is."""
    return vector(x, 2) if isinstance(x, Words) else Blocks(x.entries, x.origin)


def _vector(x: Matrix, ndim: int) -> Any:
    """A product with a vector: its row or column as a vector, or its one entry."""
    if isinstance(x, Words):
        return vector(x.mT if ndim and x.rows.one and not x.cols.one else x, ndim)
    found = x.mT if x.rows.one else x
    return Blocks(found.entries, found.origin, ndim)


def cut(x: Matrix, heights: tuple[Ratio, ...], widths: tuple[Ratio, ...]) -> Blocks:
    """A zero matrix or a multiple of the identity as blocks; `Blocks` as they are."""
    if isinstance(x, Blocks):
        return x
    if x.terms.keys() - {()} or (x.terms and heights != widths):
        raise Unsupported(f"{x!r} meets a block matrix but is not cut into blocks; build it with blocks()")
    diagonal = lift(x.value)
    cut = [[diagonal * eye(h) if x.terms and i == j else zeros(h, w) for j, w in enumerate(widths)]
           for i, h in enumerate(heights)]  # fmt: skip
    return Blocks(cut, x.origin)


def _collapsed(entries: Sequence[Sequence[Words]], origin: tuple[Any, ...]) -> Matrix:
    if len(entries) > 1 or len(entries[0]) > 1:
        return Blocks(entries, origin)
    return Words(entries[0][0].rows, entries[0][0].cols, entries[0][0].terms.items(), origin)


def blocks(rows: Sequence[Sequence[Any]]) -> Any:
    """A block matrix from rows of blocks; `Words` if there is one block only.

    A block is a `Words`; a number or scalar is a 1x1 block, and 0 a zero block of the shape that its neighbours have.
    ShapeError if the blocks of a row (column) differ in their number of rows (columns).
    """
    table = [[lift(entry) for entry in row] for row in rows]
    if not table or not table[0] or len({len(row) for row in table}) != 1:
        raise ShapeError("a block matrix needs rows of equally many blocks, at least one")
    if any(entry is NotImplemented for row in table for entry in row):
        raise Unsupported("a block is a matrix made of words, or a number")
    heights = [next((entry.rows for entry in row if entry.ndim), ONE) for row in table]
    widths = [next((entry.cols for entry in column if entry.ndim), ONE) for column in zip(*table, strict=True)]
    for row, height in zip(table, heights, strict=True):
        for j, width in enumerate(widths):
            if not row[j].ndim:
                row[j] = zeros(height, width) if row[j].is_zero else row[j] * eye(1)
            same_shape("blocks", row[j], zeros(height, width))
    return _collapsed(table, ("blocks", table))
