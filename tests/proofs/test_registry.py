"""The registry finds claims by their files, and unknown ids list the near ones."""

import pytest

from proofs import registry
from proofs.claim import Claim, Kind, Mutant
from proofs.evidence import Rung


def test_every_claim_is_found_by_its_file_name():
    ids = registry.ids()
    assert "gd.one_step_tokens" in ids
    assert len(set(ids)) == len(ids)
    assert all(registry.claim(i).id == i for i in ids)


def test_a_room_that_is_no_chapter_holds_no_claims():
    assert {i.split(".")[0] for i in registry.ids()} == {"gd", "hippo"}


def test_patterns_select():
    assert [c.id for c in registry.select(["gd.one_step_t*"])] == ["gd.one_step_tokens"]
    assert len(registry.select()) == len(registry.ids())


@pytest.mark.parametrize("wrong", ["gd.one_step_tokns", "nonsense.*"])
def test_unknown_ids_say_what_to_do(wrong):
    with pytest.raises(
        registry.UnknownClaim, match=r"no claim matches .*(near ids: gd\.one_step_tokens|ssmproof claims)"
    ):
        registry.select([wrong])


def made(**changes):
    parts = {
        "title": "t",
        "kind": Kind.IDENTITY,
        "statement": "s",
        "derivation": "d",
        "source": "here",
        "checks": {Rung.EXACT: lambda settings: None},
        "mutants": (Mutant("m", "d", {Rung.EXACT: lambda settings: None}),),
    }
    return Claim("proofs.gd.x", **{**parts, **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"title": " "}, "title is empty"),
        ({"checks": {}}, "no checks"),
        ({"mutants": ()}, "no mutants"),
        ({"checks": {Rung.SAMPLED: lambda s: None}}, "rungs the claim lacks"),
        ({"mutants": made().mutants * 2}, "share an id"),
    ],
)
def test_a_claim_that_can_not_fail_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        made(**changes)


def test_a_mutant_without_checks_is_refused():
    with pytest.raises(ValueError, match="no check"):
        Mutant("m", "d", {})


def test_a_claim_prints_itself():
    text = made()._repr_markdown_()
    assert text.startswith("**gd.x**")
