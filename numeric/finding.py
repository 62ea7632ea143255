"""What an engine found: a verdict with its figures, never a bare boolean.

Main definitions: `Verdict`, `Refusal`, `Counterexample`, `Finding`.
An engine knows no claim; `proofs.evidence.Evidence` is a finding about a claim on a rung.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

Quantity = float | int | str | bool | None
Nested = Any
"""An exact number as text (`"3"`, `"-1/2"`) or a list of such; the shape is that of the array."""


class Said:
    """Something found, as data: a frozen dataclass or an enum in the room that finds it; `reports.said` has its words."""


Told = Said | str
"""What was found, or a quotation: an exception's message, or what was read back from a file."""


class Key(StrEnum):
    """Names of the quantities that code reads; all others are for people."""

    CHANCE = "failure probability, log2"
    UNASSESSED = "outputs not assessable"
    SHARE = "worst error / bound"
    BOUND = "bound there"
    READ = "constants read"
    DIGITS = "digits agreed"
    RECORDINGS = "recordings"


class Verdict(StrEnum):
    """The four answers. Each says why: figures, a counterexample, or a reason."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    UNDECIDED = "undecided"
    NOT_RUN = "not run"


class Refusal(StrEnum):
    """Why an engine did not see what code computes: it is outside the language of constructions, or has no words."""

    LINT = "lint"
    WORDS = "words"


def frozen(mapping: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """A read-only copy of `mapping` (an empty one for None)."""
    return MappingProxyType(dict(mapping or {}))


@dataclass(frozen=True)
class Counterexample(Said):
    """Inputs at which the two sides differ, as numbers that can be pasted.

    inputs, left, right: nested lists of exact numbers as text; `sizes` names the shapes.
    `left_name` and `right_name` say which side is which (layer and learner, say).
    """

    sizes: Mapping[str, int]
    inputs: Mapping[str, Nested]
    left: Nested
    right: Nested
    left_name: str = "left"
    right_name: str = "right"
    note: Told = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", frozen(self.sizes))
        object.__setattr__(self, "inputs", frozen(self.inputs))

    def to_json(self) -> dict[str, Any]:
        """Plain data, as written to the JSON file."""
        return {
            "sizes": dict(self.sizes),
            "inputs": dict(self.inputs),
            self.left_name: self.left,
            self.right_name: self.right,
            "note": self.note,
        }


@dataclass(frozen=True)
class Flag(Said):
    """Something that a verdict does not cover, and whose code does it; `side` is empty for a flag about no side."""

    what: Told
    side: str = ""


@dataclass(frozen=True)
class Finding:
    """One engine's answer.

    figures: what was measured or computed (degree, failure probability, worst error, bound, ...).
    settings: what makes the run repeatable (sizes, seed, dtype, device, engine).
    trust: what a reader has to believe for the verdict to hold.
    flags: things seen that the verdict does not cover (casts, constants read, ...); texts read back from a file are plain.
    part: the part of what was asked that a confirmation answers; empty: the whole.
    refused: why the engine did not see what the code computes; a refutation is then one by plain runs, and not the engine's.
    """

    verdict: Verdict
    reason: Told = ""
    figures: Mapping[str, Quantity] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    trust: tuple[Told, ...] = ()
    flags: tuple[Told, ...] = ()
    counterexample: Counterexample | None = None
    part: str = ""
    refused: Refusal | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "figures", frozen(self.figures))
        object.__setattr__(self, "settings", frozen(self.settings))
        if self.verdict in (Verdict.UNDECIDED, Verdict.NOT_RUN) and not self.reason:
            raise ValueError(f"a finding that is {self.verdict.value!r} needs a reason")
        if self.verdict is Verdict.REFUTED and self.counterexample is None and not self.reason:
            raise ValueError("a refutation needs a counterexample or a reason")


def combine(findings: list[Finding]) -> Finding:
    """The finding of several independent checks of the same statement.

    Refuted if one is refuted (that one is returned, before others one that its engine saw), else the first undecided or
    not-run one, else confirmed with the figures of all, numbered by position where names clash; several parts together
    are no whole by themselves.
    Raises ValueError for an empty list: no evidence is not a confirmation.
    """
    if not findings:
        raise ValueError("nothing was checked: an empty list of findings confirms nothing")
    for verdict in (Verdict.REFUTED, Verdict.UNDECIDED, Verdict.NOT_RUN):
        found = [finding for finding in findings if finding.verdict is verdict]
        if found:
            return min(found, key=lambda finding: finding.refused is not None)
    if len(findings) == 1:
        return findings[0]
    figures: dict[str, Quantity] = {}
    for k, finding in enumerate(findings):
        for name, value in finding.figures.items():
            figures[name if name not in figures else f"{name} [{k}]"] = value
    first = findings[0]
    return Finding(
        Verdict.CONFIRMED,
        reason=first.reason,
        figures=figures,
        settings={"checks": [dict(f.settings) for f in findings]},
        trust=tuple(dict.fromkeys(t for f in findings for t in f.trust)),
        flags=tuple(dict.fromkeys(t for f in findings for t in f.flags)),
        part="; ".join(dict.fromkeys(f.part for f in findings if f.part)),
    )
