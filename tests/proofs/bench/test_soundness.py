"""The soundness bench in a small form: proofs/bench/soundness.py, proofs/bench/mutations.py."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proofs.audit.answer import Word
from proofs.bench import soundness
from proofs.bench.corpus import CORPUS, Entry
from proofs.bench.hidden_mistakes import HIDDEN
from proofs.bench.mutations import mutations
from reports.soundness import audits

KINDS = {
    "sign", "opposite", "factor", "offset", "previous token", "transposition", "mask", "epsilon", "normaliser",
    "stale state", "dropped term", "float cast",
}  # fmt: skip


def entry(name: str) -> Entry:
    return next(e for e in CORPUS if e.name == name)


@pytest.mark.slow  # `.ci/run` runs a sample by the command itself
def test_true_layers_and_a_sample_of_their_mutants():
    """A few layers of each form; `test_all_mutants` has all."""
    names = ("batch_step", "gated_window", "linear_attention", "delta_rule", "ridge_solve", "softmax_attention")
    entries = [e for e in CORPUS if e.name in names]
    found = soundness.run(sample=10, seed=1, entries=entries)
    assert found.passed, "\n".join(audits(found))
    assert sum(t.kind == "none" for t in found.trials) == len(entries) == 6
    assert sum(t.word is Word.REFUTED for t in found.trials) >= 7


@pytest.mark.slow
def test_all_mutants():
    found = soundness.run()
    assert found.passed, "\n".join(audits(found))
    assert {t.kind for t in found.trials} == KINDS | {h.kind for h in HIDDEN} | {"none"}


def test_every_kind_of_mistake_is_made_and_none_twice():
    made = [(e.name, m.kind, m.source) for e in CORPUS for m in mutations(e.source, e.adapter)]
    assert {kind for _, kind, _ in made} == KINDS | {h.kind for h in HIDDEN} and len(KINDS) + len(HIDDEN) >= 40
    assert len({(name, source) for name, _, source in made}) == len(made)


def test_a_sample_is_of_few_layers_and_many_kinds():
    planned = soundness.plan([entry(n) for n in ("batch_step", "delta_rule", "linear_attention")], 8, 1)
    assert len(planned.broken) == 8 == len({mutation.kind for _, mutation, _ in planned.broken})
    assert len({entry.name for entry, _, _ in planned.broken}) <= 2


def test_a_mutant_changes_one_line_and_compiles():
    for mutation in mutations(entry("delta_rule").source):
        compile(mutation.source, "mutant", "exec")
        assert mutation.change in mutation.source
        assert soundness.difference(entry("delta_rule"), mutation) != 0.0 or mutation.kind != "factor"


def test_the_bench_sees_a_false_alarm():
    wrong = replace(entry("delta_rule"), against="decay_then_step", gates={"decay": "1/2"})
    found = soundness.run(sample=0, entries=[wrong])
    assert not found.passed
    assert found.trials[0].false_alarm
    assert any(line.startswith("WRONG") for line in audits(found))


def test_the_bench_sees_a_miss():
    trial = soundness.Audited(layer="layer", kind="sign", change="a - b", changed=0.5, word=Word.PROVED, reason="")
    assert trial.missed
    assert not replace(trial, kind="float cast", flagged=True).missed
    assert replace(trial, kind="float cast").missed
    assert not soundness.Bench((replace(trial, kind="none"), trial), 0, 0).passed


def test_what_changes_nothing_is_not_a_mutant():
    doubled = [m for m in mutations(entry("gated_window").source) if m.kind == "offset"]
    assert all((soundness.difference(entry("gated_window"), m) or 0) > soundness.ROUNDING for m in doubled)
    same = replace(doubled[0], source=soundness.source(entry("gated_window"), None))
    assert soundness.difference(entry("gated_window"), same) == 0.0
    # P is symmetric, and so is outer(gain, Px): over 70 tokens rounding takes over in the true layer as well
    turned = [m for m in mutations(entry("forgetting_filter").source) if "torch.outer(Px, gain)" in m.change]
    assert turned and all(soundness.difference(entry("forgetting_filter"), m) == 0.0 for m in turned)
