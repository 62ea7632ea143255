"""A claim: one precise statement, its checks by rung, and its mutants.

A claim's file states it in its docstring (`proofs.forms.statement`) and defines `CLAIM = claim(__name__, ...)`; its id
is the module's path without `proofs.`, so `proofs/gd/one_step_tokens.py` holds the claim `gd.one_step_tokens`. The
registry finds the file; nothing else changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from numeric.finding import Finding, Verdict, combine, frozen
from proofs.evidence import Kind, Rung, Settings
from proofs.figure import Figure

__all__ = ["Check", "Claim", "Kind", "Mutant", "System", "both", "covering"]

Check = Callable[[Settings], Finding]
"""Looks for evidence on one rung; never raises for a false statement, it returns the refutation."""


def covering(part: str, check: Check) -> Check:
    """`check`, which settles only `part` of the statement; a confirmation carries it."""

    def run(settings: Settings) -> Finding:
        found = check(settings)
        if found.verdict is not Verdict.CONFIRMED:
            return found
        return replace(found, part="; ".join(p for p in (part, found.part) if p))

    return run


def both(*checks: Check) -> Check:
    """One check made of several; all have to confirm."""
    return lambda settings: combine([check(settings) for check in checks])


@dataclass(frozen=True)
class Mutant:
    """A plausible false version of a claim; the claim's own checks, with one part replaced, must refute it.

    blind: rungs that cannot refute it, with the reason (rounding is invisible to exact arithmetic, say). On such a
    rung "undecided" or a flagged confirmation is right; a silent confirmation is a failure on every rung.
    """

    id: str
    description: str
    checks: Mapping[Rung, Check]
    blind: Mapping[Rung, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "checks", frozen(self.checks))  # type: ignore[arg-type]
        object.__setattr__(self, "blind", frozen(self.blind))  # type: ignore[arg-type]
        if not self.checks:
            raise ValueError(f"mutant {self.id!r} has no check: a mutant is there to be refuted")


@dataclass(frozen=True)
class System:
    """One published architecture or algorithm, and what the claim settles about it.

    name: as in the table of systems, where equal names make one group. computes: one line, dollar mathematics allowed:
    what it computes in context, or cannot. figures: how the names of the figures to quote start; none: each rung's key figure.
    """

    name: str
    computes: str
    figures: str = ""

    def __post_init__(self) -> None:
        if not self.name.strip() or not self.computes.strip():
            raise ValueError(f"the system {self.name!r} needs a name and a line that says what it computes")


@dataclass(frozen=True)
class Claim:
    """One statement and where its evidence comes from.

    module: `__name__` of the file that defines it.
    statement, derivation: Markdown with dollar mathematics. source: paper and equation, or "derived here".
    departures: where the statement differs from its source.
    parameters: text computed on demand for `show` and the report (solved weights, tables), or None.
    figures: drawn in the report, each from data computed when it is wanted.
    systems: the published architectures and algorithms that the statement is about.
    """

    module: str
    title: str
    kind: Kind
    statement: str
    derivation: str
    source: str
    checks: Mapping[Rung, Check]
    mutants: tuple[Mutant, ...]
    assumptions: tuple[str, ...] = ()
    departures: tuple[str, ...] = ()
    parameters: Callable[[], str] | None = None
    figures: tuple[Figure, ...] = ()
    systems: tuple[System, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "checks", frozen(self.checks))  # type: ignore[arg-type]
        for name in ("title", "statement", "derivation", "source"):
            if not getattr(self, name).strip():
                raise ValueError(f"{self.module}: {name} is empty; say it in words and dollar mathematics")
        if not self.checks:
            raise ValueError(f"{self.module}: no checks; a claim without a check can't be confirmed")
        if not self.mutants:
            raise ValueError(f"{self.module}: no mutants; a check that can't fail is a defect")
        ids = [m.id for m in self.mutants]
        if len(set(ids)) != len(ids):
            raise ValueError(f"{self.module}: two mutants share an id: {sorted(ids)}")
        names = [f.name for f in self.figures]
        if len(set(names)) != len(names):
            raise ValueError(f"{self.module}: two figures share a name: {sorted(names)}")
        if len({s.name for s in self.systems}) != len(self.systems):
            raise ValueError(f"{self.module}: two lines about one system: {[s.name for s in self.systems]}")
        for mutant in self.mutants:
            extra = set(mutant.checks) - set(self.checks)
            if extra:
                raise ValueError(f"{self.module}: mutant {mutant.id!r} uses rungs the claim lacks: {sorted(extra)}")

    @property
    def id(self) -> str:
        """The module's path without `proofs.`."""
        return self.module.removeprefix("proofs.")

    @property
    def rungs(self) -> tuple[Rung, ...]:
        """The rungs it has checks on, weakest first."""
        return tuple(sorted(self.checks, key=lambda r: r.strength))

    def _repr_markdown_(self) -> str:
        return f"**{self.id}** — {self.title}\n\n{self.statement}\n\n*Source:* {self.source}"
