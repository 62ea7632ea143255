"""What probes find, as data; `reports.said` has the words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from numeric.finding import Said


class Seen(Said, Enum):
    """An answer without a number."""

    NO_PRIOR = auto()
    """Targets 0 give 0."""
    PRIOR = auto()
    """They give something else."""
    NOTHING_ASKED = auto()
    """The query 0 gives 0."""
    OFFSET = auto()
    """It gives something else."""
    LINEAR = auto()
    NO_MEMORY = auto()
    """Not linear in the targets."""
    NOT_IN_QUERY = auto()
    """Not linear in the query."""
    WEIGHTED_SUM = auto()
    """The output is a sum of a_i y_i with numbers a_i."""
    UNLIKE_OUTPUTS = auto()
    ISOTROPIC = auto()
    """No direction of the inputs is preferred."""
    ANISOTROPIC = auto()
    BATCH = auto()
    """The order of the tokens does not matter."""
    ONLINE = auto()
    """It matters."""
    MEAN = auto()
    """Tokens given twice change nothing."""
    SUM = auto()
    """They double the output."""
    STEPS = auto()
    """They do something else."""
    SMOOTHER = auto()
    """Targets 1 give 1."""
    NO_SMOOTHER = auto()
    """They give something else."""
    NORMALISED = auto()
    """Scaled inputs change nothing."""
    SCALES = auto()
    """They change the output."""
    LAST_UNREAD = auto()
    """The last token is not read."""
    LAST_READ = auto()
    NEEDS_EXACT = auto()
    """A fit in float64 finds a lower bound only."""
    NO_LOW_DEGREE = auto()
    """No rational function of low degree."""
    KEEPS = auto()
    """Null tokens change nothing."""
    MEAN_OVER_TOKENS = auto()
    """The output goes as 1/N."""
    ADD_UP = auto()
    """Tokens do not interact."""
    BOTH_WAYS = auto()
    """They interact in both directions."""
    WITH_LATER = auto()
    """Each with all later ones."""
    WITH_SOME_LATER = auto()
    DIAGONAL = auto()
    """Not a multiple of the identity."""
    NOT_DIAGONAL = auto()
    NO_POLYNOMIAL = auto()
    """In the scale of a token."""


@dataclass(frozen=True)
class Gives(Said):
    """An answer with the output that shows it."""

    what: Seen
    output: tuple[complex, ...]


@dataclass(frozen=True)
class AllBut(Said):
    """An answer that holds but for a small relative gap."""

    what: Seen
    gap: float


@dataclass(frozen=True)
class NoAnswer(Said):
    """The box has no value there, with this message."""

    why: str


@dataclass(frozen=True)
class Degree(Said):
    """A polynomial of this degree; alone: in the scale of one token."""

    degree: int
    alone: bool = False


@dataclass(frozen=True)
class Rational(Said):
    """A rational function of these degrees."""

    numerator: int
    denominator: int


@dataclass(frozen=True)
class NoDegree(Said):
    """No polynomial of this degree or less."""

    degree: int
    why: Said | str


@dataclass(frozen=True)
class NoRecurrence(Said):
    """No recurrence of this order or less."""

    order: int


@dataclass(frozen=True)
class Forgets(Said):
    """Null tokens multiply by these factors, one a decay or momentum."""

    factors: tuple[complex, ...]


@dataclass(frozen=True)
class Blocks(Said):
    """Tokens interact between blocks of this width."""

    width: int


@dataclass(frozen=True)
class Multiple(Said):
    """So many times the identity."""

    size: float


@dataclass(frozen=True)
class Response(Said):
    """The output for a token of scale 1."""

    output: float
