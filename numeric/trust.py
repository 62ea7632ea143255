"""What a reader has to believe for a verdict to hold, as data; `reports.said` has the words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from numeric.finding import Said


class Trust(Said, Enum):
    """One thing to believe."""

    SCHWARTZ_ZIPPEL = auto()
    """The lemma, with the computed degree and height."""
    RULES = auto()
    """The rules of the replay."""
    RECORDING = auto()
    """The rules of the replay, and that a recording accepted at fresh points stands for the code."""
    RECORDED = auto()
    """That a recording accepted at fresh points stands for the code: nothing is replayed."""
    LOGARITHMS = auto()
    """That variables and their logarithms are algebraically independent."""
    POOL = auto()
    """That the operating system's entropy pool is uniform."""
    HASH = auto()
    """That SHAKE-256 of the seed is as good as uniform."""
    IEEE = auto()
    """IEEE 754 arithmetic, rounding to nearest."""
    CLASSICAL = auto()
    """That sums and matrix products are classical."""
    ARB = auto()
    """Arb's enclosures."""
    BALLS = auto()
    """Ball arithmetic, and its rules here."""
    POINTS = auto()
    """That the points drawn stand for all."""
    FIRST_ORDER = auto()
    """A rounding bound of first order."""
    COEFFICIENTS = auto()
    """FLINT's polynomial arithmetic."""
    IMPLIED = auto()
    """That the steps listed imply the statement, which no engine checks."""
    PRIMITIVES = auto()
    """That the plain primitives compute what their words stand for."""
    CASTS = auto()
    """That torch casts to float64 exactly."""
    COARSE = auto()
    """That a float64 run is no further from the exact value than from a float32 run."""
    DERIVATIVES = auto()
    """Torch's derivatives of the operations that a recording consists of."""


@dataclass(frozen=True)
class Derivation(Said):
    """The derivation of a rounding bound. name: `running` or `a-priori`."""

    name: str
