"""What contracts there are, and what was found of one: data, which `reports.said.contracts` puts in words.

Main definitions: `Contract`, `Kept`, `Checked`, `Contracts`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, StrEnum, auto

from numeric.finding import Counterexample, Flag, Said, Told, Verdict, frozen
from proofs.audit.answer import Place, Word
from proofs.audit.rows import Check, Row
from proofs.target.gates import Axes


class Contract(StrEnum):
    """What an operator of its kind promises, whatever it computes."""

    CAUSAL = "causal"
    """No output depends on later tokens."""
    HEADS = "heads"
    """No head's output or state depends on another head's numbers."""
    BATCH = "batch"
    """The same of batch entries."""
    SPLIT = "split"
    """Two calls, the state handed on, are one."""
    DECODE = "decode"
    """So are a call and then one for each token."""
    PACKED = "packed"
    """Sequences packed into one batch entry give what each gives alone."""
    PADDING = "padding"
    """Tokens behind the others change nothing before them, nor does their number."""
    CHUNKS = "chunks"
    """The size of chunks changes nothing."""
    LINEAR = "linear"
    """Outputs and state are linear in the values, jointly with a state handed in."""
    STRIDES = "strides"
    """Inputs that are not contiguous give the same."""
    MODES = "modes"
    """So do no_grad, inference mode, inputs that require gradients, and a module in evaluation mode after training."""
    FINITE = "finite"
    """Outputs are finite where the formula has a value: gates at 0, equal keys, zero keys, many tokens."""
    INPUTS = "inputs"
    """A call leaves its inputs as they were."""
    DETERMINISTIC = "deterministic"
    """The same call gives the same, and what a call returned stays as it is."""


class Kept(StrEnum):
    """Whether a contract is kept."""

    PROVED = "proved"
    AGREES = "agrees"
    """At all points drawn."""
    BROKEN = "broken"
    UNDECIDED = "undecided"
    ABSENT = "does not apply"


class Absent(Said, Enum):
    """Why a contract does not apply."""

    ONE_SEQUENCE = auto()
    """A call takes one sequence: no batch entries and no heads."""
    NO_HEADS = auto()
    LAST = auto()
    """Outputs have a meaning at the last position alone."""
    NO_STATE_BACK = auto()
    ALL_TOKENS = auto()
    """Each position reads all tokens."""


@dataclass(frozen=True)
class NoArgument(Said):
    """The target takes no argument of these names."""

    names: tuple[str, ...]


class Why(Said, Enum):
    """Why a contract is undecided."""

    NO_BOUND = auto()
    """Numbers differ, and nothing says by how much rounding may move them."""
    REPEATS_NOTHING = auto()
    """Exact arithmetic sees a difference that plain calls do not show."""


@dataclass(frozen=True)
class OtherState(Said):
    """The target takes further states by these names, which no call here hands on."""

    names: tuple[str, ...]


class Reminder(Said, Enum):
    """What to look at where a contract is broken."""

    LAYOUT = auto()
    """Heads that depend on each other may be tokens, in the other layout."""


@dataclass(frozen=True)
class Refuses(Said):
    """A call that the contract needs was refused, for this reason."""

    why: Told


@dataclass(frozen=True)
class TooLong(Said):
    """A comparison would take more than so many operations."""

    operations: int


@dataclass(frozen=True)
class CutAfter(Said):
    """The values of a counterexample are those of the call that is cut after so many tokens."""

    tokens: int


class At(StrEnum):
    """The special points of `Contract.FINITE`."""

    ZERO_GATE = "gate 0"
    EQUAL_KEYS = "equal keys"
    ZERO_KEYS = "zero keys"
    ZERO_QUERIES = "zero queries"
    LONG = "many tokens"
    STRONG_DECAY = "strong decay"
    """A decay of 2^-20 in each of many tokens."""


@dataclass(frozen=True)
class NoValue(Said):
    """Outputs are not finite at this point, and nothing shows that the formula has a value there."""

    at: At


@dataclass(frozen=True)
class NotFiniteAt(Said):
    """Outputs that are not finite at a point beside which they are. gate: which one is 0, where one is.

    size: the largest output beside the point, or in exact arithmetic there.
    """

    at: At
    gate: str
    value: str
    size: float


class Mode(StrEnum):
    """Ways of calling it that `Contract.MODES` and `Contract.DETERMINISTIC` try."""

    NO_GRAD = "no_grad"
    INFERENCE = "inference_mode"
    REQUIRES_GRAD = "inputs that require grad"
    TRAINED = "eval after train"
    AGAIN = "called again"


@dataclass(frozen=True)
class OtherNumbers(Said):
    """Plain calls give other numbers than the call that they are held against, by this part of the largest one."""

    what: str
    part: float


@dataclass(frozen=True)
class OnlyExactly(Said):
    """Both are the same in exact arithmetic, and plain calls in float64 differ by this part of the largest number, which their
    rounding bounds do not explain, or which is too much for rounding to be an excuse."""

    part: float


@dataclass(frozen=True)
class Random(Said):
    """Two calls on the same inputs differ, by this part of the largest output."""

    part: float


@dataclass(frozen=True)
class Checked:
    """One contract of one target.

    rows: the checks, `variant` says from which state, or in which mode. why: for one that is undecided or does not apply.
    counterexample: of one that is broken, the smallest found; reproduced: whether plain calls show it too.
    place: the first output that is wrong there, None where it is in the state after.
    """

    contract: Contract
    kept: Kept
    rows: tuple[Row, ...] = ()
    why: Told = ""
    counterexample: Counterexample | None = None
    reproduced: bool = True
    place: Place | None = None

    @staticmethod
    def of(contract: Contract, rows: tuple[Row, ...], why: Told = "") -> Checked:
        """What these rows make of the contract. Plain calls beside exact rows have to hold, and lower nothing; calls that are
        too long to compare, and points without a value, are told, and decide nothing beside others."""
        broken = next((row for row in rows if row.finding.verdict is Verdict.REFUTED), None)
        if broken is not None:
            return Checked(contract, Kept.BROKEN, rows, broken.finding.reason, broken.finding.counterexample)
        done = [row for row in rows if row.finding.verdict is Verdict.CONFIRMED]
        told = (TooLong, NoValue) if done else ()
        open = next((r for r in rows if r not in done and not isinstance(r.finding.reason, told)), None)
        if open is not None or not done:
            return Checked(contract, Kept.UNDECIDED, rows, why or (open.finding.reason if open is not None else ""))
        judged = [row for row in done if row.variant not in BESIDE] or done
        exact = all(row.check is Check.EXACT for row in judged)
        return Checked(contract, Kept.PROVED if exact else Kept.AGREES, rows, why)


MORE = "longer plain calls"
BESIDE = frozenset({Mode.AGAIN.value, MORE})
"""Variants of plain calls that go with exact rows of the same contract."""


@dataclass(frozen=True, kw_only=True)
class Contracts:
    """The contracts of one target, and the world in which they were checked.

    free: what every answer holds for all values of, with what each has one value for. gates: those the user set.
    integers: of the code, which no call of these sizes passes. zeros: that a call without a state is one from zeros, so that
    what holds from any state holds from none. seed: None, or what the points were drawn with.
    """

    target: str
    adapter: str
    checked: tuple[Checked, ...]
    free: Mapping[str, Axes] = field(default_factory=dict)
    gates: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[Told, ...] = ()
    integers: tuple[int, ...] = ()
    options: str = ""
    zeros: Row | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        for name in ("free", "gates"):
            object.__setattr__(self, name, frozen(getattr(self, name)))

    @property
    def word(self) -> Word:
        """PROVED where all that apply are, REFUTED where one is broken, and so on."""
        found = {c.kept for c in self.checked}
        for kept, word in (
            (Kept.BROKEN, Word.REFUTED),
            (Kept.UNDECIDED, Word.UNDECIDED),
            (Kept.AGREES, Word.AGREES),
            (Kept.PROVED, Word.PROVED),
        ):
            if kept in found:
                return word
        return Word.UNDECIDED  # none applies

    @property
    def status(self) -> int:
        """Exit status, as of an audit."""
        return self.word.status

    def accepted(self, sampled: bool = False) -> bool:
        """Whether all that apply are proved; sampled: or agree at the points drawn."""
        return self.word is Word.PROVED or (sampled and self.word is Word.AGREES)

    def of(self, contract: Contract) -> Checked:
        """What was found of this one. Raises StopIteration where it was not asked for."""
        return next(c for c in self.checked if c.contract is contract)

    @property
    def trust(self) -> tuple[Told, ...]:
        """What a reader has to believe for what is said to be kept."""
        rows = (row for c in self.checked if c.kept in (Kept.PROVED, Kept.AGREES) for row in c.rows)
        return tuple(dict.fromkeys(t for row in rows for t in row.finding.trust))

    @property
    def flags(self) -> tuple[Told, ...]:
        """What the code does that exact arithmetic, or a run with casts lifted, does not see."""
        found = (flag for c in self.checked for row in c.rows for flag in row.finding.flags)
        return tuple(dict.fromkeys(replace(f, side="operator") if isinstance(f, Flag) else f for f in found))
