"""How figures, counts and verdicts read, the same on a terminal and on paper.

Main definitions: `figure`, `grouped`, `key_figure`, `settled_figures`, `counted`, `repeat_command`, `mutant_summary`,
`settled_summary`, `settled_on`, `covered`, `ties`, `unseen_summary`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from numeric.finding import Finding, Refusal
from proofs.bench.claims import Bench
from proofs.evidence import Evidence, Extent, MutantEvidence, Outcome, Rung, Settings, Settled
from proofs.verify.run import Run
from proofs.verify.systems import SystemRow

_KEYS = ("failure", "error / bound", "ratio", "order", "steps", "theorem", "terms", "error", "draws")
"""Words that make a figure the one to quote, most telling first."""

_LOG2 = re.compile(r"[ ,_]*log2$")
_POSITION = re.compile(r" \[\d+\]$")


def number(value: Any) -> str:
    """A figure's value as text: three digits of a float, whole numbers whole."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}"
    return str(value)


def figure(name: str, value: Any) -> str:
    """A named figure: `failure probability 2^-104`, `draws 40`."""
    label = _POSITION.sub("", name).replace("_", " ")
    bare = _LOG2.sub("", label)
    if bare == label:
        return f"{label} {number(value)}"
    if value == "-inf":
        return f"{bare} 0"
    return f"{bare} 2^{value:.4g}" if isinstance(value, (int, float)) else f"{bare} 2^{value}"


def grouped(finding: Finding) -> dict[str, dict[str, Any]]:
    """Figures by what they belong to: `torch cpu, float64: draws` is the figure `draws` of `torch cpu, float64`.

    Figures of the whole finding come first, under the empty name.
    """
    groups: dict[str, dict[str, Any]] = {"": {}}
    for name, value in finding.figures.items():
        owner, colon, own = name.rpartition(": ")
        groups.setdefault(owner if colon else "", {})[own] = value
    return groups


def key_figure(finding: Finding) -> str:
    """The one figure to quote for a finding, the worst of its parts; empty if it has none."""
    figures = [(_POSITION.sub("", own), v) for group in grouped(finding).values() for own, v in group.items()]
    for word in _KEYS:
        named = next((n for n, _ in figures if re.search(rf"(?<![a-z]){word}", n.lower())), None)
        if named:
            return figure(named, max((v for n, v in figures if n == named), key=_size))
    return figure(*figures[0]) if figures else ""


def settled_figures(row: SystemRow) -> str:
    """The figures to quote for a row of the table of systems: those it names, else the key figure of each rung."""
    start = row.system.figures
    if not start:
        return "; ".join(dict.fromkeys(filter(None, (key_figure(e.finding) for e in row.evidence))))
    named = (figure(n, v) for e in row.evidence for n, v in e.finding.figures.items() if n.startswith(start))
    return "; ".join(dict.fromkeys(named))


def counted(count: int, noun: str) -> str:
    """`1 claim`, `2 claims`."""
    return f"{count} {noun}" + ("" if count == 1 else "s")


_REFUSED = {Refusal.LINT: "refused by the lint", Refusal.WORDS: "refused on words"}


def mutant_summary(mutants: Iterable[MutantEvidence]) -> str:
    """How many mutants met which end; survivors are always counted, also when there is none. Then how often code was refused."""
    mutants = list(mutants)
    ends = Counter(m.outcome for m in mutants)
    shown = [o for o in Outcome if ends[o] or o is Outcome.SURVIVED]
    refused = Counter(r for m in mutants for r in m.refused.values())
    unseen = " and ".join(f"{count} {_REFUSED[why]}" for why, count in sorted(refused.items()))
    return ", ".join(f"{ends[o]} {o.value}" for o in shown) + (
        f"; the universal rung saw nothing of {sum(refused.values())} ({unseen})" if refused else ""
    )


def met(mutant: MutantEvidence, rung: Rung) -> str:
    """What a rung did with a mutant."""
    refused = mutant.refused.get(rung)
    return mutant.findings[rung].verdict.value if refused is None else _REFUSED[refused]


def unmet(run: Run) -> list[str]:
    """A line for each rung that has no mutant of a claim that it refutes, but some whose code it refuses."""
    return [f"{claim}, {rung}: refuses the code of its mutants and refutes none" for claim, rung in run.unmet]


def settled_summary(run: Run) -> str:
    """How many claims are confirmed, and how far: for all sizes, in part, at the sizes listed, or measured only."""
    grades = run.grades
    total = counted(len(run.claims), "claim")
    good = ", ".join(f"{count} {grade.value}" for grade, count in grades.items() if count)
    return f"{sum(grades.values())} of {total} confirmed" + (f": {good}" if good else "")


def settled_on(settled: Settled) -> str:
    """The strongest rung that covers a whole claim, then the stronger ones that cover a part; empty if there is none."""
    said = [f"{e.rung} in part" for e in settled.parts]
    if settled.rung is not None:
        said.insert(0, settled.rung.value + _LIMITS[settled.rung.extent])
    return "; ".join(said)


MEANINGS = {
    Rung.SAMPLED: "every draw's error is below a derived rounding bound",
    Rung.MEASURED: "the bound is never exceeded and the measured order agrees with the claimed one",
    Rung.EXACT: "equal as polynomials, unless an event of the stated probability happened",
    Rung.SYMBOLIC: "identical polynomials at the stated size",
    Rung.UNIVERSAL: "a derivation for all sizes, each step checked",
    Rung.KERNEL: "a theorem for all sizes, checked by Coq's kernel",
}
"""What "confirmed" means on each rung."""

_LIMITS = {Extent.ALL: "", Extent.LISTED: ", at listed sizes", Extent.POINTS: ""}


def covered(evidence: Evidence) -> str:
    """What a confirmation covers of statement and code, where that is not everything; else empty."""
    said = [evidence.finding.part] if evidence.finding.part else []
    if evidence.unseen:
        said.append(f"not {', '.join(evidence.unseen)}")
    if evidence.unseen is None and evidence.rung.extent is not Extent.POINTS:
        said.append("what it sees of the code was not measured")
    return "; ".join(said)


def ties(finding: Finding) -> list[str]:
    """What ties a theorem's definitions to code, a line each: the function, and the sizes at which both sides were run."""
    return [
        f"{tie['python']} at " + " and ".join(", ".join(f"{n} = {v}" for n, v in s.items()) for s in tie["sizes"])
        for tie in finding.settings.get("ties", {}).values()
    ]


def unseen_summary(bench: Bench) -> list[str]:
    """What each rung sees of the places that claims depend on, counted over the claims that have it."""
    counts = {rung: bench.pairs(rung) for rung in Rung}
    return [f"{r}: {total - missed} of {total} seen" for r, (total, missed) in counts.items() if total]


def repeat_command(claim: str, rung: str, environment: Mapping[str, Any]) -> str:
    """The command that runs one claim's rung again, at the same points if the run had a seed."""
    words = ["ssmproof verify", claim, "--rung", rung]
    plain = Settings()
    if environment.get("profile", plain.profile) != plain.profile:
        words += ["--profile", str(environment["profile"])]
    device = str(environment.get("device", plain.device)).split(" ")[0]
    if device != plain.device:
        words += ["--device", device]
    if environment.get("seed") is not None:
        words += ["--seed", str(environment["seed"])]
    return " ".join(words)


def seed_words(environment: Mapping[str, Any]) -> str:
    """The seed, or where the points came from without one."""
    seed = environment.get("seed")
    return "the operating system's entropy (new points each time)" if seed is None else str(seed)


def _size(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("-inf")
