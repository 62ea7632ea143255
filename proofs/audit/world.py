"""The world in which an answer was tested: batch, heads, positions, state, sizes, modes, dtype, and what was left out.

Typed data; `reports.answers` says it in lines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from numeric.finding import frozen
from proofs.audit.edges import Edge
from proofs.audit.kept import Kept
from proofs.target.source.lines import Unrun
from proofs.target.source.outside import Outside
from proofs.target.source.scripted import Scripted


class Positions(StrEnum):
    """Which positions of a call were compared with the learner on their prefixes."""

    NONE = "the call has one prediction"
    EVERY = "every position"
    SOME = "some positions"
    LAST = "the last position"


class State(StrEnum):
    """What is known about a state that is handed in and out."""

    NONE = "no state"
    NOT_RUN = "a state that was not tried"
    CONTINUES = "two calls are one"
    START = "the state is the learner's start and memory"
    BROKEN = "two calls are not one"


@dataclass(frozen=True)
class Refusal:
    """Something the target, or a rung, does not take. what: a size, a mode or a question; why: its message.

    unlike: whether the code is no function that a recording holds there, which it is at the sizes that were compared.
    """

    what: str
    sizes: Mapping[str, int]
    why: str
    unlike: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", frozen(self.sizes))

    def line(self, alike: Sequence[Refusal] = ()) -> str:
        """The refusal in a line; alike: all that say the same, of this and other sizes."""
        lengths: dict[tuple[Any, ...], list[int]] = {}
        for refusal in alike or (self,):
            fixed = tuple((k, n) for k, n in refusal.sizes.items() if k != "N")
            lengths.setdefault(fixed, []).extend([refusal.sizes["N"]] if "N" in refusal.sizes else [])
        at = [
            " ".join([*(f"{k}={n}" for k, n in fixed), *([f"N={_listed(N)}"] if N else [])])
            for fixed, N in lengths.items()
        ]
        return f"{self.what}, at {'; '.join(at)}: {self.why}"

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"what": self.what, "sizes": dict(self.sizes), "why": self.why}


def _listed(values: Sequence[object]) -> str:
    return ", ".join(map(str, values))


class Same(StrEnum):
    """How a run in another mode compares with the plain one."""

    BITS = "the same bits"
    ROUNDING = "the same within rounding bounds"
    DIFFERS = "differs"
    RAISES = "raises"
    RANDOM = "random"
    NOT_RUN = "not run"
    UNCOMPARED = "other bits, which nothing here can compare"


@dataclass(frozen=True)
class Mode:
    """One mode of running the target, and what came of it. harmless: whether the mode is known to change what it does."""

    name: str
    same: Same
    why: str = ""
    harmless: bool = False

    def line(self) -> str:
        """The mode in a line."""
        return f"{self.name}: {self.same}{f' ({self.why})' if self.why else ''}"

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"mode": self.name, "result": self.same.value, "why": self.why}


@dataclass(frozen=True)
class World:
    """What an answer covers.

    tokens: of the call of which all positions were compared. far: of calls that are, with all positions and the state,
    the calls of each entry and head and of their parts, at three entries and heads. cells: the most batch entries and heads
    that were. lengths: every N compared; widths:
    every (f, m). modes_at: the N at which the modes were tried. integers: those of the target's code; beyond: whether all
    of them were passed. unrun: code that no bare run reached. kept: what calls leave for later ones; outside: what they
    read that no argument gives; edges: bounds that none reached. by_head: the learner's numbers of each head, where heads have
    their own.
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
    modes: tuple[Mode, ...] = ()
    modes_at: int = 0
    dtype: str = "float64"
    integers: tuple[int, ...] = ()
    beyond: bool = False
    refusals: tuple[Refusal, ...] = field(default=())
    unrun: tuple[Unrun, ...] = ()
    kept: tuple[Kept, ...] = ()
    outside: tuple[Outside, ...] = ()
    scripts: tuple[Scripted, ...] = ()
    edges: tuple[Edge, ...] = ()
    by_head: tuple[Mapping[str, str], ...] = ()

    @property
    def open(self) -> tuple[Unrun, ...]:
        """Code that never ran for another reason than an argument that nobody set."""
        return tuple(u for u in self.unrun if not u.option)

    @property
    def doubt(self) -> str:
        """What the code is known to do that the calls did not show: another thing at some size, draws of its own, bits that
        nothing compares, lines that sizes, data or the like lead to, or that can't be followed, bounds that larger sizes
        reach, state that each call changes, what only the process gives."""
        told = [m.line() for m in self.modes if m.same in (Same.RANDOM, Same.UNCOMPARED) and not m.harmless]
        told += [r.line() for r in self.refusals if r.unlike]
        told += [u.line() for u in self.open]
        told += [s.line() for s in self.scripts] + [e.line() for e in self.edges]
        told += [k.line() for k in self.kept if k.doubt] + [o.line() for o in self.outside if not o.constant]
        return told[0] if told else ""

    @property
    def every_length(self) -> bool:
        """Whether nothing is known that could make another length another thing."""
        varies = any(k.used for k in self.kept) or any(not o.constant for o in self.outside)
        return self.beyond and not (self.open or self.scripts or self.edges or varies)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "batch": self.batch,
            "heads": self.heads,
            "positions": self.positions.value,
            "tokens": self.tokens,
            "tokens in parts": list(self.far),
            "entries and heads": list(self.cells),
            "state": self.state.value,
            "lengths": list(self.lengths),
            "widths": [list(w) for w in self.widths],
            "modes": [m.to_json() for m in self.modes],
            "dtype": self.dtype,
            "integers": list(self.integers),
            "beyond every integer of the code": self.beyond,
            "refusals": [r.to_json() for r in self.refusals],
            "by head": [dict(numbers) for numbers in self.by_head],
            "kept from call to call": [k.to_json() for k in self.kept],
            "code of torch.jit": [s.to_json() for s in self.scripts],
            "read from outside": [o.to_json() for o in self.outside],
            "bounds not reached": [e.to_json() for e in self.edges],
            "never ran": [u.to_json() for u in self.unrun],
        }
