"""What a tape shows that a verdict has to mention: casts, constants, writes to inputs, guards.

Main definition: `Record`, read off a tape.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache

import torch

from numeric.carriers.computed import inexact
from numeric.finding import Flag, Said
from numeric.tape.places import shown
from numeric.tape.storage_tape import Constant as Held
from numeric.tape.storage_tape import Operation, Tape, Window

_PLAIN = 2**20
"""Integers up to this size are not worth a note when code reads them as constants."""


@dataclass(frozen=True)
class Cast(Said):
    """A line rounds to a narrower type, such as `float32`. exact: no rounding shows where arithmetic is exact."""

    dtype: str
    place: str
    exact: bool = False


@dataclass(frozen=True)
class Constant(Said):
    """A constant in a line, as code writes it. alone: one number, not an array of them; number: it, where it is written so.
    read: those of its numbers that are taken for others, with what they are taken for."""

    text: str
    place: str
    alone: bool = True
    number: float | None = field(default=None, compare=False)
    read: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True)
class Written(Said):
    """An input that is written to. copied: what is written to is a copy."""

    name: str
    copied: bool = False


@dataclass(frozen=True)
class Guard(Said):
    """A check of the data that can only raise."""

    what: str
    place: str


@dataclass
class Record:
    """What a run did that its verdict must mention.

    operations: how often each aten operation ran. casts: lines that round to a narrower type. constants: floating-point
    constants read, by text and place, with their numbers. writes: inputs that were written to. guards: checks of data that
    can only raise.
    """

    operations: Counter[str] = field(default_factory=Counter)
    casts: dict[Cast, None] = field(default_factory=dict)
    constants: dict[tuple[str, str], tuple[float, ...]] = field(default_factory=dict)
    writes: dict[Written, None] = field(default_factory=dict)
    guards: dict[Guard, None] = field(default_factory=dict)

    @property
    def computed(self) -> tuple[tuple[str, str], ...]:
        """A constant that may have been computed, by text and place; empty without one."""
        return tuple(c for c, held in self.constants.items() if any(inexact(value) for value in held))[:1]

    def flags(self, side: str, read: Mapping[float, object] | None = None) -> tuple[Flag, ...]:
        """What an exact verdict does not cover, for `side` of a comparison. read: constants that were taken for others."""
        writes = tuple(Flag(replace(write, copied=True), side) for write in self.writes)
        guards = tuple(Flag(guard, side) for guard in self.guards)
        return self.cast_flags(side, exact=True) + self.constant_flags(side, read or {}) + writes + guards

    def cast_flags(self, side: str, exact: bool = False) -> tuple[Flag, ...]:
        """The casts of a side. exact: in exact arithmetic, which does not see them."""
        return tuple(Flag(replace(cast, exact=exact), side) for cast in self.casts)

    def constant_flags(self, side: str, known: Mapping[float, object]) -> tuple[Flag, ...]:
        """The constants of a side. known: those that were taken for other numbers."""
        return tuple(
            Flag(
                Constant(
                    text,
                    place,
                    len(values) == 1,
                    values[0] if len(values) == 1 and text == repr(values[0]) else None,
                    tuple((value, str(known[value])) for value in values if value in known),
                ),
                side,
            )
            for (text, place), values in self.constants.items()
        )


def notes(tape: Tape, precision: torch.dtype = torch.float64) -> Record:
    """The record of a tape for code that is meant to run in `precision`; read once, to be left as it is."""
    key = ("notes", precision)
    if key not in tape.plans:
        tape.plans[key] = _notes(tape, precision)
    record: Record = tape.plans[key]
    return record


def _notes(tape: Tape, precision: torch.dtype) -> Record:
    out = Record(operations=Counter(o.name for o in tape.operations))
    for operation in tape.operations:
        for dtype in _narrower(operation, precision):
            out.casts[Cast(str(dtype).removeprefix("torch."), shown(operation.place))] = None
        for text, values in _constants(operation):
            out.constants[text, shown(operation.place)] = values
    for name in tape.written:
        out.writes[Written(name)] = None
    for escape in tape.escapes:
        out.guards[Guard(escape.what, shown(escape.place))] = None
    return out


def _narrower(operation: Operation, precision: torch.dtype) -> Iterator[torch.dtype]:
    widest = _bits(precision)
    narrower = [w.dtype for w in operation.outputs if w is not None and 0 < _bits(w.dtype) < widest]
    if not narrower:
        return
    read = [bits for w in operation.operands() if isinstance(w, Window) and (bits := _bits(w.dtype))]
    if max(read, default=widest) >= widest:
        yield from narrower


@cache
def _bits(dtype: torch.dtype) -> int:
    """Of one real number; 0 where it holds integers."""
    return torch.finfo(dtype).bits if dtype.is_floating_point or dtype.is_complex else 0


def _constants(operation: Operation) -> Iterator[tuple[str, tuple[float, ...]]]:
    for operand in operation.operands():
        if isinstance(operand, float):
            if (
                operand == operand
                and abs(operand) != float("inf")
                and (not operand.is_integer() or abs(operand) > _PLAIN)
            ):
                yield repr(operand), (operand,)
        elif isinstance(operand, Held) and operand.value.dtype.is_floating_point:
            value = operand.value.double()
            fine = torch.isfinite(value)
            plain = (value == value.round()) & (value.abs() <= _PLAIN)
            if not bool((plain | ~fine).all()):
                held = tuple(torch.unique(value[fine]).tolist())
                yield repr(value.item()) if value.ndim == 0 else f"a {tuple(value.shape)} tensor", held
