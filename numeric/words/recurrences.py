"""Recurrences on matrix words, by induction or by congruence, for every number of tokens.

A recurrence with an invariant owes its base case and its step. One without is a letter that stands for its result: two
with the same start, tokens and step have the same letter, and nothing is said of others.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from typing import Any

import numpy as np

from numeric.words.algebra import Words, lift, scalar
from numeric.words.blocks import Blocks, blocks, column
from numeric.words.concrete import stored
from numeric.words.letters import Ratio, ShapeError, Unsupported
from numeric.words.sequences import CHUNK, Base, Seq, rows, so_far, tokens
from numeric.words.session import Invariant, Session, active, call, key, letters, parts, title, whole


@contextmanager
def _walking(session: Session, name: str, length: Ratio) -> Iterator[None]:
    """Refuses a recurrence over tokens in the step of another, whose tokens would have the same letters.

    Only over a chunk, in the step over chunks, are the letters others.
    """
    if session.walked and (length in session.walked or length != scalar(CHUNK).value):
        raise Unsupported(f"{name} walks over tokens in the step of another recurrence over tokens")
    session.walked.append(length)
    try:
        yield
    finally:
        session.walked.pop()


def _twice(step: Callable[..., Any], *arguments: Any) -> Any:
    """The step's result; Unsupported if a second call gives another."""
    found = step(*arguments)
    if key(found) != key(step(*arguments)):
        raise Unsupported(f"{title(step)} gave two results for the same arguments: it keeps state of its own")
    return found


def _private(session: Session, name: str, found: Any, allowed: Sequence[Any], lengths: Sequence[Ratio]) -> None:
    """Unsupported if a step's result holds what depends on tokens and is neither its state nor its token."""
    given = letters(*allowed)
    for other, letter in letters(found).items():
        long = letter is not None and any(n in (letter.rows, letter.cols) for n in lengths)
        if other not in given and (long or other in session.generic):
            raise Unsupported(f"the step of {name} reads {other}, which is neither its state nor its token")


def _states(session: Session, start: Any, name: str) -> Any:
    """Letters for a generic state, the same for every recurrence of this depth and shape."""

    def unknown(_: Any) -> Any:
        raise Unsupported(f"a generic state of {name} has no value")

    found = [
        session.letter(("state", session.depth, i, x.shape_of), f"S{i or ''}", x.shape, unknown)
        for i, x in enumerate(map(_plain, parts(start)))
    ]
    return whole(found, start)


def _plain(x: Any) -> Words:
    found = lift(x)
    if not isinstance(found, Words):
        raise Unsupported("a state in blocks is no letter: give an invariant")
    return found


@dataclass(frozen=True)
class Family:
    """A recurrence as a letter: its states at a generic moment and at the end."""

    before: Any
    after: Any
    last: Any


def _congruent(session: Session, name: str, step: Callable[..., Any], start: Any, elems: tuple[Any, ...],
               count: Any, lengths: Sequence[Ratio]) -> Family:  # fmt: skip
    """The letters of a recurrence without an invariant, keyed by start, step, tokens and count."""
    session.depth += 1
    try:
        state = _states(session, start, name)
        found = _twice(step, state, *elems)
        _same_form(name, start, found)
        if elems:
            _private(session, name, found, [state, *elems], lengths)
        given = (session.depth, key(start), tuple(map(key, elems)), key(count))
        what = ("recurrence", key(found), *given)
        _note(session, name, found, what, given)
        names = [x.origin[1].name for x in parts(state)]

        def value(i: int, all_of_them: bool) -> Callable[[Any], Any]:
            def at(point: Any) -> Any:
                values = point.of(start if isinstance(start, tuple) else (start,))
                for s in range(point.number(count) if all_of_them else point.t):
                    shaped = {n: stored(v) for n, v in zip(names, values, strict=True)}
                    now = point.at(s, **shaped)
                    values = now.of(found if isinstance(found, tuple) else (found,))
                return values[i]

            return at

        def family(label: str, all_of_them: bool) -> Any:
            return whole(
                [session.letter((label, what, i), f"F{len(session.known)}", x.shape, value(i, all_of_them))
                 for i, x in enumerate(parts(state))], start)  # fmt: skip

        before, last = family("before", False), family("last", True)
        session.generic.update(letters(before))
        return Family(before, step(before, *elems), last)
    finally:
        session.depth -= 1


def _note(session: Session, name: str, found: Any, what: Any, given: Any) -> None:
    """Shows why two recurrences are one letter, or notes how their steps differ."""
    for other, step, known in session.families.get(given, []):
        if known == what:
            session.owe(f"{other} and {name}: one step", step, found,
                        "Both start alike, see the same tokens, and take this step from any state.")  # fmt: skip
        elif len(parts(step)) == len(parts(found)):
            session.differences.append((f"{other} and {name}", step, found))
    session.families.setdefault(given, []).append((name, found, what))


def _same_form(name: str, start: Any, found: Any) -> None:
    a, b = parts(start), parts(found)
    if len(a) != len(b) or any(lift_(x).ndim != lift_(y).ndim for x, y in zip(a, b, strict=True)):
        raise Unsupported(f"the step of {name} gives a state of another form than its start")
    for x, y in zip(a, b, strict=True):
        x, y = lift_(x), lift_(y)
        if (x.rows, x.cols) != (y.rows, y.cols):
            raise ShapeError(f"the step of {name} turns shape {x.shape} into {y.shape}")


def lift_(x: Any) -> Any:
    """`lift`, and blocks as they are."""
    return x if isinstance(x, Blocks) else lift(x)


def _names(step: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(step).parameters)[1:]


def _sequences(step: Callable[..., Any], given: tuple[Any, ...]) -> list[Seq]:
    """The tokens of a recurrence; one that is no given sequence is called as the step calls it."""
    names = _names(step)
    found = [tokens(x, names[i] if i < len(names) else f"token{i}") for i, x in enumerate(given)]
    if not found:
        raise Unsupported(f"{title(step)} has no tokens")
    if any(x.length != found[0].length for x in found):
        raise ShapeError(f"{title(step)} has sequences of different lengths")
    return found


def _pools(session: Session, found: list[Seq], chunk: dict[str, Base] | None = None) -> dict[str, dict[str, Any]]:
    """What an invariant may use: the sequences before, with the next token, none of them, all; and other inputs."""
    bases: dict[str, Base] = {}
    for x in found:
        for name, base in x.bases.items():
            if bases.setdefault(name, base).whole is not base.whole and key(bases[name].whole) != key(base.whole):
                raise Unsupported(f"two sequences are called {name}")
    length = found[0].length
    fixed = session.sizes | {
        name: x for name, x in session.inputs.items()
        if isinstance(x, Words) and length not in (x.rows, x.cols)
    }  # fmt: skip
    return {
        "before": fixed | {n: b.before for n, b in bases.items()},
        "grown": fixed | {n: b.grown for n, b in bases.items()},
        "empty": fixed | {n: b.empty for n, b in bases.items()},
        "whole": fixed | {n: b.whole for n, b in bases.items()},
    }


def fold(step: Callable[..., Any], start: Any, *given: Any, read: Callable[..., Any] | None = None) -> Any:
    """The last state, and with `read` the sequence of what is read."""
    found = _sequences(step, given)
    with _walking(active(), title(step), found[0].length):
        return _folded(step, start, found, read)


def _folded(step: Callable[..., Any], start: Any, found: list[Seq], read: Callable[..., Any] | None) -> Any:
    session, name = active(), title(step)
    elems = tuple(x.elem for x in found)
    length = found[0].length
    lengths = (length, so_far(length).value)
    bases = {n: b for x in found for n, b in x.bases.items()}
    invariant = session.invariants.get(name)
    if invariant is None:
        family = _congruent(session, name, step, start, elems, lift(length), lengths)
        if read is None:
            return family.last
        return family.last, Seq(length, _twice(read, family.after, *elems), bases)
    session.used.add(name)
    pools = _pools(session, found)
    for choice in invariant if isinstance(invariant, tuple) else (invariant,):
        invariant = choice
        now, after, first, last = (call(choice.state, pools[k], name) for k in ("before", "grown", "empty", "whole"))
        stepped = _twice(step, now, *elems)
        if key(first) == key(start) and key(stepped) == key(after):
            break
    session.owe(f"{name}: no token yet", first, start, "With no token the invariant is the state before the first.")
    _private(session, name, stepped, [now, *elems], lengths)
    session.owe(
        f"{name}: one more token", stepped, after, "The step takes the invariant of $t$ tokens to that of $t + 1$."
    )
    if read is None:
        return last
    row = _twice(read, after, *elems)
    if invariant.rows is None:
        return last, Seq(length, row, bases)
    above, below = (call(invariant.rows, pools[k], name) for k in ("before", "grown"))
    session.owe(f"{name}: one more row", blocks([[above], [column(row).mT]]), below,
                "The row that is read is the next one of the closed form, and the rows above stay.")  # fmt: skip
    return last, call(invariant.rows, pools["whole"], name)


def chunks(step: Callable[..., Any], start: Any, *given: Any, size: Any, read: Callable[..., Any] | None = None) -> Any:
    """The last state, and with `read` the rows, for chunks of any lengths: a chunk is a letter of c rows."""
    found = _sequences(step, given)
    if found[0].length == scalar(CHUNK).value:
        raise Unsupported(f"{title(step)} takes chunks of a chunk")
    with _walking(active(), title(step), found[0].length):
        return _chunked(step, start, found, size, read)


def _chunked(step: Callable[..., Any], start: Any, found: list[Seq], size: Any, read: Any) -> Any:
    session, name, count = active(), title(step), scalar(CHUNK)
    if any(len(x.bases) != 1 or next(iter(x.bases.values())).token is not x.elem for x in found):
        raise Unsupported(f"{name} takes chunks of a sequence that is not given as a matrix")
    invariant = session.invariants.get(name)
    pools, pieces = _pools(session, found), []
    for x in found:
        (label, base), = x.bases.items()  # fmt: skip
        shape = (count, base.whole.cols) if base.whole.ndim == 2 else (count,)
        piece = session.letter(("chunk", key(base.whole)), f"{label}_c", shape, _no_value)
        session.given[piece.origin[1].name] = piece
        joined = blocks([[column(base.before)], [column(piece)]])
        pools["grown"][label] = Blocks(joined.entries, joined.origin, base.whole.ndim)
        pieces.append(piece)
    if invariant is None:
        return _congruent_chunks(session, name, step, start, found, pieces, size, read)
    session.used.add(name)
    now, after, first, last = (call(invariant.state, pools[k], name) for k in ("before", "grown", "empty", "whole"))
    session.owe(f"{name}: no token yet", first, start, "With no token the invariant is the state before the first.")
    stepped = _twice(step, now, *pieces)
    _private(session, name, stepped, [now, *pieces], (found[0].length,))
    session.owe(f"{name}: one more chunk", stepped, after, "A chunk of any length $c$ takes $t$ tokens to $t + c$.")
    if read is None:
        return last
    if invariant.rows is None:
        raise Unsupported(f"{name} reads rows from chunks: the invariant has to say what they are")
    above, below = (call(invariant.rows, pools[k], name) for k in ("before", "grown"))
    session.owe(f"{name}: the rows of one more chunk", blocks([[above], [_twice(read, now, *pieces)]]), below,
                "The rows that are read are the next ones of the closed form, and the rows above stay.")  # fmt: skip
    return last, call(invariant.rows, pools["whole"], name)


@dataclass(frozen=True)
class ChunkRows:
    """What is read from chunks without an invariant: the rows of a generic chunk, from a generic state before it."""

    length: Ratio
    rows: Any
    recurrence: Any
    at_point: Callable[[Any], Any]
    ndim: int = 2


def _congruent_chunks(session: Session, name: str, step: Callable[..., Any], start: Any, found: list[Seq],
                      pieces: list[Any], size: Any, read: Any) -> Any:  # fmt: skip
    """Chunks as a letter, keyed by start, step, tokens and size."""
    session.depth += 1
    try:
        state, length = _states(session, start, name), found[0].length
        stepped = _twice(step, state, *pieces)
        _same_form(name, start, stepped)
        _private(session, name, stepped, [state, *pieces], (length,))
        given = ("chunks", session.depth, key(start), tuple(map(key, pieces)), size)
        what = (*given, key(stepped))
        _note(session, name, stepped, what, given)
        names = [x.origin[1].name for x in parts(state)]
        inner = None if read is None else _twice(read, state, *pieces)
        wholes = [next(iter(x.bases.values())).whole for x in found]

        def walk(point: Any) -> Any:
            values, rows = point.of(parts(start)), []
            for t in range(0, point.number(length), size):
                cuts = [point.of(w)[t : t + size] for w in wholes]
                letters_ = {x.origin[1].name: stored(v) for x, v in zip(pieces, cuts, strict=True)}
                now = point.at(
                    None, c=Fraction(len(cuts[0])), **letters_, **dict(zip(names, map(stored, values), strict=True))
                )
                rows.append(None if inner is None else now.of(inner))
                values = now.of(parts(stepped))
            return values, rows

        def component(i: int) -> Callable[[Any], Any]:
            return lambda point: walk(point)[0][i]

        last = whole(
            [session.letter(("last", what, i), f"F{len(session.known)}", x.shape, component(i))
             for i, x in enumerate(parts(state))], start)  # fmt: skip
        if read is None:
            return last
        return last, ChunkRows(length, inner, what, lambda point: np.concatenate(walk(point)[1]))
    finally:
        session.depth -= 1


def iterate(step: Callable[..., Any], start: Any, count: Any) -> Any:
    """The state after a symbolic count of steps, or after 2^count of them by doubling; a number is run through."""
    if isinstance(count, int):
        return reduce(lambda state, _: step(state), range(count), start)
    session, name = active(), title(step)
    invariant = session.invariants.get(name)
    if invariant is None:
        return _congruent(session, name, step, start, (), count, ()).last
    session.used.add(name)
    base, exponent = session.known.get(("power of", key(count)), (None, count))
    companions = _companions(session, invariant, exponent)
    pool = session.sizes | session.inputs | {"start": start}
    now, after, first, last = (pool | {n: c[i] for n, c in companions.items()} for i in range(4))
    rules = _relations(session, name, invariant, now, after, first)
    if base is None:
        held = call(invariant.state, now, name)
        session.owe(f"{name}: no step yet", call(invariant.state, first, name), start,
                    "With no step the invariant is the start.")  # fmt: skip
        session.owe(f"{name}: one more step", _twice(step, held), call(invariant.state, after, name),
                    "The step takes the invariant of $k$ steps to that of $k + 1$.", rules)  # fmt: skip
        return call(invariant.state, last, name)
    if base != 2:
        raise Unsupported(f"{name} is repeated {base}^k times: only 2^k, by doubling")
    session.depth += 1
    state = _states(session, start, name)
    session.owe(f"{name}: one step", call(invariant.state, first | {"start": state}, name), step(state),
                "One step from any state.")  # fmt: skip
    twice = call(invariant.state, now | {"start": call(invariant.state, now | {"start": state}, name)}, name)
    session.owe(f"{name}: twice as many steps", twice, call(invariant.state, after | {"start": state}, name),
                "As many steps again, from where they ended: $2^{k+1}$ steps from any state.", rules)  # fmt: skip
    session.depth -= 1
    return call(invariant.state, last, name)


def _companions(session: Session, invariant: Invariant, count: Any) -> dict[str, tuple[Any, Any, Any, Any]]:
    """For each companion its value at k, at k + 1, at the start and at the end."""
    found = {}
    for name, companion in invariant.companions.items():
        start = call(companion.start, session.inputs, name)
        wanted = inspect.signature(companion.step).parameters
        extra = {n: session.inputs[n] for n in list(wanted)[1:]}

        def step(state: Any, companion: Any = companion, extra: Any = extra) -> Any:
            return companion.step(state, **extra)

        family = _congruent(session, name, step, start, (), count, ())
        found[name] = (family.before, family.after, start, family.last)
    return found


def _relations(session: Session, name: str, invariant: Invariant, now: Any, after: Any, first: Any) -> list[Any]:
    """The relations at k as rules, after owing that they hold at the start and are kept."""
    if invariant.relations is None:
        return []
    rules = list(call(invariant.relations, now, name))
    for moment, at, given in (("at the start", first, []), ("kept", after, rules)):
        for i, (left, right) in enumerate(call(invariant.relations, at, name)):
            session.owe(
                f"{name}: relation {i + 1} {moment}", left, right, "A relation that the induction carries along.", given
            )
    return rules


def power(base: int, exponent: Words) -> Words:
    """base^k for a symbolic k: a count."""
    session = active()
    found: Words = session.letter(("power", base, key(exponent)), f"{base}^k", (),
                                  lambda point: Fraction(base) ** point.number(exponent))  # fmt: skip
    session.known[("power of", key(found))] = (base, exponent)
    return found


def prefixes(function: Callable[..., Any], *given: Any) -> Seq:
    """function(t, first t rows of each) at a generic token."""
    found = [rows(x) for x in given]
    bases = {n: b for x in found for n, b in x.bases.items()}
    grown = []
    for x, seq in zip(given, found, strict=True):
        named = [b for b in seq.bases.values() if key(b.whole) == key(x)]
        base = named[0] if named else next(iter(tokens(x).bases.values()))
        grown.append(base.grown)
    with _walking(active(), title(function), found[0].length):
        return Seq(found[0].length, _twice(function, so_far(found[0].length) + 1, *grown), bases)


def associative_scan(operation: Callable[..., Any], neutral: tuple[Any, ...], *given: Any) -> tuple[Any, ...]:
    """All partial products: a fold, given that the operation is associative and has this neutral element."""
    session, name = active(), title(operation)
    found = [tokens(x, f"x{i}") if isinstance(x, Words) else x for i, x in enumerate(given)]

    def fresh(i: int) -> tuple[Any, ...]:
        return tuple(
            session.letter(
                ("element", session.depth, i, j, lift_(x.elem).shape_of), f"e{i}{j}", x.elem.shape, _no_value
            )
            for j, x in enumerate(found)
        )

    a, b, c = map(fresh, range(3))
    session.owe(f"{name}: associative", operation(operation(a, b), c), operation(a, operation(b, c)),
                "The partial products may be taken in any order, so by doubling too.")  # fmt: skip
    session.owe(f"{name}: neutral element", operation(neutral, a), a, "Nothing changes what follows it.")
    elems = tuple(x.elem for x in found)
    family = _congruent(session, name, lambda state, *now: operation(state, now), neutral, elems,
                        lift(found[0].length), (found[0].length, so_far(found[0].length).value))  # fmt: skip
    bases = {n: v for x in found for n, v in x.bases.items()}
    return tuple(Seq(found[0].length, part, bases) for part in family.after)


def _no_value(_: Any) -> Any:
    raise Unsupported("a generic element has no value")


def gradient(of: Callable[[Any], Any], at: Words) -> Words:
    """The gradient of a scalar function, from its traces, at a matrix."""
    session = active()
    session.depth += 1  # a gradient in the function has a letter of its own
    letter = session.letter(("variable", session.depth, at.shape_of), f"V{session.depth}", at.shape, _no_value)
    value = of(letter)
    session.depth -= 1
    found: Words = value.gradient(letter).substitute(letter, at)
    return found
