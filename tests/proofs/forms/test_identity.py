"""Claims that two programs are the same: which sizes a profile checks."""

from __future__ import annotations

import pytest

from numeric.finding import Verdict
from proofs.evidence import Rung, Settings
from proofs.forms.identity import Identity, Large


def first_hundred(X):
    """Right up to 100 rows."""
    return X[:100, :].sum(0)


def steps(X, count=3):
    """Right up to 5 steps."""
    return X[0, :] * min(count, 5)


def claim(large, left=first_hundred, right=lambda X: X.sum(0)):
    return Identity(
        shapes={"X": ("N", "f")}, left=left, right=right, sizes=({"N": 2, "f": 2}, {"N": 9, "f": 2}), large=large
    )


@pytest.mark.parametrize(("quick", "profile"), [(True, "quick"), (True, "full"), (False, "full")])
def test_code_that_is_right_for_few_tokens_falls_at_the_large_case(quick, profile):
    found = claim(Large({"N": 130, "f": 2}, quick=quick)).exact(Settings(profile=profile, seed=1))
    assert found.verdict is Verdict.REFUTED


def test_the_quick_profile_leaves_out_what_it_cannot_afford():
    assert claim(Large({"N": 130, "f": 2})).exact(Settings(seed=1)).verdict is Verdict.CONFIRMED


def test_the_large_case_may_take_more_steps():
    def right(X, count=3):
        return X[0, :] * count

    large = Large({"N": 2, "f": 2}, lambda X: steps(X, 12), lambda X: right(X, 12), quick=True)
    assert claim(None, steps, right).exact(Settings(seed=1)).verdict is Verdict.CONFIRMED
    assert claim(large, steps, right).exact(Settings(seed=1)).verdict is Verdict.REFUTED


def test_a_mutant_falls_at_small_sizes():
    mutant = claim(Large({"N": 130, "f": 2}, quick=True)).mutant("doubled", "doubled", right=lambda X: 2 * X.sum(0))
    found = mutant.checks[Rung.EXACT](Settings(seed=1))
    assert found.verdict is Verdict.REFUTED and found.counterexample is not None
