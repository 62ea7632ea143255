"""Plan the independent units of work, run them, and keep what was found.

Main definitions: `Unit`, `plan`, `verify`, `Run`.
A unit is one claim (or one of its mutants) on one rung. Workers find the claim by its id, and answer in plain data,
so only names and results travel, and one process gives the same answer as many.
"""

from __future__ import annotations

import dataclasses
import hashlib
import platform
import time
import traceback
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import accumulate, chain, groupby
from pathlib import Path
from typing import Any

import proofs
from numeric.finding import Finding, Verdict, frozen
from numeric.tape.uncollected import seldom
from proofs import registry
from proofs.claim import Claim
from proofs.evidence import Evidence, Fingerprints, Grade, MutantEvidence, Outcome, Rung, Settings, Settled
from proofs.mistake import UserMistake
from proofs.shown import words
from proofs.verify import sight
from proofs.verify.cluster import client_here, spread_over
from proofs.verify.findings import CheckRaised, Interrupted, WorkerFailed
from proofs.verify.fingerprints import at_one_moment, fingerprints, version
from proofs.verify.kept import Answer, Kept
from proofs.verify.records import evidence_from_json, finding_from_json, finding_to_json, mutant_from_json, plain

SCHEMA = 2
_FEW = 4
"""With fewer claims a process than so many, units are handed out one by one: else one would wait for another at the end."""


class NothingToRun(UserMistake, ValueError):
    """No claim has a check on the rungs asked for; the message lists the rungs there are."""


@dataclass(frozen=True)
class Unit:
    """One piece of work that needs no other: a claim, or the mutant of it called `mutant`, on one rung."""

    claim: str
    rung: Rung
    mutant: str | None = None

    def settings(self, settings: Settings) -> Settings:
        """`settings` with this unit's own seed, derived from the run's seed, the claim and the rung.

        A mutant has the seed of its claim: it has to fall to the very points at which the claim stood.
        """
        if settings.seed is None:
            return settings
        digest = hashlib.sha256(f"{settings.seed}/{self.claim}/{self.rung.value}".encode()).digest()
        return dataclasses.replace(settings, seed=int.from_bytes(digest[:8], "big") >> 1)

    def __str__(self) -> str:
        return f"{self.claim} {self.rung.value}" + (f", mutant {self.mutant}" if self.mutant else "")


@dataclass(frozen=True)
class Look:
    """Another piece of work: measuring what the checks of a claim see of its code, where that is not known already."""

    claim: str

    def __str__(self) -> str:
        return f"{self.claim}, what its rungs see"


Progress = Callable[[int, int, Unit | Look, object], None]
"""Called after each piece of work with the number done, the number planned, the piece and what came of it."""


@dataclass(frozen=True)
class Run:
    """What one run found, sorted by claim, rung and mutant. `environment` says where and how."""

    evidence: tuple[Evidence, ...]
    mutants: tuple[MutantEvidence, ...]
    environment: Mapping[str, Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "environment", frozen(self.environment))

    @property
    def note(self) -> str:
        """Why the run is partial; empty for a whole one."""
        return str(self.environment.get("note", ""))

    @property
    def claims(self) -> tuple[str, ...]:
        """Ids of the claims it speaks about, sorted."""
        return tuple(sorted({e.claim for e in self.evidence} | {m.claim for m in self.mutants}))

    def of(self, claim: str) -> tuple[Evidence, ...]:
        """The evidence for one claim, weakest rung first."""
        return tuple(e for e in self.evidence if e.claim == claim)

    def settled(self, claim: str) -> Settled:
        """What a claim is settled on: the strongest evidence for all of it, and what is stronger for a part."""
        return Settled.of(self.of(claim))

    @property
    def grades(self) -> Mapping[Grade, int]:
        """How many claims are settled how far."""
        found = Counter(self.settled(id).grade for id in self.claims)
        return {grade: found[grade] for grade in Grade}

    @property
    def unmet(self) -> tuple[tuple[str, Rung], ...]:
        """Claims and rungs whose mutants only had their code refused there: nothing shows that the check can fail."""
        met: dict[tuple[str, Rung], bool] = {}
        for mutant in self.mutants:
            for rung, finding in mutant.findings.items():
                if finding.verdict is Verdict.REFUTED:
                    met[mutant.claim, rung] = met.get((mutant.claim, rung), False) or finding.refused is None
        return tuple(place for place, seen in met.items() if not seen)

    @property
    def status(self) -> int:
        """Exit status: 0 all confirmed, 1 something refuted, a mutant survived or had its code refused alone, 3 undecided.

        A rung may be left out (not run) where another confirms; a claim with no confirmed rung is undecided, and
        so is a run that was cut short.
        """
        if any(e.verdict is Verdict.REFUTED for e in self.evidence):
            return 1
        if any(m.outcome is Outcome.SURVIVED for m in self.mutants) or (self.unmet and not self.note):
            return 1
        undecided = any(e.verdict is Verdict.UNDECIDED for e in self.evidence)
        open_ = any(not self.settled(id) for id in self.claims)
        return 3 if undecided or open_ or self.note or not self.evidence else 0

    def to_json(self) -> dict[str, Any]:
        """The object written by `ssmproof verify --json`: plain data only, the keys in a fixed order."""
        return {
            "schema": SCHEMA,
            "environment": plain(self.environment),
            "settled": {grade.value: count for grade, count in self.grades.items()},
            "evidence": [plain(e.to_json()) for e in self.evidence],
            "mutants": [plain(m.to_json()) for m in self.mutants],
        }

    @staticmethod
    def from_json(data: Any) -> Run:
        """The run that `to_json` wrote. Raises ValueError that says what is wrong with `data`."""
        if not isinstance(data, Mapping) or data.get("schema") != SCHEMA:
            found = data.get("schema") if isinstance(data, Mapping) else type(data).__name__
            raise ValueError(f"not a run of this version: schema is {found!r}, expected {SCHEMA}")
        try:
            return Run(
                evidence=tuple(evidence_from_json(row) for row in data["evidence"]),
                mutants=tuple(mutant_from_json(row) for row in data["mutants"]),
                environment=dict(data["environment"]),
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"a row of the run is damaged: {type(error).__name__}: {error}") from error

    def _repr_markdown_(self) -> str:
        rungs = [r for r in Rung if any(e.rung is r for e in self.evidence)]
        rows = ["| claim | " + " | ".join(rungs) + " | settled |", "|---" * (len(rungs) + 2) + "|"]
        for id in self.claims:
            verdicts = {e.rung: e.verdict.value for e in self.of(id)}
            cells = [verdicts.get(r, "") for r in rungs]
            rows.append(f"| {id} | " + " | ".join(cells) + f" | {self.settled(id).grade or 'no'} |")
        survived = [f"{m.claim}: {m.mutant}" for m in self.mutants if m.outcome is Outcome.SURVIVED]
        tail = f"survived: {', '.join(survived)}" if survived else "none survived"
        return "\n".join(rows) + f"\n\n{len(self.mutants)} mutants, {tail}." + (f" {self.note}." if self.note else "")


def plan(claims: Iterable[Claim], rungs: Sequence[Rung] | None = None) -> tuple[Unit, ...]:
    """Every unit of `claims` on `rungs` (None: all), in the order of the results."""
    units = []
    for claim in sorted(claims, key=lambda c: c.id):
        wanted = [r for r in claim.rungs if rungs is None or r in rungs]
        units += [Unit(claim.id, rung) for rung in wanted]
        units += [Unit(claim.id, r, m.id) for m in claim.mutants for r in wanted if r in m.checks]
    return tuple(units)


def verify(
    patterns: Iterable[str] = (),
    rungs: Iterable[Rung | str] | None = None,
    settings: Settings | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
    kept: Kept | None = None,
) -> Run:
    """Look for the evidence of the claims whose id matches `patterns`, and try to refute their mutants.

    An exception inside a check becomes "undecided" with the reason; an interrupt returns what was found so far, with
    a note. kept: evidence of earlier runs, taken where nothing it rests on has changed; None: everything is run. With
    `jobs` > 1 units go through joblib; inside `joblib.parallel_config(backend=...)` they use that backend, and inside
    `proofs.verify.cluster.workers(address)` the workers of a Dask cluster.
    Raises UnknownClaim, NothingToRun, and ValueError for a wrong rung or number of jobs.
    """
    settings = settings or Settings()
    if isinstance(jobs, bool) or not isinstance(jobs, int) or jobs < 1:
        raise ValueError(f"jobs is {jobs!r}; expected a whole number of processes, 1 or more")
    chosen = None if rungs is None else [_rung(r) for r in rungs]
    claims = registry.select(patterns)
    units = plan(claims, chosen)
    if not units:
        there = sorted({r for c in claims for r in c.rungs}, key=lambda r: r.strength)
        raise NothingToRun(
            f"no claim chosen has a check on {', '.join(chosen or [])}; rungs there are: {', '.join(there) or 'none'}"
        )
    with at_one_moment():
        marks = {c.id: fingerprints(c) for c in claims}
        looks = {c.id: sight.known(c) for c in claims if not sight.by_itself(c)}
    open_ = [Look(id) for id, known in looks.items() if known is None]
    rows = _taken(claims, units, marks, kept)
    left = [unit for unit in units if unit not in rows]
    total, note = len(left) + len(open_), ""
    answers = {unit: (finding_from_json(row), seconds) for unit, (row, seconds) in rows.items()}
    try:
        with closing(_answers(left, settings, jobs)) as found:
            for done, (unit, row, seconds) in enumerate(found, start=1):
                finding = finding_from_json(row)
                answers[unit], rows[unit] = (finding, seconds), (row, seconds)
                if progress is not None:
                    progress(done, total, unit, finding.verdict)
        with closing(spread(look, [(o.claim,) for o in open_], jobs)) as seen:
            for done, (k, row) in enumerate(seen, start=len(left) + 1):
                looks[open_[k].claim] = row
                if progress is not None:
                    progress(done, total, open_[k], "measured")
    except KeyboardInterrupt:
        note = words(Interrupted(len(answers), len(units)))
    except _WorkersFailed as failed:
        for unit in (u for u in units if u not in answers):
            # a mutant that nobody looked at has not survived
            verdict = Verdict.NOT_RUN if unit.mutant else Verdict.UNDECIDED
            answers[unit] = (Finding(verdict, reason=WorkerFailed(str(failed))), 0.0)
    if kept is not None and left:
        for claim in claims:
            own = {(u.rung, u.mutant): row for u, row in rows.items() if u.claim == claim.id}
            kept.keep(claim, marks[claim.id], own)
    with at_one_moment():
        unseen = {(c.id, r): not_seen for c in claims for r, not_seen in sight.labels(c, looks.get(c.id)).items()}
    return _assemble(claims, units, answers, marks, unseen, environment(settings, note))


def _taken(
    claims: Sequence[Claim], units: Sequence[Unit], marks: Mapping[str, Fingerprints], kept: Kept | None
) -> dict[Unit, Answer]:
    """What earlier runs found of these units."""
    if kept is None:
        return {}
    known = {claim.id: kept.known(claim, marks[claim.id]) for claim in claims}
    found = {u: known[u.claim][u.rung, u.mutant] for u in units if (u.rung, u.mutant) in known[u.claim]}
    kept.used = len(found)
    return found


def environment(settings: Settings, note: str = "") -> dict[str, Any]:
    """Versions, platform and settings, in a fixed order; read from package metadata, so nothing heavy is imported."""
    versions = {"python": platform.python_version()}
    versions |= {name: version(name) or "not installed" for name in ("torch", "sympy", "numpy", "scipy")}
    versions["flint"] = version("python-flint") or "not installed"
    return (
        versions
        | {
            "platform": f"{platform.system()} {platform.machine()}",
            "device": _device(settings.device),
            "profile": settings.profile,
            "seed": settings.seed,
            "dtype": "float64, float32",
        }
        | ({"note": note} if note else {})
    )


def _device(asked: str) -> str:
    if asked == "cpu":
        return asked
    import torch  # only here: naming the card needs the driver

    name = torch.cuda.get_device_name() if torch.cuda.is_available() else "no CUDA device here"
    return f"{asked} ({name})"


def run_unit(claim: str, rung: str, mutant: str | None, settings: Settings) -> tuple[dict[str, Any], float]:
    """One unit's finding as plain data, and the CPU seconds it took. Runs in a worker; never raises an Exception."""
    start = time.process_time()
    try:
        found = registry.claim(claim)
        if mutant is None:
            finding = found.checks[Rung(rung)](settings)
        else:
            from numeric.deciding import programs

            with programs.lightly():
                finding = next(m.checks for m in found.mutants if m.id == mutant)[Rung(rung)](settings)
        if not isinstance(finding, Finding):
            raise TypeError(f"the check returned {type(finding).__name__}, expected Finding")
    except (Exception, SystemExit) as error:
        finding = Finding(Verdict.UNDECIDED, reason=CheckRaised(_said(error), _where(error)))
    return finding_to_json(finding), time.process_time() - start


class _WorkersFailed(Exception):
    """A worker process died (of memory, mostly) and took the pool along."""


def _answers(
    units: Sequence[Unit], settings: Settings, jobs: int
) -> Generator[tuple[Unit, dict[str, Any], float], None, None]:
    work = [[(u.claim, u.rung.value, u.mutant, u.settings(settings)) for u in batch] for batch in _batches(units, jobs)]
    starts = [0, *accumulate(map(len, work))]
    if jobs == 1 and client_here() is None:  # one after the other, so that each is heard of when it is done
        for unit, arguments in zip(units, chain(*work), strict=True):
            yield (unit, *run_unit(*arguments))
        return
    with closing(spread(_run_units, [(batch,) for batch in work], jobs)) as results:
        for k, answers in results:
            for unit, answer in zip(units[starts[k] :], answers, strict=False):
                yield (unit, *answer)


def _batches(units: Sequence[Unit], jobs: int) -> list[list[Unit]]:
    """What one process does in one go: all of a claim, whose checks share recordings; each unit alone where there are few
    claims."""
    batches = [list(own) for _, own in groupby(units, key=lambda u: u.claim)]
    return batches if len(batches) >= _FEW * jobs else [[unit] for unit in units]


def _run_units(work: Sequence[tuple[str, str, str | None, Settings]]) -> list[tuple[dict[str, Any], float]]:
    seldom()
    return [run_unit(*arguments) for arguments in work]


def spread(
    function: Callable[..., Any], work: Sequence[tuple[Any, ...]], jobs: int
) -> Generator[tuple[int, Any], None, None]:
    """The function's answers for each piece of work, with its number; in any order, if there are several jobs."""
    client = client_here()
    if client is not None:
        results = spread_over(client, function, work)
    elif jobs == 1 or len(work) <= 1:
        for k, arguments in enumerate(work):
            yield k, function(*arguments)
        return
    else:
        from joblib import Parallel, delayed  # a quarter of a second that one job need not pay

        calls = (delayed(_numbered)(k, function, *arguments) for k, arguments in enumerate(work))
        results = Parallel(n_jobs=jobs, return_as="generator_unordered")(calls)
    try:
        yield from results
    except Exception as error:
        raise _WorkersFailed(_said(error).partition(". ")[0]) from error
    finally:
        results.close()  # stops the workers when this loop is left early


def _numbered(k: int, function: Callable[..., Any], *arguments: Any) -> tuple[int, Any]:
    return k, function(*arguments)


def look(claim: str, fresh: bool = False) -> dict[Rung, sight.Sight]:
    """What the checks of the claim with this id see. Runs in a worker."""
    return sight.look(registry.claim(claim), fresh)


def _assemble(
    claims: Sequence[Claim],
    units: Sequence[Unit],
    answers: Mapping[Unit, tuple[Finding, float]],
    marks: Mapping[str, Fingerprints],
    unseen: Mapping[tuple[str, Rung], tuple[str, ...] | None],
    surroundings: Mapping[str, Any],
) -> Run:
    """Sort the answers into evidence and mutants: by the plan's order, whatever the order they came in."""
    evidence = [
        Evidence(u.claim, u.rung, *answers[u], marks[u.claim], unseen.get((u.claim, u.rung)))
        for u in units
        if u.mutant is None and u in answers
    ]
    mutants = []
    for claim in claims:
        for mutant in claim.mutants:
            own = [u for u in units if u.claim == claim.id and u.mutant == mutant.id and u in answers]
            if own:
                mutants.append(
                    MutantEvidence(
                        claim=claim.id,
                        mutant=mutant.id,
                        description=mutant.description,
                        findings={u.rung: answers[u][0] for u in own},
                        blind={u.rung: mutant.blind[u.rung] for u in own if u.rung in mutant.blind},
                        seconds=sum(answers[u][1] for u in own),
                    )
                )
    return Run(tuple(evidence), tuple(mutants), surroundings)


def _rung(name: Rung | str) -> Rung:
    try:
        return Rung(name)
    except ValueError:
        raise ValueError(f"rung is {str(name)!r}; expected one of {', '.join(Rung)}") from None


def _said(error: BaseException) -> str:
    message = " ".join(str(error).split())
    return type(error).__name__ + (f": {message}" if message else "")


def _where(error: BaseException) -> tuple[str, int, str] | None:
    """The innermost place in this project, named without the machine's folders."""
    home = Path(proofs.__file__).resolve().parent.parent
    frames = traceback.extract_tb(error.__traceback__)[1:]  # the first one is run_unit's own call
    for frame in reversed(frames):
        path = Path(frame.filename)
        if path.is_relative_to(home) and ".venv" not in path.parts:
            return path.relative_to(home).as_posix(), frame.lineno or 0, frame.name
    return (Path(frames[-1].filename).name, frames[-1].lineno or 0, frames[-1].name) if frames else None
