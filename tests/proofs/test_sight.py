"""What the rungs of a claim see, and the labels that come of it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from constructions import retnet
from numeric import derivation
from numeric.derivation import Obligation
from numeric.finding import Verdict
from numeric.words import matrix, scalar
from proofs import registry, sight, soundness_claims
from proofs.evidence import Rung
from proofs.sight import Sight, labels, look, silent, unseen


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSMPROOF_SIGHT_CACHE", str(tmp_path))


# ------------------------------------------------------------------------------------------------- looks


def test_what_words_cannot_run_is_labelled_and_the_exact_rung_sees_it() -> None:
    found = look(registry.claim("gd.retnet"))
    named = labels(registry.claim("gd.retnet"), found)
    assert named[Rung.EXACT] == named[Rung.SYMBOLIC] == ()
    missed = named[Rung.UNIVERSAL]
    assert missed is not None and "retnet.step" in found[Rung.UNIVERSAL].seen
    # whatever the derivation runs by now: it is labelled, or its perturbation is noticed
    assert {p.partition(":")[0] for p in sight.depends(found)} == set(missed) | {
        p.partition(":")[0] for p in found[Rung.UNIVERSAL].seen & sight.depends(found)
    }


def test_a_derivation_that_does_not_run_the_code_sees_none_of_it() -> None:
    """It is true, and it is about letters: a hollow claim is not settled for all sizes."""
    W, eta = matrix("W", "m", "f"), scalar("eta")

    def hollow() -> list[Obligation]:
        return [Obligation("distributive", eta * (W + W), 2 * eta * W, "It is true of every matrix.")]

    claim = registry.claim("gd.retnet")
    claim = dataclasses.replace(
        claim,
        checks={**claim.checks, Rung.UNIVERSAL: lambda settings: derivation.decide(hollow)},
        mutants=claim.mutants,
    )
    missed = labels(claim, look(claim))[Rung.UNIVERSAL]
    assert missed is not None and {"retnet.recurrent", "retnet.parallel", "retnet.chunkwise", "retnet.step"} <= set(
        missed
    )


def test_the_cache_is_believed_only_while_nothing_changed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    claim = registry.claim("gd.parallel_scan")
    first = look(claim)
    monkeypatch.setattr(sight, "sight", lambda *_: pytest.fail("looked at again"))
    assert look(claim) == first
    path = tmp_path / "gd.parallel_scan.json"
    data = json.loads(path.read_text("utf-8"))
    for damaged in (json.dumps(data | {"key": ["other"]}), "{", "[]", json.dumps({"key": data["key"]})):
        path.write_text(damaged, "utf-8")
        assert sight.known(claim) is None
    monkeypatch.setattr(sight, "_key", lambda claim: ["new"])
    path.write_text(json.dumps(data), "utf-8")
    assert sight.known(claim) is None


@pytest.mark.parametrize("part", ["statement", "sides", "engines"])
def test_the_cache_is_not_believed_after_an_edit(monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    claim = registry.claim("gd.parallel_scan")
    marks = sight.fingerprints(claim)
    sight._keep(claim, {})
    assert sight.known(claim) == {}
    monkeypatch.setattr(sight, "fingerprints", lambda claim: dataclasses.replace(marks, **{part: "edited"}))
    assert sight.known(claim) is None


def test_a_claim_of_one_rung_needs_no_look_and_others_without_one_say_so() -> None:
    alone, several = registry.claim("hippo.look_ahead"), registry.claim("gd.retnet")
    assert set(labels(alone, None).values()) == {()}
    assert set(labels(several, None).values()) == {None}


def test_labels_from_what_was_seen() -> None:
    sights = {
        Rung.EXACT: Sight(("a.f: [0]", "a.f: [1]", "a.g", "a.idle"), ("a.idle",)),
        Rung.UNIVERSAL: Sight(("a.f: [0]", "a.f: [1]", "a.helper"), ("a.f: [1]",)),
        Rung.KERNEL: Sight(("a.f: [0]", "a.f: [1]", "a.g"), ("a.f: [0]", "a.f: [1]")),
    }
    assert unseen(sights, Rung.EXACT) == ()
    assert unseen(sights, Rung.UNIVERSAL) == ("a.f: [1]", "a.g")
    assert unseen(sights, Rung.KERNEL) == ("a.f",)
    assert unseen(sights, Rung.SYMBOLIC) is None
    assert silent(sights) == ("a.idle",)


def test_the_bench_counts_pairs_and_fails_where_a_rung_does_not_confirm(monkeypatch: pytest.MonkeyPatch) -> None:
    claims = [registry.claim("gd.parallel_scan")]
    bench = soundness_claims.run(claims=claims)
    assert bench.passed and bench.pairs(Rung.EXACT)[1] == 0
    total, missed = bench.pairs(Rung.UNIVERSAL)
    assert total == len(bench.claims[0].depends) and missed == len(
        bench.claims[0].depends - bench.claims[0].sights[Rung.UNIVERSAL].seen
    )
    row = bench.to_json()["claims"][0]
    assert row["rungs"]["universal"]["unseen"] == list(bench.claims[0].unseen(Rung.UNIVERSAL))
    monkeypatch.setattr(retnet, "step", lambda S, k, v, gamma: S)
    assert not soundness_claims.run(claims=[registry.claim("gd.retnet")]).passed


def test_what_was_recorded_before_a_look_hides_nothing() -> None:
    claim = registry.claim("gd.weight_decay")
    assert claim.checks[Rung.EXACT](sight.SETTINGS).verdict is Verdict.CONFIRMED
    found = look(claim)
    assert {"delta_rule.step", "autograd_descent.sgd"} <= found[Rung.EXACT].seen
    assert labels(claim, found)[Rung.EXACT] == ()
