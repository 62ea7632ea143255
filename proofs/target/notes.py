"""What is noted about a target, and what came of calling it, as data; `reports.said` has the words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from numeric.finding import Said


class Quirk(Said, Enum):
    """What an answer has to mention, without a number."""

    WRITES = auto()
    """It writes to its inputs."""
    LIFTED = auto()
    """It runs in float64 only with its casts to float32 taken for casts to float64."""


@dataclass(frozen=True)
class Evaluated(Said):
    """A module was in training mode, and run in evaluation mode. layers: the kinds that would have acted."""

    layers: tuple[str, ...]


@dataclass(frozen=True)
class ReadAsFloat64(Said):
    """A module's parameters are of other types than float64."""

    dtypes: tuple[str, ...]


@dataclass(frozen=True)
class ReadAsOneAxis(Said):
    """It returns an array of so many axes, which was read as (m,)."""

    axes: int


@dataclass(frozen=True)
class Place:
    """A line of somebody's code."""

    file: str
    line: int
    text: str


@dataclass(frozen=True)
class Raised(Said):
    """A call raised an exception. kind: its class; place: the last line of the target's own code, where there is one."""

    kind: str
    message: str = ""
    place: Place | None = None


@dataclass(frozen=True)
class HandsToNumpy(Said):
    """A call hands tensors to numpy, where no operation is seen."""

    place: Place | None = None
