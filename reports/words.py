"""How figures, counts and verdicts read, the same on a terminal and on paper.

Main definitions: `figure`, `grouped`, `key_figure`, `settled_figures`, `counted`, `repeat_command`, `mutant_summary`,
`proved_summary`, `proves`, `part`, `settled_on`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from numeric.finding import Finding
from proofs.evidence import Evidence, MutantEvidence, Outcome, Rung, Settings
from proofs.systems import Row
from proofs.verify import Run

_KEYS = ("failure", "error / bound", "ratio", "order", "steps", "theorem", "terms", "error", "draws")
"""Words that make a figure the one to quote, most telling first."""

_LOG2 = re.compile(r"[ ,_]*log2$")
_POSITION = re.compile(r" \[\d+\]$")
_PART = re.compile(r"(?:this rung covers only|the theorems state only a part): (.*)", re.DOTALL)


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
        named = next((n for n, _ in figures if word in n.lower()), None)
        if named:
            return figure(named, max((v for n, v in figures if n == named), key=_size))
    return figure(*figures[0]) if figures else ""


def settled_figures(row: Row) -> str:
    """The figures to quote for a row of the table of systems: those it names, else the key figure of each rung."""
    start = row.system.figures
    if not start:
        return "; ".join(dict.fromkeys(filter(None, (key_figure(e.finding) for e in row.evidence))))
    named = (figure(n, v) for e in row.evidence for n, v in e.finding.figures.items() if n.startswith(start))
    return "; ".join(dict.fromkeys(named))


def counted(count: int, noun: str) -> str:
    """`1 claim`, `2 claims`."""
    return f"{count} {noun}" + ("" if count == 1 else "s")


def mutant_summary(mutants: Iterable[MutantEvidence]) -> str:
    """How many mutants met which end; survivors are always counted, also when there is none."""
    ends = Counter(m.outcome for m in mutants)
    shown = [o for o in Outcome if ends[o] or o is Outcome.SURVIVED]
    return ", ".join(f"{ends[o]} {o.value}" for o in shown)


def proved_summary(run: Run) -> str:
    """How many claims are confirmed: proved, with the strongest rungs, or measured or sampled only."""
    best = Counter(run.proved(id) for id in run.claims)
    rungs = [f"{best[r]} {r.value}" for r in reversed(Rung) if best[r] and proves(r)]
    parts = [f"{sum(best[r] for r in Rung if proves(r))} proved ({', '.join(rungs)})"] if rungs else []
    parts += [f"{best[r]} {r.value}" for r in reversed(Rung) if best[r] and not proves(r)]
    total = counted(len(run.claims), "claim")
    return f"{len(run.claims) - best[None]} of {total} confirmed" + (f"; {', '.join(parts)}" if parts else "")


def proves(rung: Rung) -> bool:
    """Whether a confirmation on the rung is a proof (of what the rung covers), not a measurement or a sample."""
    return rung.strength >= Rung.EXACT.strength


def part(finding: Finding) -> str:
    """The part of the statement that the finding covers; empty if it is the whole."""
    return "; ".join(m[1] for line in finding.trust if (m := _PART.match(line)))


def settled_on(rung: Rung | None, evidence: Iterable[Evidence]) -> str:
    """The strongest confirmed rung of a claim, marked if its evidence covers only a part; empty if there is none."""
    if rung is None:
        return ""
    return f"{rung}, in part" if any(part(e.finding) for e in evidence if e.rung is rung) else rung.value


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
