"""What an audit notes beside its answer, as data: what was left out, why it is not for every N, what to try; `reports.said`
has the words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from fractions import Fraction

from constructions.learners import Domain
from numeric.finding import Said, Told


@dataclass(frozen=True)
class Scaled(Said):
    """The readout is scaled by f**-0.5, seen at this f and at four times it."""

    f: int


@dataclass(frozen=True)
class AtDefaults(Said):
    """Named arguments that no call gave, with their defaults."""

    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class AtZero(Said):
    """At 0 of this variable there is no comparison. raised: the exception of a side; empty where the layer is not finite."""

    name: str
    raised: str = ""


@dataclass(frozen=True)
class CallsOften(Said):
    """A user's adapter calls the target so often for one prediction, at so many tokens."""

    calls: int
    N: int


# --- left out -----------------------------------------------------------------------------------------------------------


class Rounds(Said, Enum):
    """Why a size was left out without a message."""

    THERE = auto()
    """Constants are rounded there."""


@dataclass(frozen=True)
class LengthLeftOut(Said):
    """A context length that the exact rung left out."""

    length: int
    why: Told


@dataclass(frozen=True)
class WidthLeftOut(Said):
    """An (f, m) that the exact rung left out."""

    width: tuple[int, int]
    why: Told


@dataclass(frozen=True)
class NoDifference(Said):
    """At the audit's own f and m no difference was seen."""

    f: int
    m: int


# --- every N ------------------------------------------------------------------------------------------------------------


class Unsettled(Said, Enum):
    """Why there is no answer for every N."""

    LINES = auto()
    """Lines never ran."""
    INTEGERS = auto()
    """No calls that could be afforded pass every integer of the code."""


@dataclass(frozen=True)
class LargeInteger(Said):
    """The code has an integer that calls on so many tokens do not pass. recorded: of recordings, not of calls in parts."""

    integer: int
    tokens: int
    recorded: bool = False


@dataclass(frozen=True)
class FailsAt(Said):
    """It does not run on so many tokens. raised: the exception."""

    tokens: int
    raised: str


@dataclass(frozen=True)
class NotEvery(Said):
    """There is no answer for every N."""

    why: Told


# --- numbers ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Inferable(Said):
    """Gates without which their numbers are inferred, as the code rounds them."""

    gates: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class AskedFor(Said):
    """The answers ask for a number that the parameter can't be: it was tested with another."""

    name: str
    number: Fraction
    domain: Domain
    other: Fraction


@dataclass(frozen=True)
class NotFitted(Said):
    """No numbers fit; what the nearest leave, relatively."""

    names: tuple[str, ...]
    residual: float


@dataclass(frozen=True)
class OtherNumbers(Said):
    """With the numbers that a fit found at another width the sides differ."""

    names: tuple[str, ...]


# --- what to try --------------------------------------------------------------------------------------------------------


class Hint(Said, Enum):
    """What was seen of a refuted layer."""

    REVERSED = auto()
    """In floats it agrees with the tokens in reverse order."""


@dataclass(frozen=True)
class Factor(Said):
    """The layer is so many times the learner. sizes: those alone at which it is; None for all that were tried."""

    text: str
    sizes: tuple[tuple[str, int], ...] | None = None


@dataclass(frozen=True)
class OtherAdapter(Said):
    """It agrees when it is called so."""

    name: str
