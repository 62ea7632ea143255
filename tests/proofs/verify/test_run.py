"""Planning, running and keeping: proofs/verify/run.py and proofs/verify/records.py, on toy claims."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numeric.finding import Counterexample, Finding, Refusal, Verdict
from proofs import registry
from proofs.claim import Mutant
from proofs.evidence import Outcome, Rung, Settings
from proofs.verify.records import finding_from_json, finding_to_json, plain
from proofs.verify.run import NothingToRun, Run, Unit, _batches, environment, plan, verify
from reports import words as reported
from reports.said import pasted, said

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.usefixtures("toys")


def the_run(*names: str, **options: object) -> Run:
    return verify([f"toy.{n}" for n in names], **options)  # type: ignore[arg-type]


def without_times(run: Run) -> str:
    data = run.to_json()
    for row in data["evidence"] + data["mutants"]:
        row["seconds"] = 0
    return json.dumps(data)


@pytest.mark.parametrize(
    ("names", "status", "rung", "grade"),
    [
        (["holds"], 0, "universal", "for all sizes"),
        (["false"], 1, None, None),
        (["open"], 3, "exact", "at listed sizes"),
        (["optional"], 0, "exact", "at listed sizes"),
        (["absent"], 3, None, None),
        (["survivor"], 1, "exact", "at listed sizes"),
        (["raising"], 3, "sampled", "measured"),
        (["holds", "open", "false"], 1, "universal", "for all sizes"),
    ],
)
def test_status_and_what_is_settled(names: list[str], status: int, rung: str | None, grade: str | None) -> None:
    run = the_run(*names)
    assert run.status == status
    settled = run.settled(f"toy.{names[0]}")
    assert (settled.rung, settled.grade) == (rung, grade) and not settled.parts


def test_a_refuted_claim_is_not_settled_by_another_rung() -> None:
    run = the_run("false")
    assert [(e.rung, e.verdict) for e in run.evidence] == [
        (Rung.SAMPLED, Verdict.CONFIRMED),
        (Rung.EXACT, Verdict.REFUTED),
    ]
    assert not run.settled("toy.false") and sum(run.grades.values()) == 0
    shown = run.evidence[1].counterexample
    assert shown is not None and pasted(shown)[0] == "X = [[1]]"


def test_an_exception_is_undecided_with_its_place() -> None:
    run = the_run("raising")
    (found,) = [e for e in run.evidence if e.verdict is Verdict.UNDECIDED]
    source = (ROOT / "tests/toy_claims/toy/raising.py").read_text("utf-8").splitlines()
    line = next(k for k, text in enumerate(source, 1) if "raise ZeroDivisionError" in text)
    place = f"tests/toy_claims/toy/raising.py:{line} in _broken"
    assert found.finding.reason == f"the check raised ZeroDivisionError: division by zero, at {place}"
    assert [e.rung for e in run.evidence if e.verdict is Verdict.CONFIRMED] == [Rung.SAMPLED]
    assert all(m.outcome is Outcome.REFUTED for m in run.mutants)


def test_a_rung_that_only_refuses_the_code_of_its_mutants_is_unmet(monkeypatch: pytest.MonkeyPatch) -> None:
    claim = registry.claim("toy.holds")
    refused = Finding(Verdict.REFUTED, reason="a branch", refused=Refusal.LINT)
    hidden = Mutant("hidden", "a false one that hides a branch", {Rung.UNIVERSAL: lambda settings: refused})
    seen = Mutant("seen", "another", {Rung.UNIVERSAL: lambda settings: Finding(Verdict.REFUTED, reason="a step")})
    for mutants, unmet, status in (((hidden,), (("toy.holds", Rung.UNIVERSAL),), 1), ((hidden, seen), (), 0)):
        changed = dataclasses.replace(claim, mutants=(*claim.mutants, *mutants))
        monkeypatch.setattr(registry, "claim", lambda id, changed=changed: changed)
        run = Run.from_json(verify(["toy.holds"]).to_json())
        assert (run.unmet, run.status) == (unmet, status)
        assert {m.mutant: m.outcome for m in run.mutants}["hidden"] is Outcome.REFUSED
        assert reported.mutant_summary(run.mutants).endswith(
            "the universal rung saw nothing of 1 (1 refused by the lint)"
        )
        assert bool(reported.unmet(run)) is bool(unmet)


def test_a_check_that_returns_something_else_is_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    claim = registry.claim("toy.holds")
    checks: Any = {**claim.checks, Rung.EXACT: lambda settings: True}
    broken = dataclasses.replace(claim, checks=checks)
    monkeypatch.setattr(registry, "claim", lambda id: broken)
    (found,) = verify(["toy.holds"], rungs=["exact"]).evidence
    assert found.verdict is Verdict.UNDECIDED
    assert found.finding.reason.startswith("the check raised TypeError: the check returned bool, expected Finding")


def test_plan_is_sorted_and_complete() -> None:
    claims = registry.select(["toy.holds", "toy.false"])
    units = plan(reversed(claims))
    assert [str(u) for u in units] == [
        "toy.false sampled",
        "toy.false exact",
        "toy.false exact, mutant wrong_sign",
        "toy.holds sampled",
        "toy.holds exact",
        "toy.holds universal",
        "toy.holds exact, mutant wrong_sign",
        "toy.holds sampled, mutant tiny_shift",
        "toy.holds exact, mutant tiny_shift",
    ]
    assert plan(claims, [Rung.KERNEL]) == ()


def test_chosen_rungs_only() -> None:
    run = verify(["toy.holds"], rungs=["sampled"])
    assert [e.rung for e in run.evidence] == [Rung.SAMPLED]
    (mutant,) = run.mutants
    assert mutant.mutant == "tiny_shift" and mutant.outcome is Outcome.UNDECIDED
    assert run.status == 0  # that rung is blind to it, and says so


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"patterns": ["toy.hols"]}, registry.UnknownClaim, "no claim matches 'toy.hols'; near ids: toy.holds"),
        ({"rungs": ["sampeld"]}, ValueError, "rung is 'sampeld'; expected one of sampled, measured, exact"),
        ({"rungs": ["kernel"]}, NothingToRun, "no claim chosen has a check on kernel; rungs there are: sampled, exact"),
        ({"jobs": 0}, ValueError, "jobs is 0; expected a whole number of processes, 1 or more"),
        ({"jobs": True}, ValueError, "jobs is True"),
        ({"jobs": 1.5}, ValueError, "jobs is 1.5"),
    ],
)
def test_wrong_arguments(options: dict[str, object], error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        verify(**({"patterns": ["toy.holds"]} | options))  # type: ignore[arg-type]
    assert text in str(caught.value)


def test_every_unit_has_its_own_seed_and_a_mutant_that_of_its_claim() -> None:
    run = Settings(seed=5)
    units = [Unit("a.b", Rung.EXACT), Unit("a.b", Rung.SAMPLED), Unit("a.c", Rung.EXACT)]
    seeds = {u.settings(run).seed for u in units}
    assert len(seeds) == 3 and 5 not in seeds
    assert Unit("a.b", Rung.EXACT, "m").settings(run) == units[0].settings(run)
    assert units[0].settings(Settings(seed=6)).seed not in seeds
    assert units[0].settings(Settings()).seed is None


def test_the_same_seed_gives_the_same_run() -> None:
    once, twice = (verify(["toy.*"], settings=Settings(seed=7)) for _ in range(2))
    assert without_times(once) == without_times(twice)


def test_json_round_trip() -> None:
    run = verify(["toy.*"], settings=Settings(seed=3))
    text = json.dumps(run.to_json(), allow_nan=False)
    again = Run.from_json(json.loads(text))
    assert again.to_json() == run.to_json()
    assert again.status == run.status
    assert list(run.to_json()) == ["schema", "environment", "settled", "evidence", "mutants"]
    assert list(run.to_json()["evidence"][0])[:4] == ["claim", "rung", "verdict", "figures"]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ([], "schema is 'list', expected 2"),
        ({"schema": 1}, "schema is 1, expected 2"),
        ({"schema": 2}, "damaged: KeyError: 'evidence'"),
        ({"schema": 2, "evidence": [{"claim": "x"}], "mutants": [], "environment": {}}, "damaged: KeyError"),
        ({"schema": 2, "evidence": [3], "mutants": [], "environment": {}}, "damaged: TypeError"),
    ],
)
def test_a_damaged_run_says_so(data: object, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Run.from_json(data)


def test_environment_has_a_fixed_order_and_no_folders() -> None:
    keys = ["python", "torch", "sympy", "numpy", "scipy", "flint", "platform", "device", "profile", "seed", "dtype"]
    found = environment(Settings(seed=1))
    assert list(found) == keys
    assert str(ROOT) not in json.dumps(found)


def test_progress_counts_every_unit() -> None:
    seen: list[tuple[int, int, str]] = []
    the_run("holds", progress=lambda done, total, unit, verdict: seen.append((done, total, verdict.value)))
    assert [s[0] for s in seen] == [1, 2, 3, 4, 5, 6] and {s[1] for s in seen} == {6}
    assert seen[-1][2] == "refuted"


def test_an_interrupt_keeps_what_was_found() -> None:
    def stop(done: int, *_: object) -> None:
        if done == 4:
            raise KeyboardInterrupt

    run = verify(["toy.false", "toy.holds"], progress=stop)
    assert run.note == "interrupted after 4 of 9 units"
    assert len(run.evidence) == 3 and len(run.mutants) == 1
    assert verify(["toy.holds"], progress=stop).status == 3
    assert Run.from_json(run.to_json()).note == run.note


def test_order_of_answers_does_not_matter() -> None:
    """Threads of joblib answer in any order, through the same door as processes."""
    from joblib import parallel_config

    one = verify(["toy.*"], settings=Settings(seed=3))
    with parallel_config(backend="threading"):
        many = verify(["toy.*"], settings=Settings(seed=3), jobs=3)
    assert without_times(one) == without_times(many)


def test_many_claims_are_handed_out_as_a_whole() -> None:
    """The checks of a claim share recordings, in one process; of few claims all processes take part."""
    units = [Unit(claim, rung) for claim in "abcdefgh" for rung in (Rung.EXACT, Rung.SYMBOLIC)]
    assert _batches(units, 2) == [units[k : k + 2] for k in range(0, 16, 2)]
    assert _batches(units, 3) == _batches(units[:4], 2) + [[unit] for unit in units[4:]]


@pytest.fixture
def site(tmp_path: Path, toys: Path) -> Iterator[dict[str, str]]:
    """An environment in which every new process finds the toy claims."""
    lines = ["import sys", f"sys.path.insert(0, {str(ROOT)!r})", "import proofs"]
    (tmp_path / "sitecustomize.py").write_text("\n".join([*lines, f"proofs.__path__ += [{str(toys.parent)!r}]"]))
    yield os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}


def test_two_processes_give_the_same_run_as_one(site: dict[str, str], tmp_path: Path) -> None:
    code = (
        "import json; from proofs.verify.run import verify; from proofs.evidence import Settings\n"
        "runs = [verify(['toy.*'], settings=Settings(seed=3), jobs=j).to_json() for j in (1, 2)]\n"
        "for r in runs:\n  for row in r['evidence'] + r['mutants']: row['seconds'] = 0\n"
        "print(runs[0] == runs[1], len(runs[1]['evidence']), len(runs[1]['mutants']))"
    )
    done = subprocess.run([sys.executable, "-c", code], env=site, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "True 16 10\n", done.stderr


def test_a_dead_worker_loses_only_what_it_had(monkeypatch: pytest.MonkeyPatch) -> None:
    import joblib

    def dying(work: object) -> Iterator[object]:
        yield 0, [_answer("toy.holds", "sampled")]
        raise RuntimeError("a worker was killed. Much more text")

    monkeypatch.setattr(joblib, "Parallel", lambda **options: dying)
    run = verify(["toy.holds"], jobs=2)
    assert run.evidence[0].verdict is Verdict.CONFIRMED
    assert said(run.evidence[1].finding.reason) == (
        "a worker process failed (RuntimeError: a worker was killed); try --jobs 1"
    )
    assert {m.outcome for m in run.mutants} == {Outcome.NOT_RUN}
    assert run.status == 3


def _answer(claim: str, rung: str) -> tuple[dict[str, object], float]:
    from proofs.verify.run import run_unit

    return run_unit(claim, rung, None, Settings())


def test_notebook_table() -> None:
    text = the_run("holds", "survivor")._repr_markdown_()
    assert "| toy.holds | confirmed | confirmed | confirmed | for all sizes |" in text
    assert "3 mutants, survived: toy.survivor: wrong_sign." in text


def test_plain_values() -> None:
    assert plain({"a": math.inf, "b": np.float64(0.5), "c": np.int64(3), "d": Verdict.REFUTED, "e": (1, {2})}) == {
        "a": "inf",
        "b": 0.5,
        "c": 3,
        "d": "refuted",
        "e": [1, [2]],
    }
    assert type(plain(np.float64(0.5))) is float and type(plain(Verdict.REFUTED)) is str
    assert plain(np.array([1.0, math.nan])) == [1.0, "nan"]
    assert plain(np.bool_(True)) is True


exact = st.fractions().map(str)
findings = st.builds(
    Finding,
    verdict=st.sampled_from(Verdict),
    reason=st.text(min_size=1),
    figures=st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.floats() | st.text()),
    settings=st.dictionaries(st.text(), st.lists(st.integers() | st.dictionaries(st.text(), st.text()))),
    trust=st.lists(st.text()).map(tuple),
    flags=st.lists(st.text()).map(tuple),
    counterexample=st.none()
    | st.builds(
        Counterexample,
        sizes=st.dictionaries(st.text(), st.integers()),
        inputs=st.dictionaries(st.text(), st.lists(exact)),
        left=st.lists(exact),
        right=st.lists(exact),
        left_name=st.just("layer"),
        right_name=st.just("learner"),
        note=st.text(),
    ),
)


@given(findings)
def test_findings_survive_the_way_to_plain_data_and_back(finding: Finding) -> None:
    row = json.loads(json.dumps(finding_to_json(finding), allow_nan=False))
    assert finding_to_json(finding_from_json(row)) == row
