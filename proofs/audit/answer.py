"""The answer about one target, the same for a learner that was named and for one that was looked for.

Typed data; `reports.answers` says it in words. Main definitions: `Word`, `Answer`, `run_of`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
from typing import Any

from constructions.learners import Learner
from numeric.deciding.programs import Sizes
from numeric.finding import Counterexample, Finding, Flag, Key, Said, Told, Verdict, frozen
from numeric.probing.probes import Probe
from proofs.audit.findings import GradientNotFinite, GradientsDiffer
from proofs.audit.reasons import Run
from proofs.audit.rows import Check as Check
from proofs.audit.rows import Row, casts, flagged
from proofs.audit.rows import of as of
from proofs.audit.world import World
from proofs.fitting.fit import Miss
from proofs.fitting.laws import Law
from proofs.fitting.models import Model
from proofs.shown import Form, shown
from proofs.target.case import NAMES
from proofs.target.gates import Axes


class Word(StrEnum):
    """What an audit ends with. Each has its exit status: only what is proved has 0."""

    PROVED = "PROVED"
    AGREES = "AGREES"
    REFUTED = "REFUTED"
    BIASED = "BIASED"
    NO_MATCH = "NO MATCH"
    UNDECIDED = "UNDECIDED"

    @property
    def status(self) -> int:
        """0 proved, 1 it is not what was asked for, 3 undecided, 4 agrees at the points drawn."""
        return {Word.PROVED: 0, Word.AGREES: 4, Word.UNDECIDED: 3}.get(self, 1)

    @property
    def verdict(self) -> Verdict:
        """The word as one of an engine's verdicts."""
        held = {Word.PROVED: Verdict.CONFIRMED, Word.AGREES: Verdict.CONFIRMED, Word.UNDECIDED: Verdict.UNDECIDED}
        return held.get(self, Verdict.REFUTED)


class Start(Said, Enum):
    """The W0 that an answer holds from."""

    ZERO = auto()
    ANY = auto()
    """Any matrix."""


def run_of(rows: Sequence[Row]) -> tuple[Run, Finding | None]:
    """What the float runs show, with the finding that speaks against them.

    The run as the code is has to agree; or else, where it casts to a shorter type, the run with those casts lifted. No
    output that could be assessed makes up for one that could not; where bounds are missing, a first-order one decides.
    """
    first = next((row.finding for row in of(rows, Check.FIRST)), None)
    if first is not None and first.verdict is not Verdict.UNDECIDED:
        return (Run.FIRST, None) if first.verdict is Verdict.CONFIRMED else (Run.DIFFERS, first)
    plain = [row.finding for row in of(rows, Check.FLOAT)]
    lifted = [row.finding for row in of(rows, Check.LIFTED)]
    if not plain and not lifted:
        return Run.UNSURE, None
    off = next((f for f in plain if f.verdict is not Verdict.CONFIRMED), None)
    if off is None or off.verdict is not Verdict.REFUTED:
        judged = [*plain, *([] if off is not None else lifted)]
        blind = next((f for f in judged if f.figures.get(Key.UNASSESSED)), None)
        off = off or blind or next((f for f in lifted if f.verdict is not Verdict.CONFIRMED), None)
        if off is None:
            return (Run.AGREES if plain else Run.LIFTED), None
        return (Run.DIFFERS if off.verdict is Verdict.REFUTED else Run.UNSURE), off
    if not lifted:
        return Run.DIFFERS, off
    worst = next((f for f in lifted if f.verdict is not Verdict.CONFIRMED), None)
    if worst is not None:
        return (Run.DIFFERS, worst) if worst.verdict is Verdict.REFUTED else (Run.UNSURE, worst)
    single = next((r.finding for r in of(rows, Check.SINGLE) if r.finding.verdict is Verdict.REFUTED), None)
    return (Run.DIFFERS, single) if single is not None else (Run.LIFTED, None)


def chance_of(rows: Sequence[Row]) -> float | None:
    """log2 of the probability that one of the exact rows is wrong, by the union bound; None without such rows."""
    held = [row.finding.figures.get(Key.CHANCE) for row in rows]
    logs = [float(c) for c in held if isinstance(c, (int, float))]
    if not logs:
        return None
    top = max(logs)
    return top + math.log2(sum(2.0 ** (c - top) for c in logs))


@dataclass(frozen=True)
class Place:
    """The first output of whole calls at which two layers part: position, batch entry and head, counted from 1."""

    position: int
    entry: int
    head: int


@dataclass(frozen=True)
class Parting:
    """Where two sides part: a small point run again as plain calls, the largest difference seen, the first N and the place
    there.

    largest: relative to the largest output there, of Gaussian draws at these sizes. reproduced: whether the plain calls
    at the small point differ too; where the difference is below rounding they do not. before: where a layer keeps things
    between calls, the sizes of the call before (all numbers 1/2) without which a fresh process gives the learner's numbers;
    empty where no such call was found, and no numbers are shown. mode: in which alone it was seen; empty for plain
    float64 calls with gradients enabled.
    """

    counterexample: Counterexample
    reproduced: bool = True
    largest: float | None = None
    sizes: Sizes = field(default_factory=dict)
    first: int | None = None
    place: Place | None = None
    before: Sizes | None = None
    mode: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", frozen(self.sizes))


@dataclass(frozen=True)
class Epsilon:
    """A number that stands beside a normaliser: `value` beside one that is 1 for a token of norm 1, and goes as
    token**degree. root: whether the normaliser is the root of both."""

    value: float
    degree: int
    root: bool = False


@dataclass(frozen=True)
class Role:
    """What one of the target's gates does to the learner. moves: the learner's numbers that it moves.

    fits: whether the learner still fits at other values of the gate. followed: whether it is known how each number
    follows from it.
    """

    gate: str
    moves: tuple[str, ...] = ()
    fits: bool = True
    followed: bool = True

    @property
    def idle(self) -> bool:
        """Whether it changes nothing."""
        return self.fits and not self.moves


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What was found about one target: whether it runs the learner that was named, or which one it runs.

    named: whether the learner was named, and not looked for. learner: the one named or found, None for no match.
    word: the answer. rows: the evidence. parameters: the numbers and gates it holds with. free: what it holds for all
    values of, with what each has one value for. start: the W0 it holds from. world: the batches, heads, positions, modes
    and dtypes in which it was tested. options: what repeats the question on the command line. instead: what a refuted
    layer runs. other: the layer that is compared in a learner's place, empty where none is; second: what its own audit
    found, with this one in a learner's place; each: what two different layers run, as far as that can be said.

    The others are for a learner that was looked for. model: it with its variant, None for no match. laws: its numbers.
    gates: the values it was identified with. equivalent, supersets: what it is besides. nearest, bias: the learner that
    is off by the least, and by how much where that is little; epsilon: the number beside a normaliser that makes it.
    ruled_out: the probe that speaks against each learner. source: the lines that matter, ("file:line", text) each.
    """

    target: str
    adapter: str
    named: bool
    learner: Learner | None
    word: Word
    reason: Told
    rows: tuple[Row, ...]
    parameters: Mapping[str, Told] = field(default_factory=dict)
    free: Mapping[str, Axes] = field(default_factory=dict)
    start: Start = Start.ZERO
    notes: tuple[Told, ...] = ()
    parting: Parting | None = None
    world: World | None = None
    options: str = ""
    instead: Answer | None = None
    other: str = ""
    second: Answer | None = None
    each: tuple[Answer, ...] = ()

    model: Model | None = None
    probes: tuple[Probe, ...] = ()
    laws: tuple[Law, ...] = ()
    roles: tuple[Role, ...] = ()
    gates: Mapping[str, str] = field(default_factory=dict)
    equivalent: tuple[Told, ...] = ()
    supersets: tuple[Told, ...] = ()
    nearest: Miss | None = None
    bias: float | None = None
    epsilon: Epsilon | None = None
    ruled_out: Mapping[str, str] = field(default_factory=dict)
    arithmetic: str = ""
    source: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        for name in ("parameters", "free", "gates", "ruled_out"):
            object.__setattr__(self, name, frozen(getattr(self, name)))

    @property
    def verdict(self) -> Verdict:
        """The answer as one of an engine's verdicts."""
        return self.word.verdict

    @property
    def status(self) -> int:
        """Exit status: 0 proved, 1 it is not, 3 undecided, 4 agrees."""
        return self.word.status

    def accepted(self, sampled: bool = False) -> bool:
        """Whether it is proved; sampled: or agrees at all points drawn."""
        return self.word is Word.PROVED or (sampled and self.word is Word.AGREES)

    @property
    def of_gradients(self) -> bool:
        """Whether gradients alone differ, of two layers those of one."""
        if self.second is not None and self.second.of_gradients:
            return True
        broken = [row for row in self.rows if row.finding.verdict is Verdict.REFUTED]
        return any(isinstance(row.finding.reason, (GradientsDiffer, GradientNotFinite)) for row in broken)

    @property
    def counterexample(self) -> Counterexample | None:
        """The smallest one found, if it is refuted."""
        if self.parting is None or (self.parting.before is not None and not self.parting.before):
            return None
        return self.parting.counterexample

    @property
    def flags(self) -> tuple[Told, ...]:
        """What the code does that the answer does not cover, each once; of the learner's code where that is the user's."""
        if not self.named:
            return tuple(dict.fromkeys(f for row in self.rows for f in flagged(row.finding) if f.side == NAMES[0]))
        own = self.learner is not None and self.learner.source == self.learner.id
        shown = [r for r in of(self.rows, Check.EXACT, Check.EVERY) if r.finding.flags] or self.rows
        found = dict.fromkeys(flag for row in shown for flag in row.finding.flags)
        return tuple(f for f in found if own or not (isinstance(f, Flag) and f.side == NAMES[1]))

    @property
    def casts(self) -> bool:
        """Whether the layer's code rounds to float32 inside."""
        return any(casts(row.finding) for row in self.rows)

    @property
    def trust(self) -> tuple[Told, ...]:
        """What a reader has to believe for the answer to hold."""
        if not self.accepted(sampled=True):
            return ()
        rows = (*self.rows, *(self.second.rows if self.second is not None else ()))
        return tuple(dict.fromkeys(t for row in rows for t in row.finding.trust))

    def to_json(self) -> dict[str, Any]:
        """The object that `ssmproof audit --json` writes."""
        made: dict[str, Any] = shown(Form.ANSWER_JSON, self)
        return made

    def __str__(self) -> str:
        return str(shown(Form.ANSWER, self))

    def _repr_markdown_(self) -> str:
        return f"```\n{self}\n```"
