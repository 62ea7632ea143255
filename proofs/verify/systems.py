"""The table of systems: for each published architecture or algorithm what it computes in context, and how that is settled.

Main definitions: `SystemRow`, `rows`. The rows come from the claims' own `systems`, the rungs and figures from a run.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from numeric.finding import Verdict
from proofs.claim import Claim, System
from proofs.evidence import Evidence, Kind, Settled
from proofs.verify.records import plain
from proofs.verify.run import Run


@dataclass(frozen=True)
class SystemRow:
    """What one claim says about one system.

    settled: what that is settled on in a run; empty where no run was given or nothing confirms. evidence: the confirmed
    pieces, strongest rung first.
    """

    system: System
    claim: str
    kind: Kind
    settled: Settled = field(default_factory=Settled)
    evidence: tuple[Evidence, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """One row of the table in a JSON file."""
        row: dict[str, Any] = plain(
            {
                "system": self.system.name,
                "computes": self.system.computes,
                "claim": self.claim,
                "kind": self.kind,
                "rung": self.settled.rung,
                "settled": self.settled.grade,
                "figures": {e.rung: dict(e.finding.figures) for e in self.evidence},
            }
        )
        return row


def rows(claims: Iterable[Claim], run: Run | None = None) -> tuple[SystemRow, ...]:
    """All rows, by the name of the system and then by claim. Claims that the run left out, or refuted, are not settled."""
    found = []
    for claim in claims:
        settled = run.settled(claim.id) if run else Settled()
        confirmed = [e for e in run.of(claim.id) if e.verdict is Verdict.CONFIRMED] if run and settled else []
        evidence = tuple(sorted(confirmed, key=lambda e: -e.rung.strength))
        found += [SystemRow(system, claim.id, claim.kind, settled, evidence) for system in claim.systems]
    return tuple(sorted(found, key=lambda r: (r.system.name.casefold(), r.claim)))
