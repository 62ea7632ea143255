"""The kernel rung: tables, pins, ties, mutants, and what happens without Coq. Tests that need coqc skip without it."""

from __future__ import annotations

import functools
import importlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numeric.finding import Verdict
from proofs import kernel, kernel_coq, kernel_lemmas, registry
from proofs.claim import Claim
from proofs.evidence import Rung, Settings
from proofs.fingerprints import reached
from proofs.kernel_lemmas import LEMMAS, PROPERTIES
from proofs.kernel_numeric import Data, agreement, draw, literal, parse, python_rows, resolve
from proofs.kernel_ties import TIES

needs_coq = pytest.mark.skipif(not shutil.which("coqc"), reason=f"coqc is not installed: {kernel_coq.INSTALL}")
THEMES = {file: text for file, text in kernel_coq.sources().items() if not file.startswith("Executable")}


@pytest.fixture(autouse=True)
def _cache(pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiled files stay in pytest's own cache folder from run to run."""
    monkeypatch.setenv("SSMPROOF_KERNEL_CACHE", str(pytestconfig.cache.mkdir("coq")))


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
    assert all(c.checks[Rung.KERNEL](Settings()).verdict is Verdict.NOT_RUN for c in CLAIMS.values())
    for arguments in (["one_step"], ["--mutants"], ["--recheck"], ["--pin"]):
        assert kernel.main(arguments) == 2


def test_command_line_without_coqc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told = tmp_path / "told.json"
    run = subprocess.run(
        [sys.executable, "-m", "reports", "verify", "gd.stacked_steps", "--rung", "kernel", "--json", str(told)],
        env={"PATH": ""}, cwd=Path(kernel.__file__).parents[1], capture_output=True, text=True, check=False,
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


def _spoiled(value: Any) -> Any:
    """The value with every number v in it replaced by 2v + 1."""
    if isinstance(value, tuple):
        return tuple(map(_spoiled, value))
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{f.name: _spoiled(getattr(value, f.name)) for f in fields(value)})
    if isinstance(value, list):
        return [2 * v + 1 for v in value]
    return 2 * value + 1


def _patched(monkeypatch: pytest.MonkeyPatch, reference: str, change: Callable[..., Any]) -> None:
    """Replaces the function called "module:function" by `change(the function)`."""
    module, _, name = reference.partition(":")
    function = resolve(reference)
    monkeypatch.setattr(importlib.import_module(module), name, functools.wraps(function)(change(function)))


@needs_coq
@pytest.mark.parametrize("name", TIES)
def test_broken_python_function_is_refuted_by_its_tie(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tie = TIES[name]
    using = [c for c in CLAIMS.values() if any(name in LEMMAS[n].ties for n in _lemmas(c))]
    assert using, "a tie of no claim"
    _patched(monkeypatch, tie.python, lambda function: lambda *a, **k: _spoiled(function(*a, **k)))
    for claim in using:
        found = claim.checks[Rung.KERNEL](Settings())
        assert found.verdict is Verdict.REFUTED and found.counterexample is not None, f"{claim.id}: {found.reason}"
    values = kernel._values(0)
    assert not isinstance(values, kernel_coq.CompileError)
    seen = agreement(name, tie, draw(name, tie, 0), values[name][0], resolve(tie.python))
    assert seen is not None and seen.right_name == tie.python and name in seen.note


GD, C = "gd.", "constructions."
BROKEN: dict[str, tuple[str, Callable[..., Any], tuple[str, ...]]] = {
    "the gate acts on the newest input": (
        C + "gated_accumulator:accumulate", lambda f: lambda state, write, decay: decay * (state + write),
        (GD + "gated_accumulator", GD + "recency_weighted"),
    ),
    "a sign in the readout": (
        C + "gd_ssm:output_gate", lambda f: lambda *a: -f(*a),
        (GD + "one_step_tokens", GD + "recency_weighted", GD + "step_size", GD + "one_layer_degree"),
    ),
    "a transposed write": (
        C + "gd_ssm:input_gate", lambda f: lambda Z, w: f(Z, w.mT), (GD + "one_step_tokens", GD + "one_layer_degree"),
    ),
    "the published constant doubled": (
        C + "gd_ssm:published", lambda f: lambda *a: replace(f(*a), C=2 * f(*a).C),
        (GD + "one_step_tokens", GD + "step_size", GD + "recency_weighted", GD + "update_matrices"),
    ),
    "windows of the wrong stride": (
        C + "gd_ssm:windows", lambda f: lambda sequence, stride=2: f(sequence, 1), (GD + "lti_affine", GD + "one_layer_degree"),
    ),
    "the loss without its half": (
        C + "gradient_descent:loss", lambda f: lambda *a: 2 * f(*a), (GD + "loss_gradient",),
    ),
    "the gradient without 1/N": (
        C + "gradient_descent:gradient", lambda f: lambda W, X, Y: X.shape[0] * f(W, X, Y),
        (GD + "loss_gradient", GD + "one_step_start", GD + "closed_form_steps"),
    ),
    "weights on the inputs only": (
        C + "gradient_descent:weighted_loss", lambda f: lambda W, X, Y, w: f(W, X, w[:, None] * Y, w),
        (GD + "recency_weighted", GD + "gated_attention"),
    ),
    "the start not read": (
        C + "two_accumulators:read", lambda f: lambda W0, A, B, q, c: f(W0, A, B, q, c) - W0 @ q, (GD + "one_step_start",),
    ),
    "a stack with twice the step": (
        C + "residual_stack:layer", lambda f: lambda X, r, p, q, c: f(X, r, p, q, 2 * c), (GD + "stacked_steps",),
    ),
    "residuals that are not updated": (
        C + "residual_stack:layer", lambda f: lambda X, r, p, q, c: (r, f(X, r, p, q, c)[1]), (GD + "stacked_steps",),
    ),
    "W_0 without its power": (
        C + "closed_form_descent:combine", lambda f: lambda W0, B, P, S, c: f(0 * W0, B, P, S, c) + W0,
        (GD + "closed_form_steps",),
    ),
    "a token that does not see itself": (
        C + "causal_stack:correct", lambda f: lambda S, r, x, c: f(S - r @ x.mT, r, x, c), (GD + "causal_stack",),
    ),
    "one power less": (
        C + "causal_stack:powers_summed", lambda f: lambda T, c, k: f(T, c, k - 1), (GD + "causal_stack",),
    ),
    "E Z_2 for E (I + Z_2)": (
        C + "accumulator_steps:extend", lambda f: lambda E, Z_2, Z_3: E @ Z_2 + Z_3, (GD + "two_accumulator_steps",),
    ),
    "a write without beta": (
        C + "delta_rule:step", lambda f: lambda W, k, v, beta, alpha=1: alpha * (W - beta * (W @ k) @ k.mT) + v @ k.mT,
        (GD + "delta_rule",),
    ),
    "the online learner's loss without its half": (
        C + "online_descent:token_loss", lambda f: lambda *a: 2 * f(*a), (GD + "delta_rule",),
    ),
    "the residual connection dropped": (
        C + "linear_attention:attend", lambda f: lambda E, context, w: f(E, context, w) - E, (GD + "linear_attention",),
    ),
    "a key faded by its own gate": (
        C + "gated_linear_attention:step", lambda f: lambda W, k, v, gate, rate=1: (W + rate * v @ k.mT) @ gate,
        (GD + "gated_attention", GD + "recency_weighted"),
    ),
    "Newton-Schulz without its 2": (
        C + "newton_schulz:step", lambda f: lambda P, A: P - P @ A @ P, (GD + "newton_schulz",),
    ),
    "kernel residuals with another sign": (
        C + "kernel_descent:residual_step", lambda f: lambda r, kappa, c: f(r, kappa, -c), (GD + "kernel_descent",),
    ),
    "a table of one step less": (
        C + "update_matrices:powers_summed", lambda f: lambda T, c, k: f(T, c, k - 1), (GD + "update_matrices",),
    ),
    "an SSM without its bias": (
        C + "lti:step", lambda f: lambda h, u, A, B, b: f(h, u, A, B, 0 * b),
        (GD + "lti_affine", GD + "lti_readout", GD + "no_input_gate"),
    ),
    "a skip that is not read": (
        C + "lti:read", lambda f: lambda h, u, C, D, d: f(h, 0 * u, C, D, d), (GD + "lti_affine", GD + "no_input_gate"),
    ),
    "LegT without the sign flip": (
        C + "legt:above", lambda f: lambda n, parity: f(n, 1), ("hippo.legt_matrices", "hippo.legt_exactness"),
    ),
    "k(k-1) in the readouts": (
        C + "legt:readout", lambda f: lambda k, D: k * (k - 1) - D, ("hippo.legt_readout", "hippo.legt_exactness"),
    ),
    "gains of N - 1": (
        C + "legt:gain", lambda f: lambda N, route="i": f(N - 1, route), ("hippo.legt_readout", "hippo.legt_exactness"),
    ),
    "the delayed sample with another sign": (
        C + "legt:true_readout", lambda f: lambda k, N, parity: f(k, N, -parity), ("hippo.legt_readout",),
    ),
    "both ends the same": (
        C + "legt:ends", lambda f: lambda N: (f(N)[0], f(N)[0]), ("hippo.legt_matrices", "hippo.legt_readout"),
    ),
    "LegS with n on the diagonal": (
        C + "legs:diagonal", lambda f: lambda n: -n, ("hippo.legs_matrices", "hippo.legt_readout"),
    ),
}  # fmt: skip


@needs_coq
@pytest.mark.parametrize(("reference", "change", "ids"), [pytest.param(*row, id=name) for name, row in BROKEN.items()])
def test_broken_construction_is_refuted(
    reference: str, change: Callable[..., Any], ids: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    _patched(monkeypatch, reference, change)
    for id in ids:
        found = CLAIMS[id].checks[Rung.KERNEL](Settings())
        assert found.verdict is Verdict.REFUTED and found.counterexample is not None, f"{id}: {found.reason}"


def test_every_kernel_claim_has_a_broken_construction() -> None:
    assert {id for _, _, ids in BROKEN.values() for id in ids} == set(CLAIMS)


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
    pins = json.loads(kernel_lemmas.PINS.read_text("utf-8"))
    pins["statements"]["one_step"] = "0" * 64
    pins["definitions"]["gd_closed_form"] = "0" * 64
    del pins["statements"]["delta_rule_step"]
    (tmp_path / "pins.json").write_text(json.dumps(pins), "utf-8")
    monkeypatch.setattr(kernel_lemmas, "PINS", tmp_path / "pins.json")
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
