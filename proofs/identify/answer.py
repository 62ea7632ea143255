"""The answer to "which learner does this layer run?": a verdict, the learner, its numbers, and what was seen on the way.

Main definitions: `Identification`, `Role`, `sources`.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from constructions.learners import Learner
from numeric.finding import frozen
from numeric.probing.probes import Probe
from proofs.audit.answer import Answer, Word
from proofs.audit.rows import casts, flagged
from proofs.figure import Figure, Panel, Series
from proofs.fitting.fit import Miss
from proofs.fitting.laws import Law
from proofs.fitting.models import Model
from proofs.target.case import NAMES
from proofs.target.gates import Axes

_UNREAD = ("P0n",)
"""Probes that say, where they hold, that a part of the input is not read."""
_TELLING = ("P1", "P4", "P8", "P9", "P10")
"""Probes named on the terminal; the report has them all."""


@dataclass(frozen=True)
class Epsilon:
    """A number that stands beside a normaliser: `value` beside one that is 1 for a token of norm 1, and goes as
    token**degree."""

    value: float
    degree: int


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

    @property
    def words(self) -> str:
        """For people."""
        if not self.fits:
            return "moves more than the learner's numbers"
        if not self.moves:
            return "changes nothing"
        return f"moves {', '.join(self.moves)}" + ("" if self.followed else "; how is not found")


@dataclass(frozen=True, kw_only=True)
class Identification(Answer):
    """Which learner a layer runs.

    word: PROVED or AGREES (that learner), NO MATCH (none of the library), BIASED (one is off by a little only), or
    UNDECIDED. model: the learner with its variant, None for no match. laws: its numbers. gates: the values it was
    identified with. free: what it holds for all values of. epsilon: the number beside a
    normaliser that makes a bias.
    """

    model: Model | None
    probes: tuple[Probe, ...]
    laws: tuple[Law, ...] = ()
    roles: tuple[Role, ...] = ()
    free: Mapping[str, Axes] = field(default_factory=dict)
    gates: Mapping[str, str] = field(default_factory=dict)
    equivalent: tuple[str, ...] = ()
    supersets: tuple[str, ...] = ()
    nearest: Miss | None = None
    bias: float | None = None
    epsilon: Epsilon | None = None
    ruled_out: Mapping[str, str] = field(default_factory=dict)
    arithmetic: str = ""
    source: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("free", "gates", "ruled_out"):
            object.__setattr__(self, name, frozen(getattr(self, name)))

    @property
    def learner(self) -> Learner | None:
        """The learner, None for no match."""
        return self.model.learner if self.model is not None else None

    @property
    def flags(self) -> tuple[str, ...]:
        """What the layer's code does that the answer does not cover, each once."""
        found = [flag for row in self.rows for flag in flagged(row.finding) if flag.side == NAMES[0]]
        return tuple(dict.fromkeys(found))

    @property
    def casts(self) -> bool:
        """Whether the layer's code rounds to float32 inside."""
        return any(casts(row.finding) for row in self.rows)

    @property
    def every(self) -> tuple[str, ...]:
        """What it holds for all values of, in words."""
        words = {"N": "token", "f": "channel"}
        return tuple(
            name + (f", one for each {' and '.join(words[a] for a in axes)}" if axes else "")
            for name, axes in self.free.items()
        )

    def summary(self) -> list[str]:
        """What a refuted layer runs instead, in a few lines; none if that is not known."""
        out = []
        if self.model is not None:
            near = "near to" if self.word is Word.BIASED else "the layer runs"
            sure = "" if self.word in (Word.PROVED, Word.BIASED) else " (not proved)"
            out.append(f"{near} {self.model.text}: {self.model.learner.title}{sure}")
            out += [f"with {name} = {value}" for name, value in self.parameters.items()]
        if self.word is Word.BIASED:
            out.append(self.reason)
        out += [f"the argument {role.gate} changes nothing" for role in self.roles if role.idle]
        return out + [p.answer for p in self.probes if p.id in _UNREAD and p.holds]

    def lines(self) -> list[str]:
        """The answer for a terminal: what it is, how sure, what to look at."""
        out = [f"{self.word}: {self.target}"]
        if self.model is not None:
            runs = {Word.PROVED: "runs", Word.AGREES: "agrees"}.get(self.word, "near to")
            out.append(f"  {runs:<9} {self.model.text}: {self.model.learner.title}")
        out += [f"  with      {name} = {value}" for name, value in self.parameters.items()]
        if self.accepted(sampled=True):
            out.append(f"  from      W0 = {self.start}")
        if self.free:
            out.append(f"  for every {'; '.join(self.every)}")
        out.append(f"  called as {self.adapter}")
        if self.gates:
            out.append(f"  seen at   {', '.join(f'{n} = {v}' for n, v in self.gates.items())}")
        out += [f"  gate      {r.gate}: {r.words}" for r in self.roles if r.idle or not (r.fits and r.followed)]
        out.append(f"  why       {self.reason}")
        out += [f"  {line}" for line in self.evidence()]
        out += [f"  same as   {text}" for text in self.equivalent]
        if self.supersets:
            out.append(f"  also      {'; '.join(self.supersets)}")
        if self.learner is not None and self.learner.gauge and self.bias is None:
            out.append(f"  gauge     {self.learner.gauge}")
        out += [f"  {p.id:<9} {p.title}: {p.answer}" for p in self.probes if p.id in self.told]
        if self.nearest is not None and not self.accepted(sampled=True):
            out.append(f"  nearest   {described(self.nearest)}")
        out += [f"  look at   {where}: {line}" for where, line in self.source[:3]]
        return out + self.beside()

    @property
    def told(self) -> tuple[str, ...]:
        """The probes for the terminal: for no match also those that ruled learners out, most often first."""
        if self.accepted(sampled=True):
            return _TELLING
        votes = list(self.ruled_out.values())
        return tuple(sorted(set(votes), key=lambda id: -votes.count(id))[:3]) + _TELLING

    def to_json(self) -> dict[str, Any]:
        """The object that `ssmproof audit --json` writes."""
        return self.common() | {
            "learner": self.learner.id if self.learner is not None else None,
            "variant": self.model.text if self.model is not None else None,
            "expressions": {law.name: law.expression for law in self.laws if not law.open},
            "W0": self.start.value,
            "for every": list(self.every),
            "gates": {r.gate: {"moves": list(r.moves), "followed": r.followed, "fits": r.fits} for r in self.roles},
            "seen at": dict(self.gates),
            "equivalent": list(self.equivalent),
            "also": list(self.supersets),
            "probes": {p.id: p.to_json() for p in self.probes},
            "arithmetic": self.arithmetic,
            "bias": self.bias,
            "epsilon": self.epsilon.value if self.epsilon is not None else None,
            "nearest": described(self.nearest) if self.nearest is not None else None,
            "ruled out": dict(self.ruled_out),
            "source": [{"place": where, "line": line} for where, line in self.source],
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


def described(miss: Miss) -> str:
    """A miss in one line."""
    numbers = ", ".join(f"{n} = {v:.6g}" for n, v in zip(miss.model.names, miss.theta, strict=False))
    return f"{miss.model.text}{' with ' + numbers if numbers else ''}: {miss.why}"


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
    return tuple((f"{_placed(file)}:{first + k - 1}", text[k - 1].strip()) for k in sorted(chosen))


def _placed(file: str) -> str:
    path = Path(file)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else file


def _bar(text: str) -> str:
    return text.replace("|", r"\|").replace("<", r"\<").replace("*", r"\*")


def _matrix(grid: Sequence[Sequence[float]]) -> str:
    rows = r" \\ ".join(" & ".join(f"{v:.4g}" for v in row) for row in np.array(grid))
    return rf"\begin{{pmatrix}} {rows} \end{{pmatrix}}"
