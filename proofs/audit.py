"""The audit: does somebody else's layer run the named learner, exactly? With which step size, and where does it depart?

The target runs unmodified, in float64 and on exact numbers; the learner is a loss and autograd in the same arithmetic.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from constructions.learners import Learner
from numeric.entropy import Entropy
from numeric.finding import Counterexample, Verdict, frozen
from numeric.programs import Sizes
from proofs.adapters import adapt
from proofs.audit_rows import Row, floats, lengths, rounds, widths
from proofs.case import Case
from proofs.evidence import Settings
from proofs.hints import hints
from proofs.induction import every_length
from proofs.learners import learner
from proofs.reach import Subject, reach
from proofs.target import TargetError as TargetError
from proofs.target import load
from proofs.world import World

if TYPE_CHECKING:
    from proofs.identification import Identification

_ROWS = 12
"""How many rows of an input are printed."""
_WORLD = 8
"""How many lines of its world are printed."""
_SHOWN = 3
"""How many lines that the verdict does not cover fit a screen."""
EVERY_LENGTH = "exact, every N"
"""The rung's name where one token from an arbitrary memory settles all lengths."""


@dataclass(frozen=True)
class Audit:
    """The answer about one target.

    parameters: the step size and gates it holds with. options: what repeats the audit on the command line. world: what
    the agreement covers, None where there is none.
    """

    target: str
    learner: Learner
    adapter: str
    verdict: Verdict
    reason: str
    rows: tuple[Row, ...]
    parameters: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    options: str = ""
    world: World | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", frozen(self.parameters))

    @property
    def counterexample(self) -> Counterexample | None:
        """The smallest one found, if the verdict is refuted."""
        if self.verdict is not Verdict.REFUTED:
            return None
        return next((r.finding.counterexample for r in self.rows if r.finding.counterexample), None)

    @property
    def flags(self) -> tuple[str, ...]:
        """What the code does that the verdict does not cover, each once."""
        shown = [r for r in self.rows if r.rung.startswith("exact") and r.finding.flags] or self.rows
        return tuple(dict.fromkeys(flag for row in shown for flag in row.finding.flags))

    @property
    def status(self) -> int:
        """Exit status: 0 confirmed, 1 refuted, 3 undecided."""
        return {Verdict.CONFIRMED: 0, Verdict.REFUTED: 1}.get(self.verdict, 3)

    def lines(self) -> list[str]:
        """The answer for a terminal: what it is, how sure, what to look at."""
        proved = any(r.rung == "exact" and r.finding.verdict is Verdict.CONFIRMED for r in self.rows)
        heading = self.verdict.value.upper()
        out = [
            f"{heading}{', not proved' if self.verdict is Verdict.CONFIRMED and not proved else ''}: {self.target}",
            f"  against   {self.learner.id}: {self.learner.title}",
            f"  called as {self.adapter}",
        ]
        out += [f"  with      {name} = {value}" for name, value in self.parameters.items()]
        if self.learner.gauge and self.verdict is Verdict.CONFIRMED:
            out.append(f"  likewise  {self.learner.gauge}")
        if self.reason:
            out.append(f"  why       {self.reason}")
        out += [f"  {line}" for line in self._evidence()]
        world = self.world.lines() if self.world is not None else []
        out += [f"  world     {line}" for line in world[:_WORLD]]
        if len(world) > _WORLD:
            out.append(f"  world     and {len(world) - _WORLD} more lines: see --json")
        out += [f"  note      {note}" for note in (*self.notes, *self.flags[:_SHOWN])]
        if len(self.flags) > _SHOWN:
            out.append(f"  note      and {len(self.flags) - _SHOWN} more of this kind: see --json")
        if self.counterexample is not None:
            out.append("  counterexample")
            out += [f"    {line}" for line in self._pasted(self.counterexample)]
        return out

    def _pasted(self, found: Counterexample) -> list[str]:
        """The counterexample's lines; shapes only where it is too long for a screen."""
        shapes = {n: np.shape(v) for n, v in found.inputs.items()}
        long = {n: s for n, s in shapes.items() if s and (s[0] > _ROWS or np.prod(s) > 4 * _ROWS)}
        if not long:
            return found.lines()
        listed = ", ".join(f"{n} {shape}" for n, shape in long.items())
        return [f"of {listed}: too long to print", f"ssmproof audit {self.target} {self.options} --json -"]

    def _evidence(self) -> list[str]:
        """One line a rung and verdict; context lengths that ended alike share a line."""
        groups: dict[tuple[str, Verdict, tuple[tuple[str, int], ...]], list[Row]] = {}
        for row in self.rows:
            fixed = tuple((k, v) for k, v in row.sizes.items() if k != "N")
            groups.setdefault((row.rung, row.finding.verdict, fixed), []).append(row)
        lines = []
        for (rung, verdict, fixed), rows in groups.items():
            sizes = " ".join(f"{k}={v}" for k, v in fixed)
            lengths = ", ".join(map(str, sorted(row.sizes["N"] for row in rows if "N" in row.sizes)))
            text = f"{rung:<23} {verdict.value}, {sizes} N={lengths or 'any, by induction'}"
            chances = [row.finding.figures.get("failure probability, log2") for row in rows]
            worst = [float(c) for c in chances if isinstance(c, (int, float))]
            if worst and verdict is Verdict.CONFIRMED:
                text += f"; failure probability at most 2^{max(worst):.1f}"
            figures = rows[0].finding.figures
            if "worst error / bound" in figures and verdict is Verdict.CONFIRMED:
                text += f"; worst error / bound {figures['worst error / bound']}"
            lines.append(text)
        return lines

    def to_json(self) -> dict[str, Any]:
        """The object that `ssmproof audit --json` writes."""
        return {
            "verdict": self.verdict.value,
            "target": self.target,
            "learner": self.learner.id,
            "adapter": self.adapter,
            "parameters": dict(self.parameters),
            "equivalent": [self.learner.gauge] if self.learner.gauge else [],
            "probes": {},
            "reason": self.reason,
            "notes": list(self.notes),
            "flags": list(self.flags),
            "world": self.world.to_json() if self.world is not None else None,
            "evidence": [row.to_json() for row in self.rows],
            "counterexample": self.counterexample.to_json() if self.counterexample else None,
        }

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def _repr_markdown_(self) -> str:
        return "```\n" + str(self) + "\n```"


Named = str | Callable[..., Any]
"""A target or an adapter: text, as on the command line, or the callable itself."""


@overload
def audit(
    target: Named,
    against: str = ...,
    adapter: Named | None = ...,
    gates: Mapping[str, str] | None = ...,
    settings: Settings = ...,
    sizes: Mapping[str, int] | None = ...,
) -> Audit: ...


@overload
def audit(
    target: Named,
    against: None,
    adapter: Named | None = ...,
    gates: Mapping[str, str] | None = ...,
    settings: Settings = ...,
    sizes: Mapping[str, int] | None = ...,
) -> Identification: ...


def audit(
    target: Named,
    against: str | None = "gd",
    adapter: Named | None = None,
    gates: Mapping[str, str] | None = None,
    settings: Settings = Settings(),  # noqa: B008 (frozen)
    sizes: Mapping[str, int] | None = None,
) -> Audit | Identification:
    """Compare the layer `target` with the learner `against` on the exact and the sampled rung; None: identify it.

    target, adapter: see `proofs.target` and `proofs.adapters`. gates: by name, values of the target's named arguments
    and of the learner's parameters: a number, an expression in the learner's parameters and N, f, m (see
    `proofs.gates`), or `free` (an indeterminate); `readout`: the factor between the learner's prediction and the
    target's. sizes: some of f, m, N, to fix them. Raises TargetError for wrong usage.
    """
    if against is None:
        from proofs.identify import identify

        return identify(target, adapter, gates, settings, sizes)
    loaded = load(target)
    chosen = learner(against)
    adapted = adapt(loaded, adapter)
    case = Case(loaded.text, adapted, chosen, gates or {})
    case.notes += loaded.notes
    fixed = dict(sizes or {})
    at = case.preflight(fixed, Entropy(settings.seed if settings.seed is not None else 0))
    entropy = Entropy(settings.seed)
    rows = lengths(case, at, fixed, entropy, settings.target_log2)
    rounded = case.rounded() if rows[-1].finding.verdict is Verdict.REFUTED else None
    if rounded is not None:
        again = lengths(rounded, at, fixed, entropy.child("rounded gates"), settings.target_log2)
        if again[-1].finding.verdict is Verdict.CONFIRMED:
            case, rows = rounded, again
    if rows[-1].finding.verdict is Verdict.CONFIRMED and not {"f", "m"} & set(fixed):
        rows += widths(case, at, fixed, entropy.child("f and m"), settings.target_log2)
    rows += floats(case, _refuted_at(rows) or at, entropy.child("sampled"), rows)
    verdict, reason = _judge(rows)
    subject = Subject(loaded, adapter, target if isinstance(target, str) else None)
    world = None
    if verdict is Verdict.CONFIRMED:
        reached = reach(case, subject, rows, at, fixed, entropy.child("reach"), settings.target_log2)
        world, broke = reached.world, reached.refuted
        if broke is not None:
            verdict, reason = Verdict.REFUTED, f"{broke.rung}: {broke.finding.reason}"
        elif "N" not in fixed and world.every_length:
            induction = every_length(case, at, entropy.child("every N"), settings.target_log2)
            if induction is not None:
                row = Row(EVERY_LENGTH, {k: n for k, n in at.items() if k != "N"}, induction)
                verdict, reason = _judge([*rows, row])
                rows.append(row)
        rows += reached.rows
    if verdict is Verdict.REFUTED:
        case.notes += hints(case, loaded, adapter, gates or {}, at)
    elif verdict is Verdict.UNDECIDED and _refuted_at(rows) is not None:
        alone = [f"--gate {name}={case.gates[name]}" for name in chosen.names if case.given(name)]
        if alone:
            case.note(f"without {' '.join(alone)} it is inferred, as the code rounds it")
    others = [r.sizes for r in rows if r.rung == "exact" and any(r.sizes[k] != at[k] for k in ("f", "m"))]
    if verdict is Verdict.REFUTED and others and _refuted_at(rows) is not None:
        case.note(f"at f={at['f']}, m={at['m']} no difference was seen: see --size f={at['f']} --size m={at['m']}")
    parameters = case.described(at, others)
    given = _options(against, adapter, gates, sizes)
    notes = tuple(case.notes)
    return Audit(loaded.text, chosen, adapted.text, verdict, reason, tuple(rows), parameters, notes, given, world)


def _options(
    against: str, adapter: Named | None, gates: Mapping[str, str] | None, sizes: Mapping[str, int] | None
) -> str:
    """The audit's options as on the command line."""
    words = [f"--against {against}", *([f"--adapter {adapter}"] if isinstance(adapter, str) else [])]
    words += [f"--gate {shlex.quote(f'{name}={value}')}" for name, value in (gates or {}).items()]
    return " ".join([*words, *(f"--size {name}={size}" for name, size in (sizes or {}).items())])


def _refuted_at(rows: list[Row]) -> Sizes | None:
    """The sizes of the exact refutation."""
    return next((r.sizes for r in rows if r.rung == "exact" and r.finding.verdict is Verdict.REFUTED), None)


def _judge(rows: list[Row]) -> tuple[Verdict, str]:
    """The exact rung decides where it can; floats only where the code leaves rational functions."""
    exact = [r.finding for r in rows if r.rung == "exact"]
    floats = [r for r in rows if r.rung.startswith("sampled")]
    worst = next((f for f in exact if f.verdict is not Verdict.CONFIRMED), None)
    refuted = next((r.finding for r in floats if r.finding.verdict is Verdict.REFUTED), None)
    if worst is not None:
        if worst.verdict is Verdict.UNDECIDED and refuted is not None:
            return Verdict.REFUTED, f"{refuted.reason} ({worst.reason})"
        if worst.verdict is Verdict.UNDECIDED and rows[-1].rung == "sampled, balls":
            return rows[-1].finding.verdict, f"{rows[-1].finding.reason} ({worst.reason})"
        there = floats[-1] if floats and floats[-1].sizes == _refuted_at(rows) else None
        if worst.verdict is Verdict.REFUTED and there and there.finding.verdict is Verdict.CONFIRMED:
            precision = there.rung.removeprefix("sampled, ")
            why = (
                f"they agree within the {precision} rounding bound, as they would if constants of the code are rounded"
            )
            if precision == "float64" and rounds(worst):
                return Verdict.UNDECIDED, f"{worst.reason}; but {why}; not proved"
            return worst.verdict, f"{worst.reason}; but {why}"
        return worst.verdict, worst.reason
    every = next((r.finding for r in rows if r.rung == EVERY_LENGTH), None)
    same = f"the same rational function of all inputs, {_where(rows, every is not None)}"
    if refuted is None:
        off = next((r.finding for r in floats if r.finding.verdict is not Verdict.CONFIRMED), None)
        return Verdict.CONFIRMED, same + (
            f"; in floats: {off.reason}" if off else ", and within the rounding bound in floats"
        )
    if floats[-1].finding.verdict is Verdict.CONFIRMED and any(f.flags for f in exact):
        return (
            Verdict.CONFIRMED,
            f"{same}; it computes in float32 inside (see the notes), within the float32 rounding bound",
        )
    lifted = any("lifted" in r.rung and r.finding.verdict is Verdict.CONFIRMED for r in floats)
    where = (
        "within the rounding bound with its casts to float32 lifted, but not as it is"
        if lifted
        else "but not in float64"
    )
    return Verdict.CONFIRMED, f"{same}; {where}: {refuted.reason}"


def _where(rows: list[Row], every: bool) -> str:
    """The sizes at which the exact rung confirmed, in words."""
    exact = [r.sizes for r in rows if r.rung == "exact"]
    first = (exact[0]["f"], exact[0]["m"])
    lengths = sorted(s["N"] for s in exact if (s["f"], s["m"]) == first)
    more = [s for s in exact if (s["f"], s["m"]) != first]
    widths = ", ".join(f"({s['f']}, {s['m']})" for s in more)
    text = f"at (f, m) = {first} for "
    text += "every N by induction" if every else f"N = {', '.join(map(str, lengths))}"
    text += f", and at {widths} for N = {more[0]['N']}" if more else ""
    return text if every else f"{text}; checked up to N = {lengths[-1]}"
