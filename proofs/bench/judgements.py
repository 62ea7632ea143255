"""What is said of one replay of one of torch's samples, as data; `reports.said` has the words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from numeric.finding import Said


class Why(Said, Enum):
    """What a replay gave, without a number."""

    NO_RECORDING = auto()
    """The recording does not count."""
    OTHER_RUN = auto()
    """It differs from a bare call."""
    BITS = auto()
    """Other bits than torch's."""
    ZERO = auto()
    """A divisor is 0 at this point."""
    NO_BOUND = auto()
    """There is no bound to compare with."""
    WIDE = auto()
    """A ball is wide."""
    VALUE = auto()
    """A value where the rationals have none."""


@dataclass(frozen=True)
class OtherCount(Said):
    """Another shape of numbers than torch's."""

    found: tuple[int, ...]
    torch: tuple[int, ...]


@dataclass(frozen=True)
class OtherValue(Said):
    """Another value than torch's."""

    found: float
    torch: float


@dataclass(frozen=True)
class OtherResidues(Said):
    """Other residues modulo this prime than the rationals have."""

    prime: int


@dataclass(frozen=True)
class ManyVariables(Said):
    """More variables than are tried."""

    most: int


@dataclass(frozen=True)
class Above(Said):
    """A degree, or a height, above its bound."""

    name: str
    found: float
    bound: float


@dataclass(frozen=True)
class Failed(Said):
    """An exception of ours. place: function and line; bound: of the bound, not of the replay."""

    kind: str
    place: tuple[str, int] | None
    message: str
    bound: bool = False
