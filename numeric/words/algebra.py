r"""Matrix polynomials of symbolic size in one normal form ("matrix words"): the engine of the universal rung.

Main definitions: `Words`; its constructors `matrix`, `scalar` (also named `size`), `eye`, `zeros`; `trace`. Functions
written for numpy or torch arrays with `+ - * / @ .mT .T .shape` and `xp.sum(R * R)` run on `Words` unchanged.

A matrix is a dictionary {word: coefficient}. A word is a product of letters (named matrices, perhaps transposed). A
coefficient is an exact rational function of *atoms*: named scalars, sizes used as numbers, 1x1 factors such as
$k^\top k$, and traces. A scalar is a `Words` of shape `()`: a step size, a loss (a trace), a size such as N or N + 1.

Normal form. Products are expanded; a word is cut where an inner dimension is 1, because the 1x1 piece commutes with
everything and equals its transpose; a trace is the least of the rotations of its word and of its transpose; diagonal
letters side by side are sorted; symmetric letters have no transpose; coefficients are reduced fractions.

Sound: sides with one normal form are equal for all sizes >= 1 and all matrices, where no denominator vanishes.
Complete, for a statement about *all* sizes: different normal forms mean that some sizes and matrices tell the sides
apart, since matrices of all sizes satisfy no polynomial identity. Not so at one small size (at f = 1 all commutes).
Limits: entrywise products occur only summed, `sum(A * B)` = Tr(A^T B); division only by scalars and 1x1 forms; no
inverse matrices (`numeric.words.values.rewrite` applies rules such as A A^-1 = I); no entries, slices or comparisons.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from fractions import Fraction
from functools import wraps
from numbers import Integral
from types import SimpleNamespace
from typing import Any, Literal, NamedTuple, cast

from numeric.words.letters import (
    ONE,
    ZERO,
    Atom,
    Kind,
    Letter,
    Ratio,
    ShapeError,
    Unsupported,
    Word,
    around,
    constant,
    cyclic,
    flip,
    normal,
    times,
)


def _lifted(operator: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """An operator whose right operand may be a number; NotImplemented for what `lift` does not know."""

    @wraps(operator)
    def wrapper(self: Words, other: Any) -> Any:
        other = lift(other)
        return NotImplemented if other is NotImplemented else operator(self, other)

    return wrapper


class Words:
    """A matrix polynomial (`ndim` 2), a vector (`ndim` 1, a column inside) or a scalar (`ndim` 0); immutable.

    `origin` is the operation that made it and its operands: another program can redo the calculation without this
    normal form. `==` is mathematical equality for all sizes. Operators raise `ShapeError` and `Unsupported`.
    """

    __slots__ = ("cols", "ndim", "origin", "rows", "terms")
    __array_ufunc__ = None
    __hash__ = None  # type: ignore[assignment]
    dtype = device = None  # what is made like it has none either

    def __init__(
        self, rows: Ratio, cols: Ratio, terms: Iterable[tuple[Word, Ratio]], origin: tuple[Any, ...], ndim: int = 2
    ) -> None:
        self.rows, self.cols, self.origin, self.ndim = rows, cols, origin, ndim
        self.terms: dict[Word, Ratio] = {}
        for word, coefficient in terms if rows and cols else ():
            found = self.terms.get(word)
            self.terms[word] = coefficient if found is None else found + coefficient
        for word in [word for word, coefficient in self.terms.items() if not coefficient]:
            del self.terms[word]

    @property
    def shape(self) -> tuple[Words, ...]:
        """`(rows, cols)` as scalars, `(rows,)` for a vector, or `()` for a scalar."""
        return (lift(self.rows), lift(self.cols))[: self.ndim]

    @property
    def shape_of(self) -> tuple[Ratio, Ratio, int]:
        """Rows, columns and axes, to be compared."""
        return self.rows, self.cols, self.ndim

    @property
    def is_zero(self) -> bool:
        """Whether it is zero for all sizes and values."""
        return not self.terms

    @property
    def small(self) -> bool:
        """Whether it is a scalar or a 1x1 matrix, which `*` and `/` take as a scalar."""
        return self.rows.one and self.cols.one

    @property
    def value(self) -> Ratio:
        """The coefficient of the empty word: the value of a scalar or of a 1x1 matrix."""
        return self.terms.get((), ZERO)

    @_lifted
    def __add__(self, other: Words) -> Any:
        if 0 in (self.ndim, other.ndim) and self.ndim != other.ndim and not (self.small and other.small):
            matrix_, number = (self, other) if self.ndim else (other, self)
            return matrix_ + number * NAMESPACE.ones(matrix_.shape)
        same_shape("+", self, other)
        terms = [*self.terms.items(), *other.terms.items()]
        return Words(self.rows, self.cols, terms, ("add", self, other), max(self.ndim, other.ndim))

    __radd__ = __add__

    def __neg__(self) -> Words:
        return self._scaled(lift(-1))

    @_lifted
    def __sub__(self, other: Words) -> Any:
        return self + -other

    @_lifted
    def __rsub__(self, other: Words) -> Any:
        return other + -self

    def _scaled(self, number: Words) -> Words:
        terms = [(word, c * number.value) for word, c in self.terms.items()]
        return Words(self.rows, self.cols, terms, ("scale", number, self), max(self.ndim, number.ndim))

    @_lifted
    def __mul__(self, other: Words) -> Any:
        if self.small or other.small:
            return other._scaled(self) if self.small else self._scaled(other)
        if self.shape_of != other.shape_of:
            return spread(self, other)
        same_shape("*", self, other)
        return NAMESPACE.entrywise(self, other)

    __rmul__ = __mul__

    @_lifted
    def __truediv__(self, other: Words) -> Any:
        if not other.small:
            raise Unsupported(f"division by a matrix of shape {other.shape}: only scalars can be divided by")
        if other.is_zero:
            raise ZeroDivisionError("division by a scalar that is zero for all values")
        inverse = Ratio(other.value.atoms, other.value.bottom, other.value.top)
        return self._scaled(Words(ONE, ONE, [((), inverse)], ("invert", other), other.ndim))

    @_lifted
    def __rtruediv__(self, other: Words) -> Any:
        return other / self

    def __pow__(self, power: int) -> Any:
        if not isinstance(power, int) or power < 1 or (power > 2 and not self.small):
            raise Unsupported(f"power {power!r} of shape {self.shape}: only of scalars, or a square to be summed")
        return self if power == 1 else self * self ** (power - 1)

    @_lifted
    def __matmul__(self, other: Words) -> Words:
        if self.ndim == 1 and other.ndim:
            return vector(self, 2).mT._product(other, ndim=other.ndim - 1)
        if other.ndim == 1:
            return self._product(other, ndim=1)
        return self._product(other, ndim=2)

    def _product(self, other: Words, ndim: int) -> Words:
        """The matrix product; a vector on either side makes its axis disappear."""
        if not (self.ndim and other.ndim) or self.cols != other.rows:
            raise ShapeError(f"@ of shapes {self.shape} and {other.shape}: the inner sizes differ")
        terms = []
        for v, c in self.terms.items():
            for w, d in other.terms.items():
                atoms, word = normal(v + w)
                terms.append((word, times(c * d, atoms)))
        found = Words(self.rows, other.cols, terms, ("matmul", self, other))
        if ndim == 2:
            return found
        # a row times a matrix is a vector, stored as a column
        return vector(found.mT if ndim and self.rows.one and not other.cols.one else found, ndim)

    @property
    def mT(self) -> Words:
        """The transposed matrix; a scalar is its own."""
        if self.ndim == 1:
            raise Unsupported(f"the transpose of a vector of shape {self.shape}: write [:, None] or [None, :]")
        terms = [(flip(word), c) for word, c in self.terms.items()]
        return Words(self.cols, self.rows, terms, ("transpose", self), self.ndim)

    T = mT

    @_lifted
    def __eq__(self, other: Words) -> bool:
        if (self.rows, self.cols) != (other.rows, other.cols):
            return False
        difference = self - other
        if not self.ndim and not difference.is_zero and difference.value.used():
            raise Unsupported(f"the comparison {self!r} == {other!r}: true for some sizes, false for others")
        return bool(difference.is_zero)

    def _chosen(self, *_: object) -> Any:
        raise Unsupported(f"a choice by the symbol {self!r}: no comparison, truth value or whole number there")

    __bool__ = __lt__ = __le__ = __gt__ = __ge__ = __int__ = __index__ = __float__ = __len__ = _chosen
    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __divmod__ = __contains__ = __iter__ = __round__ = _chosen

    def __rpow__(self, base: int) -> Any:
        return NAMESPACE.power(base, self)

    def __getitem__(self, index: Any) -> Any:
        """A vector as a column or a row, a column as a vector, or the tokens of a matrix with an axis more."""
        match self.ndim, axes(index):
            case 1, (":", "None") | ("...", "None"):
                return vector(self, 2)
            case 1, ("None", ":") | ("None", "..."):
                return vector(self, 2).mT
            case 2, (":", 0) | ("...", 0) if self.cols.one:
                return vector(self, 1)
            case 2, found if self.ndim < len(found) - found.count("...") or found == ("...", "None"):
                return NAMESPACE.tokens(self)[index]
        raise Unsupported(f"the index {index!r} of shape {self.shape}: entries and slices have no words")

    def gradient(self, letter: Words) -> Words:
        """The matrix G with d(self) = sum(G * dA), for a scalar self and a general letter A; the shape of A."""
        target, terms = symbol("letter", letter), list[tuple[Word, Ratio]]()
        if not self.small or target.kind != "general":
            raise Unsupported(f"gradient of shape {self.shape} by a {target.kind} letter: not defined here")
        for atom in self.value.used():
            for i, found in enumerate(atom.word):
                if found in (target, target.mT):
                    rest = atom.word[i + 1 :] + atom.word[:i]
                    atoms, word = normal(flip(rest) if found == target else rest)
                    terms.append((word, times(self.value.slope(atom), atoms)))
        return Words(target.rows, target.cols, terms, ("gradient", self, letter))

    def coefficients(self, t: Words) -> dict[int, Words]:
        """The coefficients {power: Words} of a polynomial in the named scalar t; zero ones are left out."""
        atom, parts = symbol("name", t), dict[int, list[tuple[Word, Ratio]]]()
        for word, c in self.terms.items():
            for power, part in c.powers(atom).items():
                parts.setdefault(power, []).append((word, part))
        origin = ("coefficient", self, t)
        return {p: Words(self.rows, self.cols, parts[p], (*origin, p), self.ndim) for p in sorted(parts)}

    def map(self, image: Callable[[Word, Ratio], Words], atom: Callable[[Atom], Any], origin: tuple[Any, ...]) -> Words:
        """The homomorphism with these images of words (given with their number of rows) and of atoms."""
        parts = [image(word, self.rows) * c.at(atom) for word, c in self.terms.items()]
        terms = [item for part in parts for item in part.terms.items()]
        return Words(self.rows, self.cols, terms, origin, self.ndim)

    def substitute(self, old: Words, new: Any) -> Words:
        """Puts `new` for a letter (same shape) or for a named scalar that is no dimension here."""
        new = lift(new)
        same_shape("substitute", old, new)
        new = vector(new, 2) if new.ndim == 1 else new
        target, atom = (symbol("letter", old), None) if old.ndim else (None, symbol("name", old))

        def image(word: Word, rows: Ratio) -> Words:
            if any(atom in dimension.used() for dimension in (rows, *(x.cols for x in word))):
                raise Unsupported(f"{old!r} is a dimension here; a number cannot be put for it")
            out = spell((), rows)
            for x in word:
                out = out @ (spell((x,), x.rows) if target not in (x, x.mT) else new if x == target else new.mT)
            return out

        def scalars(a: Atom) -> Any:
            return trace(image(a.word, a.word[0].rows)) if a.word else new if a == atom else lift(times(ONE, [a]))

        return self.map(image, scalars, ("substitute", self, old, new))

    def __repr__(self) -> str:
        from numeric.words.printing import text  # SymPy is loaded only to print, and for a second opinion

        return text(self)

    def latex(self) -> str:
        """LaTeX without dollar signs."""
        from numeric.words.printing import text

        return text(self, tex=True)

    def _repr_latex_(self) -> str:
        return f"${self.latex()}$"

    def __array_namespace__(self, *, api_version: str | None = None) -> SimpleNamespace:
        return NAMESPACE


def vector(x: Words, ndim: int) -> Words:
    """A column as a vector (`ndim` 1), or a vector as a column (2): the same words."""
    return Words(x.rows, x.cols, x.terms.items(), x.origin, ndim)


def spread(left: Any, right: Any) -> Any:
    """An entrywise product in which a row, a column or a vector is spread over a matrix."""
    for a, b in ((left, right), (right, left)):
        if a.ndim == b.ndim == 2 and b.cols.one and a.rows == b.rows:
            return NAMESPACE.diagonal(b[:, 0]) @ a
        row = b if b.ndim == 1 else b.mT[:, 0] if b.rows.one else None
        if a.ndim == 2 and row is not None and a.cols == row.rows:
            return a @ NAMESPACE.diagonal(row)
    same_shape("*", left, right)
    raise Unsupported(f"* of shapes {left.shape} and {right.shape}")


def axes(index: Any) -> tuple[Any, ...]:
    """An index with whole slices, None and the ellipsis by name."""

    def named(part: Any) -> Any:
        if part is None:
            return "None"
        if part is Ellipsis:
            return "..."
        return ":" if isinstance(part, slice) and (part.start, part.stop, part.step) == (None,) * 3 else part

    return tuple(map(named, index)) if isinstance(index, tuple) else (named(index),)


class Hadamard(NamedTuple):
    """The entrywise product of two matrices; its only use is to be summed."""

    left: Any
    right: Any


def lift(value: Any) -> Any:
    """A number as a scalar; `Words` as they are; NotImplemented for anything else, Unsupported for a rounded float."""
    if isinstance(value, float) and not (math.isfinite(value) and Fraction(value) == Fraction(str(value))):
        raise Unsupported(f"the float {value} is not that decimal number; write Fraction('{value}') or a scalar")
    if isinstance(value, (Integral, Fraction, float)):
        number = Fraction(int(value) if isinstance(value, Integral) else value)
        return Words(ONE, ONE, [((), constant(number))], ("number", number), 0)
    if isinstance(value, Ratio):
        return Words(ONE, ONE, [((), value)], ("value", value), 0)
    return value if isinstance(value, Words) else NotImplemented


def same_shape(operation: str, left: Any, right: Any) -> None:
    """ShapeError unless the shapes agree, or Unsupported where arrays would broadcast."""
    if {left.ndim, right.ndim} == {1, 2}:
        raise Unsupported(f"{operation} of a vector and a matrix, {left.shape} and {right.shape}: it would broadcast")
    pairs = ((left.rows, right.rows), (left.cols, right.cols))
    if any(a != b for a, b in pairs):
        if all(a == b or a.one or b.one for a, b in pairs):
            raise Unsupported(f"{operation} of shapes {left.shape} and {right.shape} would broadcast")
        raise ShapeError(f"{operation} of shapes {left.shape} and {right.shape}: they differ")


def spell(word: Word, rows: Ratio) -> Words:
    """The matrix that is this one word; an empty word is the identity with so many rows."""
    atoms, body = normal(word)
    origin = ("letter", word[0]) if len(word) == 1 else ("word", word, rows)
    return Words(rows, word[-1].cols if word else rows, [(body, times(ONE, atoms))], origin)


def matrix(name: str, rows: Any, cols: Any, kind: Kind = "general") -> Words:
    """A named matrix (a letter). `rows`, `cols`: a name ("N"), a literal, or a scalar such as `size("N") + 1`."""
    letter = Letter(_checked(name), False, kind, size(rows).value, size(cols).value)
    if kind in ("symmetric", "diagonal") and letter.rows != letter.cols:
        raise ShapeError(f"the {kind} matrix {name} of shape {(size(rows), size(cols))} is not square")
    return spell((letter,), letter.rows)


def scalar(value: Any) -> Words:
    """A scalar from its name, from a number, or as it is. A size is a scalar: one name, one symbol."""
    if not isinstance(value, str):
        return cast(Words, lift(value))
    atom = Atom("name", _checked(value), ())
    return Words(ONE, ONE, [((), times(ONE, [atom]))], ("name", atom), 0)


size = scalar


def eye(rows: Any) -> Words:
    """The identity matrix."""
    return spell((), size(rows).value)


def zeros(rows: Any, cols: Any) -> Words:
    """The zero matrix; with a dimension 0 it is an empty one."""
    return Words(size(rows).value, size(cols).value, [], ("zeros",))


def trace(x: Any) -> Words:
    """The trace of a square matrix, a scalar; the value of a 1x1 matrix."""
    if not isinstance(x, Words):
        return cast(Words, x.trace())
    if x.rows != x.cols:
        raise ShapeError(f"trace of shape {x.shape}: not square")
    terms = []
    for word, c in x.terms.items():
        body, rows = around(word, x.rows)
        terms.append(((), times(c, cyclic(body)) if body else c * rows))
    return Words(ONE, ONE, terms, ("trace", x), 0)


def symbol(kind: Literal["letter", "name"], x: Words) -> Any:
    """The letter, or the atom of the named scalar, that `x` is; Unsupported if it is anything else."""
    if x.origin[0] != kind:
        raise Unsupported(f"expected a {kind} as made by matrix() or scalar(), not {x!r}")
    return x.origin[1]


def _sum(x: Any) -> Words:
    if not isinstance(x, Hadamard) and not (isinstance(x, Words) and x.small):
        raise Unsupported(f"sum of {x!r}: only sums of entrywise products A * B over all entries")
    return trace(x.left.mT @ x.right) if isinstance(x, Hadamard) else trace(x)


def _zeros(shape: tuple[Any, ...], **_: Any) -> Words:
    found = zeros(*(*shape, 1, 1)[:2])
    return Words(found.rows, found.cols, [], ("zeros",), len(shape))


def _without_run(*_: Any, **__: Any) -> Any:
    raise Unsupported("broadcasting and powers of symbols need a run of whole programs (numeric.words.whole)")


NAMESPACE = SimpleNamespace(
    __name__=__name__,
    sum=_sum,
    matmul=lambda a, b: a @ b,
    matrix_transpose=lambda a: a.mT,
    zeros_like=lambda a: a - a,
    zeros=_zeros,
    eye=lambda rows, **_: eye(rows),
    entrywise=lambda a, b: Hadamard(a, b),
    ones=_without_run,
    diagonal=_without_run,
    power=_without_run,
    tokens=_without_run,
)
"""The array namespace of words; `numeric.words.primitives` adds the structured ones."""


def _checked(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z]+[0-9]*(_[A-Za-z0-9]+)?(\^-1)?'*", name):
        raise ValueError(f"{name!r} is no name; expected letters, digits, perhaps then _subscript, ^-1 and primes")
    return name
