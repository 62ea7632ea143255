"""Sequences on matrix words: one value a token, written for a generic token in terms of those before it.

Main definitions: `Base`, `Seq`, `tokens`, `rows`.
A base is a sequence given as a matrix X (N, c): its first t tokens are a letter of t rows, the next token a letter of
its own, the whole another letter. A derived sequence is its value at the next token, in the letters of its bases.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import matmul
from typing import Any

from numeric.words.algebra import Words, axes, lift, scalar, spell, trace, vector, zeros
from numeric.words.blocks import Blocks, blocks, column
from numeric.words.letters import ONE, Letter, Ratio, ShapeError, Unsupported, Word, times
from numeric.words.session import Session, active, key, letters

CHUNK = "c"
"""The number of tokens of a generic chunk."""
BEFORE = ("t", "s")
"""The number of tokens before the generic one: of a sequence, and of a chunk of it."""


def so_far(length: Ratio) -> Words:
    """The number of tokens before the generic one of so many."""
    return scalar(BEFORE[length == scalar(CHUNK).value])


@dataclass(frozen=True)
class Base:
    """A sequence that is given: the whole, its first tokens, and the next one."""

    whole: Any
    before: Any
    token: Any

    @property
    def grown(self) -> Any:
        """The first tokens and the next."""
        if self.whole.ndim == 1:
            stacked = blocks([[column(self.before)], [self.token]])
            return Blocks(stacked.entries, stacked.origin, 1)
        return blocks([[self.before], [column(self.token).mT]])

    @property
    def empty(self) -> Any:
        """No tokens."""
        found = zeros(0, self.whole.cols if self.whole.ndim == 2 else 1)
        return found if self.whole.ndim == 2 else vector(found, 1)


class Seq:
    """An array (N, ...): `elem` is its value at the next token, `bases` what that is written in."""

    __array_ufunc__ = None
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, length: Ratio, elem: Any, bases: Mapping[str, Base]) -> None:
        self.length, self.elem, self.bases = length, elem, dict(bases)

    @property
    def ndim(self) -> int:
        """The number of axes, tokens included."""
        return int(self.elem.ndim) + 1

    @property
    def shape(self) -> tuple[Any, ...]:
        """The sizes as scalars."""
        return (lift(self.length), *self.elem.shape)

    def each(self, function: Callable[..., Any], *others: Any) -> Seq:
        """A function of the tokens' values; an operand that is no sequence is the same at every token."""
        bases, values = dict(self.bases), [self.elem]
        for other in others:
            if isinstance(other, Seq):
                if other.length != self.length:
                    raise ShapeError(f"sequences of {lift(self.length)!r} and {lift(other.length)!r} tokens")
                bases |= other.bases
            values.append(other.elem if isinstance(other, Seq) else other)
        return Seq(self.length, function(*values), bases)

    def _beside(self, other: Any) -> Any:
        """An operand with one axis a token: a matrix that stands for a sequence becomes one."""
        if isinstance(other, (Words, Blocks)) and other.ndim == self.ndim:
            return rows(other)
        return other

    def _entrywise(self, other: Any, function: Callable[[Any, Any], Any]) -> Any:
        other = self._beside(other)
        ndim = getattr(other, "ndim", 0)
        if isinstance(other, Seq) and min(ndim, self.ndim) > 1 and ndim != self.ndim:
            raise Unsupported(f"sequences of {self.ndim} and {ndim} axes entry by entry")
        return self.each(function, other)

    def __add__(self, other: Any) -> Any:
        return self._entrywise(other, lambda a, b: a + b)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return self._entrywise(other, lambda a, b: a - b)

    def __rsub__(self, other: Any) -> Any:
        return self._entrywise(other, lambda a, b: b - a)

    def __mul__(self, other: Any) -> Any:
        return self._entrywise(other, lambda a, b: a * b)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        return self._entrywise(other, lambda a, b: a / b)

    def __rtruediv__(self, other: Any) -> Any:
        return self._entrywise(other, lambda a, b: b / a)

    def __neg__(self) -> Seq:
        return self.each(lambda a: -a)

    def __matmul__(self, other: Any) -> Any:
        if self.ndim < 2 or (self.ndim == 2 and getattr(other, "ndim", 0) > 2):
            raise Unsupported(f"@ of a sequence of {self.ndim} axes")
        if isinstance(other, Seq) and (self.ndim, other.ndim) != (3, 3):
            raise Unsupported(f"@ of sequences of {self.ndim} and {other.ndim} axes")
        return self.each(matmul, other)

    def __rmatmul__(self, other: Any) -> Any:
        if self.ndim < 3 or other.ndim != 2:
            raise Unsupported("a sum over tokens that is no fold: multiply token by token")
        return self.each(lambda a, b: b @ a, other)

    @property
    def mT(self) -> Seq:
        """Each token's matrix transposed."""
        if self.ndim < 3:
            raise Unsupported("the transpose of a sequence of vectors: there the tokens are columns")
        return self.each(lambda a: a.mT)

    def __getitem__(self, index: Any) -> Any:
        found = list(axes(index))
        found = [":", *found[1:]] if found[0] == "..." and len(found) == self.ndim + 1 - found.count("None") else found
        match self.ndim, found:
            case 1, [":" | "...", *rest] if all(r == "None" for r in rest):
                return self  # a scalar a token multiplies what it meets
            case 2, [":" | "...", ":", "None"] | ["...", "None"]:
                return self.each(lambda a: column(a))
            case 2, [":", "None", ":"]:
                return self.each(lambda a: column(a).mT)
            case 3, ["...", 0] | [":", ":", 0]:
                return self.each(lambda a: a[:, 0])
            case 3, [":", int(i), ":"] if isinstance(self.elem, Blocks):
                return self.each(lambda a: Blocks([a.entries[i]], a.origin).mT[:, 0] if len(a.widths) > 1
                                 else vector(a.entries[i][0].mT, 1))  # fmt: skip
        raise Unsupported(f"the index {index!r} of a sequence of {self.ndim} axes")

    def _chosen(self, *_: object) -> Any:
        raise Unsupported("a choice by a sequence of symbols: no truth value or length there")

    __bool__ = __len__ = __iter__ = __contains__ = _chosen

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        return lift(0).__array_namespace__()


def tokens(x: Any, wanted: str = "token") -> Seq:
    """A matrix (N, c), or a vector (N,), as the sequence of its rows; one that is no letter gets letters of its own."""
    if isinstance(x, Seq):
        return x
    if not isinstance(x, Words) or not x.ndim:
        raise Unsupported(f"{type(x).__name__} is no sequence of tokens")
    session, t = active(), so_far(x.rows)
    given = x.origin[0] == "letter" and x.origin[1].name in session.given
    name = x.origin[1].name if given else wanted
    shape = (x.cols,) if x.ndim == 2 else ()

    def taken(count: int | None) -> Callable[[Any], Any]:
        # the first t tokens, or the next
        return lambda point: point.of(x)[: point.t] if count is None else point.of(x)[point.t]

    before = session.letter(("before", key(x)), f"{name}_t", (t, *shape), taken(None))
    token = session.letter(("token", key(x)), _small(name), shape, taken(1))
    session.generic.update(letters(before, token))
    return Seq(x.rows, token, {name: Base(x, before, token)})


def _small(name: str) -> str:
    return f"{name[0].lower()}{name[1:]}_n" if "_" not in name else f"{name.lower()}n"


def rows(x: Any) -> Seq:
    """A matrix (N, c) of words as the sequence of its rows, where row t is made of the first t tokens; else `tokens`.

    Seen from the words: lower triangular letters, then a given sequence, then nothing that depends on tokens.
    """
    if isinstance(x, Words) and x.ndim:
        session = active()
        grown = [_grown(word, x, session) for word in x.terms]
        bases: dict[str, Base] = {}
        if grown and all(g is not None for g in grown) and not any(_long(c, x.rows) for c in x.terms.values()):
            total = None
            for (body, found), coefficient in zip([g for g in grown if g], x.terms.values(), strict=True):
                bases |= found
                last = body.entries[-1][0] if isinstance(body, Blocks) else body
                part = last.mT * lift(coefficient)
                total = part if total is None else total + part
            assert total is not None
            return Seq(x.rows, vector(total, 1) if x.ndim == 2 else vector(total, 0), bases)
    return tokens(x)


def _long(coefficient: Ratio, length: Ratio) -> bool:
    return any(letter is not None and length in (letter.rows, letter.cols)
               for letter in letters(lift(coefficient)).values())  # fmt: skip


def _grown(word: Word, x: Words, session: Session) -> tuple[Any, dict[str, Base]] | None:
    """The word over the first t tokens and the next, and the bases in it; None if it is not causal."""
    length, bases, factors = x.rows, dict[str, Base](), list[Any]()
    i = 0
    while (
        i < len(word)
        and word[i].rows == length
        and (factor := _triangular(word[i], length, bases, session)) is not None
    ):
        factors.append(factor)
        i += 1
    if i == len(word) or word[i].transposed or word[i].rows != length:
        return None
    base = _given(word[i], session)
    if base is None or any(length in (y.rows, y.cols) for y in word[i + 1 :]):
        return None
    bases |= base
    factors.append(column(next(iter(base.values())).grown))
    factors += [spell((y,), y.rows) for y in word[i + 1 :]]
    return reduce(matmul, factors), bases


def _triangular(letter: Letter, length: Ratio, bases: dict[str, Base], session: Session) -> Any:
    """A masked matrix or the diagonal of a given sequence over the first t tokens and the next; None for anything else."""
    if letter.name in session.diagonals:
        base = _given(session.diagonals[letter.name], session)
        bases |= base or {}
        return lift(0).__array_namespace__().diagonal(next(iter(base.values())).grown) if base else None
    if letter.name not in session.masked or letter.transposed:
        return None
    mask, inside = session.masked[letter.name]
    body = _between(inside, length, bases, session)
    return None if body is None else mask.grown(body, bases, session)


def _between(word: Word, length: Ratio, bases: dict[str, Base], session: Session) -> Any:
    """Q ... K^T over the first t tokens and the next, for two given sequences; None for anything else."""
    first, last = word[0], word[-1]
    if len(word) < 2 or first.transposed or not last.transposed or (first.rows, last.cols) != (length, length):
        return None
    left, right = _given(first, session), _given(last.mT, session)
    if left is None or right is None or any(length in (y.rows, y.cols) for y in word[1:-1]):
        return None
    bases |= left | right
    middle = [spell((y,), y.rows) for y in word[1:-1]]
    ends = [column(next(iter(b.values())).grown) for b in (left, right)]
    return reduce(matmul, [ends[0], *middle, ends[1].mT])


def _given(letter: Letter, session: Session) -> dict[str, Base] | None:
    """The base that a letter is the whole of, if it is an input or a chunk of one."""
    x = session.given.get(letter.name)
    return tokens(x).bases if isinstance(x, Words) and x.ndim else None


@dataclass(frozen=True)
class Last:
    """The last token of a sequence: its value at N = t + 1 tokens."""

    seq: Seq

    @property
    def ndim(self) -> int:
        """The axes of one token."""
        return int(self.seq.elem.ndim)

    def at_point(self, point: Any) -> Any:
        """The value."""
        return point.at(point.number(self.seq.length) - 1).of(self.seq.elem)

    @property
    def value(self) -> Any:
        """In the letters of the tokens before and the last one; what follows the last is what was said to."""
        session, found = active(), self.seq.elem
        for letter, after in session.followers:
            found = found.substitute(letter, after)
        return one_more(found)


def one_more(x: Any) -> Any:
    """Words of all tokens, written for t tokens and one more: sequences cut before the last, N = t + 1."""
    session = active()
    if isinstance(x, Blocks):
        raise Unsupported("a matrix that is cut already")
    names = {
        name: size for name, size in session.sizes.items() if any(b.rows == size.value for b in _long_inputs(session))
    }

    def factor(letter: Letter) -> Any:
        if not any(size.value in (letter.rows, letter.cols) for size in names.values()):
            return spell((letter,), letter.rows)
        base = _given(letter.mT if letter.transposed else letter, session)
        if base is None and letter.name not in session.grown:
            raise Unsupported(f"{letter.name} over one token more")
        found = column(next(iter(base.values())).grown if base else session.grown[letter.name]())
        return found.mT if letter.transposed else found

    def image(word: Word, count: Ratio) -> Any:
        return reduce(matmul, map(factor, word)) if word else spell((), count)

    def atom(a: Any) -> Any:
        if a.word:
            return trace(image(a.word, a.word[0].rows))
        if a.name in names:
            return scalar(BEFORE[0]) + 1
        return session.grown[a.name]() if a.name in session.grown else lift(times(ONE, [a]))

    total = None
    for word, coefficient in x.terms.items():
        part = image(word, x.rows) * coefficient.at(atom)
        total = part if total is None else total + part
    if total is None:
        return x
    return total[:, 0] if x.ndim == 1 and total.ndim == 2 else total if x.ndim or total.ndim == 0 else vector(total, 0)


def _long_inputs(session: Session) -> list[Words]:
    """The inputs that have been read as sequences."""
    return [x for x in session.inputs.values() if isinstance(x, Words) and ("before", key(x)) in session.known]
