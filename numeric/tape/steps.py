"""What a replay follows: each operation of a tape with its rule, and what its results stand for.

Main definitions: `Kind`, `Step`, `Plan`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from numeric.tape.storage_tape import Operation


class Kind(StrEnum):
    """What the entries of a storage stand for."""

    NUMBER = "number"
    LOGARITHM = "logarithm"
    INDEX = "index"


@dataclass(frozen=True)
class Step:
    """One operation with its rule.

    kinds: of its outputs. anew: storages whose kind changes here. whole: whether an output fills a storage, entry after
    entry. frees: storages that nothing reads any more.
    """

    operation: Operation
    rule: Callable[..., Any] | None
    why: str
    kinds: tuple[Kind, ...]
    anew: tuple[int, ...]
    whole: tuple[bool, ...]
    frees: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """before: the kinds storages begin with."""

    before: dict[int, Kind]
    steps: tuple[Step, ...]
