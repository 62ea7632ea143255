"""The report's text: reports/document.py and reports/words.py."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from constructions.learners import library
from numeric.finding import Counterexample, Finding, Verdict
from proofs import registry
from proofs.audit.answer import Answer, Word
from proofs.evidence import MutantEvidence, Rung, Settings
from proofs.verify.run import Run, verify
from reports import words
from reports.certificates import CHECKER
from reports.document import anchor, found, markdown, parameters, plain, smallest, steps, table, theorems


@pytest.fixture
def text(toys: Path) -> str:
    return markdown(verify(["toy.*"], settings=Settings(seed=3)))


@pytest.mark.parametrize(
    "line",
    [
        "6 of 8 claims confirmed: 2 for all sizes, 3 at listed sizes, 1 measured. Mutants (plausible false versions, which the "
        "checks must refute): 8 refuted, 1 survived, 1 not run.",
        "| [`toy.holds`](#toyholds) | confirmed | confirmed | confirmed |  | **universal** | 2 of 2 |",
        "| [`toy.false`](#toyfalse) | confirmed | **refuted** |  |  | no | 1 of 1 |",
        "| [`toy.survivor`](#toysurvivor) |  | confirmed |  |  | **exact, at listed sizes** | 0 of 1 |",
        "- **exact**: equal as polynomials, unless an event of the stated probability happened",
        "Rests on [`toy.holds`](#toyholds).",
        r"| **Toy layer** | one step of size $\eta$ | [`toy.holds`](#toyholds) | universal | steps 3; failure "
        r"$2^{-118.4}$; worst ratio 0.25 |",
        "| **Another layer** | the same | [`toy.holds`](#toyholds) | universal | degree 6 |",
        "| `toy.holds` |  | `toy.above` |",
        "Source: Toy (2024), Proposition 1, eq. (7)",
        r"- the source writes the step as $\eta/P$; here it is $\eta/N$",
        "2. **expansion** (bilinearity; holds for every $H$, so $G$ is unique)",
        "| exact | confirmed | degree 6; failure $2^{-118.4}$; points 2; at f = 3, m = 2, N = 5 |",
        "- sampled: IEEE 754 arithmetic; the rounding bound's derivation",
        "| `tiny_shift`: N + 1e-8 instead of N | undecided | refuted | refuted |",
        "- `tiny_shift` on rung sampled: a shift of 1e-8 is below the float32 bound; the residue 1e-8 is below what "
        "this arithmetic can see",
        "- `wrong_sign` on rung exact: no reason is known, which is a defect of the check",
        "| `wrong_sign`: the update is added with the opposite sign | confirmed | **survived** |",
        "Mutant `wrong_sign` on rung exact, f = 1, m = 1, N = 1:",
        "The claim on rung exact, f = 1, m = 1, N = 1:",
        "X = [[1]]",
        "# learner: [1/2]",
        "- seed: 3",
        "ssmproof verify toy.false --rung exact --seed 3",
    ],
)
def test_the_report_says(text: str, line: str) -> None:
    assert line in [part.strip() for part in text.splitlines()]


def test_the_report_has_no_times_and_no_folders_of_this_machine(text: str) -> None:
    assert str(Path.home()) not in text and str(Path(__file__).parents[2]) not in text
    assert "second" not in text


def test_a_date_is_printed_on_demand(toys: Path) -> None:
    run = verify(["toy.holds"])
    assert "\n6 May 2024\n" in markdown(run, when="6 May 2024")
    assert "2024\n\n" not in markdown(run).replace("Toy (2024)", "")


def test_coq_statements_stand_with_the_statement(toys: Path) -> None:
    run = verify(["toy.holds"], rungs=["exact"])
    statement = "forall (F : fieldType) (xq : 'cV_f),\ngd_ssm_output N c W0 x y xq = gd_step N x y eta W0 *m xq"
    settings = {"lemmas": {"one_step": "OneStep.v"}, "statements": {"one_step": statement}}
    checked = Finding(Verdict.CONFIRMED, "closed under the global context", settings=settings)
    proved = dataclasses.replace(run.evidence[0], rung=Rung.KERNEL, finding=checked)
    text = markdown(dataclasses.replace(run, evidence=(*run.evidence, proved)))
    block = text[text.index("> **In Coq**, checked by its kernel for all sizes, closed under the global context:") :]
    assert "> Theorem one_step :\n>   forall (F : fieldType) (xq : 'cV_f),\n>   gd_ssm_output N c" in block
    assert "eta W0 *m xq.\n> ```" in block.partition("Source:")[0]
    assert "> (* OneStep.v: one GD-SSM layer with constant eta/N makes one gradient step" in block
    assert max(map(len, theorems(checked))) <= 85
    assert "In Coq" not in markdown(run)


def test_stale_evidence_and_lost_claims_are_said(toys: Path) -> None:
    run = verify(["toy.holds"], rungs=["exact"])
    marks = dataclasses.replace(run.evidence[0].fingerprints, sides="0")
    old = dataclasses.replace(run.evidence[0], fingerprints=marks)
    gone = dataclasses.replace(run.evidence[0], claim="toy.gone")
    other = dataclasses.replace(run.evidence[0], rung=Rung.SAMPLED)
    text = markdown(Run((gone, other, old), (), run.environment))
    assert "**Stale evidence.**" in text
    assert "- sides changed: toy.holds (exact)" in text
    assert "- no claim has this id any more: toy.gone" in text
    assert "- sides changed: all evidence" in markdown(Run((old,), (), run.environment))
    assert "## `toy.gone`" in text and "The project has no claim of this id any more" in text


def test_a_partial_run_says_so(toys: Path) -> None:
    run = verify(["toy.holds"], rungs=["exact"])
    cut = Run(run.evidence, (), dict(run.environment) | {"note": "interrupted after 1 of 6 units"})
    assert "**This run is partial:** interrupted after 1 of 6 units." in markdown(cut)


REFUTED = Answer(
    target="layer.py:linear_attn",
    adapter="layer(X, Y, x_q)",
    named=True,
    learner=library()["gd"],
    word=Word.REFUTED,
    reason="the sides differ",
    rows=(),
)


def test_audits_have_their_section(toys: Path) -> None:
    run = verify(["toy.holds"], rungs=["exact"])
    text = markdown(run, [REFUTED])
    assert (
        "### layer.py:linear_attn against gd\n\nAnswer: **REFUTED**.\n\n```text\nREFUTED: layer.py:linear_attn\n"
        in text
    )
    assert "- **REFUTED**: not that learner" in text and "**PROVED**" not in text
    alone = markdown(Run((), (), run.environment), [REFUTED])
    assert "### layer.py" in alone and "## Claims" not in alone and "0 of 0" not in alone


def test_parameters_that_fail_lose_nothing_else(toys: Path) -> None:
    claim = dataclasses.replace(registry.claim("toy.holds"), parameters=lambda: 1 / 0)  # type: ignore[arg-type,return-value]
    assert parameters(claim) == "could not be worked out: ZeroDivisionError: division by zero"


@pytest.mark.parametrize(
    ("raw", "escaped"),
    [
        ("a_b * [c] <d> | _e_ f__g", r"a_b \* \[c\] \<d\> \| \_e\_ f\_\_g"),
        ("maths $a_1 * b_2$ stays, `code_too`", "maths $a_1 * b_2$ stays, `code_too`"),
        ("costs $5 or 6$", "costs $5 or 6$"),
        ("two\n  lines", "two lines"),
        ("failure 2^-104.5 of 2^7", "failure $2^{-104.5}$ of $2^{7}$"),
    ],
)
def test_plain_text_is_escaped(raw: str, escaped: str) -> None:
    assert plain(raw) == escaped


def test_bars_in_the_maths_of_a_cell() -> None:
    text = table(["a"], [[r"$|x| \|y\|$"]])
    assert text.splitlines()[-1] == r"| $\vert x\vert  \Vert y\Vert$ |"


def test_anchors_are_githubs() -> None:
    assert anchor("gd.One_step-tokens") == "gdone_step-tokens"


def test_steps_of_a_combined_finding() -> None:
    first, second = {"name": "a", "latex": "1", "why": ""}, {"name": "b", "latex": "2", "why": ""}
    checks = [{"steps": [first]}, {"checks": [{"steps": [second]}]}, {"sizes": {"N": 1}}]
    finding = Finding(Verdict.CONFIRMED, settings={"checks": checks})
    assert steps(finding) == [first, second]
    assert found(finding) == "at N = 1"


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("failure probability, log2", -104.25, "failure probability 2^-104.2"),
        ("failure probability, log2", "-inf", "failure probability 0"),
        ("worst_ratio", 0.12345, "worst ratio 0.123"),
        ("terms [3]", 12345678901, "terms 12345678901"),
        ("cuda", True, "cuda yes"),
        ("order", None, "order None"),
    ],
)
def test_figures(name: str, value: object, text: str) -> None:
    assert words.figure(name, value) == text


@pytest.mark.parametrize(
    ("figures", "text"),
    [
        ({"trials": 2, "failure probability, log2": -104.0}, "failure probability 2^-104"),
        ({"failure, log2": -104.0, "failure, log2 [1]": -101.0, "failure, log2 [2]": -130.0}, "failure 2^-101"),
        ({"draws": 3, "worst error / bound, ratio": 0.5}, "worst error / bound, ratio 0.5"),
        ({"colour": "red"}, "colour red"),
        (
            {"torch, float64: worst error / bound": 0.4, "torch, float64: ratio of bounds": 7.0}
            | {"numpy, float64: worst error / bound": 0.8},
            "worst error / bound 0.8",
        ),
        ({}, ""),
    ],
)
def test_the_figure_to_quote(figures: dict[str, Any], text: str) -> None:
    assert words.key_figure(Finding(Verdict.CONFIRMED, figures=figures)) == text


def test_figures_of_several_backends_are_a_table(toys: Path) -> None:
    run = verify(["toy.holds"], rungs=["sampled"])
    figures = {"cpu: worst error / bound": 0.25, "cuda: worst error / bound": 0.5, "cuda: draws": 8, "draws": 16}
    several = dataclasses.replace(run.evidence[0], finding=Finding(Verdict.CONFIRMED, figures=figures))
    text = markdown(Run((several,), (), run.environment))
    assert "| sampled | confirmed | draws 16; worst error / bound 0.5 at worst over 2 cases, see below |" in text
    assert "The sampled rung in detail:" in text
    assert "| worst error / bound | 0.25 | 0.5 |\n| draws |  | 8 |" in text


def test_many_cases_are_rows(toys: Path) -> None:
    run = verify(["toy.holds"], rungs=["sampled"])
    figures = {f"N = {N}: order": N / 2 for N in range(6)} | {"N = 2: draws": 8}
    many = dataclasses.replace(run.evidence[0], finding=Finding(Verdict.CONFIRMED, figures=figures))
    text = markdown(Run((many,), (), run.environment))
    assert "| N = 1 | 0.5 |  |\n| N = 2 | 1 | 8 |" in text


@pytest.mark.parametrize(
    ("rung", "part", "unseen", "said", "cell"),
    [
        (Rung.UNIVERSAL, "", (), "proved for all sizes by rung **universal**.", "universal"),
        (Rung.MEASURED, "", (), "**measured**, not proved.", "measured"),
        (Rung.EXACT, "", (), "at the sizes listed by rung **exact**.", "exact, at listed sizes"),
        (Rung.EXACT, "x", (), "in part at the sizes listed by rung **exact**: x.", "exact in part"),
        (
            Rung.KERNEL,
            "y",
            ("a.b", "a.c: .D"),
            "in part for all sizes by rung **kernel**: y; not a.b, a.c: .D.",
            "kernel in part",
        ),
        (Rung.UNIVERSAL, "", None, "what it sees of the code was not measured.", "universal in part"),
    ],
)
def test_a_rung_that_covers_a_part_says_so(
    toys: Path, rung: Rung, part: str, unseen: tuple[str, ...] | None, said: str, cell: str
) -> None:
    run = verify(["toy.holds"], rungs=["sampled"])
    finding = Finding(Verdict.CONFIRMED, part=part)
    found = dataclasses.replace(run.evidence[0], rung=rung, finding=finding, unseen=unseen)
    text = markdown(Run((found,), (), run.environment))
    assert said in text and f"| **{cell}** |" in text


@pytest.mark.parametrize(
    ("environment", "command"),
    [
        ({}, "ssmproof verify a.b --rung exact"),
        ({"seed": 0, "profile": "quick", "device": "cpu"}, "ssmproof verify a.b --rung exact --seed 0"),
        ({"profile": "full", "device": "cuda (A)"}, "ssmproof verify a.b --rung exact --profile full --device cuda"),
    ],
)
def test_the_command_that_repeats(environment: dict[str, Any], command: str) -> None:
    assert words.repeat_command("a.b", "exact", environment) == command


def test_the_smallest_counterexample_is_the_shortest_one_as_it_is_printed() -> None:
    long = Counterexample({}, {}, "-1/2", "-1", "found", "claimed", "A from the integrals, entry [0][0]")
    short = Counterexample({"N": 1}, {"n": "0"}, "-a0/2 + u", "-a0 + u", "written row", "from the integrals")
    findings = {
        r: Finding(Verdict.REFUTED, "no", counterexample=c) for r, c in ((Rung.EXACT, long), (Rung.SYMBOLIC, short))
    }
    ((rung, shown),) = smallest(MutantEvidence("a.claim", "slip", "a slip", findings, {}, 0.0))
    assert (rung, shown) == (Rung.SYMBOLIC, short) and len(repr(short)) > len(repr(long))
    assert (
        smallest(MutantEvidence("a.claim", "slip", "a slip", {Rung.EXACT: Finding(Verdict.REFUTED, "no")}, {}, 0.0))
        == []
    )


def test_the_report_prints_the_checker_of_certificates_where_there_is_something_to_check() -> None:
    proved = Answer(
        target="a.py:a", adapter="layer", named=True, learner=library()["gd"], word=Word.PROVED, reason="", rows=()
    )
    text = markdown(Run((), (), {}), [proved])
    assert f"```python\n{CHECKER.read_text(encoding='utf-8')}```\n" in text
    refuted = dataclasses.replace(proved, word=Word.REFUTED)
    assert "certificate" not in markdown(Run((), (), {}), [refuted])
