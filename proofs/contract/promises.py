"""One function a contract: whether it applies, which programs have to be equal for it, and at which sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from numeric.deciding.programs import Sizes
from numeric.finding import Counterexample, Told, Verdict
from proofs.audit.handed import sliced, strided
from proofs.audit.layers import ASIDE
from proofs.audit.rows import Row
from proofs.contract.asking import FLAT, Asking, Pair, absent, decided, longer, variants
from proofs.contract.findings import Absent, Checked, Contract, Kept, NoArgument, OtherState, Refuses
from proofs.contract.operator import FACTOR, LINEAR, Operator, Side
from proofs.contract.points import finite
from proofs.target.adapters import STATES

CHUNKS = ("chunk_size", "block_size", "BM", "BN", "BT", "mini_batch_size")
"""Names under which operators take how many tokens they work on at once."""
_SIZES, _LONG_SIZES = (2, 4, 1, 8, 16, 32, 64), (32, 16, 64, 128)
_OTHERS = 2
"""Sizes of chunks that are held against the default."""
_LENGTHS = (9, 8, 16, 32, 64, 128)
_SEQUENCES = 2
_STATE = "initial_"
"""What the names of states begin with."""


def causal(asking: Asking) -> Checked:
    """Outputs before a cut, with the tokens after it as they are and with others."""
    contract = Contract.CAUSAL
    if asking.one_sequence:
        return absent(contract, Absent.ONE_SEQUENCE)
    whole = asking.plain.whole
    if whole.last or whole.all_tokens:
        return absent(contract, Absent.LAST if whole.last else Absent.ALL_TOKENS)
    pair = Pair(Operator.until, Operator.until_others, ("as called", "later tokens changed"), "cbnh", {"N": 2})

    def change(operator: Operator) -> Operator:
        return replace(operator, redrawn=operator.names_with("N"), after=operator.state is not None)

    def cuts(N: int) -> tuple[int, ...]:
        return () if N <= 8 else (N // 2, N // 2 + 1)

    found = decided(asking, contract, pair, variants(asking, change, base=asking.cut, cuts=cuts))
    return longer(asking, found, pair, change)


def heads(asking: Asking) -> Checked:
    """What one head gives, with the others as they are and with others."""
    contract = Contract.HEADS
    if asking.one_sequence:
        return absent(contract, Absent.ONE_SEQUENCE)
    if not asking.plain.whole.heads:
        return absent(contract, Absent.NO_HEADS)
    pair = Pair(Operator.by_head, Operator.by_head_others, ("as called", "other heads changed"), "h", {"H": 2})
    return _cells(asking, contract, pair, "H")


def batch(asking: Asking) -> Checked:
    """What one batch entry gives, with the others as they are and with others."""
    contract = Contract.BATCH
    if asking.one_sequence:
        return absent(contract, Absent.ONE_SEQUENCE)
    pair = Pair(Operator.by_entry, Operator.by_entry_others, ("as called", "other entries changed"), "b", {"B": 2})
    return _cells(asking, contract, pair, "B")


def _cells(asking: Asking, contract: Contract, pair: Pair, axis: str) -> Checked:
    def change(operator: Operator) -> Operator:
        return replace(operator, redrawn=operator.names_with(axis))

    base = {**asking.at, axis: 2}
    return decided(asking, contract, pair, variants(asking, change, far=False, base=base))


def split(asking: Asking) -> Checked:
    """One call and two, the state handed on."""
    return _handed_on(asking, Contract.SPLIT, Operator.in_two, ("one call", "two calls"))


def decode(asking: Asking) -> Checked:
    """One call, and one of the first tokens with one for each token after them."""
    return _handed_on(asking, Contract.DECODE, Operator.in_steps, ("one call", "prefill, then decode"))


def _handed_on(asking: Asking, contract: Contract, right: Side, names: tuple[str, str]) -> Checked:
    further = tuple(n for n in asking.plain.case.adapter.named if n.startswith(_STATE) or n in STATES)
    if further:
        return Checked(contract, Kept.UNDECIDED, why=OtherState(further))
    if not asking.plain.whole.state:
        return absent(contract, NoArgument(STATES[:1]))
    calls = [operator for operator in asking.calls if operator.after]
    if not calls:
        return absent(contract, Absent.NO_STATE_BACK)
    pair = Pair(Operator.in_one, right, names, FLAT, {"N": 2})

    def cuts(N: int) -> tuple[int, ...]:
        if contract is Contract.DECODE and asking.at["N"] < N:
            return (max(1, N // 2 - 1),)
        return asking.cuts(N)

    return decided(asking, contract, pair, variants(asking, calls=calls, base=asking.cut, cuts=cuts))


def packed(asking: Asking) -> Checked:
    """Sequences one behind the other in one batch entry, told apart by where each begins, and one call each."""
    contract = Contract.PACKED
    named = next((n for n in ASIDE if n in asking.plain.case.adapter.named), None)
    if named is None:
        return absent(contract, NoArgument(ASIDE[:1]))
    base = {**asking.cut, "B": 1, "P": _SEQUENCES}
    dtype = next((d for d in (torch.int64, torch.int32) if _runs_packed(asking, named, d, base)), torch.int64)
    pair = Pair(
        partial(_packed, named, dtype),
        Operator.separate,
        ("packed", "one call each"),
        "",
        {"N": _SEQUENCES, "P": _SEQUENCES},
    )

    def change(operator: Operator) -> Operator:
        return replace(operator, sequences=_SEQUENCES)

    asked = [(o, {**s, "B": 1, "P": _SEQUENCES}, v) for o, s, v in variants(asking, change, base=base)]
    return decided(asking, contract, pair, asked)


def padding(asking: Asking) -> Checked:
    """The outputs of some tokens, alone and with others behind them."""
    contract = Contract.PADDING
    if asking.one_sequence:
        return absent(contract, Absent.ONE_SEQUENCE)
    whole = asking.plain.whole
    if whole.last or whole.all_tokens:
        return absent(contract, Absent.LAST if whole.last else Absent.ALL_TOKENS)
    pair = Pair(Operator.until, Operator.until_end, ("with tokens behind", "alone"), "cbnh", {"N": 2})
    return longer(asking, decided(asking, contract, pair, variants(asking, base=asking.cut)), pair)


def chunks(asking: Asking) -> Checked:
    """The call with the default size of chunks, and with others."""
    contract = Contract.CHUNKS
    named = next((n for n in CHUNKS if n in asking.plain.case.adapter.named), None)
    if named is None:
        return absent(contract, NoArgument(CHUNKS[:1]))
    operator, rows = asking.calls[-1], list[Row]()
    told: Told = ""
    tried = ((_LENGTHS, _SIZES), (asking.far, _LONG_SIZES)) if asking.free else (((asking.at["N"],), _SIZES),)
    for lengths, sizes in tried:
        for N in lengths:
            here, before = asking.with_tokens(N), len(rows)
            for size in sizes:
                if len(rows) - before >= _OTHERS:
                    break
                right = partial(_in_chunks, named, size)
                why = operator.refused((Operator.full, right), here)
                if why is not None:
                    told = told or why
                    continue
                variant = f"{named}={size}"
                pair = Pair(Operator.full, right, ("as called", variant))
                found = decided(asking, contract, pair, [(operator, here, variant)])
                rows += found.rows
                if found.kept is Kept.BROKEN:
                    return replace(found, rows=tuple(rows))
            if len(rows) > before:
                break
    return Checked.of(contract, tuple(rows), "" if rows else Refuses(told))


def linear(asking: Asking) -> Checked:
    """The call at a sum of values, and the sum of calls."""
    contract = Contract.LINEAR
    pair = Pair(Operator.of_sum, Operator.sum_of, ("of the sum", "sum of both"))

    def change(operator: Operator) -> Operator:
        return replace(operator, redrawn=frozenset({*(n for n in LINEAR if n in operator.own_shapes), FACTOR}))

    return decided(asking, contract, pair, variants(asking, change))


def strides(asking: Asking) -> Checked:
    """The call on contiguous arrays, and on the same numbers laid out otherwise."""
    rows: list[Row] = []
    for change, variant in ((strided, "strided"), (sliced, "slices of wider arrays")):
        right = partial(_handed, change)
        pair = Pair(Operator.full, right, ("contiguous", variant))
        asked = [(o, s, variant if not v else f"{variant}, {v}") for o, s, v in variants(asking, far=False)]
        found = decided(asking, Contract.STRIDES, pair, asked)
        rows += found.rows
        if found.kept is Kept.BROKEN:
            return replace(found, rows=tuple(rows))
    return Checked.of(Contract.STRIDES, tuple(rows))


def inputs(asking: Asking) -> Checked:
    """The target's arguments before a call, and after it."""
    pair = Pair(Operator.arguments_before, Operator.arguments_after, ("before the call", "after it"))
    return decided(asking, Contract.INPUTS, pair, variants(asking, far=False))


def finite_outputs(asking: Asking) -> Checked:
    """Special points, and long calls."""
    short = [asking.with_tokens(N) | {"f": f, "m": m} for f, m in ((1, 1), (2, 2)) for N in (1, 2, 3)]
    operator = replace(asking.calls[0])
    tried = [s for s in short if operator.refused((Operator.full,), s) is None]
    long = [asking.with_tokens(N) for N in dict.fromkeys((*asking.far[-1:], asking.long))]
    rows = finite(operator, [*tried, asking.at], long, asking.entropy.child("finite"))
    found = Checked.of(Contract.FINITE, tuple(rows))
    return replace(found, counterexample=_shown(rows)) if found.kept is Kept.BROKEN else found


def _shown(rows: Iterable[Row]) -> Counterexample | None:
    return next((r.finding.counterexample for r in rows if r.finding.verdict is Verdict.REFUTED), None)


def _packed(name: str, dtype: torch.dtype, operator: Operator, **given: Any) -> Any:
    return operator.packed(name, dtype, **given)


def _in_chunks(name: str, size: int, operator: Operator, **given: Any) -> Any:
    return replace(operator, given={**operator.given, name: size}).full(**given)


def _handed(change: Callable[[Any], Any], operator: Operator, **given: Any) -> Any:
    return operator.handed(change, **given)


def _runs_packed(asking: Asking, named: str, dtype: torch.dtype, sizes: Sizes) -> bool:
    operator = replace(asking.calls[0], sequences=_SEQUENCES)
    return operator.refused((partial(_packed, named, dtype),), sizes) is None
