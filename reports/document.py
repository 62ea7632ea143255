"""The report's one Markdown text: every claim with its derivation, evidence and mutants.

Main definitions: `markdown`, `pictures`. The layout is templates/report.md.j2; here are the words put into it.
Nothing in the text depends on the clock, so the same run gives the same bytes.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from numeric.finding import Counterexample, Finding, Verdict
from proofs import registry
from proofs.audit.answer import Answer, Word
from proofs.claim import Claim
from proofs.evidence import Extent, MutantEvidence, Outcome, Rung
from proofs.figure import Figure
from proofs.kernel.lemmas import LEMMAS
from proofs.verify.fingerprints import REMOVED, stale
from proofs.verify.graph import Graph, graph, is_construction
from proofs.verify.run import Run
from proofs.verify.systems import rows as system_rows
from reports import answers, words
from reports.certificates import CHECKER
from reports.figures import Picture, picture
from reports.formulas import broken, one_line
from reports.said import pasted, said

_CODE = "constructions."
_COLUMNS = 5
FOLDER = "figures"
"""Where a report's pictures and their data lie, beside it."""

TITLE = "Which learning algorithm does the layer run?"
_VERDICTS = {
    Verdict.CONFIRMED: "the check passed, in the sense of its rung",
    Verdict.REFUTED: "the statement is false; a counterexample or the reason is given",
    Verdict.UNDECIDED: "the check ran and could not answer; the reason is given",
    Verdict.NOT_RUN: "the check needs something this machine lacks; the reason is given",
}
_ANSWERS = {
    Word.PROVED: "the same function at the sizes listed, wrong with at most the probability given, and the float run agrees",
    Word.AGREES: "the same at all points drawn, to the digits given; no proof",
    Word.REFUTED: "not that learner, or layer, exactly or in its float run",
    Word.BIASED: "a learner but for an epsilon, which is given",
    Word.NO_MATCH: "none of the learners of the library",
    Word.UNDECIDED: "could not be settled; the reason is given",
}
_SPECIAL = re.compile(r"([\\*~<>\[\]|]|(?<![^\W_])_|_(?![^\W_]))")
_POWER = re.compile(r"\b2\^(-?[\d.]*\d)")
_KEPT = re.compile(r"(\$(?=\S)(?:[^$\\]|\\.)+?(?<=\S)\$(?!\d)|`[^`\n]+`)")


def pictures(run: Run, audits: Sequence[Answer] = (), others: Sequence[str] = ()) -> dict[str, list[Picture]]:
    """The figures of the run's claims and of audits, by claim id or place "audit 1".

    others: formats to draw them in, besides SVG.
    """
    owners: dict[str, Iterable[Figure]] = {id: registry.claim(id).figures for id in run.claims if id in registry.ids()}
    owners |= {f"audit {k}": answers.figures(a) for k, a in enumerate(audits, start=1)}
    return {
        owner: [picture(f"{FOLDER}/{owner.replace(' ', '-')}-{f.name}", f, others) for f in figures]
        for owner, figures in owners.items()
    }


def markdown(
    run: Run,
    audits: Sequence[Answer] = (),
    when: str = "",
    shown: Mapping[str, Sequence[Picture]] | None = None,
) -> str:
    """The report on `run` and `audits`. `when` is printed as the date if given; shown: what `pictures` made."""
    import jinja2

    shown = shown or {}
    edges = graph(registry.claim(id) for id in run.claims if id in registry.ids())
    loader = jinja2.FileSystemLoader(Path(__file__).parent / "templates")
    room = jinja2.Environment(
        loader=loader, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
    )
    room.filters |= {"plain": plain, "quoted": quoted, "anchor": anchor}
    text = room.get_template("report.md.j2").render(
        title=TITLE,
        when=when,
        run=run,
        environment={k: v for k, v in run.environment.items() if k not in ("seed", "note")},
        seed=words.seed_words(run.environment),
        settled=words.settled_summary(run),
        mutants=words.mutant_summary(run.mutants),
        unmet=words.unmet(run),
        rungs=[r for r in Rung if any(e.rung is r for e in run.evidence)],
        meanings=words.MEANINGS,
        verdicts=_VERDICTS,
        summary=_summary(run),
        systems=_systems(run),
        graph=_graph(edges),
        sections=[_section(run, id, edges) | {"pictures": shown.get(id, ())} for id in run.claims],
        audits=[_audit(a) | {"pictures": shown.get(f"audit {k}", ())} for k, a in enumerate(audits, start=1)],
        answers={w: meaning for w, meaning in _ANSWERS.items() if any(a.word is w for a in audits)},
        stale=_stale(run),
        repeat=_repeat(run),
    )
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n" + _appendix(audits)


def _appendix(audits: Sequence[Answer]) -> str:
    """The checker of certificates, character by character, where an audit has one to check."""
    if not any(answer.accepted() for answer in audits):
        return ""
    why = (
        "`ssmproof audit ... --certificate FILE` leaves both recordings of each exact row; this file, with Python alone, "
        "computes from them all that the row says."
    )
    return f"\n## The checker of certificates\n\n{why}\n\n```python\n{CHECKER.read_text(encoding='utf-8')}```\n"


def plain(text: object) -> str:
    """Text for Markdown: special characters escaped outside dollar mathematics and code."""
    parts = _KEPT.split(" ".join(str(text).split()))
    escaped = (part if k % 2 else _SPECIAL.sub(r"\\\1", part) for k, part in enumerate(parts))
    return "".join(part if part.startswith("$") else _POWER.sub(r"$2^{\1}$", part) for part in escaped)


def quoted(text: str) -> str:
    """Markdown as a block quotation."""
    return "\n".join(f"> {line}".rstrip() for line in one_line(text).strip().splitlines())


def anchor(id: str) -> str:
    """The fragment that both GitHub and pandoc's `gfm` reader give a heading with this text."""
    return re.sub(r"[^\w-]", "", id.lower())


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A pipe table of Markdown cells; the dashes give wide columns their share when lines must wrap."""
    grid = [[_cell(c) for c in row] for row in (head, *rows)]
    shares = [min(max(len(row[k]) for row in grid), 60) + 2 for k in range(len(head))]
    lines = [f"| {' | '.join(row)} |" for row in grid]
    return "\n".join([lines[0], "|" + "|".join(":" + "-" * (s - 1) for s in shares) + "|", *lines[1:]])


def steps(finding: Finding) -> list[Mapping[str, str]]:
    """The checked steps of a derivation, also of one combined from several findings."""
    return list(_steps(finding.settings))


def theorems(finding: Finding) -> list[str]:
    """What Coq's kernel checked, as lines of Coq: each theorem with its file and what it says in words."""
    files = finding.settings.get("lemmas", {})
    lines: list[str] = []
    for name, statement in finding.settings.get("statements", {}).items():
        said = f"{files.get(name, '')}: {LEMMAS[name].plain}" if name in LEMMAS else files.get(name, "")
        lines += [""] if lines else []
        lines += textwrap.wrap(f"(* {said} *)", 80, subsequent_indent="   ")
        lines += [f"Theorem {name} :", *(f"  {line.rstrip()}" for line in f"{statement}.".splitlines())]
    return lines


def _steps(settings: Mapping[str, Any]) -> Iterator[Mapping[str, str]]:
    yield from settings.get("steps", ())
    for part in settings.get("checks", ()):
        yield from _steps(part)


def _cell(text: str) -> str:
    """A bar ends a cell even inside mathematics, where it has another spelling."""
    parts = _KEPT.split(" ".join(text.split()))
    for k in range(1, len(parts), 2):
        if parts[k].startswith("$"):
            parts[k] = parts[k].replace(r"\|", r"\Vert ").replace("|", r"\vert ").replace(" $", "$")
    return "".join(parts)


def _stale(run: Run) -> list[str]:
    """One line for each way in which evidence grew old, with the claims and rungs it hit."""
    hit: dict[tuple[str, ...], dict[str, list[str]]] = {}
    for old in stale(run.evidence):
        hit.setdefault(old.changed, {}).setdefault(old.claim, []).append(old.rung)
    lines = []
    for changed, claims in hit.items():
        said = "no claim has this id any more" if changed == (REMOVED,) else f"{' and '.join(changed)} changed"
        everything = sum(map(len, claims.values())) == len(run.evidence)
        named = (c if len(r) == len(run.of(c)) else f"{c} ({', '.join(r)})" for c, r in claims.items())
        lines.append(f"{said}: {'all evidence' if everything else ', '.join(named)}")
    return lines


def _summary(run: Run) -> str:
    rungs = [r for r in Rung if any(e.rung is r for e in run.evidence)]
    rows = []
    for id in run.claims:
        verdicts = {e.rung: e.verdict.value for e in run.of(id)}
        own = [m for m in run.mutants if m.claim == id]
        met = sum(m.outcome not in (Outcome.SURVIVED, Outcome.REFUSED, Outcome.NOT_RUN) for m in own)
        settled = words.settled_on(run.settled(id))
        rows.append(
            [
                f"[`{id}`](#{anchor(id)})",
                *(_emphasised(verdicts.get(r, "")) for r in rungs),
                f"**{settled}**" if settled else "no",
                f"{met} of {len(own)}",
            ]
        )
    return table(["claim", *rungs, "settled on", "mutants met"], rows)


def _systems(run: Run) -> str:
    """The table of systems, or nothing if the run has no claim about one."""
    rows = [
        [
            f"**{plain(r.system.name)}**",
            r.system.computes,
            f"[`{r.claim}`](#{anchor(r.claim)})",
            words.settled_on(r.settled) or "not settled in this run",
            plain(words.settled_figures(r)),
        ]
        for r in system_rows((registry.claim(id) for id in run.claims if id in registry.ids()), run)
    ]
    return table(["system", "what it computes in context", "claim", "settled on", "figures"], rows) if rows else ""


def _graph(edges: Graph) -> str:
    """A row for each construction, or claim that others rest on: what it is made of, and the claims about it."""
    rows = []
    for node in edges.nodes:
        above = edges.over(node)
        if above:
            claims = [n for n in above if not is_construction(n)]
            parts = ", ".join(f"`{n.removeprefix(_CODE)}`" for n in edges.under(node))
            rows.append([f"`{node.removeprefix(_CODE)}`", parts, ", ".join(f"`{c}`" for c in claims)])
    return table(["code, or claim", "made of", "claims that rest on it directly"], rows) if rows else ""


def _node(node: str, run: Run) -> str:
    """A node of the graph in a claim's section: a link where the report has the section."""
    return f"[`{node}`](#{anchor(node)})" if node in run.claims else f"`{node.removeprefix(_CODE)}`"


def _emphasised(verdict: str) -> str:
    return f"**{verdict}**" if verdict in (Verdict.REFUTED, Outcome.SURVIVED) else verdict


def _section(run: Run, id: str, edges: Graph) -> dict[str, Any]:
    evidence = run.of(id)
    mutants = [m for m in run.mutants if m.claim == id]
    claim = registry.claim(id) if id in registry.ids() else None
    universal = next((e.finding for e in evidence if e.rung is Rung.UNIVERSAL), None)
    kernel = next((e.finding for e in evidence if e.rung is Rung.KERNEL), None)
    return {
        "id": id,
        "claim": claim,
        "settled": _settled(run, id),
        "rests_on": [_node(n, run) for n in edges.under(id)],
        "steps": [dict(s) | {"latex": broken(s["latex"].strip().strip("$"))} for s in steps(universal)]
        if universal
        else [],
        "theorems": theorems(kernel) if kernel else [],
        "theorems_rest": said(kernel.reason) if kernel else "",
        "ties": words.ties(kernel) if kernel else [],
        "parameters": parameters(claim) if claim else "",
        "evidence": table(
            ["rung", "verdict", "what was found"],
            [[e.rung, _emphasised(e.verdict), found(e.finding)] for e in evidence],
        ),
        "groups": [(e.rung, _groups(e.finding)) for e in evidence if len(words.grouped(e.finding)) > 1],
        "trust": [(e.rung, [said(t) for t in e.finding.trust]) for e in evidence if e.finding.trust],
        "counterexamples": [
            (f"The claim on rung {e.rung}", pasted(e.counterexample), _sizes(e.counterexample))
            for e in evidence
            if e.counterexample
        ]
        + [
            (f"Mutant `{m.mutant}` on rung {rung}", pasted(shown), _sizes(shown))
            for m in mutants
            for rung, shown in smallest(m)
        ],
        "mutants": _mutants(mutants),
        "reasons": [line for m in mutants for line in _reasons(m)],
    }


_SETTLED = {
    Extent.ALL: "proved for all sizes by rung **{}**",
    Extent.LISTED: "at the sizes listed by rung **{}**",
    Extent.POINTS: "**{}**, not proved",
}
_PARTLY = {
    Extent.ALL: "for all sizes",
    Extent.LISTED: "at the sizes listed",
    Extent.POINTS: "without proof",
}


def _settled(run: Run, id: str) -> str:
    """What the whole claim is settled on, then which part of it stronger rungs cover."""
    settled = run.settled(id)
    if not settled:
        return "not confirmed in this run"
    told = [_SETTLED[settled.rung.extent].format(settled.rung)] if settled.rung else ["no rung covers the whole"]
    told += [f"in part {_PARTLY[e.rung.extent]} by rung **{e.rung}**: {plain(words.covered(e))}" for e in settled.parts]
    return "; ".join(told)


def parameters(claim: Claim) -> str:
    """The claim's solved parameters, or why there are none to show."""
    if claim.parameters is None:
        return ""
    try:
        return claim.parameters().strip()
    except Exception as error:
        # the report of everything else must not be lost for one derivation that fails
        return f"could not be worked out: {plain(f'{type(error).__name__}: {error}')}"


def found(finding: Finding) -> str:
    """Figures, sizes, flags and reason of a finding, in one Markdown cell."""
    groups = words.grouped(finding)
    own = [words.figure(n, v) for n, v in groups.pop("").items()]
    if groups:
        own.append(f"{words.key_figure(finding)} at worst over {words.counted(len(groups), 'case')}, see below")
    parts = [plain("; ".join(own))]
    sizes = list(_all_sizes(finding.settings))
    if sizes:
        parts.append("at " + plain("; ".join(", ".join(f"{n} = {v}" for n, v in s.items()) for s in sizes)))
    if finding.flags:
        parts.append("flags: " + plain("; ".join(map(said, finding.flags))))
    if finding.reason:
        parts.append(plain(said(finding.reason)))
    return "; ".join(p for p in parts if p)


def _groups(finding: Finding) -> str:
    """The figures that each case (a backend, say) has of its own: a row a figure, a column a case; turned if that is wide."""
    groups = words.grouped(finding)
    del groups[""]
    names = dict.fromkeys(name for group in groups.values() for name in group)
    if len(groups) > _COLUMNS:
        turned = [[plain(g), *(plain(words.number(v[n])) if n in v else "" for n in names)] for g, v in groups.items()]
        return table(["", *map(plain, names)], turned)
    rows = [[plain(n), *(plain(words.number(g[n])) if n in g else "" for g in groups.values())] for n in names]
    return table(["", *map(plain, groups)], rows)


def smallest(mutant: MutantEvidence) -> list[tuple[Rung, Counterexample]]:
    """The smallest counterexample of a mutant, with its rung; an empty list if there is none."""
    shown = [(r, f.counterexample) for r, f in mutant.findings.items() if f.counterexample]
    return sorted(shown, key=lambda pair: (len(said(pair[1])), pair[0].strength))[:1]


def _all_sizes(settings: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if isinstance(settings.get("sizes"), Mapping):
        yield settings["sizes"]
    for part in settings.get("checks", ()):
        yield from _all_sizes(part)


def _sizes(shown: Counterexample) -> str:
    return ", ".join(f"{name} = {value}" for name, value in shown.sizes.items())


def _mutants(mutants: Sequence[MutantEvidence]) -> str:
    rungs = [r for r in Rung if any(r in m.findings for m in mutants)]
    rows = [
        [f"`{m.mutant}`: {plain(m.description)}"]
        + [words.met(m, r) if r in m.findings else "" for r in rungs]
        + [_emphasised(m.outcome) if m.outcome is Outcome.SURVIVED else m.outcome.value]
        for m in mutants
    ]
    return table(["false version", *rungs, "outcome"], rows) if mutants else ""


def _reasons(mutant: MutantEvidence) -> Iterator[str]:
    """Why a rung did not refute a mutant."""
    for rung, finding in mutant.findings.items():
        if finding.verdict is Verdict.REFUTED and rung not in mutant.refused:
            continue
        told = [mutant.blind[rung]] if rung in mutant.blind else []
        told += [reason] if (reason := said(finding.reason)) not in ("", *told) else []
        told += [f"flagged: {'; '.join(map(said, finding.flags))}"] if finding.flags else []
        why = "; ".join(told) or "no reason is known, which is a defect of the check"
        yield f"`{mutant.mutant}` on rung {rung}: {plain(why)}"


def _audit(audit: Answer) -> dict[str, Any]:
    return {
        "name": audit.target + (f" against {audit.learner.id}" if audit.learner is not None else ""),
        "verdict": answers.word(audit),
        "lines": answers.lines(audit),
        "details": answers.details(audit),
    }


def _repeat(run: Run) -> list[str]:
    everything = set(run.claims) == set(registry.ids())
    line = "ssmproof verify" + ("" if everything else "".join(f" {id}" for id in run.claims))
    environment = run.environment
    line += f" --profile {environment['profile']}" if environment.get("profile", "quick") != "quick" else ""
    line += f" --seed {environment['seed']}" if environment.get("seed") is not None else ""
    bad = [(e.claim, e.rung) for e in run.evidence if e.verdict in (Verdict.REFUTED, Verdict.UNDECIDED)]
    bad += [(m.claim, r) for m in run.mutants if m.outcome is Outcome.SURVIVED for r in m.findings]
    return [line, *(words.repeat_command(c, r, environment) for c, r in dict.fromkeys(bad))]
