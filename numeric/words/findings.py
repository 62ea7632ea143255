"""What derivations on matrix words find, as data; `reports.said` has the words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from numeric.finding import Said, Told

Sizes = tuple[tuple[str, int], ...]


class Hollow(Said, Enum):
    """Why a derivation confirms nothing."""

    EMPTY = auto()
    """It has no steps."""
    FIRM = auto()
    """No step can fail."""


@dataclass(frozen=True)
class At:
    """A step of a derivation: the one of this name, the one after it, or the first."""

    name: str = ""
    after: bool = False


@dataclass(frozen=True)
class ShapesDiffer(Said):
    """Shapes differ in a step."""

    at: At
    message: str


@dataclass(frozen=True)
class OutsideWords(Said):
    """Something is outside matrix words: this exception; at: in which step, where it is one."""

    kind: str
    message: str
    at: At | None = None


@dataclass(frozen=True)
class LeftOver(Said):
    """A step fails, and leaves this over. summed: a step of a sum."""

    step: str
    rest: str
    summed: bool = False


@dataclass(frozen=True)
class FixedSize(Said):
    """A step leaves something over, which decides nothing, since a letter has a fixed size."""

    step: str
    rest: str
    letter: str


@dataclass(frozen=True)
class NotFollowing(Said):
    """A step does not follow from its assumptions by rewriting, and leaves this over."""

    step: str
    rest: str


@dataclass(frozen=True)
class OpinionsDiffer(Said):
    """Words and SymPy leave other things over."""

    step: str
    words: str
    sympy: Told


@dataclass(frozen=True)
class Abstains(Said):
    """The second opinion on a step abstains."""

    step: str
    why: Told


@dataclass(frozen=True)
class OtherShapes(Said):
    """SymPy finds that the two sides have these shapes."""

    left: str
    right: str


@dataclass(frozen=True)
class NoRule(Said):
    """SymPy has no rule for 1x1 factors or diagonal matrices, and is left with this."""

    rest: str


@dataclass(frozen=True)
class Raised(Said):
    """SymPy raised this."""

    kind: str
    message: str


@dataclass(frozen=True)
class Checker(Said):
    """The step checker has to be believed, and has so many lines."""

    lines: int


@dataclass(frozen=True)
class Agrees(Said):
    """SymPy agrees on so many of the steps."""

    version: str
    agrees: int
    steps: int


@dataclass(frozen=True)
class Cancels(Said):
    """SymPy's cancel on rational functions has to be believed."""

    version: str


# --- whole programs -----------------------------------------------------------------------------------------------------


class Unheld(Said, Enum):
    """What became of words at small sizes, without a number."""

    NO_SIZES = auto()
    """There are none to hold them against."""
    DIFFER = auto()
    """The programs differ there."""


@dataclass(frozen=True)
class FixedCounts(Said):
    """A program takes no such counts."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class Swallowed(Said):
    """A refusal was swallowed by the code."""

    refusal: str


@dataclass(frozen=True)
class NotInductive(Said):
    """The induction fails, or the words differ. steps: whose, with both forms."""

    reason: Told
    steps: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class NeverAsked(Said):
    """No recurrence has one of these names, so its invariant was never asked for."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class ZeroAt(Said):
    """A division by zero at these sizes."""

    sizes: Sizes


@dataclass(frozen=True)
class RaisedAt(Said):
    """A program raised this at these sizes."""

    sizes: Sizes
    kind: str
    message: str


@dataclass(frozen=True)
class OtherWords(Said):
    """At these sizes the words of a side have another value than the plain run."""

    sizes: Sizes
    side: str
    words: str
    plain: str
