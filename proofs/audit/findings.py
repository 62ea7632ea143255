"""What single checks of an audit find, as data; `reports.said` has the words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from numeric.finding import Said, Told


class Apart(Said, Enum):
    """How two sides differ, without a number."""

    AT_A_POINT = auto()
    """At a rational point, enclosed in balls that do not meet."""
    IN_BALLS = auto()
    """They lie in balls that do not meet."""


class Exactly(Said, Enum):
    """What the plain calls at a counterexample show."""

    ONLY = auto()
    """Its values are exact: plain float64 calls do not show the difference, or have no value."""
    SHOWN = auto()
    """Its values are balls, to 17 digits."""


class Incomparable(Said, Enum):
    """Why a comparison says nothing, without a number."""

    NO_NUMBERS = auto()
    """The outputs, or their bound, are no numbers."""
    NOT_FINITE = auto()
    """A call returned NaN or infinity."""
    DEAR = auto()
    """It takes more operations than are left of what an audit spends on further calls."""
    STATELESS = auto()
    """One of two layers takes no state."""


@dataclass(frozen=True)
class BallsOnly(Said):
    """Balls are run on so many tokens at most."""

    tokens: int


@dataclass(frozen=True)
class WideBalls(Said):
    """Balls of so many bits are too wide, by this relative width."""

    bits: int
    width: float


@dataclass(frozen=True)
class FewDigits(Said):
    """A bound leaves so many digits of the outputs. least: the first-order bound, of which so many are wanted."""

    digits: int
    least: bool = False


@dataclass(frozen=True)
class Unstable(Said):
    """A side agrees to first order, but its bound is this many times that of the other."""

    sides: tuple[str, str]
    ratio: float


@dataclass(frozen=True)
class OffFirstOrder(Said):
    """A side's float64 run is off from the other's exact value by more than this bound of first order."""

    sides: tuple[str, str]
    error: float
    bound: float


@dataclass(frozen=True)
class EqualDigits(Said):
    """The sides agree in balls, at so many points a length. off: of a float64 run of the layer, of the largest entry; read:
    the constants that were read as others."""

    digits: float
    points: int
    lengths: tuple[int, ...]
    off: float
    read: str = ""


@dataclass(frozen=True)
class StateShape(Said):
    """A state goes in with one shape and comes back with another."""

    wanted: tuple[int, ...]
    shape: tuple[int, ...]


@dataclass(frozen=True)
class OnExact(Said):
    """What a target does on exact numbers."""

    what: Told


@dataclass(frozen=True)
class CastsChange(Said):
    """Casts to these types change the float64 run by this part of the largest output."""

    dtypes: tuple[str, ...]
    share: float


@dataclass(frozen=True)
class BeyondPrecision(Said):
    """On so many draws the sides differ by this many times what a change of precision changes in the layer."""

    draws: int
    least: float


# --- gradients ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Argument(Said):
    """An input by which derivatives are taken. variable: what it is computed from, where that has another name."""

    name: str
    variable: str = ""


@dataclass(frozen=True)
class GradientOf(Said):
    """Numbers that are the gradient of this argument, entry after entry."""

    argument: Argument


@dataclass(frozen=True)
class GradientOff:
    """A gradient that is another one. missing: no path leads to the argument; token: the first one, from 1, whose part
    differs, None where it has none."""

    argument: Argument
    missing: bool = False
    token: int | None = None


@dataclass(frozen=True)
class GradientsDiffer(Said):
    """The gradients that are other ones in calls of N tokens. first: whether those of fewer tokens were all tried, and
    agree; else those of one token less do. detached: whether no gradient comes back from the state after."""

    off: tuple[GradientOff, ...]
    N: int
    first: bool
    detached: bool = False


class Special(Said, Enum):
    """Points at which derivatives may have no value where the outputs have one."""

    ZERO_TOKEN = auto()
    """A token of zeros, as padding is."""
    TINY_GATES = auto()
    ONES = auto()
    """Gates of 1."""
    ZERO_GATES = auto()


@dataclass(frozen=True)
class GradientNotFinite(Said):
    """The gradients of these arguments are NaN or infinite where outputs, and the other side's, are finite."""

    arguments: tuple[Argument, ...]
    point: Special


# --- modes --------------------------------------------------------------------------------------------------------------


class Harmless(Said, Enum):
    """Why other numbers in a mode are none of the target's claim."""

    AUTOCAST = auto()
    """It computes in bfloat16 there."""
    DEFAULT = auto()
    """It makes tensors of float32 there."""


@dataclass(frozen=True)
class Act(Said):
    """These layers of a module act in training."""

    layers: tuple[str, ...]


class Moved(Said, Enum):
    """What gave other numbers than the plain call."""

    NUMBERS = auto()
    """The same numbers as Python's floats."""
    PROCESS = auto()
    """A process without this package."""
    PROCESS_AFTER = auto()
    """Such a process, after other calls."""
    PARAMETERS = auto()
    """Parameters that were set after a call."""
    RESULTS = auto()
    """A later call, which writes to what the first one returned."""
    MODE = auto()
    """Another mode than the plain call's."""


@dataclass(frozen=True)
class CallAgain(Said):
    """A further call with the same inputs gives other numbers than the first."""

    number: int


@dataclass(frozen=True)
class MovedBy(Said):
    """What moved the outputs, and the most that it moved one by; of a mode, as a part of the outputs."""

    what: Said
    most: float


@dataclass(frozen=True)
class Calls(Said):
    """The call was made so many times."""

    number: int


class Untried(Said, Enum):
    """Why a mode says nothing, or what it stands for."""

    LIFTED = auto()
    """The target's casts are lifted here."""
    UNSEEDED = auto()
    """The target draws random numbers, and seeds none."""
