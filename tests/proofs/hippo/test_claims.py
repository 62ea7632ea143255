"""Every claim of proofs/hippo is confirmed on every rung it has, and every mutant refuted, in the quick profile."""

from __future__ import annotations

import pytest

from numeric.finding import Verdict
from proofs import registry
from proofs.evidence import Outcome, Settings
from proofs.hippo.derivative_rate import grade
from proofs.verify.run import verify

IDS = [id for id in registry.ids() if id.startswith("hippo.")]


@pytest.mark.parametrize("id", IDS)
def test_claim(id: str) -> None:
    """All rungs confirm; all mutants fall; at least two mutants each."""
    run = verify([id], settings=Settings(seed=20240709))
    assert [(e.rung, e.finding.reason) for e in run.evidence if e.verdict is not Verdict.CONFIRMED] == []
    assert [m.mutant for m in run.mutants if m.outcome is not Outcome.REFUTED] == []
    assert len(run.mutants) >= 2


def test_every_rung_has_a_mutant_that_it_refutes() -> None:
    """(claim, rung) pairs whose check no mutant makes fail: none."""
    unseen = [
        (id, rung.value)
        for id in IDS
        for rung in registry.claim(id).checks
        if not any(rung in m.checks and rung not in m.blind for m in registry.claim(id).mutants)
    ]
    assert unseen == []


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
