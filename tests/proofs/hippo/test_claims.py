"""What the claims of proofs/hippo have in common beyond those of every claim; in the full profile they run here."""

from __future__ import annotations

import pytest

from proofs import registry
from proofs.evidence import Settings
from proofs.hippo.derivative_rate import grade
from proofs.verify.run import verify

IDS = [id for id in registry.ids() if id.startswith("hippo.")]


@pytest.mark.parametrize("id", IDS)
def test_at_least_two_mutants_each_and_each_is_one_that_a_rung_has_to_refute(id: str) -> None:
    """That they fall, and that every rung confirms, is run for all claims in tests/proofs/test_claims.py."""
    mutants = registry.claim(id).mutants
    assert len(mutants) >= 2
    assert [m.id for m in mutants if not set(m.checks) - set(m.blind)] == []


@pytest.mark.slow
@pytest.mark.parametrize("id", IDS)
def test_claim_in_full(id: str) -> None:
    """The same in the full profile."""
    run = verify([id], settings=Settings(profile="full", seed=1))
    assert run.status == 0


@pytest.mark.parametrize(
    ("route", "K", "theta", "N", "word"),
    [
        ("i", 3, 2, -1.5, "sharp"),
        ("i", 3, 2, -2, "false"),
        ("i", 3, 2, -1, "loose"),
        ("ii", 3, 2, -0.5, "sharp"),
        ("ii", 3, 2, -1.5, "false"),
        ("iii", 4, 3, -2.5, "sharp"),
        ("value", 2, 2, -1.5, "sharp"),
    ],
)
def test_grade(route: str, K: int, theta: float, N: float, word: str) -> None:
    """Claimed orders are graded as the theorem says."""
    assert grade(route, K, theta, N).word == word


def test_grade_refuses() -> None:
    """Unknown routes and too few derivatives are refused."""
    with pytest.raises(ValueError, match="route"):
        grade("iv", 3, 1, 1)
    with pytest.raises(ValueError, match="at least two"):
        grade("i", 1, 1, 1)
