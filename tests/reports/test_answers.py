"""How an answer reads, from typed data alone: reports/answers.py. Whole audits are printed in tests/proofs/audit."""

from __future__ import annotations

from dataclasses import replace

from constructions.learners import Domain, library
from numeric.finding import Counterexample, Finding, Key, Verdict
from proofs.audit.answer import Answer, Check, Parting, Role, Word
from proofs.audit.rows import Row
from proofs.audit.world import Mode, Plain, Refusal, Same, World
from proofs.identify.reasons import SameDigits
from proofs.target.case import AnyNumber
from reports.answers import details, every, figures, lines, world
from reports.answers_json import to_json
from reports.said import said as worded

YES = Finding(Verdict.CONFIRMED, figures={Key.CHANCE: -110.0}, trust=("a lemma",))
NAMED = Answer(
    target="a.py:f",
    adapter="layer(X, Y, x_q)",
    named=True,
    learner=library()["online_gd"],
    word=Word.PROVED,
    reason="the same rational function",
    rows=tuple(Row(Check.EXACT, {"f": 4, "m": 3, "N": N}, YES) for N in (5, 1)),
    parameters={"beta": "any number"},
    notes=("it writes to its inputs",),
)
SOUGHT = replace(
    NAMED, named=False, free={"beta": ("N",), "mu": ()}, gates={"b": "1/2"}, roles=(Role("b"), Role("c", ("mu",)))
)


def test_of_a_learner_that_was_named() -> None:
    said = lines(NAMED)
    assert said[:4] == [
        "PROVED: a.py:f",
        f"  against   online_gd: {library()['online_gd'].title}",
        "  called as layer(X, Y, x_q)",
        "  with      beta = any number",
    ]
    assert "  exact                   confirmed, f=4 m=3 N=1, 5; failure probability at most 2^-109.0" in said
    assert said[-2:] == ["  trust     a lemma", "  note      it writes to its inputs"]
    assert not any(line.startswith("  read as") for line in said)
    own = replace(library()["online_gd"], id="my.py:f", source="my.py:f")
    assert any(line.startswith("  read as   a learner") for line in lines(replace(NAMED, learner=own)))
    assert details(NAMED) == "" and figures(NAMED) == ()
    assert to_json(NAMED)["learner"] == "online_gd" and to_json(NAMED)["instead"] is None


def test_of_a_learner_that_was_looked_for() -> None:
    said = lines(SOUGHT)
    assert every(SOUGHT) == ("beta, one for each token", "mu")
    assert "  for every beta, one for each token; mu" in said and "  seen at   b = 1/2" in said
    assert "  gate      b: changes nothing" in said and not any(line.startswith("  gate      c") for line in said)
    stuck = replace(SOUGHT, roles=(Role("c", ("mu",), followed=False), Role("d", fits=False)))
    assert "  gate      c: moves mu; how is not found" in lines(stuck)
    assert "  gate      d: moves more than the learner's numbers" in lines(stuck)
    data = to_json(SOUGHT)
    assert data["for every"] == list(every(SOUGHT)) and data["gates"]["c"]["moves"] == ["mu"] and "instead" not in data


def test_what_was_drawn_alone_is_said_with_its_domain() -> None:
    agreed = replace(SOUGHT, word=Word.AGREES, learner=library()["heavy_ball"])
    assert every(agreed) == ("beta above 0, one for each token", "mu between 0 and 1")
    assert every(replace(agreed, word=Word.PROVED)) == every(SOUGHT)
    domains = {d: worded(AnyNumber(("N",), domain=d)) for d in (Domain.REAL, Domain.POSITIVE, Domain.NONNEGATIVE)}
    assert domains[Domain.REAL] == "any number, one for each token"
    assert domains[Domain.POSITIVE] == "any number above 0, one for each token"
    assert worded(AnyNumber((), domain=Domain.NONNEGATIVE)) == "any number not below 0"


def test_no_reason_leaves_no_brackets() -> None:
    assert worded(SameDigits(58, 33, "")).endswith("not a proof for all inputs")
    assert worded(SameDigits(58, 33, "a root")).endswith("not a proof for all inputs (a root)")


def test_a_refuted_one_says_what_it_runs_instead_and_where_it_parts() -> None:
    part = Parting(Counterexample({"N": 1}, {"X": [["1"]]}, ["1"], ["-1"]), largest=0.5, sizes={"N": 2}, first=1)
    said = lines(replace(NAMED, word=Word.REFUTED, parting=part, instead=SOUGHT))
    assert "  instead   the argument b changes nothing" in said and not any("trust" in line for line in said)
    assert said[-6:] == [
        "  counterexample, run again as plain calls",
        "    X = [[1]]",
        "    # left: [1]",
        "    # right: [-1]",
        "  largest   0.5 of the largest output, on Gaussian draws at N=2",
        "  first at  N = 1",
    ]
    long = Parting(Counterexample({"N": 20}, {"X": [["1"]] * 20}, ["1"], ["-1"]), reproduced=False)
    said = lines(replace(NAMED, word=Word.REFUTED, parting=long, options="--against online_gd"))
    assert said[-3:-1] == ["  counterexample", "    of X (20, 1): too long to print"]
    assert said[-1] == "    ssmproof audit a.py:f --against online_gd --json -"


def test_a_world_is_a_line_and_what_is_beside_it() -> None:
    modes = (Mode("no_grad", Same.BITS), Mode("bf16", Same.RAISES, "it casts"))
    refused = tuple(Refusal("whole calls", {"f": 4, "N": N}, "no") for N in (2, 3))
    plain = Plain((1, 2, 3, 8), (((3, 3), (4, 5)), ((4, 1), (4, 5))), (8, 33, 65), (66,))
    tested = World(
        lengths=(1, 9),
        widths=((4, 3), (2, 4)),
        width=(4, 3),
        plain=plain,
        modes=modes,
        modes_at=5,
        integers=(2, 64),
        refusals=refused,
    )
    assert world(tested) == [
        "heads 1, batch 1, the call has one prediction; N = 1, 9 at (f, m) = (4, 3), few N at (2, 4); "
        "also, at N = 5 alone, no_grad; float64; forward values alone, no backward passes",
        "plain calls, to 6 digits: N = 1 to 3, 8 at (f, m) = (4, 3); N = 4, 5 at (3, 3), (4, 1); every position of 8, 33 tokens; "
        "some positions of 65 tokens; 66 tokens in two calls",
        "bf16: raises (it casts)",
        "no N passes 64, which the code mentions or computes: longer contexts may be another thing",
        "no f or m passes 64, which the code mentions or computes: wider ones may be another thing",
        "whole calls, at f=4 N=2, 3: no",
    ]
