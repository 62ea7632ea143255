"""Evidence of earlier runs: taken only where nothing it rests on is another, and only what was decided."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from proofs import registry
from proofs.evidence import Rung, Settings
from proofs.verify import run as verify
from proofs.verify.fingerprints import fingerprints
from proofs.verify.kept import Kept

pytestmark = pytest.mark.usefixtures("toys")
SEEDED = Settings(seed=1)


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[str]]:
    """The units that were run, as they are run; the cache is a folder of this test's."""
    monkeypatch.setenv("SSMPROOF_EVIDENCE_CACHE", str(tmp_path))
    found: list[str] = []
    right = verify.run_unit

    def noting(claim: str, rung: str, mutant: str | None, settings: Settings) -> Any:
        found.append(f"{claim} {rung} {mutant}")
        return right(claim, rung, mutant, settings)

    monkeypatch.setattr(verify, "run_unit", noting)
    yield found


def run(*names: str, settings: Settings = SEEDED, rungs: Any = None) -> verify.Run:
    return verify.verify([f"toy.{n}" for n in names], rungs, settings, kept=Kept(settings, "cpu"))


def test_a_second_run_runs_nothing_and_says_the_same(ran: list[str]) -> None:
    first = run("holds")
    assert ran
    ran.clear()
    assert json.dumps(run("holds").to_json()) == json.dumps(first.to_json()) and not ran


def test_without_it_everything_runs(ran: list[str]) -> None:
    run("holds")
    ran.clear()
    verify.verify(["toy.holds"], None, SEEDED)
    assert ran


@pytest.mark.parametrize(
    "other", [Settings(seed=2), Settings(), replace(SEEDED, profile="full"), replace(SEEDED, verdict_only=True)]
)
def test_other_settings_are_another_run(ran: list[str], other: Settings) -> None:
    run("holds")
    before = list(ran)
    ran.clear()
    run("holds", settings=other)
    assert ran == before


def test_only_what_was_decided_is_kept(ran: list[str]) -> None:
    """What was refuted or has survived is so again; what was undecided or not run is looked at again, but blind pairs."""
    names = ("false", "open", "survivor", "raising", "optional")
    first = run(*names)
    units = {f"{e.claim} {e.rung.value} None": e.verdict for e in first.evidence}
    units |= {f"{m.claim} {r.value} {m.mutant}": f.verdict for m in first.mutants for r, f in m.findings.items()}
    assert set(ran) == set(units)
    ran.clear()
    assert run(*names).to_json()["mutants"] == first.to_json()["mutants"] and first.status == 1
    assert set(ran) == {unit for unit, verdict in units.items() if verdict in ("undecided", "not run")} != set()


@pytest.mark.parametrize("part", ["statement", "sides", "engines"])
def test_what_it_rests_on(ran: list[str], part: str) -> None:
    run("holds")
    claim = registry.claim("toy.holds")
    marks, kept = fingerprints(claim), Kept(SEEDED, "cpu")
    assert kept.known(claim, marks)
    assert not kept.known(claim, replace(marks, **{part: "another"}))
    assert not Kept(SEEDED, "cuda (some card)").known(claim, marks)


def test_rungs_run_apart_are_kept_together(ran: list[str]) -> None:
    rungs = registry.claim("toy.holds").rungs
    for rung in rungs:
        run("holds", rungs=[rung])
    ran.clear()
    run("holds")
    assert len(rungs) > 1 and Rung.EXACT in rungs and not ran


def test_a_damaged_file_and_a_folder_that_is_none_are_nothing(
    ran: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("holds")
    claim = registry.claim("toy.holds")
    (tmp_path / "toy.holds.json").write_text("{")
    assert not Kept(SEEDED, "cpu").known(claim, fingerprints(claim))
    for place in (str(tmp_path / "toy.holds.json"), "off"):
        monkeypatch.setenv("SSMPROOF_EVIDENCE_CACHE", place)
        ran.clear()
        assert run("holds").status == 0 and ran
