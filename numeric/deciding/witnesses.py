"""What an exact verdict rests on, kept for who wants to show it to others: both recordings, and how constants were read.

Main definitions: `Witness`, `witnessed`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass

from numeric.deciding.programs import Shapes, Sizes
from numeric.deciding.readings import Reading
from numeric.finding import Finding
from numeric.tape.storage_tape import Tape


@dataclass(frozen=True)
class Witness:
    """The recordings of two programs that a finding calls the same function. known: constants with what they are read as."""

    finding: Finding
    shapes: Shapes
    sizes: Sizes
    tapes: tuple[Tape, Tape]
    known: Mapping[float, Reading]


_KEPT: ContextVar[list[Witness] | None] = ContextVar("witnesses", default=None)


@contextlib.contextmanager
def witnessed() -> Iterator[list[Witness]]:
    """Keep the witnesses of all confirmations inside the block."""
    kept: list[Witness] = []
    token = _KEPT.set(kept)
    try:
        yield kept
    finally:
        _KEPT.reset(token)


def keep(witness: Witness) -> Finding:
    """Its finding; the witness is kept where somebody asks for it."""
    kept = _KEPT.get()
    if kept is not None:
        kept.append(witness)
    return witness.finding
