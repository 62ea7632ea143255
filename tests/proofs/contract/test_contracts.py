"""Contracts: planted faults are found with a small counterexample, and none is invented on true layers."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

from numeric.finding import Verdict
from proofs.audit.answer import Word
from proofs.audit.rows import Check
from proofs.contract import contracts
from proofs.contract.findings import (
    Absent,
    Contract,
    Contracts,
    Kept,
    NoArgument,
    NoValue,
    OnlyExactly,
    OtherState,
    Reminder,
)
from proofs.evidence import Settings
from proofs.target.loading import TargetError

FILE = Path(__file__).with_name("layers.py")
HELD = runpy.run_path(str(FILE))
FAULTS, TRUE = HELD["FAULTS"], HELD["TRUE"]
FREE = (Contract.CHUNKS, Contract.FINITE, Contract.DETERMINISTIC)
"""Asked with as many tokens as it takes."""
FAR = ("late_mask", "overflows")
"""Whose faults are met after many tokens."""


def check(name: str, *only: str, N: int | None = 3) -> Contracts:
    adapter, gates = TRUE[name] if name in TRUE else ("kv", FAULTS[name][1])
    return contracts(f"{FILE}:{name}", adapter, gates, Settings(seed=1), {"N": N} if N else None, only)


@pytest.mark.parametrize("name", [n for n in FAULTS if n not in FAR])
def test_planted_faults_are_found_with_a_small_counterexample(name: str) -> None:
    contract = Contract(FAULTS[name][0])
    found = check(name, contract.value, N=None if contract in FREE else 3)
    told = found.of(contract)
    assert told.kept is Kept.BROKEN and found.word is Word.REFUTED and found.status == 1
    assert told.counterexample is not None and told.reproduced
    numbers = sum(np.size(value) for value in told.counterexample.inputs.values())
    assert numbers <= 24 or name in ("counts", "remembers")  # which are others when they are called again


@pytest.mark.slow
@pytest.mark.parametrize("name", FAR)
def test_faults_that_many_tokens_meet_are_found(name: str) -> None:
    contract = Contract(FAULTS[name][0])
    told = check(name, contract.value, N=None).of(contract)
    assert told.kept is Kept.BROKEN and told.counterexample is not None and told.reproduced
    if name == "late_mask":  # nine tokens and one that is read too early
        assert told.place is not None and told.place.position == 9 and told.counterexample.sizes["N"] == 10


def test_every_contract_has_a_planted_fault() -> None:
    assert {contract for contract, _ in FAULTS.values()} == {c.value for c in Contract}


@pytest.mark.parametrize(
    "name, only",
    [
        *((name, ()) for name in TRUE if name not in ("recurrent", "refuses_zero_keys")),
        ("refuses_zero_keys", ("batch", "finite")),
        ("recurrent", ("split", "modes", "finite", "inputs")),  # whose gate is a logarithm
        pytest.param("recurrent", (), marks=pytest.mark.slow),
    ],
)
def test_true_layers_break_nothing(name: str, only: tuple[str, ...]) -> None:
    found = check(name, *only)
    assert found.word is Word.AGREES and found.status == 4, [(c.contract, c.kept) for c in found.checked]
    assert found.accepted(sampled=True) and not found.accepted()
    drawn = {Contract.MODES, Contract.FINITE}
    for told in found.checked:
        if name not in ("softmax", "zero_keys", "refuses_zero_keys") and told.contract not in drawn:
            assert told.kept in (Kept.PROVED, Kept.ABSENT), told


def test_what_is_proved_alone_has_status_0_and_its_sizes() -> None:
    found = check("chunked", "split", "chunks", N=5)
    assert found.word is Word.PROVED and found.status == 0
    rows = found.of(Contract.SPLIT).rows
    assert all(row.check is Check.EXACT and row.finding.verdict is Verdict.CONFIRMED for row in rows)
    assert found.zeros is not None  # a call without a state is one from zeros, which the split is not asked for again
    assert {row.variant for row in rows} == {"from any state"} and {row.sizes["N"] for row in rows} == {5}
    assert {row.variant for row in found.of(Contract.CHUNKS).rows} == {"chunk_size=2", "chunk_size=4"}


def test_a_contract_that_does_not_apply_is_not_kept() -> None:
    found = check("softmax", "split", "packed", "chunks")
    assert {told.kept for told in found.checked} == {Kept.ABSENT} and found.status == 3
    assert found.of(Contract.PACKED).why == NoArgument(("cu_seqlens",))
    assert found.of(Contract.SPLIT).why == NoArgument(("initial_state",))
    assert check("one_sequence", "heads").of(Contract.HEADS).why is Absent.ONE_SEQUENCE


def test_a_state_that_is_not_handed_on_leaves_a_split_open() -> None:
    found = contracts(f"{FILE}:two_states", "kv", None, Settings(seed=1), {"N": 2}, ("split",))
    told = found.of(Contract.SPLIT)
    assert told.kept is Kept.UNDECIDED and told.why == OtherState(("initial_sum",))


@pytest.mark.parametrize(
    "name, kept",
    [
        ("plain_state", Kept.PROVED),
        ("offset_state", Kept.UNDECIDED),
        ("short_state", Kept.UNDECIDED),
        ("single_state", Kept.AGREES),
    ],
)
def test_what_is_the_same_exactly_has_to_be_as_it_runs(name: str, kept: Kept) -> None:
    found = contracts(f"{FILE}:{name}", "kv", None, Settings(seed=1), {"N": 3}, ("split", "decode"))
    for told in found.checked:
        assert told.kept is kept
        assert isinstance(told.why, OnlyExactly) is (kept is Kept.UNDECIDED)
    assert any("float32" in str(flag) for flag in found.flags) is (name == "single_state")


def test_plain_calls_of_more_tokens_may_break_what_is_proved() -> None:
    false, true = (
        contracts(f"{FILE}:{name}", "kv", None, Settings(seed=1), None, ("causal", "padding"))
        for name in ("leaks_late", "Projected")
    )
    for told in false.checked:
        assert told.kept is Kept.BROKEN and told.reproduced and told.counterexample is not None
        assert told.counterexample.sizes["N"] == 64
    assert all(told.kept is Kept.PROVED and told.rows[-1].sizes["N"] == 257 for told in true.checked)


def test_heads_that_may_be_tokens_are_asked_about() -> None:
    assert Reminder.LAYOUT in check("mixed_heads", "heads").notes
    assert Reminder.LAYOUT not in check("lost_mask", "causal").notes


def test_a_fault_breaks_its_contract_alone() -> None:
    found = check("mixed_heads", "causal", "batch", "heads", "padding")
    assert {c.contract: c.kept for c in found.checked} == {
        Contract.CAUSAL: Kept.PROVED,
        Contract.HEADS: Kept.BROKEN,
        Contract.BATCH: Kept.PROVED,
        Contract.PADDING: Kept.PROVED,
    }


@pytest.mark.parametrize("name", ["zero_keys", "refuses_zero_keys"])
def test_no_value_is_promised_where_the_formula_has_none(name: str) -> None:
    rows = check(name, "finite").of(Contract.FINITE).rows
    reasons = [row.finding.reason for row in rows if row.variant == "zero keys"]
    assert len(reasons) == 1 and isinstance(reasons[0], NoValue)


def test_a_random_target_decides_nothing_else() -> None:
    found = check("drops", "causal", "deterministic")
    assert found.of(Contract.CAUSAL).kept is Kept.UNDECIDED
    assert found.of(Contract.DETERMINISTIC).kept is Kept.BROKEN


def test_the_same_seed_finds_the_same() -> None:
    one, two = (check("mixed_batch", "batch").of(Contract.BATCH) for _ in range(2))
    assert one.counterexample == two.counterexample and one.place == two.place


def test_wrong_usage_is_one_message() -> None:
    with pytest.raises(TargetError, match=r"no contract 'casual'; there are causal, heads"):
        check("softmax", "casual")
    with pytest.raises(TargetError, match="called on whole arrays in float64"):
        contracts(f"{FILE}:needs_many", "kv")
