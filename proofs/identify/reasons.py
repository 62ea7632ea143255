"""Why an identification's answer is what it is, and what it notes beside it, as data; `reports.said` has the words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from constructions.learners import Domain
from numeric.finding import Said, Told
from proofs.audit.answer import Epsilon
from proofs.fitting.fit import Number
from proofs.fitting.laws import Law
from proofs.fitting.models import Model

# --- checks -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class At:
    """Where a check was made, of what is not the audit's own: in floats, at N, at a number of tokens that is far out, at an
    f, and m where it is another one."""

    floats: bool = False
    N: int = 0
    tokens: int = 0
    f: int = 0
    m: int = 0


HERE = At()


@dataclass(frozen=True)
class Differ(Said):
    """The sides differ by this, relatively. gates: the values of gates at which they do."""

    gap: float
    place: At = HERE
    gates: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class NoNumbers(Said):
    """No numbers fit at this length."""

    N: int


@dataclass(frozen=True)
class Raises(Said):
    """The target raised this on exact numbers."""

    kind: str
    message: str


@dataclass(frozen=True)
class ComparedDigits(Said):
    """No more than so many digits could be compared."""

    digits: int


@dataclass(frozen=True)
class FloatsOnly(Said):
    """The code runs in float64 only."""

    why: Told


@dataclass(frozen=True)
class NoPower(Said):
    """At this f its numbers go with no power of m, for these m."""

    f: int
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class NotThere(Said):
    """It is not this learner there: off by so much."""

    place: At
    off: float


@dataclass(frozen=True)
class OtherNumber(Said):
    """A number of the learner is another one there."""

    place: At
    name: str
    found: Number
    wanted: Number


# --- why a solution is none ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FitsBut(Said):
    """It fits, and something speaks against it."""

    why: Told


@dataclass(frozen=True)
class OutsideDomain(Said):
    """It fits at numbers that the learner can't have."""

    laws: tuple[Law, ...]
    wanted: tuple[tuple[str, Domain], ...]


@dataclass(frozen=True)
class AtSizes(Said):
    """What was found, at these sizes."""

    reason: Told
    sizes: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class FitsUpTo(Said):
    """It fits up to so many tokens, and at N it is off by the gap."""

    tokens: int
    N: int
    gap: float


# --- answers ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SameDigits(Said):
    """The same to so many digits (None: exactly) at every point drawn, up to so many tokens. refused: why that is all."""

    digits: int | None
    tokens: int
    refused: Told


class NoRung(Said, Enum):
    """Why there is no proof."""

    DECIDES = auto()
    """No rung decides."""


@dataclass(frozen=True)
class WithinRounding(Said):
    """It agrees within rounding at every point drawn, which is no proof."""

    why: Told


@dataclass(frozen=True)
class NotAtOtherSize(Said):
    """It holds at this f, and not elsewhere."""

    reason: Told
    f: int
    why: Told


@dataclass(frozen=True)
class GatesOpen(Said):
    """It holds at the gates seen, and how these gates make its numbers was not found."""

    reason: Told
    gates: tuple[str, ...]


@dataclass(frozen=True)
class GatesSampled(Said):
    """How the gates make its numbers holds at all values drawn, and is not proved."""

    reason: Told


@dataclass(frozen=True)
class StartOpen(Said):
    """It holds from W0 = 0, and what W0 does was not confirmed."""

    reason: Told


# --- no match -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NoValue(Said):
    """The layer has no value at a point drawn."""

    why: str


class Silent(Said, Enum):
    """What a layer is that no learner is."""

    ZERO = auto()
    """Its output is 0 at every point drawn."""


@dataclass(frozen=True)
class Votes(Said):
    """How many learners each probe rules out."""

    counts: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class NoneNear(Said):
    """No learner of the library is near."""

    votes: Votes


@dataclass(frozen=True)
class NoneFits(Said):
    """No learner of the library fits; the nearest, and why it does not."""

    model: Model
    why: Told
    votes: Votes | None


@dataclass(frozen=True)
class Stuck(Said):
    """A learner that fits in float64 up to this residual, and is no solution."""

    model: Model
    residual: float
    why: Told


@dataclass(frozen=True)
class RoundedConstants(Said):
    """It agrees within the rounding bound of this type, and not exactly, as rounded constants would make it."""

    dtype: str
    why: Told


@dataclass(frozen=True)
class Biased(Said):
    """The right family, off by little. digits: whether more of them change nothing; epsilon: the number that makes it."""

    model: Model
    residual: float
    N: int
    digits: bool
    epsilon: Epsilon | None = None


# --- notes --------------------------------------------------------------------------------------------------------------


class Noted(Said, Enum):
    """What is noted beside an identification."""

    START = auto()
    """It takes W0, and is this learner from W0 = 0 only, as far as was confirmed."""
    LAST = auto()
    """Only the last token counts."""
    DIGITS = auto()
    """A counterexample is shown to more digits than float64 has; plain calls do not differ."""


@dataclass(frozen=True)
class EveryValue(Said):
    """It holds for every value of gates, and so at the numbers given for them."""

    gates: tuple[tuple[str, str], ...]


# --- what it is besides -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class WithNumbers(Said):
    """A model with its numbers."""

    model: Model
    numbers: tuple[tuple[str, Told], ...]


@dataclass(frozen=True)
class Superset(Said):
    """A learner that is this one at this value of a parameter."""

    learner: str
    name: str
    value: int


@dataclass(frozen=True)
class ForAllChannels(Said):
    """A learner with one number for all channels."""

    learner: str
