"""The soundness bench of identification in a small form: proofs/bench/names.py."""

from __future__ import annotations

import inspect
import json
from dataclasses import replace
from fractions import Fraction

import pytest

from proofs.audit.answer import Word
from proofs.bench.corpus import batch_step, decaying_memory, retention_log
from proofs.bench.names import NAMED, Names, Naming, departure, run
from proofs.bench.soundness import ROUNDING
from proofs.bench.trials import TRUE
from proofs.evidence import Settings
from proofs.identify.run import identify
from reports.answers import every
from reports.soundness import names as said

pytestmark = pytest.mark.usefixtures("near")

ENTRIES = {entry.name: entry for entry in NAMED}


def located(layer):
    return f"{inspect.getsourcefile(layer)}:{layer.__name__}"


@pytest.mark.slow
def test_names_of_true_layers_and_mutants_are_checked():
    found = run(sample=6, seed=1, entries=[ENTRIES[n] for n in ("batch_step", "linear_attention", "retention_log")])
    assert found.passed, "\n".join(said(found))
    assert sum(t.kind == "none" and t.named == t.expected for t in found.trials) == 3
    named = [t for t in found.trials if t.kind != "none" and t.word in (Word.PROVED, Word.AGREES)]
    assert named and all(t.off <= ROUNDING for t in named)
    control = [off for t in found.trials for off in t.control]
    assert len(control) == 6 and min(control) > ROUNDING
    assert any("control: the check tells 6 of 6" in line for line in said(found))
    json.dumps(found.to_json(), allow_nan=False)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_names_of_all_mutants():
    found = run()
    assert found.passed, "\n".join(said(found))
    assert sum(t.kind == "none" for t in found.trials) == len(NAMED)


@pytest.fixture(scope="module")
def named():
    return identify(located(batch_step), settings=Settings(seed=1))


def test_the_check_sees_a_wrong_number_and_a_wrong_learner(named):
    entry = ENTRIES["batch_step"]
    assert departure(batch_step, entry, named) <= ROUNDING
    (law,) = named.laws
    slightly = replace(law, constant=law.constant * (1 + Fraction(1, 10**10)))
    assert departure(batch_step, entry, replace(named, laws=(slightly,))) > ROUNDING
    assert departure(batch_step, entry, replace(named, laws=(replace(law, tokens=-1),))) > 0.1
    twice = named.model.learner.call
    other = replace(named.model.learner, call=lambda *data, **rest: 2 * twice(*data, **rest))
    assert departure(batch_step, entry, replace(named, model=replace(named.model, learner=other))) > 0.1
    assert departure(lambda X, Y, x_q, eta: Y[20], entry, named) == float("inf")


def test_the_check_sees_a_gate_that_changes_by_the_token():
    entry = ENTRIES["retention_log"]
    found = identify(located(retention_log), "kv", settings=Settings(seed=1))
    assert any("one for each token" in each for each in every(found))
    assert departure(retention_log, entry, found) <= ROUNDING

    def averaged(q, k, v, g):
        return retention_log(q, k, v, g.mean(1, keepdim=True).expand(g.shape))

    assert departure(averaged, entry, found) > 0.01
    assert departure(averaged, entry, replace(found, free={})) <= ROUNDING  # with one gate it is the same layer


def test_one_wrong_name_fails_the_bench():
    right = Naming(
        layer="layer",
        kind=TRUE,
        change="",
        changed=0.0,
        word=Word.PROVED,
        reason="",
        named="gd",
        expected="gd",
        off=0.0,
    )
    mutant = replace(right, kind="sign", named="ridge", off=2.0**-60)
    assert not right.wrong and not mutant.wrong and Names((right, mutant), 0, 0).passed
    for wrong in (
        replace(mutant, off=2.0**-40),
        replace(mutant, off=float("nan")),
        replace(right, named="ridge"),
        replace(right, word=Word.NO_MATCH),
    ):
        assert wrong.wrong
        assert not Names((right, wrong), 0, 0).passed
        assert any(line.startswith("WRONG") for line in said(Names((right, wrong), 0, 0)))
    assert not replace(mutant, word=Word.BIASED, off=float("nan")).wrong
    assert not Names((replace(right, control=(0.5, 2.0**-50)),), 0, 0).passed  # a check that can't fail


@pytest.mark.slow
def test_numbers_that_are_pinned_are_named():
    found = identify(decaying_memory, settings=Settings(seed=1))
    assert set(found.parameters) >= set(found.learner.names)
    assert departure(decaying_memory, ENTRIES["decaying_memory"], found) <= ROUNDING
