"""The kernel rung: tables, pins, ties, mutants, and what happens without Coq. Tests that need coqc skip without it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numeric.finding import Verdict
from proofs import kernel, kernel_coq
from proofs.evidence import Settings
from proofs.kernel import LEMMAS, TIES
from proofs.kernel_numeric import Data, agreement, draw, literal, parse, python_rows, resolve

needs_coq = pytest.mark.skipif(not shutil.which("coqc"), reason=f"coqc is not installed: {kernel_coq.INSTALL}")
THEMES = {file: text for file, text in kernel_coq.sources().items() if not file.startswith("Executable")}


@pytest.fixture(autouse=True)
def _cache(pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiled files stay in pytest's own cache folder from run to run."""
    monkeypatch.setenv("SSMPROOF_KERNEL_CACHE", str(pytestconfig.cache.mkdir("coq")))


@pytest.fixture
def fresh() -> Iterator[None]:
    """Nothing remembered in this process, before and after."""
    remembered = (kernel._told_in, kernel._values, kernel._pins, kernel_coq.versions)
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


# Without Coq: numbers


def test_literal_and_parse_are_inverse_up_to_layout() -> None:
    array = np.array([[Fraction(1, 2), Fraction(-3)]], dtype=object)
    assert literal(array) == "[:: [:: (1 # 2)%Q; (-3 # 1)%Q]]"
    assert literal(4) == "4"
    told = "     = [:: [:: (1%Z, 2%Z); ((-3)%Z, 1%Z)]; [::]]\n     : seq (seq (Z * Z))"
    assert parse(told) == [[Fraction(1, 2), Fraction(-3)], []]
    with pytest.raises(ValueError, match="not a value"):
        parse("     = 3 : nat")


@pytest.mark.parametrize("name", TIES)
def test_python_side_runs_on_fractions(name: str) -> None:
    tie = TIES[name]
    data = draw(name, tie, seed=3)
    assert {k: str(v) for k, v in draw(name, tie, seed=3).items()} == {k: str(v) for k, v in data.items()}
    rows = python_rows(tie, data, resolve(tie.python))
    assert rows and all(isinstance(entry, Fraction) for row in rows for entry in row)
    assert agreement(name, tie, data, rows, resolve(tie.python)) is None
    rows[0][0] += 1
    found = agreement(name, tie, data, rows, resolve(tie.python))
    assert found is not None and found.right_name == tie.python


def test_missing_function_is_named() -> None:
    with pytest.raises(LookupError, match=r"constructions\.nowhere:step"):
        resolve("constructions.nowhere:step")
    with pytest.raises(AttributeError, match="no datum 'Z'"):
        Data(X=1).Z  # noqa: B018


# Without Coq: verdicts


def test_not_run_without_coqc(monkeypatch: pytest.MonkeyPatch, fresh: None) -> None:
    monkeypatch.setenv("PATH", "")
    found = kernel.check(["one_step"])["one_step"]
    assert found.verdict is Verdict.NOT_RUN
    assert "coqc is not installed" in found.reason and "apt-get install" in found.reason
    assert kernel.kernel_check("one_step", "gd_closed_form")(Settings()).verdict is Verdict.NOT_RUN
    assert kernel.main(["one_step"]) == 2
    assert kernel.main(["--mutants"]) == 2


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
def test_all_lemmas_are_confirmed() -> None:
    for name, found in kernel.check().items():
        assert found.verdict is Verdict.CONFIRMED, f"{name}: {found.reason}"
        assert found.reason == "closed under the global context"
        assert found.figures["axioms"] == 0 and found.figures["numeric ties"] == len(LEMMAS[name].ties)
        assert found.settings["statements"][name].startswith("forall")
        assert any(text.startswith("Coq's kernel ") for text in found.trust)
        json.dumps(dict(found.settings))


@needs_coq
def test_kernel_check_merges_statements() -> None:
    found = kernel.kernel_check("one_step", "gd_closed_form")(Settings())
    assert found.verdict is Verdict.CONFIRMED
    assert set(found.settings["statements"]) == {"one_step", "gd_closed_form"}
    assert "gd_ssm_output N (eta / N%:R) W0 x y xq" in " ".join(found.settings["statements"]["one_step"].split())
    assert found.figures["theorems"] == 2
    assert kernel.kernel_check("one_step")(Settings(seed=5)).settings["seed"] == 5


def _summed(W: Any, X: Any, Y: Any, eta: Any) -> Any:
    """A step on the summed loss: eta for eta/N."""
    return W - eta * ((W @ X.T - Y.T) @ X)


@needs_coq
def test_python_mutant_is_refuted_by_the_tie() -> None:
    found = kernel.kernel_check("one_step", python={"gd_step": _summed})(Settings())
    assert found.verdict is Verdict.REFUTED and found.counterexample is not None
    told = found.counterexample.to_json()
    tie, data = TIES["gd_step"], draw("gd_step", TIES["gd_step"], 0)
    assert told["Coq gd_step"] == [[str(e) for e in row] for row in python_rows(tie, data, resolve(tie.python))]
    assert told["Coq gd_step"] != told["constructions.gradient_descent:step"]
    assert told["inputs"]["eta"] == str(data["eta"])


@needs_coq
def test_python_failure_is_undecided() -> None:
    def broken(*_: Any) -> Any:
        raise TypeError("no fractions here")

    found = kernel.check(["one_step"], python={"gd_step": broken})["one_step"]
    assert found.verdict is Verdict.UNDECIDED and "no fractions here" in found.reason


@needs_coq
def test_stale_pins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh: None) -> None:
    pins = json.loads(kernel.PINS.read_text("utf-8"))
    pins["statements"]["one_step"] = "0" * 64
    pins["definitions"]["gd_closed_form"] = "0" * 64
    del pins["statements"]["delta_rule_step"]
    (tmp_path / "pins.json").write_text(json.dumps(pins), "utf-8")
    monkeypatch.setattr(kernel, "PINS", tmp_path / "pins.json")
    found = kernel.check(["one_step", "gd_closed_form", "delta_rule_step", "loss_expansion"])
    assert found["one_step"].verdict is Verdict.UNDECIDED and "stale statement" in found["one_step"].reason
    assert "stale definition" in found["gd_closed_form"].reason and "gd_step" in found["gd_closed_form"].reason
    assert "not pinned" in found["delta_rule_step"].reason
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
    assert "not allowed: cheat" in kernel._departure("one_step", told["one_step"], ())
    hashes = told["one_step"].hashes()
    assert hashes["statements"] == LEMMAS["one_step"].statement_sha256
    assert hashes["definitions"] != LEMMAS["one_step"].definitions_sha256
    assert "stale definition" in kernel._departure("one_step", told["one_step"], ("cheat",))


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
