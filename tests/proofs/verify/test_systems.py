"""The table of systems: proofs/verify/systems.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from proofs import registry
from proofs.claim import System
from proofs.evidence import Rung, Settings
from proofs.verify.run import verify
from proofs.verify.systems import rows

WANTED = """
CG|Conjugate gradients; DeltaNet; GD++; GD-SSM, non-linear; GD-SSM, scalar target (1-D); GD-SSM, several steps;
GD-SSM, vector target; GLA; Gated linear RNN; Griffin (RG-LRU); H3; LSA (linear self-attention); Longhorn; Mamba (S6);
Mamba-2 (SSD); Mesa layer; Newton-Schulz; RetNet; S5; Samba; TTT-Linear
"""


def test_the_rung_and_the_figures_come_from_the_run(toys: Path) -> None:
    claims = registry.select(["toy.*"])
    run = verify(["toy.holds"], settings=Settings(seed=3))
    found = {row.system.name: row for row in rows(claims, run)}
    assert list(found) == ["Another layer", "Toy layer"]
    assert found["Toy layer"].settled.rung is Rung.UNIVERSAL
    assert [e.rung for e in found["Toy layer"].evidence] == [Rung.UNIVERSAL, Rung.EXACT, Rung.SAMPLED]
    data = found["Toy layer"].to_json()
    assert (
        data["rung"] == "universal" and data["settled"] == "for all sizes" and data["figures"]["sampled"]["draws"] == 40
    )


def test_without_a_run_nothing_is_settled(toys: Path) -> None:
    found = rows(registry.select(["toy.*"]))
    assert not any(row.settled for row in found) and not any(row.evidence for row in found)


def test_a_claim_that_the_run_left_out_is_not_settled(toys: Path) -> None:
    run = verify(["toy.open"], settings=Settings(seed=3))
    assert not any(row.settled for row in rows(registry.select(["toy.holds"]), run))


@pytest.mark.parametrize("name", [part.strip() for part in WANTED.replace("\n", " ").split(";")])
def test_each_system_has_a_row(name: str) -> None:
    there = {row.system.name for row in rows(registry.select(["gd.*"]))}
    assert there & set(name.split("|")), f"no claim is about {name}"


def test_a_system_without_words_is_refused() -> None:
    with pytest.raises(ValueError, match="says what it computes"):
        System("S5", " ")
