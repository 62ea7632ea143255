"""What the engines of exact, symbolic and floating-point identity find, as data; `reports.said` has the words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from numeric.finding import Said, Told


@dataclass(frozen=True)
class OtherShape(Said):
    """The sides return arrays of these shapes."""

    sides: tuple[str, str]
    shapes: tuple[tuple[int, ...], tuple[int, ...]]


# --- exact --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DiffersAtTrial(Said):
    """The sides differ at a random point of GF(p). shown: by a counterexample too."""

    trial: int
    shown: bool


@dataclass(frozen=True)
class WeakBounds(Said):
    """Bounds that are too weak for primes of so many bits. degree, divisors: log2; height: bits of the coefficients."""

    degree: float
    height: float
    divisors: float
    bits: int


@dataclass(frozen=True)
class ZeroDivisors(Said):
    """A divisor was 0 at most of so many random points."""

    points: int


@dataclass(frozen=True)
class NoExactMeaning(Said):
    """The code has no exact meaning, for this refusal. size: of the rational points at which no difference was seen."""

    refusal: str
    size: int = 0


@dataclass(frozen=True)
class DiffersAtRational(Said):
    """The sides differ at a rational point; the code is no polynomial, for this refusal."""

    refusal: str


# --- symbolic -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ManyTerms(Said):
    """So many terms at these sizes, and the most that are tried."""

    terms: float
    most: float


@dataclass(frozen=True)
class NoPolynomial(Said):
    """The code is no polynomial, for this refusal."""

    refusal: str


@dataclass(frozen=True)
class OtherPolynomial(Said):
    """The polynomials of this output differ."""

    index: tuple[int, ...]


# --- floats -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NoBound(Said):
    """There is no rounding bound, for this refusal."""

    refusal: str


@dataclass(frozen=True)
class BreaksBound(Said):
    """An output at which the sides differ by more than rounding allows. times: the bound, None where that is 0."""

    sides: tuple[str, str]
    place: tuple[int, ...]
    error: float
    bound: float
    times: float | None


class InExact(Said, Enum):
    """What exact arithmetic says of a difference of floats."""

    DIFFER = auto()
    """They differ there too."""
    AGREE = auto()
    """They agree there, so digits are lost inside."""


@dataclass(frozen=True)
class Beyond(Said):
    """A difference of floats, and what exact arithmetic says of it."""

    difference: Said
    exact: InExact


@dataclass(frozen=True)
class ByConstants(Said):
    """A difference that a few roundings in constants explain, if a code computed them: one such constant of each side,
    as (side, text, place)."""

    difference: Said
    constants: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True)
class NothingAssessed(Said):
    """All outputs of all draws, or their bounds, overflow."""

    outputs: int
    draws: int


@dataclass(frozen=True)
class UnstableBound(Said):
    """A side agrees within its own bound, which is this many times that of the other at most, and in the median."""

    sides: tuple[str, str]
    largest: float
    median: float


@dataclass(frozen=True)
class On(Said):
    """What was found on one backend in one dtype."""

    backend: str
    dtype: str
    what: Told


@dataclass(frozen=True)
class NotAssessed(Said):
    """A backend and dtype on which there is no bound."""

    backend: str
    dtype: str
    why: Told


@dataclass(frozen=True)
class NotFinite(Said):
    """A side has outputs that are not finite at some draw where the other's are."""

    other: str
