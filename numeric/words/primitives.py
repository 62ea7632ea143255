"""The structured primitives on matrix words, put into their array namespace; `constructions.primitives` says what each is.

Recurrences are in `numeric.words.recurrences`, products of decays in `numeric.words.masks`; here are tokens in order and
arrays put together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from numeric.words.algebra import NAMESPACE, Words, lift, size, vector
from numeric.words.blocks import Blocks, blocks, column, cut
from numeric.words.letters import Ratio, ShapeError, Unsupported
from numeric.words.masks import Fade, decays, diagonal, entrywise, mask, ones
from numeric.words.recurrences import associative_scan, chunks, fold, gradient, iterate, power, prefixes
from numeric.words.sequences import Base, Last, Seq, rows, tokens
from numeric.words.session import Session, active, key, ratio


@dataclass(frozen=True)
class Several:
    """Results of one shape, stacked in front."""

    several: tuple[Any, ...]

    def at_point(self, point: Any) -> Any:
        """The parts' values, stacked."""
        return np.stack([np.asarray(point.of(part), dtype=object) for part in self.several])

    @property
    def ndim(self) -> int:
        """The axis of the stack, and those of its parts."""
        return int(self.several[0].ndim) + 1


# ------------------------------------------------------------------------------------------------ tokens in order


@dataclass(frozen=True)
class Interleaved:
    """x_1, y_1, ..., x_N, y_N, last."""

    x: Any
    y: Any
    last: Any
    ndim: int = 2

    @property
    def shape(self) -> tuple[Any, ...]:
        """(2N + 1, d)."""
        return (2 * self.x.shape[0] + 1, self.x.shape[1])

    dtype = device = None

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        return NAMESPACE


def interleave(X: Any, Y: Any, last: Any) -> Interleaved:
    """The sequence as its three parts."""
    if ratio(X.shape[0]) != ratio(Y.shape[0]) or len({ratio(z.shape[-1]) for z in (X, Y, last)}) != 1:
        raise ShapeError(f"interleave of shapes {X.shape}, {Y.shape} and {last.shape}")
    return Interleaved(X, Y, last)


def windows(sequence: Any, width: int, stride: int) -> Seq:
    """Windows (x_t, y_t, x_{t+1}) of an interleaved sequence."""
    if not isinstance(sequence, Interleaved) or (width, stride) != (3, 2):
        raise Unsupported("windows on words are those of three rows, two apart, of an interleaved sequence")
    x, y, after = rows(sequence.x), rows(sequence.y), following(sequence.x, sequence.last)
    return x.each(lambda a, b, c: blocks([[column(a).mT], [column(b).mT], [column(c).mT]]), y, after)


def following(X: Any, last: Any) -> Seq:
    """What comes after each token: for a linear image of given tokens, the same image of the next one."""
    session, now = active(), rows(X)
    for base in now.bases.values():
        for v in session.inputs.values():
            same = (
                isinstance(v, Words)
                and v.ndim == base.token.ndim
                and (v.rows, v.cols) == (base.token.rows, base.token.cols)
            )
            if same and base.token.ndim and key(now.elem.substitute(base.token, v)) == key(last):
                following_ = _next(session, base, v)
                return Seq(now.length, now.elem.substitute(base.token, following_), now.bases)
    raise Unsupported("the sequence's last token is not made as the others are")


def _next(session: Session, base: Base, last: Words) -> Words:
    def value(point: Any) -> Any:
        given = point.of(base.whole)
        return given[point.t + 1] if point.t + 1 < len(given) else point.of(last)

    what = ("following", key(base.whole), key(last))
    found: Words = session.letter(what, f"{base.token.origin[1].name}x", base.token.shape, value)
    session.followers.append((found, last))
    return found


def pad(*arrays: Any, width: Any = None) -> tuple[Any, ...]:
    """Zeros appended: an isometry from each width to the widest, which is a size of its own."""
    session, widths = active(), [ratio(x.shape[-1]) for x in arrays]
    different = list(dict.fromkeys(widths))
    if width is None and len(different) == 1:
        return arrays
    if width is None:
        wide = session.letter(("widest", frozenset(different)), "d", (),
                              lambda point: max(point.number(w) for w in different))  # fmt: skip
        session.known.setdefault(("fits", wide.value), set()).update(different)
    else:
        wide = size(width)
        if not set(different) <= {wide.value, *session.known.get(("fits", wide.value), ())}:
            raise Unsupported(f"whether width {wide!r} is enough")

    def padded(x: Any, narrow: Ratio) -> Any:
        return _last_axis(x, lambda e: _isometry(session, wide.value, narrow) @ e)

    return tuple(map(padded, arrays, widths))


def _isometry(session: Session, wide: Ratio, narrow: Ratio) -> Words:
    if wide == narrow:
        found: Words = NAMESPACE.eye(lift(wide))
        return found
    letter: Words = session.letter(
        ("pad", wide, narrow), "P", (lift(wide), lift(narrow)),
        lambda point: np.eye(point.number(wide), point.number(narrow), dtype=int).astype(object), "isometry",
    )  # fmt: skip
    return letter


def _last_axis(x: Any, function: Callable[[Any], Any]) -> Any:
    """A linear map of the last axis, given as it acts on a vector."""
    if isinstance(x, Seq):
        return x.each(lambda e: _last_axis(e, function))
    return function(x) if x.ndim == 1 else function(x.mT).mT


def keep(x: Any, width: Any) -> Any:
    """The first entries of the last axis: zeros are taken off again, or blocks cut there."""
    session, wide, narrow = active(), ratio(x.shape[-1]), ratio(width)
    if wide == narrow:
        return x
    if narrow in session.known.get(("fits", wide), ()):
        return _last_axis(x, lambda e: _isometry(session, wide, narrow).mT @ e)
    return _cut(x, narrow, first=True)


def drop(x: Any, width: Any) -> Any:
    """All but the first entries of the last axis, cut where blocks meet."""
    return _cut(x, ratio(width), first=False)


def _cut(x: Any, width: Ratio, first: bool) -> Any:
    if isinstance(x, Seq):
        return x.each(lambda e: _cut(e, width, first))
    if isinstance(x, Blocks):
        along = x.heights if x.ndim == 1 else x.widths
        for i in range(1, len(along)):
            if reduce(lambda a, b: a + b, along[:i]) == width:
                chosen = slice(None, i) if first else slice(i, None)
                entries = x.entries[chosen] if x.ndim == 1 else [row[chosen] for row in x.entries]
                found = blocks(entries)
                return found if x.ndim == 2 else found[:, 0]
    raise Unsupported(f"an axis of {x.shape[-1]!r} cut at {lift(width)!r}")


def last(x: Any) -> Any:
    """The last token where it stands apart; elsewhere it has no words of its own: ask the recurrence for its last state."""
    if isinstance(x, Seq):
        return Last(x)
    if isinstance(x, Interleaved):
        return x.last
    if isinstance(x, Blocks) and x.ndim == 2 and x.heights[-1].one:
        return blocks([list(x.entries[-1])]).mT[:, 0]
    raise Unsupported("the last entry of a sequence: ask the recurrence for its last state")


def earlier(x: Any) -> Any:
    """All tokens but the last, where that stands apart."""
    if isinstance(x, Blocks) and x.ndim == 2 and x.heights[-1].one:
        return blocks([list(row) for row in x.entries[:-1]])
    raise Unsupported("all but the last row of a matrix that is not cut there")


# -------------------------------------------------------------------------------------------------- putting together


def concat(arrays: Sequence[Any], axis: int = 0) -> Any:
    """Blocks beside each other (the last axis) or above each other."""
    if any(isinstance(x, Seq) for x in arrays):
        found = [rows(x) for x in arrays]
        if axis % found[0].ndim != found[0].ndim - 1 or found[0].ndim != 2:
            raise Unsupported("sequences after each other: no token is last for every size")
        return found[0].each(lambda *parts_: concat(parts_), *found[1:])
    ndim = arrays[0].ndim
    if any(x.ndim != ndim for x in arrays) or not ndim:
        raise ShapeError(f"concat of shapes {[x.shape for x in arrays]}")
    across = ndim == 1 or axis % ndim == 0
    tables = _tables([column(x) for x in arrays], across)
    if across:
        found = blocks([row for table in tables for row in table])
    else:
        found = blocks([[entry for table in tables for entry in table[i]] for i in range(len(tables[0]))])
    return found if ndim == 2 else found[:, 0]


def _tables(arrays: Sequence[Any], across: bool) -> list[Any]:
    """The blocks of each, what is zero or a multiple of the identity cut as the others are."""
    form = next((x for x in arrays if isinstance(x, Blocks)), None)

    def table(x: Any) -> Any:
        if isinstance(x, Blocks):
            return x.entries
        many = form is not None and len(form.widths if across else form.heights) > 1
        if form is None or not many:
            return ((x,),)
        return cut(x, (x.rows,) if across else form.heights, form.widths if across else (x.cols,)).entries

    return [table(x) for x in arrays]


def stack(arrays: Sequence[Any], axis: int = 0) -> Several:
    """Results of one shape, in front."""
    if axis:
        raise Unsupported(f"stack along axis {axis}")
    return Several(tuple(arrays))


def constant(value: Any, like: Any) -> Any:
    """Numbers as blocks of one entry each: a scalar, a vector or a matrix."""
    if not isinstance(value, (tuple, list)):
        return lift(value)
    if not isinstance(value[0], (tuple, list)):
        return blocks([[v] for v in value])[:, 0] if len(value) > 1 else vector(blocks([[value[0]]]), 1)
    return blocks([list(row) for row in value])


def sum_(x: Any, axis: int | None = None) -> Any:
    """The sum of all entries of an entrywise product, or token by token along the last axis."""
    if isinstance(x, Seq):
        if axis not in (-1, x.ndim - 1):
            raise Unsupported("a sum over tokens that is no fold")
        return x.each(_total)
    if axis is not None:
        raise Unsupported(f"a sum along axis {axis}")
    return _total(x)


_total = NAMESPACE.sum


def tril(x: Any, k: int = 0) -> Any:
    """The lower triangle of a square matrix, the diagonal left out for k = -1."""
    if k not in (0, -1):
        raise Unsupported(f"tril with k = {k}")
    return mask(decays(lift(1), x), strict=k == -1).of(x)


vars(NAMESPACE).update(
    fold=fold, chunks=chunks, iterate=iterate, power=power, prefixes=prefixes, associative_scan=associative_scan,
    gradient=gradient, interleave=interleave, windows=windows, following=following, pad=pad, keep=keep, drop=drop,
    last=last, earlier=earlier, concat=concat, stack=stack, constant=constant, sum=sum_, tril=tril, tokens=tokens,
    diagonal=diagonal, ones=ones, entrywise=entrywise,
    decay_mask=lambda decay, like: mask(decays(decay, like)),
    decay_to_end=lambda decay, like: Fade(decay) if decay.ndim == 2 else decays(decay, like).to_end(),
    decay_from_start=lambda decay, like: decays(decay, like).from_start(),
    decay_total=lambda decay, like: decays(decay, like).total(),
)  # fmt: skip
