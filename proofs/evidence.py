"""Words of the evidence model: rungs, kinds, evidence about a claim, evidence about a mutant.

Main definitions: `Rung`, `Extent`, `Kind`, `Evidence`, `Settled`, `Grade`, `Outcome`, `MutantEvidence`, `Fingerprints`,
`Settings`.
The verdict itself is `numeric.finding.Verdict`: confirmed, refuted, undecided, not run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from typing import Any

from numeric.finding import Counterexample, Finding, Refusal, Said, Verdict
from proofs.shown import words


class Extent(Said, Enum):
    """For which sizes a confirmation speaks, and whether it is a proof there."""

    ALL = auto()
    LISTED = auto()
    """The sizes listed."""
    POINTS = auto()
    """The points drawn or measured."""


class Rung(StrEnum):
    """Grades of evidence. `strength` orders them; only the strongest one that covers a whole claim is quoted."""

    SAMPLED = "sampled"
    MEASURED = "measured"
    EXACT = "exact"
    SYMBOLIC = "symbolic"
    UNIVERSAL = "universal"
    KERNEL = "kernel"

    @property
    def strength(self) -> int:
        """Position on the ladder, weakest 0."""
        return list(Rung).index(self)

    @property
    def extent(self) -> Extent:
        """For which sizes its confirmations speak."""
        return _EXTENT[self]


_EXTENT = {
    Rung.SAMPLED: Extent.POINTS,
    Rung.MEASURED: Extent.POINTS,
    Rung.EXACT: Extent.LISTED,
    Rung.SYMBOLIC: Extent.LISTED,
    Rung.UNIVERSAL: Extent.ALL,
    Rung.KERNEL: Extent.ALL,
}


class Kind(StrEnum):
    """What sort of statement a claim makes."""

    IDENTITY = "identity"
    IMPOSSIBILITY = "impossibility"
    BOUND = "bound"
    RATE = "rate"
    COUNT = "count"
    CONVERGENCE = "convergence"


@dataclass(frozen=True)
class Settings:
    """How a run is made.

    profile: "quick" or "full" (more and larger sizes, more draws).
    device: "cpu", "cuda" or "auto" (cuda where there is one).
    seed: None draws every point from the operating system's entropy pool; a number makes the run repeatable.
    target_log2: the exact rung goes on until its failure probability is at most 2**target_log2.
    verdict_only: no small counterexample and no second opinion, where nothing but the verdict is asked for.
    """

    profile: str = "quick"
    device: str = "cpu"
    seed: int | None = None
    target_log2: float = -100.0
    verdict_only: bool = False

    def __post_init__(self) -> None:
        if self.profile not in ("quick", "full"):
            raise ValueError(f"profile is {self.profile!r}; expected 'quick' or 'full'")
        if self.device not in ("cpu", "cuda", "auto"):
            raise ValueError(f"device is {self.device!r}; expected 'cpu', 'cuda' or 'auto'")
        if self.seed is not None and (isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0):
            raise ValueError(f"seed is {self.seed!r}; expected a whole number, 0 or more, or None")
        if not -(2.0**20) < self.target_log2 < 0:
            raise ValueError(f"target_log2 is {self.target_log2}; expected a negative number such as -100")


@dataclass(frozen=True)
class Fingerprints:
    """SHA-256 of what the evidence is about; when one changes, the evidence is stale.

    statement: the claim's words. sides: the source of the claim's file and of every construction it reaches.
    engines: the source of `numeric` and the versions of the libraries that decide.
    """

    statement: str
    sides: str
    engines: str


@dataclass(frozen=True)
class Evidence:
    """What one rung found for one claim. `seconds` is process CPU time.

    unseen: the functions of the constructions, among those that the claim's checks run, whose results this check does
    not look at, as `module.function` or `module.function: field`; None where that was not measured (`proofs.verify.sight`).
    """

    claim: str
    rung: Rung
    finding: Finding
    seconds: float
    fingerprints: Fingerprints
    unseen: tuple[str, ...] | None = None

    @property
    def verdict(self) -> Verdict:
        """The finding's verdict."""
        return self.finding.verdict

    @property
    def counterexample(self) -> Counterexample | None:
        """The finding's counterexample, if it refutes."""
        return self.finding.counterexample

    @property
    def whole(self) -> bool:
        """Whether it is about the whole statement and sees all of the code.

        Beyond single points the second has to be measured: a proof that nobody looked at covers nothing known.
        """
        return not self.finding.part and not (self.unseen if self.rung.extent is Extent.POINTS else self.unseen != ())

    def to_json(self) -> dict[str, Any]:
        """One row of `evidence` in the JSON file."""
        return (
            {"claim": self.claim, "rung": self.rung.value}
            | _finding_json(self.finding, self.seconds)
            | {
                "sizes": words(self.rung.extent),
                "unseen": None if self.unseen is None else list(self.unseen),
                "fingerprints": {
                    "statement": self.fingerprints.statement,
                    "sides": self.fingerprints.sides,
                    "engines": self.fingerprints.engines,
                },
            }
        )


class Grade(StrEnum):
    """How far a claim is settled, best first."""

    ALL = "for all sizes"
    PART = "in part"
    LISTED = "at listed sizes"
    MEASURED = "measured"


@dataclass(frozen=True)
class Settled:
    """What a claim is settled on.

    whole: the strongest confirmed evidence that covers the whole claim, None if each covers only a part of it.
    parts: the confirmed evidence that is stronger and covers only a part, strongest first. Both are empty for a claim
    that is refuted or that nothing confirms.
    """

    whole: Evidence | None = None
    parts: tuple[Evidence, ...] = ()

    @staticmethod
    def of(evidence: Iterable[Evidence]) -> Settled:
        """What one claim's evidence settles it on."""
        found = sorted(evidence, key=lambda e: -e.rung.strength)
        if any(e.verdict is Verdict.REFUTED for e in found):
            return Settled()
        good = [e for e in found if e.verdict is Verdict.CONFIRMED]
        first = next((k for k, e in enumerate(good) if e.whole), None)
        return Settled(None, tuple(good)) if first is None else Settled(good[first], tuple(good[:first]))

    def __bool__(self) -> bool:
        return self.whole is not None or bool(self.parts)

    @property
    def rung(self) -> Rung | None:
        """The rung of `whole`."""
        return self.whole.rung if self.whole else None

    @property
    def grade(self) -> Grade | None:
        """For all sizes; in part (a proof of a part for all sizes, or of a part and nothing of the whole); at the sizes
        listed; or measured only. None for a claim that isn't confirmed."""
        if self.rung and self.rung.extent is Extent.ALL:
            return Grade.ALL
        if any(e.rung.extent is Extent.ALL for e in self.parts) or (self.parts and self.rung is None):
            return Grade.PART
        if self.rung:
            return Grade.LISTED if self.rung.extent is Extent.LISTED else Grade.MEASURED
        return None


class Outcome(StrEnum):
    """What became of a mutant. `SURVIVED` is a failure of the project's own checks. `REFUSED`: it was met by rungs alone that
    refused its code, and saw nothing of what it computes."""

    REFUTED = "refuted"
    REFUSED = "refused"
    UNDECIDED = "undecided"
    FLAGGED = "flagged"
    SURVIVED = "survived"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class MutantEvidence:
    """What each rung found for one mutant of one claim.

    blind: rungs that cannot refute this mutant, with the reason; any other rung that ran has to refute it.
    """

    claim: str
    mutant: str
    description: str
    findings: Mapping[Rung, Finding]
    blind: Mapping[Rung, str]
    seconds: float

    @property
    def outcome(self) -> Outcome:
        """Refuted, refused, undecided or flagged where every rung that ran answered as it should; else survived."""
        ran = {r: f for r, f in self.findings.items() if f.verdict is not Verdict.NOT_RUN}
        if not ran:
            return Outcome.NOT_RUN
        for rung, finding in ran.items():
            silent = finding.verdict is Verdict.CONFIRMED and not (rung in self.blind and finding.flags)
            unseen = finding.verdict is Verdict.UNDECIDED and rung not in self.blind
            if silent or unseen:
                return Outcome.SURVIVED
        refuted = [rung for rung, f in ran.items() if f.verdict is Verdict.REFUTED]
        if refuted:
            return Outcome.REFUSED if set(refuted) <= set(self.refused) else Outcome.REFUTED
        if any(f.verdict is Verdict.UNDECIDED for f in ran.values()):
            return Outcome.UNDECIDED
        return Outcome.FLAGGED

    @property
    def refused(self) -> dict[Rung, Refusal]:
        """Rungs that did not see the mutant: its code was refused, and it fell to plain runs at small sizes."""
        return {r: f.refused for r, f in self.findings.items() if f.refused is not None}

    def to_json(self) -> dict[str, Any]:
        """One row of `mutants` in the JSON file."""
        return {
            "claim": self.claim,
            "mutant": self.mutant,
            "description": self.description,
            "outcome": self.outcome.value,
            "rungs": [
                {"rung": r.value}
                | _finding_json(f, None)
                | ({"cannot refute because": self.blind[r]} if r in self.blind else {})
                for r, f in self.findings.items()
            ],
            "seconds": round(self.seconds, 3),
        }


def _counterexample_json(found: Counterexample) -> dict[str, Any]:
    return found.to_json() | {"note": words(found.note)}


def _finding_json(finding: Finding, seconds: float | None) -> dict[str, Any]:
    row: dict[str, Any] = {
        "verdict": finding.verdict.value,
        "figures": dict(finding.figures),
        "counterexample": _counterexample_json(finding.counterexample) if finding.counterexample else None,
        "trust": [words(t) for t in finding.trust],
        "reason": words(finding.reason),
        "flags": [words(flag) for flag in finding.flags],
        "part": finding.part,
        "settings": dict(finding.settings),
    }
    if finding.refused is not None:
        row["refused"] = finding.refused.value
    if seconds is not None:
        row["seconds"] = round(seconds, 3)
    return row
