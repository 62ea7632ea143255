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
inverse matrices (`numeric.derivation.rewrite` applies rules such as A A^-1 = I); no entries, slices or comparisons.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from fractions import Fraction
from functools import wraps
from itertools import groupby, pairwise
from numbers import Integral
from types import SimpleNamespace
from typing import Any, Literal, NamedTuple, cast

import flint


class ShapeError(ValueError):
    """The shapes of two operands contradict each other: the statement is false, not merely undecided."""


class Unsupported(TypeError):
    """An operation that is legal on arrays but that matrix words do not have."""


class Letter(NamedTuple):
    """A named matrix as it stands in a word; `rows` and `cols` are those of the (perhaps transposed) factor."""

    name: str
    transposed: bool
    kind: Literal["general", "symmetric", "diagonal"]
    rows: Ratio
    cols: Ratio

    @property
    def mT(self) -> Letter:
        """The transposed factor; a symmetric or diagonal one is its own."""
        if self.kind != "general":
            return self
        return Letter(self.name, not self.transposed, self.kind, self.cols, self.rows)


Word = tuple[Letter, ...]


class Atom(NamedTuple):
    """A generator of the coefficient field: a named scalar ("name"), a 1x1 word ("form") or a trace ("trace")."""

    kind: Literal["name", "form", "trace"]
    name: str
    word: Word


def flip(word: Word) -> Word:
    """The transposed word."""
    return _commute(tuple(letter.mT for letter in reversed(word)))


def _commute(word: Word) -> Word:
    """`word` with each run of neighbouring diagonal letters sorted."""
    if all(letter.kind != "diagonal" for letter in word):
        return word
    runs = groupby(word, key=lambda letter: letter.kind == "diagonal")
    return tuple(letter for diagonal, run in runs for letter in (sorted(run) if diagonal else run))


def normal(word: Word) -> tuple[tuple[Atom, ...], Word]:
    """The 1x1 factors of a word, and the word that is left when they are taken out."""
    cuts = [i + 1 for i, letter in enumerate(word) if letter.cols.one]
    if word and word[0].rows.one:
        cuts.insert(0, 0)
    if len(cuts) < 2:
        return (), _commute(word)
    forms = [_commute(word[i:j]) for i, j in pairwise(cuts)]
    return tuple(Atom("form", "", min(w, flip(w))) for w in forms), _commute(word[: cuts[0]] + word[cuts[-1] :])


def cyclic(word: Word) -> tuple[Atom, ...]:
    """The atoms whose product is the trace of a word that isn't empty."""
    for i, letter in enumerate(word):
        if letter.rows.one:
            return normal(word[i:] + word[:i])[0]

    rotations = []
    for w in (word, flip(word)):
        diagonal = [letter.kind == "diagonal" for letter in w]
        # a run of diagonal letters is never cut in two, so that it can be sorted
        starts = [i for i in range(len(w)) if not (diagonal[i - 1] and diagonal[i]) or all(diagonal)]
        rotations += [_commute(w[i:] + w[:i]) for i in starts]
    return (Atom("trace", "", min(rotations)),)


class Ratio:
    """An element of the field Q(atoms): a reduced fraction of integer polynomials. The arithmetic is FLINT's."""

    __slots__ = ("atoms", "bottom", "top")

    def __init__(self, atoms: tuple[Atom, ...], top: Any, bottom: Any) -> None:
        common = top.gcd(bottom)
        common = -common if bottom.leading_coefficient() < 0 else common
        self.atoms, self.top, self.bottom = atoms, top, bottom
        if not common.is_one():
            self.top, self.bottom = top / common, bottom / common

    def _with(self, other: Ratio) -> tuple[tuple[Atom, ...], Any, Any, Any, Any]:
        """The union of the generators, and the four polynomials over it."""
        if self.atoms == other.atoms:
            return self.atoms, self.top, self.bottom, other.top, other.bottom
        atoms = tuple(sorted({*self.atoms, *other.atoms}))
        ring, moved = _ring(len(atoms)), list[Any]()
        for r in (self, other):
            places = {i: atoms.index(atom) for i, atom in enumerate(r.atoms)}
            moved += [p.project_to_context(ring, places) for p in (r.top, r.bottom)]
        return atoms, moved[0], moved[1], moved[2], moved[3]

    def __add__(self, other: Ratio) -> Ratio:
        atoms, a, b, c, d = self._with(other)
        return Ratio(atoms, a * d + c * b, b * d) if b != d else Ratio(atoms, a + c, b)

    def __mul__(self, other: Ratio) -> Ratio:
        atoms, a, b, c, d = self._with(other)
        return Ratio(atoms, a * c, b * d)

    def __bool__(self) -> bool:
        return not self.top.is_zero()

    @property
    def one(self) -> bool:
        """Whether it is the number 1."""
        return bool(self.top.is_one() and self.bottom.is_one())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Ratio):
            return False
        _, a, b, c, d = self._with(other)
        return bool(a == c and b == d)

    def __hash__(self) -> int:
        return len(self.top)  # the same for equal values, and quick: it is part of every letter's hash

    def __repr__(self) -> str:
        return repr(lift(self))

    def used(self) -> list[Atom]:
        """The generators that occur."""
        degrees = zip(self.atoms, self.top.degrees(), self.bottom.degrees(), strict=True)
        return [atom for atom, top, bottom in degrees if top > 0 or bottom > 0]

    def slope(self, atom: Atom) -> Ratio:
        """The partial derivative with respect to one of `used()`."""
        i = self.atoms.index(atom)
        top = self.top.derivative(i) * self.bottom - self.top * self.bottom.derivative(i)
        return Ratio(self.atoms, top, self.bottom * self.bottom)

    def at(self, value: Callable[[Atom], Any]) -> Any:
        """The value when each atom has the value given; works for values of any commutative field."""
        used = set(self.used())
        values = [value(atom) if atom in used else 1 for atom in self.atoms]

        def polynomial(p: Any) -> Any:
            terms = [([v ** int(k) for v, k in zip(values, ks, strict=True) if k], c) for ks, c in p.terms()]
            return sum((math.prod(factors, start=Fraction(int(c))) for factors, c in terms), Fraction(0))

        return polynomial(self.top) if self.bottom.is_one() else polynomial(self.top) / polynomial(self.bottom)

    def powers(self, atom: Atom) -> dict[int, Ratio]:
        """The coefficients of the powers of an atom; Unsupported where it is in the denominator."""
        if atom not in self.used():
            return {0: self}
        i, parts = self.atoms.index(atom), dict[int, dict[tuple[int, ...], Any]]()
        if self.bottom.degrees()[i] > 0:
            raise Unsupported(f"no polynomial in {atom.name}: it occurs in a denominator")
        for exponents, count in self.top.terms():
            parts.setdefault(int(exponents[i]), {})[(*exponents[:i], 0, *exponents[i + 1 :])] = count
        return {k: Ratio(self.atoms, self.top.context().from_dict(d), self.bottom) for k, d in parts.items()}


def _ring(count: int) -> Any:
    return flint.fmpz_mpoly_ctx.get(("z", count), flint.Ordering.degrevlex)


def _number(value: Fraction | int) -> Ratio:
    top, bottom = value.as_integer_ratio()
    return Ratio((), _ring(0).constant(top), _ring(0).constant(bottom))


def times(coefficient: Ratio, atoms: Iterable[Atom]) -> Ratio:
    """The coefficient times the atoms."""
    for atom in atoms:
        coefficient = coefficient * Ratio((atom,), _ring(1).gen(0), _ring(1).constant(1))
    return coefficient


ZERO, ONE = _number(0), _number(1)


def _lifted(operator: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """An operator whose right operand may be a number; NotImplemented for what `lift` does not know."""

    @wraps(operator)
    def wrapper(self: Words, other: Any) -> Any:
        other = lift(other)
        return NotImplemented if other is NotImplemented else operator(self, other)

    return wrapper


class Words:
    """A matrix polynomial (`ndim` 2), or a scalar (`ndim` 0, shape `()`); immutable.

    `origin` is the operation that made it and its operands: another program can redo the calculation without this
    normal form. `==` is mathematical equality for all sizes. Operators raise `ShapeError` and `Unsupported`.
    """

    __slots__ = ("cols", "ndim", "origin", "rows", "terms")
    __array_ufunc__ = None
    __hash__ = None  # type: ignore[assignment]

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
        """`(rows, cols)` as scalars, or `()` for a scalar."""
        return (lift(self.rows), lift(self.cols)) if self.ndim else ()

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
        same_shape("*", self, other)
        return Hadamard(self, other)

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
        if not (self.ndim and other.ndim) or self.cols != other.rows:
            raise ShapeError(f"@ of shapes {self.shape} and {other.shape}: the inner sizes differ")
        terms = []
        for v, c in self.terms.items():
            for w, d in other.terms.items():
                atoms, word = normal(v + w)
                terms.append((word, times(c * d, atoms)))
        return Words(self.rows, other.cols, terms, ("matmul", self, other))

    @property
    def mT(self) -> Words:
        """The transposed matrix; a scalar is its own."""
        terms = [(flip(word), c) for word, c in self.terms.items()]
        return Words(self.cols, self.rows, terms, ("transpose", self), self.ndim)

    T = mT

    @_lifted
    def __eq__(self, other: Words) -> bool:
        return (self.rows, self.cols) == (other.rows, other.cols) and (self - other).is_zero

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
        from numeric.words_sympy import text  # SymPy is loaded only to print, and for a second opinion

        return text(self)

    def latex(self) -> str:
        """LaTeX without dollar signs."""
        from numeric.words_sympy import text

        return text(self, tex=True)

    def _repr_latex_(self) -> str:
        return f"${self.latex()}$"

    def __array_namespace__(self, *, api_version: str | None = None) -> SimpleNamespace:
        return NAMESPACE


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
        return Words(ONE, ONE, [((), _number(number))], ("number", number), 0)
    if isinstance(value, Ratio):
        return Words(ONE, ONE, [((), value)], ("value", value), 0)
    return value if isinstance(value, Words) else NotImplemented


def same_shape(operation: str, left: Any, right: Any) -> None:
    """ShapeError unless the shapes agree, or Unsupported where arrays would broadcast."""
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


def matrix(name: str, rows: Any, cols: Any, kind: Literal["general", "symmetric", "diagonal"] = "general") -> Words:
    """A named matrix (a letter). `rows`, `cols`: a name ("N"), a literal, or a scalar such as `size("N") + 1`."""
    letter = Letter(_checked(name), False, kind, size(rows).value, size(cols).value)
    if kind != "general" and letter.rows != letter.cols:
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
    terms = [((), times(c, cyclic(word)) if word else c * x.rows) for word, c in x.terms.items()]
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


NAMESPACE = SimpleNamespace(
    __name__=__name__,
    sum=_sum,
    matmul=lambda a, b: a @ b,
    matrix_transpose=lambda a: a.mT,
    zeros_like=lambda a: a - a,
    zeros=lambda shape, **_: zeros(*shape),
    eye=lambda rows, **_: eye(rows),
)


def _checked(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z]+[0-9]*(_[A-Za-z0-9]+)?(\^-1)?'*", name):
        raise ValueError(f"{name!r} is no name; expected letters, digits, perhaps then _subscript, ^-1 and primes")
    return name
