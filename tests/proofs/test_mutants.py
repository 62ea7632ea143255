"""Every rung of every claim has a mutant that it has to refute."""

from __future__ import annotations

import pytest

from proofs import registry
from proofs.claim import Claim
from proofs.evidence import Rung

ELSEWHERE = {Rung.KERNEL}
"""Coq's rung: broken constructions and false sources, in tests/proofs/test_kernel.py."""


def unrefuted(claim: Claim) -> list[Rung]:
    """The rungs of a claim on which no mutant has to fall (that each does where it has to: tests/proofs/test_claims.py)."""
    seen = {rung for mutant in claim.mutants for rung in mutant.checks if rung not in mutant.blind}
    return [rung for rung in claim.rungs if rung not in seen | ELSEWHERE]


@pytest.mark.parametrize("claim", registry.select(), ids=lambda claim: claim.id)
def test_every_rung_has_a_mutant_that_it_refutes(claim: Claim) -> None:
    assert not unrefuted(claim)
