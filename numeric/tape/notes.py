"""What a tape shows that a verdict has to mention: casts, constants, writes to inputs, guards.

Main definition: `Record`, read off a tape.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

import torch

from numeric.finding import Flag, Flagged
from numeric.tape.places import shown
from numeric.tape.storage_tape import Constant, Operation, Tape, Window

_PLAIN = 2**20
"""Integers up to this size are not worth a note when code reads them as constants."""


@dataclass
class Record:
    """What a run did that its verdict must mention.

    operations: how often each aten operation ran. casts: lines that round to a narrower type, and that type.
    constants: floating-point constants read, with the line, and the number where it is one. writes: inputs that were
    written to. guards: checks of data that can only raise.
    """

    operations: Counter[str] = field(default_factory=Counter)
    casts: dict[str, torch.dtype] = field(default_factory=dict)
    constants: dict[str, float | None] = field(default_factory=dict)
    writes: dict[str, None] = field(default_factory=dict)
    guards: dict[str, None] = field(default_factory=dict)

    def flags(self, side: str, read: Mapping[float, object] | None = None) -> tuple[Flag, ...]:
        """What an exact verdict does not cover, for `side` of a comparison. read: constants that were taken for others."""
        known = read or {}
        casts = self.cast_flags(side, ": exact arithmetic does not see its rounding")
        writes = tuple(Flag(f"{side}: {write}; it was given a copy", side) for write in self.writes)
        guards = tuple(Flag(f"{side}: {guard}", side) for guard in self.guards)
        return casts + self.constant_flags(side, known) + writes + guards

    def cast_flags(self, side: str, more: str = "") -> tuple[Flag, ...]:
        """The casts of a side. more: what is said of each."""
        return tuple(
            Flag(f"{side}: {cast}{more}", side, Flagged.CAST, cast=str(dtype).removeprefix("torch."))
            for cast, dtype in self.casts.items()
        )

    def constant_flags(self, side: str, known: Mapping[float, object]) -> tuple[Flag, ...]:
        """The constants of a side. known: those that were taken for other numbers."""
        return tuple(
            Flag(
                f"{side}: constant {constant}, read as {known[value]}, which it is to within a rounding"
                if value is not None and value in known
                else f"{side}: constant {constant}, read as the dyadic number it is",
                side,
                Flagged.CONSTANT,
                constant=value,
            )
            for constant, value in self.constants.items()
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
            out.casts.setdefault(f"cast to {dtype} at {shown(operation.place)}", dtype)
        for text, value in _constants(operation):
            out.constants[f"{text} at {shown(operation.place)}"] = value
    for name in tape.written:
        out.writes[f"writes to its input {name}"] = None
    for escape in tape.escapes:
        out.guards[f"{escape.what} at {shown(escape.place)} checks the data, and can only raise"] = None
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


def _constants(operation: Operation) -> Iterator[tuple[str, float | None]]:
    for operand in operation.operands():
        if isinstance(operand, float):
            if (
                operand == operand
                and abs(operand) != float("inf")
                and (not operand.is_integer() or abs(operand) > _PLAIN)
            ):
                yield repr(operand), operand
        elif isinstance(operand, Constant) and operand.value.dtype.is_floating_point:
            value = operand.value.double()
            fine = torch.isfinite(value)
            plain = (value == value.round()) & (value.abs() <= _PLAIN)
            if not bool((plain | ~fine).all()):
                yield (
                    (repr(value.item()), value.item()) if value.ndim == 0 else (f"a {tuple(value.shape)} tensor", None)
                )
