"""Products of decays and lower triangles on matrix words: letters that know how they grow by a token or a chunk.

Main definitions: `Decays`, `decays`, `Mask`, `mask`, `diagonal`.
The products from each token to the end, from the start to each token, and over all are letters of the piece of the
sequence that they belong to; over several pieces they are blocks. A masked matrix is a letter over one piece; below the
diagonal blocks it is diag(from start) A diag(to end). The lower triangle is the mask of decay 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial, reduce
from operator import mul
from typing import Any

import numpy as np

from numeric.words.algebra import Hadamard, Words, eye, lift, spell, vector, zeros
from numeric.words.blocks import Blocks, blocks
from numeric.words.letters import Ratio, Unsupported
from numeric.words.sequences import one_more, so_far, tokens
from numeric.words.session import Session, active, current, key


@dataclass(frozen=True)
class Piece:
    """Decays of `rows` tokens in a row: one number for all of them (a scalar), or a vector."""

    rows: Ratio
    decay: Words

    @property
    def what(self) -> Any:
        """Its key."""
        return self.rows, key(self.decay)

    def values(self, point: Any) -> list[Fraction]:
        """The decays at a point."""
        value = point.of(self.decay)
        return [value] * point.number(self.rows) if not self.decay.ndim else list(value)

    def scalar(self) -> Any:
        """The decay of a piece of one token."""
        return self.decay if not self.decay.ndim else lift(self.decay.value)

    @property
    def plain(self) -> bool:
        """Whether nothing decays."""
        return not self.decay.ndim and self.decay.value.one

    def total(self) -> Any:
        """The product of all, a scalar."""
        if not self.rows or self.plain:
            return lift(1)
        if self.rows.one:
            return self.scalar()
        found = active().letter(
            ("total", self.what), "p", (), lambda point: reduce(mul, self.values(point), Fraction(1))
        )
        self._grows(found, lambda pieces: pieces.total())
        return found

    def to_end(self) -> Words:
        """For each token the product of the later ones: a vector."""
        return self._vector(
            "to end", "g", lift(1), lambda a: [reduce(mul, a[t + 1 :], Fraction(1)) for t in range(len(a))]
        )

    def from_start(self) -> Words:
        """For each token the product up to its own: a vector."""
        return self._vector("from start", "h", self.scalar() if self.rows.one else lift(1),
                            lambda a: [reduce(mul, a[: t + 1], Fraction(1)) for t in range(len(a))])  # fmt: skip

    def _vector(self, kind: str, name: str, one: Any, value: Callable[[list[Fraction]], list[Fraction]]) -> Words:
        if not self.rows:
            return vector(zeros(0, 1), 1)
        if self.rows.one:
            return vector(one * eye(1), 1)
        if self.plain:
            kind, name = "ones", "one"
        found: Words = active().letter(
            (kind, self.what), name, (lift(self.rows),), lambda point: np.array(value(self.values(point)), dtype=object)
        )
        self._grows(
            found, lambda pieces: {"to end": pieces.to_end, "from start": pieces.from_start}.get(kind, pieces.ones)()
        )
        return found

    def _grows(self, letter: Words, value: Callable[[Decays], Any]) -> None:
        """Notes what the letter is over the tokens before and one more."""

        def grown() -> Any:
            if self.decay.ndim:
                return value(decays(next(iter(tokens(self.decay).bases.values())).grown, None))
            return value(Decays((Piece(so_far(self.rows).value, self.decay), Piece(lift(1).value, self.decay))))

        active().grown.setdefault(letter.origin[1].name, grown)


@dataclass(frozen=True)
class Decays:
    """Decays of consecutive pieces."""

    pieces: tuple[Piece, ...]

    def total(self) -> Any:
        """The product of all."""
        return _product(p.total() for p in self.pieces)

    def to_end(self) -> Any:
        """For each token the product of all later ones."""
        parts = [p.to_end() * _product(q.total() for q in self.pieces[i + 1 :]) for i, p in enumerate(self.pieces)]
        return _column(parts)

    def from_start(self) -> Any:
        """For each token the product up to its own."""
        parts = [p.from_start() * _product(q.total() for q in self.pieces[:i]) for i, p in enumerate(self.pieces)]
        return _column(parts)

    def ones(self) -> Any:
        """A vector of ones."""
        return _column([Piece(p.rows, lift(1)).to_end() for p in self.pieces])


def _product(factors: Iterable[Any]) -> Any:
    return reduce(mul, factors, lift(1))


def _column(parts: list[Words]) -> Any:
    if len(parts) == 1:
        return parts[0]
    return blocks([[vector(p, 2)] for p in parts])[:, 0]


def decays(decay: Any, like: Any) -> Decays:
    """A vector of decays as it is cut, or one decay for every row of `like`."""
    decay = decay if isinstance(decay, Blocks) else lift(decay)
    if isinstance(decay, Blocks):
        return Decays(tuple(Piece(row[0].rows, vector(row[0], 1)) for row in decay.entries))
    if decay.ndim:
        return Decays((Piece(decay.rows, decay),))
    heights = like.heights if isinstance(like, Blocks) else (like.rows,) if isinstance(like, Words) else (like.length,)
    return Decays(tuple(Piece(h, decay) for h in heights))


@dataclass(frozen=True)
class Mask:
    """Entry [t, s] is the product of the decays after s up to t; 0 above the diagonal, and on it if `strict`."""

    decays: Decays
    strict: bool = False

    __array_ufunc__ = None

    def of(self, x: Any) -> Any:
        """A square matrix, masked."""
        pieces = self.decays.pieces
        if isinstance(x, Words) and len(pieces) == 1:
            return self._one(x, pieces[0])
        sizes = tuple(p.rows for p in pieces)
        if not isinstance(x, Blocks) or (x.heights, x.widths) != (sizes, sizes):
            raise Unsupported("a mask on a matrix that is not cut as its decays are")

        def block(i: int, j: int) -> Any:
            if i < j:
                return zeros(sizes[i], sizes[j])
            if i == j:
                return self._one(x.entries[i][i], pieces[i])
            between = _product(p.total() for p in pieces[j + 1 : i])
            return diagonal(pieces[i].from_start()) @ x.entries[i][j] @ diagonal(pieces[j].to_end()) * between

        count = range(len(pieces))
        return blocks([[block(i, j) for j in count] for i in count])

    __mul__ = __rmul__ = of

    def _one(self, x: Words, piece: Piece) -> Words:
        if (x.rows, x.cols) != (piece.rows, piece.rows):
            raise Unsupported(f"a mask of {lift(piece.rows)!r} tokens on shape {x.shape}")
        if piece.rows.one:
            return 0 * x if self.strict else x
        session, total = active(), zeros(piece.rows, piece.rows)
        for word, coefficient in x.terms.items():
            one = spell(word, x.rows)

            def value(point: Any, one: Words = one) -> Any:
                inside, a = point.of(one), piece.values(point)
                found = np.full(inside.shape, Fraction(0), dtype=object)
                for t in range(len(a)):
                    for s in range(t if self.strict else t + 1):
                        found[t, s] = inside[t, s] * reduce(mul, a[s + 1 : t + 1], Fraction(1))
                return found

            size = lift(piece.rows)
            letter = session.letter(("masked", piece.what, self.strict, word), "M", (size, size), value)
            session.grown.setdefault(letter.origin[1].name, partial(self._one_more, one))
            if word:
                session.masked.setdefault(letter.origin[1].name, (Mask(Decays((piece,)), self.strict), word))
            total = total + lift(coefficient) * letter
        return total

    def _one_more(self, x: Words) -> Any:
        return self.grown(one_more(x), {}, active())

    def grown(self, body: Any, bases: dict[str, Any], session: Session) -> Any:
        """`body` masked, over the first t tokens and the next."""
        (piece,) = self.decays.pieces
        if not piece.decay.ndim:
            return Mask(decays(piece.decay, body), self.strict).of(body)
        seq = tokens(piece.decay)
        bases.update(seq.bases)
        return Mask(decays(next(iter(seq.bases.values())).grown, body), self.strict).of(body)


def mask(found: Decays, strict: bool = False) -> Mask:
    """The mask of these decays."""
    return Mask(found, strict)


def ones(shape: tuple[Any, ...]) -> Any:
    """A vector or a matrix of ones."""
    columns = [vector(Piece(s.value, lift(1)).from_start(), 2) for s in shape]
    return vector(columns[0], 1) if len(shape) == 1 else columns[0] @ columns[1].mT


def entrywise(left: Words, right: Words) -> Any:
    """An entrywise product: by a multiple of ones it is a multiple, else it can only be summed."""
    for a, b in ((left, right), (right, left)) if current() else ():
        (word,) = a.terms if len(a.terms) == 1 else (None,)
        if word is not None and word in ones(a.shape).terms:
            return lift(a.terms[word]) * b
    return Hadamard(left, right)


@dataclass(frozen=True)
class Fade:
    """Decays (N, f), one a token and channel, as products of all later ones: to be multiplied by a matrix of their shape."""

    decay: Any

    __array_ufunc__ = None

    def of(self, x: Any) -> Any:
        """Each row times the later decays: a letter, which a token more multiplies by its decays."""
        if isinstance(x, Blocks) and isinstance(self.decay, Blocks) and len(x.entries) == 2:
            (before,), (token,) = x.entries
            (earlier,), (decay,) = self.decay.entries
            if not token.rows.one:
                raise Unsupported("decays by channel over a chunk")
            return blocks([[Fade(earlier).of(before) @ diagonal(decay.mT[:, 0])], [token]])
        if not isinstance(x, Words) or not isinstance(self.decay, Words):
            raise Unsupported("decays by channel that are not cut as what they multiply")
        if not x.rows:
            return x

        def value(point: Any) -> Any:
            a, rows = point.of(self.decay), point.of(x)
            return np.array([reduce(mul, a[t + 1 :], row) for t, row in enumerate(rows)], dtype=object).reshape(
                rows.shape
            )

        letter = active().letter(("faded", key(self.decay), key(x)), "K", x.shape, value)
        active().grown.setdefault(letter.origin[1].name, lambda: Fade(one_more(self.decay)).of(one_more(x)))
        return letter

    __mul__ = __rmul__ = of


def diagonal(x: Any) -> Any:
    """The diagonal matrix of a vector."""
    if isinstance(x, Blocks):
        parts = [diagonal(vector(row[0], 1)) for row in x.entries]
        return blocks(
            [[p if i == j else zeros(p.rows, q.rows) for j, q in enumerate(parts)] for i, p in enumerate(parts)]
        )
    if x.rows.one:
        return lift(x.value) * eye(1)
    session, total = active(), zeros(x.rows, x.rows)
    ones = session.known.get(("ones", (x.rows, key(lift(1)))))
    for word, coefficient in x.terms.items():
        if ones is not None and word in ones.terms:
            total = total + lift(coefficient) * eye(x.rows)
            continue
        one = vector(spell(word, x.rows), 1)
        size = lift(x.rows)

        def value(point: Any, one: Words = one) -> Any:
            return np.diag(point.of(one))

        def grown(one: Words = one) -> Any:
            return diagonal(one_more(one))

        letter = session.letter(("diagonal", word), "D", (size, size), value, "diagonal")
        session.grown.setdefault(letter.origin[1].name, grown)
        if len(word) == 1:
            session.diagonals[letter.origin[1].name] = word[0]
        total = total + lift(coefficient) * letter
    return total
