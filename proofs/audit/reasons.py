"""Why an audit's answer is what it is, as data; `reports.said` has the words.

Each may stand in another one: what was decided, then what speaks against it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from numeric.finding import Finding, Key, Said, Told, Verdict
from proofs.audit.rows import Check, Row, of
from proofs.audit.world import Limit


class Run(Said, Enum):
    """What the float runs show, beside an exact identity."""

    AGREES = auto()
    LIFTED = auto()
    """With its casts lifted."""
    FIRST = auto()
    """Within its first-order bound."""
    DIFFERS = auto()
    UNSURE = auto()
    """It could not be assessed."""


@dataclass(frozen=True)
class Where(Said):
    """The sizes of the exact rows that confirm. width: the (f, m) of `lengths`, None without such rows; every: by induction;
    others: other widths by context length."""

    width: tuple[int, int] | None
    lengths: tuple[int, ...] = ()
    every: bool = False
    others: tuple[tuple[int, tuple[tuple[int, int], ...]], ...] = ()


def where(rows: Sequence[Row]) -> Where:
    """The sizes of the exact rows that confirm."""
    exact = [r.sizes for r in of(rows, Check.EXACT) if r.finding.verdict is Verdict.CONFIRMED]
    every = any(r.finding.verdict is Verdict.CONFIRMED for r in of(rows, Check.EVERY))
    if not exact:
        return Where(None)
    first = (exact[0]["f"], exact[0]["m"])
    lengths = sorted({s["N"] for s in exact if (s["f"], s["m"]) == first})
    others: dict[int, dict[tuple[int, int], None]] = {}
    for s in exact:
        if (s["f"], s["m"]) != first:
            others.setdefault(s["N"], {})[s["f"], s["m"]] = None
    return Where(first, tuple(lengths), every, tuple((N, tuple(pairs)) for N, pairs in others.items()))


@dataclass(frozen=True)
class Same(Said):
    """The same rational function. chance: log2 of the probability that this is wrong; read: whether constants were read as
    the numbers they are roundings of; alike: whether both leave one and the same recording, of whatever function."""

    where: Where
    chance: float | None = None
    read: bool = False
    alike: bool = False


@dataclass(frozen=True)
class Proved(Said):
    """Exactly the same, and what the float runs show beside it: none that differs."""

    same: Same
    run: Run


@dataclass(frozen=True)
class RunUnsure(Said):
    """Exactly the same, and the float run says nothing."""

    same: Same
    why: Told


class NotMade(Said, Enum):
    """Why the float run says nothing."""

    RUN = auto()
    """It was not made."""


@dataclass(frozen=True)
class Overflow(Said):
    """So many outputs of the float run, or their bounds, overflow."""

    outputs: int


def unsure(off: Finding | None) -> Told:
    """Why the float run says nothing."""
    if off is None:
        return NotMade.RUN
    return off.reason or Overflow(int(off.figures.get(Key.UNASSESSED) or 0))


@dataclass(frozen=True)
class RunDiffers(Said):
    """The float run differs. where: of the exact identity beside it, if there is one."""

    why: Told
    where: Where | None = None


@dataclass(frozen=True)
class Beside(Said):
    """A reason, and what the exact rung says beside it."""

    reason: Told
    other: Told


@dataclass(frozen=True)
class Roundings(Said):
    """A difference that roundings of the code's constants would make: the sides agree within the bound of this type.

    open: whether that leaves it undecided.
    """

    reason: Told
    dtype: str
    open: bool


@dataclass(frozen=True)
class OneNumber(Said):
    """A difference with one number of these for each token, and none with one for the context."""

    reason: Told
    names: tuple[str, ...]
    where: Where


@dataclass(frozen=True)
class Broke(Said):
    """A further check refutes. variant: what it asked."""

    check: Check
    variant: str
    reason: Told


@dataclass(frozen=True)
class Lawless(Said):
    """A number was inferred for each size, and follows no law of them."""

    reason: Told
    name: str


@dataclass(frozen=True)
class NotSeen(Said):
    """What the code is known to do that the calls did not show."""

    reason: Told
    doubt: Said


@dataclass(frozen=True)
class Bounded(Said):
    """An answer that holds as far as the layer's floats reach."""

    reason: Told
    limits: tuple[Limit, ...]


@dataclass(frozen=True)
class GradientsSampled(Said):
    """The gradients agree within rounding, and exact numbers do not say that they do."""

    reason: Told


@dataclass(frozen=True)
class With(Said):
    """A finding at 0 of this variable."""

    name: str
    reason: Told
