"""Impossibility: which half each rung settles, and that a witness with another part falls."""

import pytest

from numeric.finding import Finding, Verdict
from proofs import registry
from proofs.evidence import Rung, Settings
from proofs.forms.impossibility import Witness, impossible


def obeyed(settings):
    return Finding(Verdict.CONFIRMED, figures={"steps": 1}, trust=("the class",))


def checks(value, claimed=2):
    witness = Witness(lambda x: x, {"x": [value]}, [claimed], "the defect")
    return impossible(dict.fromkeys((Rung.SAMPLED, Rung.EXACT, Rung.UNIVERSAL), obeyed), witness)


@pytest.mark.parametrize("rung", [Rung.EXACT, Rung.UNIVERSAL])
def test_a_proof_of_the_class_with_the_witness_is_the_whole_claim(rung):
    found = checks(2)[rung](Settings())
    assert found.verdict is Verdict.CONFIRMED and not found.part
    assert found.figures == {"steps": 1, "the defect": "['2']"} and "rational arithmetic (FLINT)" in found.trust
    assert checks(0)[rung](Settings()).verdict is Verdict.REFUTED
    assert checks(0, claimed=0)[rung](Settings()).verdict is Verdict.REFUTED
    assert checks(3)[rung](Settings()).verdict is Verdict.REFUTED


def test_a_witness_elsewhere_or_with_another_value_falls():
    witness = Witness(lambda x: x, {"x": [2]}, [2], "the defect")
    assert witness.checks()[Rung.EXACT](Settings()).verdict is Verdict.CONFIRMED
    for changes in ({"point": {"x": [0]}}, {"value": [3]}, {"program": lambda x: 2 * x}):
        false = witness.mutant("other", "another one", **changes)
        assert false.checks[Rung.EXACT](Settings()).verdict is Verdict.REFUTED


def test_draws_settle_the_class_only():
    found = checks(2)[Rung.SAMPLED](Settings())
    assert found.part == "what the class obeys, not the witness" and "the defect" not in found.figures


def test_a_derivation_about_the_class_shows_its_witness():
    found = registry.claim("gd.lti_affine").checks[Rung.UNIVERSAL](Settings(seed=1))
    assert any(name.startswith("F(2U) - 2 F(U) + F(0)") for name in found.figures) and not found.part
