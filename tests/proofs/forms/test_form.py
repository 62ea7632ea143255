"""A form's parts, what it settles, and several forms on one rung."""

from __future__ import annotations

import pytest

from numeric.finding import Finding, Verdict
from proofs.claim import covering
from proofs.evidence import Rung, Settings
from proofs.forms.form import checked, joint, together


@checked(Rung.MEASURED, part="the first half")
def first(settings: Settings, value: int = 2) -> Finding:
    """Whether a number is 2."""
    return Finding(Verdict.CONFIRMED if value == 2 else Verdict.REFUTED, "" if value == 2 else "it is not 2")


@checked(Rung.MEASURED)
def second(settings: Settings, value: int = 2, more: int = 0) -> Finding:
    """Whether a number is even."""
    even = (value + more) % 2 == 0
    return Finding(Verdict.CONFIRMED if even else Verdict.REFUTED, "" if even else "it is odd")


def verdict(checks) -> Verdict:
    (check,) = checks.values()
    return check(Settings()).verdict


def test_a_part_is_replaced_by_its_name() -> None:
    assert verdict(first.checks()) is Verdict.CONFIRMED
    assert verdict(first.mutant("three", "3 in place of 2", value=3).checks) is Verdict.REFUTED
    with pytest.raises(TypeError, match="other"):
        verdict(first.checks(other=1))


def test_what_a_form_settles_is_said_of_its_confirmation() -> None:
    assert first.checks()[Rung.MEASURED](Settings()).part == "the first half"
    assert not first.check()(Settings()).part


def test_all_forms_on_a_rung_have_to_confirm() -> None:
    assert verdict(together(first.checks(), second.checks())) is Verdict.CONFIRMED
    assert verdict(together(first.checks(), second.checks(more=1))) is Verdict.REFUTED
    assert together(first.checks(), {Rung.EXACT: second.check()}).keys() == {Rung.MEASURED, Rung.EXACT}


def test_a_mutant_of_several_forms_replaces_the_part_in_each() -> None:
    assert verdict(joint("four", "4 in place of 2", first, second, value=4).checks) is Verdict.REFUTED
    assert verdict(joint("two", "nothing is changed", first, second, value=2).checks) is Verdict.CONFIRMED


@pytest.mark.parametrize("found", Verdict)
def test_only_a_confirmation_names_its_part(found: Verdict) -> None:
    result = covering("x", lambda settings: Finding(found, "why", trust=("a",)))(Settings())
    assert result.part == ("x" if found is Verdict.CONFIRMED else "") and result.trust == ("a",)
    assert result.verdict is found
