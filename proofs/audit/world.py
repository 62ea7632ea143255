"""The world in which an answer was tested: batch, heads, positions, state, sizes, modes, dtype, and what was left out.

Typed data; `reports.answers` says it in lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import chain

from numeric.finding import Said, Told, frozen
from proofs.audit.edges import Edge
from proofs.audit.findings import Argument
from proofs.audit.kept import Kept
from proofs.target.source.lines import Unrun
from proofs.target.source.outside import Outside
from proofs.target.source.scripted import Scripted


class Positions(Said, Enum):
    """Which positions of a call were compared with the learner on their prefixes."""

    NONE = auto()
    """The call has one prediction."""
    EVERY = auto()
    SOME = auto()
    LAST = auto()


class State(Said, Enum):
    """What is known about a state that is handed in and out."""

    NONE = auto()
    NOT_RUN = auto()
    CONTINUES = auto()
    """Two calls are one."""
    START = auto()
    """It is the learner's start and memory."""
    SHARED = auto()
    """Two layers are one function from any state, and leave the same one."""
    APART = auto()
    """They are not."""
    BROKEN = auto()
    """Two calls are not one."""


@dataclass(frozen=True)
class Refusal(Said):
    """Something the target, or a rung, does not take. what: a size, a mode or a question; why: its message.

    unlike: whether the code is no function that a recording holds there, which it is at the sizes that were compared.
    """

    what: str
    sizes: Mapping[str, int]
    why: Told
    unlike: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", frozen(self.sizes))


class Same(Said, Enum):
    """How a run in another mode compares with the plain one."""

    BITS = auto()
    ROUNDING = auto()
    """Other bits, within rounding bounds."""
    DIFFERS = auto()
    RAISES = auto()
    RANDOM = auto()
    NOT_RUN = auto()
    UNCOMPARED = auto()
    """Other bits, which nothing here can compare."""


@dataclass(frozen=True)
class Mode(Said):
    """One mode of running the target, and what came of it. harmless: whether the mode is known to change what it does.
    further: the N at which it was tried, besides that of all modes."""

    name: str
    same: Same
    why: Told = ""
    harmless: bool = False
    further: tuple[int, ...] = ()


class Left(Said, Enum):
    """What a call leaves that was handed no state."""

    NOTHING = auto()


class Grouping(Said, Enum):
    """How heads of queries are paired with fewer heads of keys."""

    OTHER = auto()
    """Not each head of keys with those of its group, side by side."""


@dataclass(frozen=True)
class Plain:
    """Sizes at which plain float64 calls of both sides agree, to the digits of `proofs.audit.sweep`.

    lengths: the N at the audit's widths; elsewhere: other (f, m) with their N; whole: calls of which every position, or some
    of long ones, agree with the learner on its prefix; handed: calls that agree with two, the state handed on;
    parts: calls of several entries and heads that agree with each alone, and cells, the most of each there; groups: calls
    with several heads of queries for each of the keys that agree with the heads of keys repeated.
    """

    lengths: tuple[int, ...] = ()
    elsewhere: tuple[tuple[tuple[int, int], tuple[int, ...]], ...] = ()
    whole: tuple[int, ...] = ()
    handed: tuple[int, ...] = ()
    parts: tuple[int, ...] = ()
    groups: tuple[int, ...] = ()
    cells: tuple[int, int] = (1, 1)


@dataclass(frozen=True)
class Typed(Said):
    """A constant in a line that is one number where the inputs are float64, and another where they are float32."""

    place: str
    double: float
    single: float


@dataclass(frozen=True)
class Limit(Said):
    """Where a layer leaves the range of a type of floats: its plain call of N tokens is not finite, or other numbers, where
    the learner's is finite; at `fine` tokens it is right. names: decays of every token that are 2**strength there, of which
    2**weaker is right; empty for the audit's own."""

    dtype: str
    N: int
    fine: int
    names: tuple[str, ...] = ()
    strength: int = 0
    weaker: int = 0


@dataclass(frozen=True)
class Gradients(Said):
    """Gradients that were compared. of: the arguments. exact, rounded: the N at the audit's widths, on exact numbers or
    within rounding bounds alone; widths: other (f, m); cells: the most batch entries and heads; state: whether calls from a
    state, and cotangents of the state after, were.
    """

    of: tuple[Argument, ...]
    exact: tuple[int, ...] = ()
    rounded: tuple[int, ...] = ()
    widths: tuple[tuple[int, int], ...] = ()
    cells: tuple[int, int] = (1, 1)
    state: bool = False


@dataclass(frozen=True)
class World:
    """What an answer covers.

    tokens: of the call of which all positions were compared. far: of calls that are, with all positions and the state,
    the calls of each entry and head and of their parts, at three entries and heads. cells: the most batch entries and heads
    that were. lengths: every N compared; widths:
    every (f, m). modes_at: the N at which the modes were tried; modes_calls:
    sizes of plain calls in which they gave the same. integers: those of the target's code; beyond: whether all
    of them were passed. unrun: code that no bare run reached. kept: what calls leave for later ones; outside: what they
    read that no argument gives; edges: bounds that none reached. by_head: the learner's numbers of each head, where heads have
    their own. limits: where floats end. typed: constants that depend on the type of floats. of_two: whether whole calls of
    two layers were compared, in the place of parts of one. gradients: those that were compared, where that was asked.
    """

    batch: int = 1
    heads: int = 1
    positions: Positions = Positions.NONE
    tokens: int = 0
    far: tuple[int, ...] = ()
    cells: tuple[int, int] = (0, 0)
    state: State = State.NONE
    lengths: tuple[int, ...] = ()
    widths: tuple[tuple[int, int], ...] = ()
    width: tuple[int, int] = (0, 0)
    plain: Plain = field(default_factory=Plain)
    modes: tuple[Mode, ...] = ()
    modes_at: int = 0
    modes_calls: tuple[Mapping[str, int], ...] = ()
    dtype: str = "float64"
    integers: tuple[int, ...] = ()
    beyond: bool = False
    refusals: tuple[Refusal, ...] = field(default=())
    unrun: tuple[Unrun, ...] = ()
    kept: tuple[Kept, ...] = ()
    outside: tuple[Outside, ...] = ()
    scripts: tuple[Scripted, ...] = ()
    edges: tuple[Edge, ...] = ()
    by_head: tuple[Mapping[str, Said], ...] = ()
    limits: tuple[Limit, ...] = ()
    typed: tuple[Typed, ...] = ()
    of_two: bool = False
    gradients: Gradients | None = None

    @property
    def open(self) -> tuple[Unrun, ...]:
        """Code that never ran for another reason than an argument that nobody set."""
        return tuple(u for u in self.unrun if not u.option)

    @property
    def doubt(self) -> Said | None:
        """What the code is known to do that the calls did not show: another thing at some size, draws of its own, bits that
        nothing compares, lines that sizes, data or the like lead to, or that can't be followed, bounds that larger sizes
        reach, state that each call changes, what only the process gives."""
        unsure = (m for m in self.modes if m.same in (Same.RANDOM, Same.UNCOMPARED) and not m.harmless)
        unlike = (r for r in self.refusals if r.unlike)
        kept = (k for k in self.kept if k.doubt)
        outside = (o for o in self.outside if not o.constant)
        return next(chain(unsure, unlike, self.open, self.scripts, self.edges, kept, outside), None)

    @property
    def every_length(self) -> bool:
        """Whether nothing is known that could make another length another thing."""
        varies = any(k.used for k in self.kept) or any(not o.constant for o in self.outside)
        return self.beyond and not (self.open or self.scripts or self.edges or varies)
