"""Words of the evidence model: rungs, kinds, evidence about a claim, evidence about a mutant.

Main definitions: `Rung`, `Kind`, `Evidence`, `Outcome`, `MutantEvidence`, `Fingerprints`, `Settings`.
The verdict itself is `numeric.finding.Verdict`: confirmed, refuted, undecided, not run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from numeric.finding import Counterexample, Finding, Verdict


class Rung(StrEnum):
    """Grades of evidence. `strength` orders them; only the strongest confirmed rung is quoted."""

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
    def meaning(self) -> str:
        """What "confirmed" means on this rung, for legends."""
        return _MEANING[self]


_MEANING = {
    Rung.SAMPLED: "every draw's error is below a derived rounding bound",
    Rung.MEASURED: "the bound is never exceeded and the measured order agrees with the claimed one",
    Rung.EXACT: "equal as polynomials, unless an event of the stated probability happened",
    Rung.SYMBOLIC: "identical polynomials at the stated size",
    Rung.UNIVERSAL: "a derivation for all sizes, each step checked",
    Rung.KERNEL: "a theorem for all sizes, checked by Coq's kernel",
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
    """

    profile: str = "quick"
    device: str = "cpu"
    seed: int | None = None
    target_log2: float = -100.0

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
    """What one rung found for one claim. `seconds` is process CPU time."""

    claim: str
    rung: Rung
    finding: Finding
    seconds: float
    fingerprints: Fingerprints

    @property
    def verdict(self) -> Verdict:
        """The finding's verdict."""
        return self.finding.verdict

    @property
    def counterexample(self) -> Counterexample | None:
        """The finding's counterexample, if it refutes."""
        return self.finding.counterexample

    def to_json(self) -> dict[str, Any]:
        """One row of `evidence` in the JSON file."""
        return (
            {"claim": self.claim, "rung": self.rung.value}
            | _finding_json(self.finding, self.seconds)
            | {
                "fingerprints": {
                    "statement": self.fingerprints.statement,
                    "sides": self.fingerprints.sides,
                    "engines": self.fingerprints.engines,
                }
            }
        )


class Outcome(StrEnum):
    """What became of a mutant. Only `SURVIVED` is a failure of the project's own checks."""

    REFUTED = "refuted"
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
        """Refuted, undecided or flagged where every rung that ran answered as it should; else survived."""
        ran = {r: f for r, f in self.findings.items() if f.verdict is not Verdict.NOT_RUN}
        if not ran:
            return Outcome.NOT_RUN
        for rung, finding in ran.items():
            silent = finding.verdict is Verdict.CONFIRMED and not (rung in self.blind and finding.flags)
            unseen = finding.verdict is Verdict.UNDECIDED and rung not in self.blind
            if silent or unseen:
                return Outcome.SURVIVED
        if any(f.verdict is Verdict.REFUTED for f in ran.values()):
            return Outcome.REFUTED
        if any(f.verdict is Verdict.UNDECIDED for f in ran.values()):
            return Outcome.UNDECIDED
        return Outcome.FLAGGED

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


def _finding_json(finding: Finding, seconds: float | None) -> dict[str, Any]:
    row: dict[str, Any] = {
        "verdict": finding.verdict.value,
        "figures": dict(finding.figures),
        "counterexample": finding.counterexample.to_json() if finding.counterexample else None,
        "trust": list(finding.trust),
        "reason": finding.reason,
        "flags": list(finding.flags),
        "settings": dict(finding.settings),
    }
    if seconds is not None:
        row["seconds"] = round(seconds, 3)
    return row
