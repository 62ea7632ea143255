"""The letters of matrix words and their coefficients: words in normal form, and the field Q(atoms).

Main definitions: `Letter`, `Word`, `Atom`, `Ratio`; `normal`, `cyclic`, `flip`; `ShapeError`, `Unsupported`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from fractions import Fraction
from itertools import groupby, pairwise
from typing import Any, Literal, NamedTuple

import flint

latched: list[Exception] = []
"""The first refusal since a run on words began: code under test that swallows it can't hide it."""


class ShapeError(ValueError):
    """The shapes of two operands contradict each other: the statement is false, not merely undecided."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        latched.extend([self][len(latched) :])


class Unsupported(TypeError):
    """An operation that is legal on arrays but that matrix words do not have."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        latched.extend([self][len(latched) :])


Kind = Literal["general", "symmetric", "diagonal", "isometry"]
"""An isometry P has P^T P = I: zero padding."""


class Letter(NamedTuple):
    """A named matrix as it stands in a word; `rows` and `cols` are those of the (perhaps transposed) factor."""

    name: str
    transposed: bool
    kind: Kind
    rows: Ratio
    cols: Ratio

    @property
    def mT(self) -> Letter:
        """The transposed factor; a symmetric or diagonal one is its own."""
        if self.kind in ("symmetric", "diagonal"):
            return self
        return Letter(self.name, not self.transposed, self.kind, self.cols, self.rows)


Word = tuple[Letter, ...]


class Atom(NamedTuple):
    """A generator of the coefficient field: a named scalar ("name"), a 1x1 word ("form") or a trace ("trace")."""

    kind: Literal["name", "form", "trace"]
    name: str
    word: Word


def plain(word: Word) -> str:
    """A word as plain text."""
    return " ".join(f"{x.name}^T" if x.transposed else x.name for x in word)


def plain_atom(atom: Atom) -> str:
    """A scalar generator as plain text."""
    if atom.kind == "name":
        return atom.name
    return f"({plain(atom.word)})" if atom.kind == "form" else f"Tr({plain(atom.word)})"


def flip(word: Word) -> Word:
    """The transposed word."""
    return _commute(tuple(letter.mT for letter in reversed(word)))


def _meet(left: Letter, right: Letter) -> bool:
    """Whether they are P^T P of an isometry."""
    return left.kind == "isometry" and left.transposed and left.mT == right


def around(word: Word, rows: Ratio) -> tuple[Word, Ratio]:
    """A word under a trace, and its number of rows, without the P P^T that meet when it is closed to a ring."""
    while len(word) > 1 and _meet(word[-1], word[0]):
        word, rows = word[1:-1], word[0].cols
    return word, rows


def _commute(word: Word) -> Word:
    """`word` with each run of neighbouring diagonal letters sorted."""
    if all(letter.kind != "diagonal" for letter in word):
        return word
    runs = groupby(word, key=lambda letter: letter.kind == "diagonal")
    return tuple(letter for diagonal, run in runs for letter in (sorted(run) if diagonal else run))


def normal(word: Word) -> tuple[tuple[Atom, ...], Word]:
    """The 1x1 factors of a word, and the word that is left when they are taken out."""
    if any(letter.kind == "isometry" for letter in word):
        stack: list[Letter] = []
        for letter in word:
            if stack and _meet(stack[-1], letter):
                stack.pop()
            else:
                stack.append(letter)
        word = tuple(stack)
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
        import sympy  # only to print

        return str(sympy.sympify(self.at(lambda atom: sympy.Symbol(plain_atom(atom))))).replace("**", "^")

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


def constant(value: Fraction | int) -> Ratio:
    top, bottom = value.as_integer_ratio()
    return Ratio((), _ring(0).constant(top), _ring(0).constant(bottom))


def times(coefficient: Ratio, atoms: Iterable[Atom]) -> Ratio:
    """The coefficient times the atoms."""
    for atom in atoms:
        coefficient = coefficient * Ratio((atom,), _ring(1).gen(0), _ring(1).constant(1))
    return coefficient


ZERO, ONE = constant(0), constant(1)
