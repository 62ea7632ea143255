"""What the rungs of a claim see: perturbations planted and taken away again, and the labels that come of it."""

from __future__ import annotations

import dataclasses
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from constructions import autograd_descent, gated_accumulator, gd_ssm, legt, retnet
from numeric import derivation
from numeric.blocks import blocks
from numeric.derivation import Obligation
from numeric.words import matrix, scalar
from proofs import registry, sight, soundness_claims
from proofs.evidence import Rung
from proofs.sight import Sight, changed, functions, labels, look, perturbed, planted, silent, unseen


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSMPROOF_SIGHT_CACHE", str(tmp_path))


# --------------------------------------------------------------------------------------------- planting


def test_a_planted_function_is_seen_by_whoever_holds_it_and_comes_back() -> None:
    """By its module, by modules that imported it, as a default argument, and with its own defaults and keywords."""
    table = functions(["constructions.gated_accumulator", "constructions.gradient_descent"])
    X, Y, W = torch.ones(2, 2), torch.ones(2, 2), torch.zeros(2, 2)
    held, before = gd_ssm.recurrence, autograd_descent.descend(W, X, Y, eta=1)

    with planted(
        {name: table[name] for name in ("gated_accumulator.recurrence", "gradient_descent.loss")},
        lambda name, whole: lambda *args, **kwargs: 3 * whole(*args, **kwargs),
    ):
        tripled = held(torch.ones(2, 1), torch.ones(2, 1), torch.zeros(1))
        moved = autograd_descent.descend(W, X, Y, eta=1)
        assert gated_accumulator.recurrence is held
    assert tripled.tolist() == [[3.0], [6.0]]
    assert torch.equal(moved, 3 * before)
    assert held(torch.ones(2, 1), torch.ones(2, 1), torch.zeros(1)).tolist() == [[1.0], [2.0]]
    assert torch.equal(autograd_descent.descend(W, X, Y, eta=1), before) and not sight.HOOKS


def test_it_comes_back_after_an_error_too() -> None:
    table = functions(["constructions.legt"])
    code, defaults = legt.system.__code__, legt.system.__defaults__
    with pytest.raises(ZeroDivisionError), planted(table, lambda name, whole: whole):
        assert legt.system.__code__ is not code and legt.system(2).A.shape == (2, 2)
        raise ZeroDivisionError
    assert (legt.system.__code__, legt.system.__defaults__) == (code, defaults)


def test_methods_and_every_function_of_a_file_are_found() -> None:
    assert {"state_space.StateSpace.order", "state_space.orthonormal"} <= set(functions(["constructions.state_space"]))
    assert "legt.system" not in functions(["constructions.legs"]), "it is named where it is defined"


# ----------------------------------------------------------------------------------------- perturbations


def test_each_field_of_a_result_is_one_place() -> None:
    system = legt.system(2)
    fields: dict[str, None] = {}

    def note(value: object, field: str) -> object:
        fields[field] = None
        return value

    same = changed({"s": system, "many": [1, 2], "f": (lambda x: (x, x), None)}, note)
    assert np.array_equal(same["s"].A, system.A) and same["f"][0](4) == (4, 4)
    assert list(fields) == ["[s].A", "[s].B", "[s].C", "[s].D", "[many][]", "[f][0]()[0]", "[f][0]()[1]"]


@pytest.mark.parametrize(
    "value",
    [0, 0.0, Fraction(0), np.zeros((2, 3)), np.array([Fraction(0)], dtype=object), torch.zeros(2), torch.zeros(())],
    ids=str,
)
def test_zero_becomes_something_else_the_same_each_time(value: object) -> None:
    once, twice = np.asarray(perturbed(value, "a")), np.asarray(perturbed(value, "a"))
    assert once.shape == np.shape(value) and (once != 0).all() and (once == twice).all()


def test_words_get_a_letter_of_their_own() -> None:
    W, eta = matrix("W", "m", "f"), scalar("eta")
    assert perturbed(W, "a") != W + W and perturbed(W, "a") == perturbed(W, "a") != perturbed(W, "b")
    assert perturbed(eta, "a") != perturbed(eta, "b")
    row = blocks([[W], [matrix("v", 1, "f")]])
    assert not (perturbed(row, "a") - row).is_zero


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
