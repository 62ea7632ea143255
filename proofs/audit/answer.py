"""The answer of an audit, the same for a learner that was named and for one that was looked for.

Main definitions: `Word`, `Answer`, `run_of`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np

from numeric.deciding.programs import Sizes
from numeric.finding import Counterexample, Finding, Key, Verdict, frozen
from proofs.audit.rows import Check as Check
from proofs.audit.rows import Row
from proofs.audit.rows import of as of

_ROWS = 12
"""How many rows of an input are printed."""
_WORLD = 8
"""How many lines of its world are printed."""
_SHOWN = 3
"""How many lines that the verdict does not cover fit a screen."""


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


class Start(StrEnum):
    """The W0 that an answer holds from."""

    ZERO = "0"
    ANY = "any matrix"


class Run(StrEnum):
    """What the float runs show, beside an exact identity."""

    AGREES = "the float run agrees"
    LIFTED = "the float run agrees with its casts lifted"
    FIRST = "the float run agrees within its first-order rounding bound"
    DIFFERS = "the float run differs"
    UNSURE = "the float run could not be assessed"


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


def where(rows: Sequence[Row]) -> str:
    """The sizes of the exact rows that confirm, in words."""
    exact = [r.sizes for r in of(rows, Check.EXACT) if r.finding.verdict is Verdict.CONFIRMED]
    every = any(r.finding.verdict is Verdict.CONFIRMED for r in of(rows, Check.EVERY))
    if not exact:
        return "at no size"
    first = (exact[0]["f"], exact[0]["m"])
    lengths = sorted({s["N"] for s in exact if (s["f"], s["m"]) == first})
    text = f"at (f, m) = {first} for "
    text += "every N by induction" if every else f"N = {', '.join(map(str, lengths))}"
    others: dict[int, dict[str, None]] = {}
    for s in exact:
        if (s["f"], s["m"]) != first:
            others.setdefault(s["N"], {})[f"({s['f']}, {s['m']})"] = None
    for N, pairs in others.items():
        text += f", and at {', '.join(pairs)} for N = {N}"
    return text


@dataclass(frozen=True)
class Parting:
    """Where two sides part: a small point run again as plain calls, the largest difference seen, the first N.

    largest: relative to the largest output there, of Gaussian draws at these sizes. reproduced: whether the plain calls
    at the small point differ too; where the difference is below rounding they do not.
    """

    counterexample: Counterexample
    reproduced: bool = True
    largest: float | None = None
    sizes: Sizes = field(default_factory=dict)
    first: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", frozen(self.sizes))

    def to_json(self) -> dict[str, Any]:
        """What the counterexample alone does not say."""
        return {
            "reproduced by plain calls": self.reproduced,
            "largest relative difference seen": self.largest,
            "at": dict(self.sizes),
            "first N at which the sides part": self.first,
        }


@dataclass(frozen=True)
class Answer:
    """What was found about one target.

    word: the answer. rows: the evidence. parameters: the numbers and gates it holds with. world: the batches, heads,
    positions, modes and dtypes in which it was tested. options: what repeats the audit on the command line.
    start: the W0 it holds from.
    """

    target: str
    adapter: str
    word: Word
    reason: str
    rows: tuple[Row, ...]
    parameters: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    parting: Parting | None = None
    world: Any = None
    options: str = ""
    start: Start = Start.ZERO

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", frozen(self.parameters))

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
    def counterexample(self) -> Counterexample | None:
        """The smallest one found, if it is refuted."""
        return self.parting.counterexample if self.parting is not None else None

    @property
    def flags(self) -> tuple[str, ...]:
        """What the code does that the answer does not cover, each once."""
        shown = [r for r in of(self.rows, Check.EXACT, Check.EVERY) if r.finding.flags] or self.rows
        return tuple(dict.fromkeys(flag for row in shown for flag in row.finding.flags))

    @property
    def trust(self) -> tuple[str, ...]:
        """What a reader has to believe for the answer to hold."""
        if self.word not in (Word.PROVED, Word.AGREES):
            return ()
        return tuple(dict.fromkeys(t for row in self.rows for t in row.finding.trust))

    # --- words ---------------------------------------------------------------------------------------------------

    def evidence(self) -> list[str]:
        """One line a rung and verdict; context lengths that ended alike share a line."""
        lifted = self.word is Word.PROVED and run_of(self.rows)[0] is Run.LIFTED
        groups: dict[tuple[Check, str, Verdict, tuple[tuple[str, int], ...]], list[Row]] = {}
        for row in self.rows:
            fixed = tuple((k, v) for k, v in row.sizes.items() if k != "N")
            groups.setdefault((row.check, row.variant, row.finding.verdict, fixed), []).append(row)
        lines = []
        merged: dict[tuple[Any, ...], list[tuple[str, str, list[Row]]]] = {}  # widths that are confirmed share a line
        for (check, variant, verdict, fixed), rows in groups.items():
            lengths = ", ".join(map(str, sorted({row.sizes["N"] for row in rows if "N" in row.sizes})))
            alone = verdict is not Verdict.CONFIRMED or [name for name, _ in fixed] != ["f", "m"]
            further = verdict is Verdict.CONFIRMED and variant  # the calls of a world share one
            place = (check, variant, verdict, *(() if further else (lengths, fixed if alone else ())))
            widths = "".join(f" {k}={v}" for k, v in fixed)
            merged.setdefault(place, []).append((widths, f" N={lengths or 'any, by induction'}", rows))
        for (_, _, verdict, *_), parts in merged.items():
            after = [N for _, N, _ in parts[1:]] + [""]
            sizes = ";".join(w + N * (nxt != N) for (w, N, _), nxt in zip(parts, after, strict=True))
            rows = [row for _, _, group in parts for row in group]
            rung = rows[0].rung
            text = f"{rung:<23} {verdict.value},{sizes}"
            if lifted and rows[0].of(Check.FLOAT) and verdict is Verdict.REFUTED:
                lines.append(f"{rung:<23} off by its casts, which are listed below,{sizes}")
                continue
            chance = chance_of(rows)
            if verdict is Verdict.CONFIRMED and chance is not None:
                text += f"; failure probability at most 2^{chance:.1f}"
            for name, worst in ((Key.SHARE, max), (Key.DIGITS, min)):
                held = [row.finding.figures[name] for row in rows if name in row.finding.figures]
                if held and verdict is Verdict.CONFIRMED:
                    numbers = [value for value in held if isinstance(value, (int, float))]
                    text += f"; {name} {worst(numbers) if numbers else held[0]}"
            blind = sum(int(row.finding.figures.get(Key.UNASSESSED) or 0) for row in rows)
            if blind:
                text += f"; {blind} outputs could not be assessed"
            if verdict is not Verdict.CONFIRMED and rows[0].finding.reason:
                text += f": {short(rows[0].finding.reason)}"
            lines.append(text)
        return lines

    def beside(self) -> list[str]:
        """The last lines: what it was tested in, what has to be trusted, notes, and where the sides part."""
        world = self.world.lines() if self.world is not None else []
        out = [f"  world     {line}" for line in world[:_WORLD]]
        if len(world) > _WORLD:
            out.append(f"  world     and {len(world) - _WORLD} more lines: see --json")
        out += [f"  trust     {'; '.join(self.trust)}"] if self.trust else []
        casts = self.word is Word.PROVED and run_of(self.rows)[0] is Run.LIFTED
        flags = self.flags if casts else self.flags[:_SHOWN]
        out += [f"  note      {note}" for note in (*self.notes, *flags)]
        if len(self.flags) > len(flags):
            out.append(f"  note      and {len(self.flags) - len(flags)} more of this kind: see --json")
        return out + self._parted()

    def _parted(self) -> list[str]:
        if self.parting is None:
            return []
        part, found = self.parting, self.parting.counterexample
        out = ["  counterexample, run again as plain calls" if part.reproduced else "  counterexample"]
        sizes = {n: np.shape(v) for n, v in found.inputs.items()}
        long = {n: shape for n, shape in sizes.items() if shape and (shape[0] > _ROWS or np.prod(shape) > 4 * _ROWS)}
        if long:
            listed = ", ".join(f"{n} {shape}" for n, shape in long.items())
            out += [f"    of {listed}: too long to print", f"    ssmproof audit {self.target} {self.options} --json -"]
        else:
            out += [f"    {line}" for line in found.lines()]
        if part.largest is not None:
            at = " ".join(f"{k}={v}" for k, v in part.sizes.items())
            out.append(f"  largest   {part.largest:.2g} of the largest output, on Gaussian draws at {at}")
        if part.first is not None:
            out.append(f"  first at  N = {part.first}")
        return out

    def common(self) -> dict[str, Any]:
        """The part of the JSON object that all answers have."""
        chance = chance_of(self.rows) if self.word is Word.PROVED else None
        return {
            "answer": self.word.value,
            "verdict": self.verdict.value,
            "status": self.status,
            "target": self.target,
            "adapter": self.adapter,
            "parameters": dict(self.parameters),
            "reason": self.reason,
            Key.CHANCE.value: chance,
            "world": self.world.to_json() if self.world is not None else None,
            "trust": list(self.trust),
            "notes": list(self.notes),
            "flags": list(self.flags),
            "evidence": [row.to_json() for row in self.rows],
            "counterexample": self.counterexample.to_json() if self.counterexample else None,
            "parting": self.parting.to_json() if self.parting else None,
        }

    def summary(self) -> list[str]:
        """What it is in a few lines, as a part of another answer."""
        return [f"{self.word}: {self.reason}"]

    def to_json(self) -> dict[str, Any]:
        """The object that `ssmproof audit --json` writes."""
        return self.common()

    def lines(self) -> list[str]:
        """The answer for a terminal: what it is, how sure, what to look at."""
        raise NotImplementedError

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def _repr_markdown_(self) -> str:
        return "```\n" + str(self) + "\n```"


def short(reason: str) -> str:
    """A reason cut to a line."""
    return reason if len(reason) < 160 else reason[:157] + "..."
