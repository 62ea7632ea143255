"""Loops on a tape: head, isomorphic blocks, tail. Says on what ground a recording of T tokens stands for more of them.

Main definition: `loop`. Recordings at two lengths, the second longer by one period, are a loop if they consist of the
same operations in head and tail, and of blocks that are one another's copies in between, one more in the longer one:
the same functions on windows of the same sizes and strides with equal scalars and constants; what a block reads was
written at a fixed distance before it, or before all blocks; offsets grow by a fixed step a block. What the head hands to
block i depends on the token of block i alone (or on the next, where blocks begin within a token), by one and the same
function: seen by which tokens can reach it (an upper bound from the operations), and by exchanging two tokens before the
last, at random points of GF(p).
A branch on the number of tokens that lies beyond the longer recording is in no recording; that the lengths lie beyond
every integer of the code is for the caller to see to.
Derived here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import torch
from torch import Tensor

from numeric.carriers.carrier import Carrier, Parts, outer
from numeric.carriers.finite_field import FiniteField
from numeric.entropy import Entropy
from numeric.finding import Said
from numeric.tape.numbers import Logarithms, Numbers, Pair
from numeric.tape.refusals import Refused
from numeric.tape.replay import Machine
from numeric.tape.storage_tape import Constant, Tape, Window, leaves, same_bits

LEAST = 3
"""Blocks that a recording has to have, so that there is a step from one to the next twice."""


@dataclass(frozen=True)
class Loop:
    """What was found: operations before the blocks, in one block and after them, and the blocks of the longer tape."""

    head: int
    block: int
    blocks: int
    tail: int


@dataclass(frozen=True)
class _Read:
    """A window with where its content comes from: an operation, an input, or what the storage held before."""

    writer: int
    source: str
    size: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int
    like: Any


class NoLoop(Said, Enum):
    """Why two recordings are no loop over tokens."""

    LOOKED = auto()
    """A number of the data was looked at."""
    ONCE = auto()
    """No operation is made once a token."""
    REPEATS = auto()
    """Operations do not repeat from token to token."""
    GROWS = auto()
    """It does not grow by one repetition a token."""
    TAIL = auto()
    """What follows the last token is another thing at another length."""
    ROWS = auto()
    """It reads tokens, or memory, at places that are in no row."""
    MIXES = auto()
    """What is computed for all tokens at once mixes them."""
    OTHER = auto()
    """It is another function for another token."""


@dataclass(frozen=True)
class NotFollowed(Said):
    """What is computed for all tokens at once could not be followed, for this refusal."""

    refusal: str


def loop(short: Tape, long: Tape, tokens: Sequence[str], period: int, entropy: Entropy) -> Loop | Said:
    """The loop that two recordings are, T and T + period tokens long, or why they are none.

    tokens: the inputs that have one row a token.
    """
    if short.escapes or long.escapes or short.faults or long.faults:
        return NoLoop.LOOKED
    first, second = _described(short), _described(long)
    size = len(second) - len(first)
    if size <= 0:
        return NoLoop.ONCE
    found = _longest(second, size)
    again = _longest(first, size)
    if found is None or again is None:
        return NoLoop.REPEATS
    (start, blocks), (before, fewer) = found, again
    if start != before or blocks != fewer + 1 or fewer < LEAST:
        return NoLoop.GROWS
    tail = len(second) - start - blocks * size
    if tail != len(first) - before - fewer * size or not _same_tail(first, second, tail, size, fewer):
        return NoLoop.TAIL
    steps = [_offsets(second[start + j :: size][:blocks]) for j in range(size)]
    if any(step is None for step in steps):
        return NoLoop.ROWS
    reason = _head(long, second, start, size, blocks, tokens, period, entropy)
    return reason or Loop(start, size, blocks, tail)


def _described(tape: Tape) -> list[tuple[Any, ...]]:
    """Each operation with its operands' origins in place of their storages."""
    names = {window.storage: name for name, window in tape.inputs.items()}
    writers: dict[int, int] = {}
    out = []

    def origin(window: Window) -> _Read:
        number = window.storage
        source = names.get(number, "") if number not in writers else ""
        if number not in writers and not source:
            source = "before"
        like = (window.dtype, window.conjugated, window.negated)
        return _Read(writers.get(number, -1), source, window.size, window.stride, window.offset, like)

    for k, operation in enumerate(tape.operations):
        read = tuple(
            origin(o) if isinstance(o, Window) else o
            for o in (*leaves(operation.args), *leaves(dict(operation.kwargs)))
        )
        written = tuple(None if o is None else origin(o) for o in operation.outputs)
        if not operation.mutates:
            written = tuple(
                None if o is None else _Read(-1, "new", o.size, o.stride, o.offset, o.dtype) for o in operation.outputs
            )
        out.append((operation.function, operation.mutates, read, written))
        for window in operation.outputs:
            if window is not None:
                writers[window.storage] = k
    return out


def _alike(a: Any, b: Any, distance: int) -> bool:
    """Whether b is a, `distance` operations later."""
    if isinstance(a, _Read) and isinstance(b, _Read):
        moved = b.writer - a.writer
        return (
            a.source == b.source
            and moved in ((distance, 0) if a.writer >= 0 else (0,))
            and (a.size, a.stride, a.like) == (b.size, b.stride, b.like)
        )
    if isinstance(a, Constant) and isinstance(b, Constant):
        return a is b or same_bits(a.value, b.value)
    return type(a) is type(b) and repr(a) == repr(b)


def _copies(a: tuple[Any, ...], b: tuple[Any, ...], distance: int) -> bool:
    return (
        a[:2] == b[:2]
        and len(a[2]) == len(b[2])
        and all(_alike(x, y, distance) for x, y in zip(a[2], b[2], strict=True))
        and len(a[3]) == len(b[3])
        and all(_alike(x, y, distance) for x, y in zip(a[3], b[3], strict=True))
    )


def _longest(operations: list[tuple[Any, ...]], size: int) -> tuple[int, int] | None:
    """Start and number of the longest row of blocks of `size` operations that are copies, the earliest of those."""
    same = [_copies(operations[k], operations[k + size], size) for k in range(len(operations) - size)]
    best: tuple[int, int] | None = None
    run = 0
    for k in range(len(same) + 1):
        if k < len(same) and same[k]:
            run += 1
            continue
        if run >= size:
            start, blocks = k - run, run // size + 1
            if best is None or blocks > best[1]:
                best = start, blocks
        run = 0
    return best


def _same_tail(first: list[tuple[Any, ...]], second: list[tuple[Any, ...]], tail: int, size: int, blocks: int) -> bool:
    """Whether both end with the same operations, which may name the length only in what they read: one more result of
    a block where they gather those of all blocks."""
    pairs = zip(first[len(first) - tail :], second[len(second) - tail :], strict=True)
    return all(a[0] == b[0] and (len(a[2]) == len(b[2]) or _gathered(a[2], b[2], size, blocks)) for a, b in pairs)


def _gathered(first: tuple[Any, ...], second: tuple[Any, ...], size: int, blocks: int) -> bool:
    """Whether operands are one of each block, and one more in the second: a stack of what the blocks left."""
    steps = []
    for operands in (first, second):
        reads = [o for o in operands if isinstance(o, _Read)]
        pairs = zip(reads, reads[1:], strict=False)
        steps.append(sum(_alike(x, y, size) and y.writer - x.writer == size for x, y in pairs))
    few, more = steps
    return len(second) == len(first) + 1 and more == few + 1 and few >= blocks - LEAST


def _offsets(row: list[tuple[Any, ...]]) -> list[int] | None:
    """The steps of the offsets of one operation of a block, from block to block; None where they are not fixed."""
    steps: list[int] = []
    for column in zip(*(operation[2] + operation[3] for operation in row), strict=True):
        if isinstance(column[0], _Read):
            moves = {b.offset - a.offset for a, b in zip(column, column[1:], strict=False)}
            if len(moves) > 1:
                return None
            steps.extend(moves)
    return steps


# --- what the head hands on --------------------------------------------------------------------------------------------


class Tokens(Carrier):
    """Parts: T - first and last + 1, the range of tokens (numbered from 0) that can reach an entry; 0 for none."""

    dtypes = (torch.int64, torch.int64)
    name = "tokens that reach"
    associative = True

    def lift(self, values: Tensor) -> Parts:
        zero = torch.zeros((1, *values.shape), dtype=torch.int64)
        return zero, zero

    def add(self, a: Parts, b: Parts) -> Parts:
        return torch.maximum(a[0], b[0]), torch.maximum(a[1], b[1])

    def neg(self, a: Parts) -> Parts:
        return a

    mul = div = ratio = add

    def sub(self, a: Parts, b: Parts) -> Parts:
        return self.add(a, b)

    def div_constant(self, a: Parts, values: Tensor) -> Parts:
        return self.add(a, self.lift(values[0]))

    def power(self, a: Parts, exponent: int) -> Parts:
        return a

    def apply(self, function: Any, a: Parts) -> Parts:
        """Any function of one number."""
        return a

    def matmul(self, a: Parts, b: Parts) -> Parts:
        return self.sum(self.add(*outer(a, b)), [-2], False)

    def sum(self, a: Parts, dims: Sequence[int], keepdim: bool) -> Parts:
        return a[0].amax(tuple(dims), keepdim), a[1].amax(tuple(dims), keepdim)


def _head(
    tape: Tape,
    described: list[tuple[Any, ...]],
    start: int,
    size: int,
    blocks: int,
    tokens: Sequence[str],
    period: int,
    entropy: Entropy,
) -> Said | None:
    """Why the head is not one and the same function of one token at a time; None if it is."""
    windows = _handed(tape, described, start, size, blocks)
    if not windows:
        return None
    length = max((tape.inputs[name].size[0] for name in tokens), default=0)
    order = torch.arange(length)
    a, b = sorted(entropy.below(max(length - 1, 1)) for _ in range(2))  # the query is put at the last token
    order[a], order[b] = b, a
    try:
        carrier = Tokens()
        marks = {}
        for name, window in tape.inputs.items():
            number = torch.arange(length) if name in tokens else torch.full((1,), -1)
            wide = number.reshape(-1, *(1,) * (len(window.size) - 1)) if window.size else number[0]
            shaped = wide.expand(window.size)
            some = shaped >= 0
            marks[name] = (torch.where(some, length - shaped, 0)[None], torch.where(some, shaped + 1, 0)[None])
        reached = _until(tape, carrier, marks, start, windows)
        primes = torch.tensor([entropy.prime(31) for _ in range(4)])
        point = {
            name: torch.stack([entropy.residues(w.size, int(p)) for p in primes]) for name, w in tape.inputs.items()
        }
        turned = {name: v.index_select(1, order) if name in tokens else v for name, v in point.items()}
        plain = _until(tape, FiniteField(primes), {n: (v,) for n, v in point.items()}, start, windows)
        other = _until(tape, FiniteField(primes), {n: (v,) for n, v in turned.items()}, start, windows)
    except (Refused, ZeroDivisionError) as error:
        return NotFollowed(str(error))
    offsets = set()
    for j in range(len(windows[0])):
        place: dict[int, int] = {}
        for k, row in enumerate(reached):
            first, last = row[j]
            if bool(first.any()):
                place[k], high = length - int(first.max()), int(last.max()) - 1
                if high - place[k] >= period:
                    return NoLoop.MIXES
        found = {t - period * k for k, t in place.items()}
        if len(found) > 1:
            return NoLoop.MIXES
        offsets |= found
        by_token = {t: k for k, t in place.items()}
        for k, t in place.items():
            across = by_token.get(int(order[t])) if period == 1 else k if t not in (a, b) else None
            if across is not None and not torch.equal(other[k][j][0], plain[across][j][0]):
                return NoLoop.OTHER
    if offsets and max(offsets) - min(offsets) > period:
        return NoLoop.MIXES
    return None


def _handed(tape: Tape, described: list[tuple[Any, ...]], start: int, size: int, blocks: int) -> list[list[Window]]:
    """What each block reads of the inputs, or of what was written before all blocks: not what the last block left."""
    out: list[list[Window]] = []
    for k in range(blocks):
        row = []
        for j in range(size):
            at = start + k * size + j
            operation = tape.operations[at]
            raw = (*leaves(operation.args), *leaves(dict(operation.kwargs)))
            first, then = described[start + j][2], described[start + size + j][2]
            for operand, a, b in zip(raw, first, then, strict=True):
                if isinstance(operand, Window) and isinstance(a, _Read) and a.writer == b.writer:
                    row.append(operand)
        out.append(row)
    return out


def _until(
    tape: Tape, carrier: Any, inputs: Mapping[str, Parts], stop: int, windows: list[list[Window]]
) -> list[list[Parts]]:
    """What windows hold after the first `stop` operations."""
    machine = Machine(tape, carrier)
    with torch.no_grad():
        for name, parts in inputs.items():
            machine.put(tape.inputs[name], parts)
        machine.keep({w.storage for row in windows for w in row})
        for step in machine.plan.steps[:stop]:
            machine.step(step)
        return [[_parts(machine.read(w)) for w in row] for row in windows]


def _parts(value: Any) -> Parts:
    if isinstance(value, Pair):
        halves = [h for h in (value.real, value.imaginary) if h is not None]
        return tuple(torch.stack(p) for p in zip(*(h.parts for h in halves), strict=True))
    if isinstance(value, (Numbers, Logarithms)):
        return value.parts
    return (value,)
