"""The answer to "which learner does this layer run?": a verdict, the learner, its numbers, and what was seen on the way.

Main definitions: `Identification`, `Role`, `sources`.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from constructions.learners import Learner
from numeric.box import as_floats
from numeric.finding import Counterexample, Verdict, frozen
from numeric.probes import Probe
from numeric.tape.places import shown as place
from proofs.audit_rows import Row
from proofs.figure import Figure, Panel, Series
from proofs.fit import LONG, Miss, Model

_TELLING = ("P1", "P4", "P8", "P9", "P10")
"""Probes named on the terminal; the report has them all."""


@dataclass(frozen=True)
class Role:
    """What one of the target's gates is to the learner.

    meaning: the learner's number in terms of the gate. expression: the gate in terms of the number, for an audit; empty
    where it is none. inverse: the number's value in words.
    """

    gate: str
    number: str
    meaning: str
    expression: str
    inverse: str = ""


@dataclass(frozen=True)
class Identification:
    """Which learner a layer runs.

    verdict: confirmed (that learner), refuted (none of the library; `bias` is set if one is off by a little only), or
    undecided. model: the learner with its variant, None for no match. gates: the values it was identified with.
    start: the W0 it holds from. every: what it holds for all values of.
    """

    target: str
    adapter: str
    verdict: Verdict
    reason: str
    model: Model | None
    probes: tuple[Probe, ...]
    rows: tuple[Row, ...]
    parameters: Mapping[str, str] = field(default_factory=dict)
    roles: tuple[Role, ...] = ()
    start: str = "0"
    every: tuple[str, ...] = ()
    gates: Mapping[str, str] = field(default_factory=dict)
    equivalent: tuple[str, ...] = ()
    supersets: tuple[str, ...] = ()
    nearest: Miss | None = None
    bias: float | None = None
    counterexample: Counterexample | None = None
    ruled_out: Mapping[str, str] = field(default_factory=dict)
    arithmetic: str = ""
    notes: tuple[str, ...] = ()
    source: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        for name in ("parameters", "gates", "ruled_out"):
            object.__setattr__(self, name, frozen(getattr(self, name)))

    @property
    def learner(self) -> Learner | None:
        """The learner, None for no match."""
        return self.model.learner if self.model is not None else None

    @property
    def status(self) -> int:
        """Exit status: 0 identified, 1 no match, 3 undecided."""
        return {Verdict.CONFIRMED: 0, Verdict.REFUTED: 1}.get(self.verdict, 3)

    @property
    def flags(self) -> tuple[str, ...]:
        """What the code does that the verdict does not cover, each once."""
        found = [flag for row in self.rows for flag in row.finding.flags if flag.startswith("layer")]
        return tuple(dict.fromkeys(found))

    @property
    def heading(self) -> str:
        """The answer in a word or two."""
        if self.verdict is Verdict.CONFIRMED:
            return "IDENTIFIED"
        if self.bias is not None:
            return "BIASED"
        if self.verdict is Verdict.REFUTED:
            return "NO MATCH"
        return "NOT PROVED" if self.model is not None else "UNDECIDED"

    def lines(self) -> list[str]:
        """The answer for a terminal: what it is, how sure, what to look at."""
        out = [f"{self.heading}: {self.target}"]
        if self.model is not None:
            out.append(
                f"  {'near to' if self.bias is not None else 'runs':<9} {self.model.text}: {self.model.learner.title}"
            )
        out += [f"  with      {name} = {value}" for name, value in self.parameters.items()]
        if self.model is not None and self.bias is None:
            out.append(f"  from      W0 = {self.start}")
        if self.every:
            out.append(f"  for every {'; '.join(self.every)}")
        out.append(f"  called as {self.adapter}")
        if self.gates:
            out.append(f"  seen at   {', '.join(f'{n} = {v}' for n, v in self.gates.items())}")
        out += [
            f"  gate      {r.gate}: {r.number + ' = ' if r.number else ''}{r.meaning}"
            for r in self.roles
            if not r.inverse
        ]
        out.append(f"  why       {self.reason}")
        out += [f"  {line}" for line in evidence(self.rows)]
        out += [f"  same as   {text}" for text in self.equivalent]
        if self.supersets:
            out.append(f"  also      {'; '.join(self.supersets)}")
        if self.learner is not None and self.learner.gauge and self.bias is None:
            out.append(f"  gauge     {self.learner.gauge}")
        out += [f"  {p.id:<9} {p.title}: {p.answer}" for p in self.probes if p.id in self.told]
        if self.nearest is not None and self.verdict is not Verdict.CONFIRMED:
            out.append(f"  nearest   {described(self.nearest)}")
        out += [f"  look at   {where}: {line}" for where, line in self.source[:3]]
        out += [f"  note      {note}" for note in (*self.notes, *self.flags[:3])]
        if self.counterexample is not None:
            out.append("  counterexample")
            out += [f"    {line}" for line in self.counterexample.lines()]
        return out

    @property
    def told(self) -> tuple[str, ...]:
        """The probes for the terminal: for no match also those that ruled learners out, most often first."""
        if self.verdict is Verdict.CONFIRMED:
            return _TELLING
        votes = list(self.ruled_out.values())
        return tuple(sorted(set(votes), key=lambda id: -votes.count(id))[:3]) + _TELLING

    def to_json(self) -> dict[str, Any]:
        """The object that `ssmproof audit --json` writes."""
        return {
            "verdict": self.verdict.value,
            "target": self.target,
            "learner": self.learner.id if self.learner is not None else None,
            "variant": self.model.text if self.model is not None else None,
            "adapter": self.adapter,
            "parameters": dict(self.parameters),
            "W0": self.start,
            "for every": list(self.every),
            "gates": {r.gate: {"number": r.number, "meaning": r.meaning} for r in self.roles},
            "seen at": dict(self.gates),
            "equivalent": list(self.equivalent),
            "also": list(self.supersets),
            "probes": {p.id: p.to_json() for p in self.probes},
            "arithmetic": self.arithmetic,
            "reason": self.reason,
            "bias": self.bias,
            "nearest": described(self.nearest) if self.nearest is not None else None,
            "ruled out": dict(self.ruled_out),
            "notes": list(self.notes),
            "flags": list(self.flags),
            "source": [{"place": where, "line": line} for where, line in self.source],
            "evidence": [row.to_json() for row in self.rows],
            "counterexample": self.counterexample.to_json() if self.counterexample else None,
        }

    @property
    def figures(self) -> tuple[Figure, ...]:
        """The probes that have a curve as one figure of small panels."""
        curves = [p for p in self.probes if p.columns]
        if not curves:
            return ()
        columns: dict[str, tuple[float, ...]] = {}
        panels = []
        for probe in curves:
            (x, across), (y, up) = tuple(probe.columns.items())[:2]
            columns[f"{probe.id} {x}"], columns[f"{probe.id} {y}"] = across, up
            series = Series("layer", f"{probe.id} {x}", measured=f"{probe.id} {y}", joined=True)
            panels.append(Panel(x, y, (series,), title=f"{probe.id}: {probe.title}"))
        return (Figure("probes", "Probes of the layer, output 1.", lambda: columns, tuple(panels)),)

    @property
    def details(self) -> str:
        """Markdown for the report: the learner's equation, every probe, grids, and the lines that matter."""
        parts = []
        if self.learner is not None:
            parts.append(f"The learner, {self.learner.title} ({self.learner.source}):\n\n$${self.learner.latex}$$")
        rows = ["| probe | question | answer |", "|:--|:-----|:----------|"]
        rows += [f"| {p.id} | {p.title} | {_bar(p.answer)} |" for p in self.probes]
        parts.append("\n".join(rows))
        for probe in self.probes:
            if probe.grid:
                parts.append(f"{probe.id}, {probe.title}:\n\n$${_matrix(probe.grid)}$$")
        if self.source:
            code = "\n".join(f"{line}  # {where}" for where, line in self.source)
            parts.append(f"The layer's lines that matter:\n\n```python\n{code}\n```")
        return "\n\n".join(parts)

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def _repr_markdown_(self) -> str:
        return "```\n" + str(self) + "\n```"


def evidence(rows: Sequence[Row]) -> list[str]:
    """One line a rung and verdict; context lengths that ended alike share a line."""
    groups: dict[tuple[str, Verdict], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.rung, row.finding.verdict), []).append(row)
    lines = []
    for (rung, verdict), several in groups.items():
        sizes = " ".join(f"{k}={v}" for k, v in several[0].sizes.items() if k != "N")
        lengths = ", ".join(str(row.sizes["N"]) for row in several if "N" in row.sizes) or "any, by induction"
        text = f"{rung:<17} {verdict.value}, {sizes} N={lengths}"
        chances = [row.finding.figures.get("failure probability, log2") for row in several]
        worst = [float(c) for c in chances if isinstance(c, (int, float))]
        if worst and verdict is Verdict.CONFIRMED:
            text += f"; failure probability at most 2^{max(worst):.1f}"
        for name in ("worst error / bound", "digits agreed"):
            if name in several[0].finding.figures and verdict is Verdict.CONFIRMED:
                text += f"; {name} {several[0].finding.figures[name]}"
        if verdict is not Verdict.CONFIRMED and several[0].finding.reason:
            text += f": {several[0].finding.reason[:150]}"
        lines.append(text)
    return lines


def described(miss: Miss) -> str:
    """A miss in one line."""
    numbers = ", ".join(f"{n} = {v:.6g}" for n, v in zip(miss.model.names, miss.theta, strict=False))
    return f"{miss.model.text}{' with ' + numbers if numbers else ''}: {miss.why}"


def shown(value: Any, power: int = 0) -> str:
    """A number for people: a short fraction, or the float64 next to it; times its power of N."""
    if isinstance(value, Fraction):
        value = value / Fraction(LONG) ** power
        text = str(value) if value.denominator < 1000 else repr(float(value))
    else:
        text = repr(float(as_floats([value])[0]) / LONG**power)
    text = text.removesuffix(".0")
    return f"{text} N" if power == 1 else f"{text}/N" if power == -1 else text


def sources(call: Callable[..., Any], most: int = 12) -> tuple[tuple[str, str], ...]:
    """The lines of the layer that matter: updates of a state, then what is returned; ("file:line", text)."""
    function = call.forward if isinstance(call, torch.nn.Module) else call
    try:
        text, first = inspect.getsourcelines(function)
        file = inspect.getsourcefile(function) or "?"
        tree = ast.parse(textwrap.dedent("".join(text)))
    except (OSError, TypeError, SyntaxError):
        return ()
    updates: list[int] = []
    returns: list[int] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.AugAssign):
            updates.append(node.lineno)
        elif isinstance(node, ast.Assign):
            names = {t.id for target in node.targets for t in ast.walk(target) if isinstance(t, ast.Name)}
            read = {t.id for t in ast.walk(node.value) if isinstance(t, ast.Name)}
            if names & read and any(isinstance(n, (ast.BinOp, ast.Call)) for n in ast.walk(node.value)):
                updates.append(node.lineno)
        elif isinstance(node, ast.Return) and node.value is not None:
            returns.append(node.lineno)
    chosen = [*sorted(set(returns)), *sorted(set(updates) - set(returns))][:most]
    return tuple((place((file, first + k - 1)), text[k - 1].strip()) for k in sorted(chosen))


def _bar(text: str) -> str:
    return text.replace("|", r"\|").replace("<", r"\<").replace("*", r"\*")


def _matrix(grid: Sequence[Sequence[float]]) -> str:
    rows = r" \\ ".join(" & ".join(f"{v:.4g}" for v in row) for row in np.array(grid))
    return rf"\begin{{pmatrix}} {rows} \end{{pmatrix}}"
