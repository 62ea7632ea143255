"""Findings and evidence from and to plain data: what a worker sends, and what the JSON file holds.

Main definitions: `plain`, `finding_to_json`, `finding_from_json`, `evidence_from_json`, `mutant_from_json`.
The writing side of evidence is `Evidence.to_json` and `MutantEvidence.to_json`; this is the way back.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import Enum
from typing import Any

from numeric.finding import Counterexample, Finding, Refusal, Said, Verdict
from proofs.evidence import Evidence, Fingerprints, MutantEvidence, Rung
from proofs.shown import words


def plain(value: Any) -> Any:
    """`value` as dicts, lists, text, numbers, booleans and None, ready for a strict JSON writer.

    Infinities and NaN, which JSON lacks, become the texts "inf", "-inf" and "nan"; numpy and torch scalars become
    Python's; what was found its words; anything else becomes its text.
    """
    if isinstance(value, Said):
        return words(value)
    if value is None or (isinstance(value, (bool, str)) and not isinstance(value, Enum)):
        return value
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, Mapping):
        return {str(plain(k)): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(v) for v in value), key=str)
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return str(value)


def finding_to_json(finding: Finding) -> dict[str, Any]:
    """A finding as plain data; `finding_from_json` undoes it."""
    row: dict[str, Any] = plain(
        {
            "verdict": finding.verdict,
            "figures": finding.figures,
            "counterexample": finding.counterexample.to_json() if finding.counterexample else None,
            "trust": finding.trust,
            "reason": finding.reason,
            "flags": finding.flags,
            "part": finding.part,
            "settings": finding.settings,
        }
        | ({"refused": finding.refused} if finding.refused else {})
    )
    return row


def finding_from_json(row: Mapping[str, Any]) -> Finding:
    """The finding that was written as `row`, which may hold more keys. Raises KeyError or ValueError."""
    found = row["counterexample"]
    return Finding(
        verdict=Verdict(row["verdict"]),
        reason=row["reason"],
        figures=row["figures"],
        settings=row["settings"],
        trust=tuple(row["trust"]),
        flags=tuple(row["flags"]),
        part=row["part"],
        refused=Refusal(row["refused"]) if "refused" in row else None,
        counterexample=None if found is None else counterexample_from_json(found),
    )


def counterexample_from_json(row: Mapping[str, Any]) -> Counterexample:
    """The counterexample that was written as `row`: the two keys with names of their own are the two sides."""
    sides = [key for key in row if key not in ("sizes", "inputs", "note")]
    if len(sides) != 2:
        raise ValueError(f"a counterexample has two sides, found {sides}")
    left, right = sides
    return Counterexample(row["sizes"], row["inputs"], row[left], row[right], left, right, row["note"])


def evidence_from_json(row: Mapping[str, Any]) -> Evidence:
    """One row of `evidence`."""
    marks, unseen = Fingerprints(**row["fingerprints"]), row["unseen"]
    return Evidence(
        row["claim"],
        Rung(row["rung"]),
        finding_from_json(row),
        float(row["seconds"]),
        marks,
        None if unseen is None else tuple(unseen),
    )


def mutant_from_json(row: Mapping[str, Any]) -> MutantEvidence:
    """One row of `mutants`; its outcome is worked out anew from the findings."""
    return MutantEvidence(
        claim=row["claim"],
        mutant=row["mutant"],
        description=row["description"],
        findings={Rung(r["rung"]): finding_from_json(r) for r in row["rungs"]},
        blind={Rung(r["rung"]): r["cannot refute because"] for r in row["rungs"] if "cannot refute because" in r},
        seconds=float(row["seconds"]),
    )
