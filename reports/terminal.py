"""What a person reads on a terminal: tables, progress, one claim in full.

Main definitions: `Screen`, `watching`, `show_run`, `show_claims`, `show_systems`, `show_graph`, `show_claim`,
`show_sights`, `show_bench`.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from numeric.finding import Told, Verdict
from proofs.bench.claims import Bench
from proofs.claim import Claim
from proofs.evidence import Evidence, MutantEvidence, Outcome, Rung
from proofs.verify.graph import Graph, is_construction
from proofs.verify.run import Run
from proofs.verify.systems import SystemRow
from reports import words
from reports.files import hush
from reports.said import pasted, said

_WIDE = 160
"""Columns where there is no terminal: a log should not be cut at 80."""

_STYLES = {"confirmed": "green", "refuted": "bold red", "undecided": "yellow", "not run": "dim", "survived": "bold red"}


@dataclass(frozen=True)
class Screen:
    """Where answers (out) and everything else (err) go. rich leaves colours out where NO_COLOR is set."""

    out: Console
    err: Console

    def say(self, text: str = "", style: str = "") -> None:
        """One line of the answer, printed as it is and never wrapped."""
        self.out.print(Text(text, style=style), soft_wrap=True)

    def tell(self, text: str) -> None:
        """One line beside the answer."""
        self.err.print(Text(text), soft_wrap=True)


def screen(answers_on_stderr: bool = False) -> Screen:
    """The process's own screen; with JSON on standard output, the words for people move to standard error."""
    err = _console(stderr=True)
    return Screen(err if answers_on_stderr else _console(stderr=False), err)


class _Console(Console):
    """rich's, but a reader that has gone does not become the exit status."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        hush(self.file)


def _console(stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    return _Console(stderr=stderr, width=None if stream.isatty() else _WIDE, highlight=False)


@contextmanager
def watching(err: Console) -> Iterator[Callable[[int, int, object, object], None]]:
    """A progress callback (done, total, what, verdict): a bar on a terminal, one plain line a unit elsewhere."""
    if not err.is_terminal:

        def line(done: int, total: int, unit: object, verdict: object) -> None:
            err.print(Text(f"[{done}/{total}] {unit}: {verdict}"), soft_wrap=True)

        yield line
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
    with Bar(*columns, console=err, transient=True) as bar:
        task = bar.add_task("", total=None)

        def move(done: int, total: int, unit: object, verdict: object) -> None:
            bar.update(task, completed=done, total=total, description=f"{unit}: {verdict}")

        yield move


@contextmanager
def working(err: Console, text: str) -> Iterator[None]:
    """On a terminal, what is being done and for how long; nothing elsewhere."""
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal, refresh_per_second=2) as bar:
        bar.add_task(text, total=None)
        yield


@contextmanager
def only_answers() -> Iterator[None]:
    """What anybody's code writes to standard output below Python, as a library in C does, goes to standard error."""
    sys.stdout.flush()
    try:
        kept = os.dup(1)
    except OSError:  # there is none
        yield
        return
    try:
        os.dup2(2, 1)
        yield
    finally:
        ctypes.CDLL(None).fflush(None)  # what C's own buffer still holds
        os.dup2(kept, 1)
        os.close(kept)


def show_run(to: Screen, run: Run) -> None:
    """Claims by rung, then everything that is not plainly confirmed, then the counts and the seed."""
    rungs = [r for r in Rung if any(e.rung is r for e in run.evidence)]
    rows = [
        [
            Text(id),
            *(_cell(next((e for e in run.of(id) if e.rung is r), None)) for r in rungs),
            Text(words.settled_on(run.settled(id)) or "no"),
        ]
        for id in run.claims
    ]
    to.out.print(_table(["claim", *rungs, "settled on"], rows))
    for evidence in run.evidence:
        if evidence.verdict in (Verdict.REFUTED, Verdict.UNDECIDED):
            _problem(to, run, evidence)
    for line in _not_run(run.evidence):
        to.say(line)
    for mutant in run.mutants:
        _mutant_problem(to, run, mutant)
    for line in words.unmet(run):
        to.say(line, _STYLES["survived"])
    to.say(f"mutants: {words.mutant_summary(run.mutants)}")
    to.say(words.settled_summary(run))
    to.say(f"seed: {words.seed_words(run.environment)}; profile: {run.environment.get('profile')}")
    if run.note:
        to.say(f"partial: {run.note}", "yellow")


def show_claims(to: Screen, claims: Sequence[Claim]) -> None:
    """The registry as a table."""
    rows = [[Text(t) for t in (c.id, c.kind.value, c.title, ", ".join(c.rungs), c.source)] for c in claims]
    to.out.print(_table(["claim", "kind", "title", "rungs", "source"], rows))


def show_systems(to: Screen, rows: Sequence[SystemRow]) -> None:
    """What each system computes in context; with a run, on which rung that is settled and with what figures."""
    settled = any(row.evidence for row in rows)
    head = ["system", "what it computes in context", "claim", *(["settled on", "figures"] if settled else [])]
    cells = []
    for row in rows:
        own = [row.system.name, row.system.computes, row.claim]
        own += [words.settled_on(row.settled) or "no rung", words.settled_figures(row)] if settled else []
        cells.append([Text(t) for t in own])
    to.out.print(_table(head, cells))


def show_graph(to: Screen, graph: Graph, language: str) -> None:
    """Which claim rests on what, as lines or in a language that draws it."""
    if language != "text":
        to.say(graph.dot() if language == "dot" else graph.mermaid())
        return
    for node in sorted(graph.nodes, key=is_construction):
        if not is_construction(node) or graph.under(node):
            to.say(f"{node} <- {', '.join(graph.under(node)) or 'nothing'}")


def show_claim(to: Screen, claim: Claim, run: Run, parameters: str, graph: Graph) -> None:
    """One claim in full: words first, then what was found. Mathematics stays as it was written."""
    to.say(f"{claim.id}: {claim.title}", "bold")
    to.say(f"{claim.kind.value}; source: {claim.source}")
    for label, nodes in (("rests on", graph.under(claim.id)), ("used by", graph.over(claim.id))):
        if nodes:
            to.say(f"{label}: {', '.join(nodes)}")
    parts = [
        ("Statement", claim.statement),
        ("Assumptions", "\n".join(f"- {a}" for a in claim.assumptions)),
        ("Departures from the source", "\n".join(f"- {d}" for d in claim.departures)),
        ("Systems", "\n".join(f"- {s.name}: {s.computes}" for s in claim.systems)),
        ("Derivation", claim.derivation),
        ("Solved parameters", parameters),
        ("Figures", "\n".join(f"{f.name}: {' '.join(f.caption.split())}" for f in claim.figures)),
    ]
    for name, text in parts:
        if text:
            to.say(f"\n{name}", "bold")
            to.say(text.strip())
    to.say("\nEvidence", "bold")
    for evidence in run.of(claim.id):
        groups = words.grouped(evidence.finding)
        own = _figures(groups.pop(""))
        to.say(f"{evidence.rung}: {evidence.verdict}" + (f" ({own})" if own else ""))
        for name, figures in groups.items():
            to.say(f"  {name}: {_figures(figures)}")
        if words.covered(evidence):
            to.say(f"  covers in part: {words.covered(evidence)}")
        for tie in words.ties(evidence.finding):
            to.say(f"  tied to {tie}")
        for label, items in (("trusts", evidence.finding.trust), ("flags", evidence.finding.flags)):
            if items:
                to.say(f"  {label}: {'; '.join(map(said, items))}")
        _details(to, evidence.finding.reason, evidence)
    to.say("\nMutants", "bold")
    for mutant in (m for m in run.mutants if m.claim == claim.id):
        to.say(f"{mutant.mutant}: {mutant.outcome} - {mutant.description}")
        for rung, finding in mutant.findings.items():
            why = f": {said(finding.reason)}" if rung in mutant.refused else ""
            why += f", blind: {mutant.blind[rung]}" if rung in mutant.blind else ""
            to.say(f"  {rung}: {words.met(mutant, rung)}{why}")
    to.say(f"\n{words.settled_summary(run)}; seed: {words.seed_words(run.environment)}")


def show_sights(to: Screen, bench: Bench) -> None:
    """What no rung, and what some rung of each claim does not see of the code; then the counts by rung."""
    for seen in bench.claims:
        partly = {r: seen.unseen(r) for r in seen.sights if seen.unseen(r)}
        if partly or seen.silent or seen.unmeasured:
            to.say(seen.claim, "bold")
        for rung, places in partly.items():
            to.say(f"  {rung} does not see {', '.join(map(str, places))}")
        if seen.silent:
            to.say(f"  run, and seen by no rung: {', '.join(map(str, seen.silent))}")
        for rung in seen.unmeasured:
            to.say(f"  {rung}: not measured, since it does not confirm the claim", _STYLES["undecided"])
    to.say(f"{words.counted(len(bench.claims), 'claim')}; " + "; ".join(words.unseen_summary(bench)))


def show_bench(to: Screen, rows: Sequence[Any]) -> None:
    """Benchmark rows: CPU seconds, the naive baseline beside them, and the limit each has to keep."""
    cells = [
        [
            Text(row.name),
            Text(f"{row.cpu_seconds:.3g}"),
            Text("" if row.baseline_seconds is None else f"{row.baseline_seconds:.3g}"),
            Text("" if row.ratio is None else f"{row.ratio:.3g}"),
            Text("" if row.limit is None else f"{row.limit:.3g}"),
            Text("passed" if row.passed else "FAILED", style="green" if row.passed else "bold red"),
            Text(_figures(row.figures)),
        ]
        for row in rows
    ]
    to.out.print(_table(["measurement", "CPU s", "baseline CPU s", "ratio", "limit", "", "figures"], cells))


def _figures(figures: Mapping[str, Any]) -> str:
    return "; ".join(words.figure(n, v) for n, v in figures.items())


def _cell(evidence: Evidence | None) -> Text:
    if evidence is None:
        return Text("-", style="dim")
    verdict = evidence.verdict.value
    cell = Text(verdict, style=_STYLES[verdict])
    quoted = words.key_figure(evidence.finding) if evidence.verdict is Verdict.CONFIRMED else ""
    return cell.append(f"\n{quoted}", style="dim") if quoted else cell


def _table(head: Sequence[str], rows: Iterable[Sequence[Text]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for k, name in enumerate(head):
        table.add_column(Text(name), no_wrap=k == 0, overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def _problem(to: Screen, run: Run, evidence: Evidence) -> None:
    to.say(f"{evidence.claim} {evidence.rung}: {evidence.verdict}", _STYLES[evidence.verdict.value])
    _details(to, evidence.finding.reason, evidence)
    to.say(f"  repeat: {words.repeat_command(evidence.claim, evidence.rung, run.environment)}")


def _details(to: Screen, reason: Told, evidence: Evidence) -> None:
    if reason:
        to.say(f"  {said(reason)}")
    for line in pasted(evidence.counterexample) if evidence.counterexample else ():
        to.say(f"    {line}")


def _not_run(evidence: Sequence[Evidence]) -> Iterator[str]:
    """One line a reason, for a missing tool is missing for every claim."""
    left = [e for e in evidence if e.verdict is Verdict.NOT_RUN]
    for rung, reason in dict.fromkeys((e.rung, e.finding.reason) for e in left):
        count = sum((e.rung, e.finding.reason) == (rung, reason) for e in left)
        yield f"{rung} not run for {words.counted(count, 'claim')}: {said(reason)}"


def _mutant_problem(to: Screen, run: Run, mutant: MutantEvidence) -> None:
    """A mutant that was not simply refuted: survivors with the way to repeat, the others with their reason."""
    if mutant.outcome in (Outcome.REFUTED, Outcome.NOT_RUN):
        return
    survived = mutant.outcome is Outcome.SURVIVED
    to.say(f"{mutant.claim}, mutant {mutant.mutant}: {mutant.outcome}", _STYLES["survived"] if survived else "yellow")
    for rung, finding in mutant.findings.items():
        why = [mutant.blind.get(rung, ""), finding.reason, *finding.flags]
        to.say(f"  {rung}: {words.met(mutant, rung)}" + "".join(f"; {w}" for w in dict.fromkeys(map(said, why)) if w))
        if survived:
            to.say(f"  repeat: {words.repeat_command(mutant.claim, rung, run.environment)}")
