"""The kernel rung: tables, pins, ties, mutants, and what happens without Coq. Tests that need coqc skip without it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from numeric.finding import Verdict
from proofs import registry
from proofs.claim import Claim
from proofs.evidence import Rung, Settings
from proofs.kernel import coq as kernel_coq
from proofs.kernel import lemmas as kernel_lemmas
from proofs.kernel import rung as kernel
from proofs.kernel.findings import Kernel, Rests
from proofs.kernel.lemmas import LEMMAS, PROPERTIES
from proofs.kernel.ties import TIES
from proofs.verify.fingerprints import reached
from reports.said import said

pytestmark = pytest.mark.usefixtures("coq_cache")

needs_coq = pytest.mark.skipif(not shutil.which("coqc"), reason=f"coqc is not installed: {kernel_coq.INSTALL}")
THEMES = {file: text for file, text in kernel_coq.sources().items() if not file.startswith("Executable")}


@pytest.fixture
def fresh() -> Iterator[None]:
    """Nothing remembered in this process, before and after."""
    remembered = (kernel._told_in, kernel._values, kernel_lemmas.pinned_hashes, kernel_coq.versions)
    for function in remembered:
        function.cache_clear()
    yield
    for function in remembered:
        function.cache_clear()


# Without Coq: the tables


@pytest.mark.parametrize("name", LEMMAS)
def test_lemma_is_pinned_and_tied(name: str) -> None:
    lemma = LEMMAS[name]
    assert re.search(rf"^Theorem {name}\b", THEMES[lemma.file], re.MULTILINE)
    assert re.fullmatch("[0-9a-f]{64}", lemma.statement_sha256 or "")
    assert re.fullmatch("[0-9a-f]{64}", lemma.definitions_sha256 or "")
    assert lemma.plain
    assert lemma.ties and set(lemma.ties) <= set(TIES)


def test_every_theorem_is_in_the_table_and_every_tie_is_used() -> None:
    assert set(re.findall(r"^Theorem (\w+)", "\n".join(THEMES.values()), re.MULTILINE)) == set(LEMMAS)
    assert {tie for lemma in LEMMAS.values() for tie in lemma.ties} == set(TIES)


def _lemmas(claim: Claim) -> tuple[str, ...]:
    used = claim.checks[Rung.KERNEL]
    assert isinstance(used, kernel.KernelCheck)
    return used.lemmas


CLAIMS = {c.id: c for c in registry.select() if Rung.KERNEL in c.checks}
ATTACHED = [pytest.param(c, name, id=f"{c.id}-{name}") for c in CLAIMS.values() for name in _lemmas(c)]


@pytest.mark.parametrize(("claim", "name"), ATTACHED)
def test_lemma_of_a_claim_is_tied_to_the_claims_own_construction(claim: Any, name: str) -> None:
    tied = {TIES[tie].python.partition(":")[0] for tie in LEMMAS[name].ties}
    assert tied & set(reached(claim.module)), f"{name} is tied to {tied} only"


def test_no_lemma_is_idle() -> None:
    assert len(CLAIMS) >= 20
    assert [name for name, ids in kernel.backed().items() if not ids] == []
    assert kernel.backed()["one_step"] == ("gd.one_step_start",)


def test_idle_lemma_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert kernel.main(["--claims"]) == 0
    monkeypatch.setattr(registry, "select", lambda: ())
    assert kernel.main(["--claims"]) == 1
    assert "one_step: BACKS NO CLAIM" in capsys.readouterr().out


def test_sources_assume_nothing() -> None:
    for file, text in kernel_coq.sources().items():
        assert not re.search(r"\b(Admitted|admit|Axiom|Parameter|Conjecture|bypass_check|Unset Guard)\b", text), file
        defined = re.findall(r"^\s*(?:Definition|Fixpoint|Record|Theorem|Lemma) (\w+)", text, re.MULTILINE)
        assert len(set(defined)) == len(defined), file


def test_definitions_have_one_name_each() -> None:
    names = [n for text in kernel_coq.sources().values() for n in kernel_coq._DEFINES.findall(text)]
    assert len(set(names)) == len(names)


def test_smallest_package_set_suffices() -> None:
    for file, text in kernel_coq.sources().items():
        required = set(re.findall(r"^From (\S+) Require", text, re.MULTILINE))
        assert required <= {"mathcomp", "Coq", "ssmproof"}, file
        assert "From mathcomp Require Import all_ssreflect all_algebra." in text


def test_mutant_table_applies() -> None:
    texts, table = kernel_coq.sources(), kernel.mutants()
    assert len({mutant.id for mutant in table}) == len(table) >= 20
    for mutant in table:
        assert texts[mutant.file].count(mutant.find) == 1, mutant.id
        assert any(mutant.breaks in kernel._PROVES.findall(text) for text in texts.values()), mutant.id
    assert 3 <= sum(mutant.small for mutant in table) <= 8


def test_files_come_after_what_they_require() -> None:
    texts = kernel_coq.sources()
    order = kernel_coq.below(texts, texts)
    assert sorted(order) == sorted(texts)
    assert order.index("Definitions") < order.index("OneStep") < order.index("SeveralSteps")


# Without Coq: verdicts


def test_not_run_without_coqc(monkeypatch: pytest.MonkeyPatch, fresh: None) -> None:
    monkeypatch.setenv("PATH", "")
    found = kernel.check(["one_step"])["one_step"]
    assert found.verdict is Verdict.NOT_RUN
    assert "coqc is not installed" in said(found.reason) and "apt-get install" in said(found.reason)
    assert kernel.kernel_check("one_step", "gd_closed_form")(Settings()).verdict is Verdict.NOT_RUN
    assert all(c.checks[Rung.KERNEL](Settings()).verdict is Verdict.NOT_RUN for c in CLAIMS.values())
    for arguments in (["one_step"], ["--mutants"], ["--recheck"], ["--pin"]):
        assert kernel.main(arguments) == 2


def test_command_line_without_coqc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told = tmp_path / "told.json"
    run = subprocess.run(
        [sys.executable, "-m", "reports", "verify", "gd.stacked_steps", "--rung", "kernel", "--json", str(told)],
        env={"PATH": ""}, cwd=Path(kernel.__file__).parents[2], capture_output=True, text=True, check=False,
    )  # fmt: skip
    (evidence,) = json.loads(told.read_text("utf-8"))["evidence"]
    assert run.returncode == 3, run.stderr
    assert evidence["verdict"] == "not run" and evidence["reason"].endswith(kernel_coq.INSTALL)
    assert kernel_coq.INSTALL in run.stdout


def test_missing_mathcomp_is_not_run() -> None:
    told = "Error: Cannot find a physical path bound to logical path\nall_ssreflect with prefix mathcomp."
    failure = kernel_coq._failure("Definitions", "", told)
    assert isinstance(failure, kernel_coq.NotAvailable) and "libcoq-mathcomp-algebra" in str(failure)


def test_unknown_lemma() -> None:
    with pytest.raises(KeyError, match="one_stpe"):
        kernel.check(["one_stpe"])
    with pytest.raises(KeyError, match="one_stpe"):
        kernel.kernel_check("one_stpe")
    with pytest.raises(KeyError, match="no lemma named"):
        kernel.kernel_check()


# With Coq


@needs_coq
@pytest.mark.slow  # `.ci/run` checks all of them by `python -m proofs.kernel`
def test_all_lemmas_are_confirmed() -> None:
    for name, found in kernel.check().items():
        assert found.verdict is Verdict.CONFIRMED, f"{name}: {found.reason}"
        assert found.reason == Rests(())
        assert found.figures["axioms"] == 0 and found.figures["numeric ties"] == len(LEMMAS[name].ties)
        assert found.settings["statements"][name].startswith("forall")
        assert any(isinstance(t, Kernel) for t in found.trust)
        json.dumps(dict(found.settings))


@needs_coq
def test_kernel_check_merges_statements() -> None:
    found = kernel.kernel_check("one_step", "gd_closed_form")(Settings())
    assert found.verdict is Verdict.CONFIRMED
    assert set(found.settings["statements"]) == {"one_step", "gd_closed_form"}
    assert "gd_ssm_output N (eta / N%:R) W0 x y xq" in " ".join(found.settings["statements"]["one_step"].split())
    assert found.figures["theorems"] == 2
    assert set(found.settings["assumptions"].values()) == {"Closed under the global context"}
    assert kernel.kernel_check("one_step")(Settings(seed=5)).settings["seed"] == 0
    assert kernel.kernel_check("one_step")(Settings(seed=5, profile="full")).settings["seed"] == 5
    part = kernel.kernel_check("one_step", states="half of it")(Settings())
    assert part.part == "half of it" and not found.part


@needs_coq
@pytest.mark.parametrize("name", LEMMAS)
def test_ties_reach_every_definition_of_a_lemma(name: str) -> None:
    told = kernel._told_in(*kernel._all_theorems()[1])
    assert not isinstance(told, kernel_coq.CompileError)
    covered = {d for tie in LEMMAS[name].ties for d in told[TIES[tie].theorem].definitions}
    assert set(told[name].definitions) - covered - PROPERTIES == set()


@needs_coq
def test_stale_pins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh: None) -> None:
    pins = json.loads(kernel_lemmas.PINS.read_text("utf-8"))
    pins["statements"]["one_step"] = "0" * 64
    pins["definitions"]["gd_closed_form"] = "0" * 64
    del pins["statements"]["delta_rule_step"]
    (tmp_path / "pins.json").write_text(json.dumps(pins), "utf-8")
    monkeypatch.setattr(kernel_lemmas, "PINS", tmp_path / "pins.json")
    found = kernel.check(["one_step", "gd_closed_form", "delta_rule_step", "loss_expansion"])
    assert found["one_step"].verdict is Verdict.UNDECIDED and "stale statement" in said(found["one_step"].reason)
    assert "stale definition" in said(found["gd_closed_form"].reason) and "gd_step" in said(
        found["gd_closed_form"].reason
    )
    assert "not pinned" in said(found["delta_rule_step"].reason)
    assert found["loss_expansion"].verdict is Verdict.CONFIRMED


@needs_coq
def test_axioms_and_changed_definitions_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = kernel_coq.sources()
    texts["Definitions"] = texts["Definitions"].replace(
        ":= W - eta *: gradient W.", ":= let G := gradient W in W - eta *: G."
    )
    proof = "Proof. by rewrite /gd_ssm_output scalemxAl residual_state -mulmxDl. Qed."
    assert proof in texts["OneStep"]
    texts["OneStep"] = texts["OneStep"].replace(proof, "Proof. by case: cheat. Qed.")
    texts["OneStep"] = texts["OneStep"].replace("Section OneStep.", "Axiom cheat : False.\n\nSection OneStep.")
    with kernel_coq.workplace(texts) as folder:
        kernel_coq.compile_files(["OneStep"], texts, folder)
        told = kernel_coq.tell(["one_step", "one_step_constant"], texts, folder, ["OneStep"])
    assert told["one_step"].axioms == ("cheat",)
    assert "not allowed: cheat" in said(kernel._departure("one_step", told["one_step"], ()))
    hashes = told["one_step"].hashes()
    assert hashes["statements"] == LEMMAS["one_step"].statement_sha256
    assert hashes["definitions"] != LEMMAS["one_step"].definitions_sha256
    assert "stale definition" in said(kernel._departure("one_step", told["one_step"], ("cheat",)))


@needs_coq
def test_small_source_mutants_fail_to_compile() -> None:
    found = kernel.run_mutants(small=True)
    breaks = {mutant.id: mutant.breaks for mutant in kernel.mutants() if mutant.small}
    assert found == breaks


@needs_coq
def test_surviving_source_mutant_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    find, replace = "(* The gradient through", "(* Our gradient through"
    harmless = kernel.SourceMutant("harmless", "OneStep", find, replace, "one_step")
    monkeypatch.setattr(kernel, "mutants", lambda: [harmless])
    assert kernel.main(["--mutants"]) == 1
    assert "SURVIVED" in capsys.readouterr().out


@needs_coq
def test_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert kernel.main(["one_step", "legt_exact"]) == 0
    assert "2 of 2 lemmas confirmed" in capsys.readouterr().out
    assert kernel.main(["one_stpe"]) == 2
    assert "one_stpe" in capsys.readouterr().err


@needs_coq
@pytest.mark.skipif(not shutil.which("coqchk"), reason="coqchk is not installed")
def test_independent_checker_names_axioms(tmp_path: Path) -> None:
    for name, text in (("Clean", "Definition one := 1."), ("Assumed", "Axiom cheat : False.")):
        (tmp_path / f"{name}.v").write_text(text, "utf-8")
        assert kernel_coq._coqc(tmp_path, f"{name}.v")[0] == 0
    assert kernel_coq.recheck(["Clean"], tmp_path) == ()
    assert kernel_coq.recheck(["Clean", "Assumed"], tmp_path) == ("ssmproof.Assumed.cheat",)
    with pytest.raises(kernel_coq.CompileError, match="coqchk"):
        kernel_coq.recheck(["Missing"], tmp_path)


@needs_coq
@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("coqchk"), reason="coqchk is not installed")
def test_independent_checker_accepts_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert kernel.main(["--recheck"]) == 0
    assert "axioms: none" in capsys.readouterr().out
