"""What the rungs of a claim see, and the labels that come of it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from constructions import legt, retnet
from numeric.finding import Finding, Verdict
from numeric.words import derivation, matrix, scalar
from numeric.words.derivation import Obligation
from proofs import registry
from proofs.bench import claims as soundness_claims
from proofs.claim import Mutant
from proofs.evidence import Rung, Settings
from proofs.verify import sight
from proofs.verify.sight import Place, Sight, labels, look, silent, unseen


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSMPROOF_SIGHT_CACHE", str(tmp_path))


# ------------------------------------------------------------------------------------------------- looks


def test_what_words_cannot_run_is_labelled_and_the_exact_rung_sees_it() -> None:
    found = look(registry.claim("gd.retnet"))
    named = labels(registry.claim("gd.retnet"), found)
    assert named[Rung.EXACT] == named[Rung.SYMBOLIC] == ()
    missed = named[Rung.UNIVERSAL]
    assert missed is not None and Place("retnet.step") in found[Rung.UNIVERSAL].seen
    # whatever the derivation runs by now: it is labelled, or its perturbation is noticed
    noticed = found[Rung.UNIVERSAL].seen & sight.depends(found)
    assert {p.function for p in sight.depends(found)} == set(missed) | {p.function for p in noticed}


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


def test_claims_that_nobody_looked_at_say_so_also_where_one_rung_is_all_there_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for id in ("hippo.look_ahead", "gd.retnet"):
        assert set(labels(registry.claim(id), None).values()) == {None}
    monkeypatch.setattr(sight, "_modules", lambda claim: [])  # a claim about no construction
    assert set(labels(registry.claim("gd.retnet"), None).values()) == {()}


def test_labels_from_what_was_seen() -> None:
    first, second, g, missed, idle = (
        Place("a.f", "[0]"),
        Place("a.f", "[1]"),
        Place("a.g"),
        Place("a.missed"),
        Place("a.idle"),
    )
    sights = {
        Rung.EXACT: Sight((first, second, g, missed, idle), (missed, idle), (idle,)),
        Rung.UNIVERSAL: Sight((first, second, Place("a.helper")), (second,)),
        Rung.KERNEL: Sight((first, second, g), (first, second)),
    }
    assert unseen(sights, Rung.EXACT) == (missed,)
    assert unseen(sights, Rung.UNIVERSAL) == (second, g, missed)
    assert unseen(sights, Rung.KERNEL) == (Place("a.f"), missed)
    assert unseen(sights, Rung.SYMBOLIC) is None
    assert silent(sights) == (missed,)
    assert list(map(str, (second, g))) == ["a.f: [1]", "a.g"]


def test_a_field_that_goes_nowhere_is_idle_and_one_that_cancels_is_not() -> None:
    claim, C = registry.claim("hippo.stability"), Place("legt.system", ".C")
    found = sight.sight(claim, Rung.EXACT)
    assert found is not None and set(found.idle) <= set(found.blind)
    assert {Place("legt.readout"), C, Place("legs.below")} <= set(found.idle)

    def cancels(settings: Settings) -> Finding:
        own = legt.system(3).C
        return Finding(Verdict.CONFIRMED if (own - own == 0).all() else Verdict.REFUTED)

    claim = dataclasses.replace(claim, checks={Rung.EXACT: cancels}, mutants=_exact_mutants())
    found = sight.sight(claim, Rung.EXACT)
    assert found is not None and C in found.blind and C not in found.idle
    assert silent({Rung.EXACT: found}) == (Place("legt._count"), Place("legt.gain"), Place("legt.readout"), C)
    # no other field of the system matters, so the whole of it is named
    assert labels(claim, {Rung.EXACT: found})[Rung.EXACT] == ("legt._count", "legt.gain", "legt.readout", "legt.system")


def _exact_mutants() -> tuple[Mutant, ...]:
    return (Mutant("none", "no mutant is run here", {Rung.EXACT: lambda settings: Finding(Verdict.REFUTED)}),)


def test_the_bench_counts_pairs_and_fails_where_a_rung_does_not_confirm(monkeypatch: pytest.MonkeyPatch) -> None:
    claims = [registry.claim("gd.parallel_scan")]
    bench = soundness_claims.run(claims=claims)
    assert bench.passed and bench.pairs(Rung.EXACT)[1] == 0
    total, missed = bench.pairs(Rung.UNIVERSAL)
    assert total == len(bench.claims[0].depends) and missed == len(
        bench.claims[0].depends - bench.claims[0].sights[Rung.UNIVERSAL].seen
    )
    row = bench.to_json()["claims"][0]
    assert row["rungs"]["universal"]["unseen"] == list(map(str, bench.claims[0].unseen(Rung.UNIVERSAL)))
    monkeypatch.setattr(retnet, "step", lambda S, k, v, gamma: S)
    assert not soundness_claims.run(claims=[registry.claim("gd.retnet")]).passed


def test_what_was_recorded_before_a_look_hides_nothing() -> None:
    claim = registry.claim("gd.weight_decay")
    assert claim.checks[Rung.EXACT](sight.SETTINGS).verdict is Verdict.CONFIRMED
    found = look(claim)
    assert {Place("delta_rule.step"), Place("optimiser.sgd")} <= found[Rung.EXACT].seen
    assert labels(claim, found)[Rung.EXACT] == ()
