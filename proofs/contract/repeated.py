"""Contracts of calls that are made again: in another mode, after other calls, a second time.

Main definitions: `modes`, `deterministic`, `randomness`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from numeric.deciding.programs import Sizes, text
from numeric.finding import Counterexample, Finding, Quantity, Verdict
from numeric.trust import Trust
from proofs.audit.handed import requiring
from proofs.audit.mode_runs import equal
from proofs.audit.rows import Check, Row
from proofs.contract.asking import Asking, Pair, decided, variants
from proofs.contract.findings import Checked, Contract, Kept, Mode, OtherNumbers, Random
from proofs.contract.operator import Operator, drawn

_CALLS = 16
"""How often the same call is made, others in between."""
_TWICE = 6
_ENABLED = torch.enable_grad


def modes(asking: Asking) -> Checked:
    """The call in modes of torch, on inputs that require gradients, and of a module that was in training."""
    module = asking.plain.loaded.call if asking.plain.loaded is not None else None
    ways: list[tuple[Mode, Callable[[], Any], Callable[[Any], Any] | None]] = [
        (Mode.NO_GRAD, torch.no_grad, None),
        (Mode.INFERENCE, torch.inference_mode, None),
        (Mode.REQUIRES_GRAD, _ENABLED, requiring),
    ]
    sides: list[tuple[Mode, Callable[..., Any]]] = [(m, partial(_under, c, change)) for m, c, change in ways]
    if isinstance(module, torch.nn.Module):
        sides.append((Mode.TRAINED, partial(_trained, module)))
    rows: list[Row] = []
    for mode, side in sides:
        pair = Pair(partial(_under, _ENABLED, None), side, ("as called", mode.value))
        asked = [(o, s, mode.value if not v else f"{mode.value}, {v}") for o, s, v in variants(asking, far=False)]
        found = decided(asking, Contract.MODES, pair, asked, sampled=True)
        rows += found.rows
        if found.kept is Kept.BROKEN:
            return replace(found, rows=tuple(rows))
    return Checked.of(Contract.MODES, tuple(rows))


def _under(mode: Callable[[], Any], change: Callable[[Any], Any] | None, operator: Operator, **given: Any) -> Any:
    return operator.under(mode, change, **given)


def _trained(module: torch.nn.Module, operator: Operator, **given: Any) -> Any:
    """A copy in evaluation mode once it was told to train: nothing ran there."""
    twin = copy.deepcopy(module)
    twin.train()
    twin.eval()
    return operator.through(twin).full(**given).detach()


def deterministic(asking: Asking) -> Checked:
    """What a call returned, read at once and after a call with other numbers; and the call again, many times."""
    pair = Pair(Operator.read_at_once, Operator.read_later, ("read at once", "read later"))

    def change(operator: Operator) -> Operator:
        return replace(operator, redrawn=frozenset(operator.own_shapes))

    found = decided(asking, Contract.DETERMINISTIC, pair, variants(asking, change, far=False))
    if found.kept is Kept.BROKEN:
        return found
    for operator in asking.calls:
        row = _again(operator, asking)
        found = Checked.of(Contract.DETERMINISTIC, (*found.rows, row))
    return found


def _again(operator: Operator, asking: Asking) -> Row:
    """The same call with others in between, longer ones too, whose numbers have to be the same bits: of one number each first."""
    for sizes in _sizes(operator, asking):
        longer = {**sizes, "N": max([sizes["N"], *asking.far]) + asking.block}
        point = _point(operator, sizes, asking, 0)
        with torch.no_grad():
            first = operator.full(**point).clone()
            others = [here for here in (sizes, longer) if operator.refused((Operator.full,), here) is None]
            between = [_point(operator, here, asking, 1) for here in others]
            for number in range(_CALLS):
                operator.full(**between[number % len(between)])
                out = operator.full(**point)
                if not equal(out, first):
                    told = _told(sizes, point, first, out)
                    reason = OtherNumbers(Mode.AGAIN.value, _part(out, first))
                    broken = Finding(Verdict.REFUTED, reason=reason, counterexample=told)
                    return Row(Check.SAMPLED, sizes, broken, Mode.AGAIN.value)
    figures: dict[str, Quantity] = {"calls": _CALLS}
    finding = Finding(Verdict.CONFIRMED, figures=figures, trust=(Trust.POINTS,))
    return Row(Check.SAMPLED, asking.at, finding, Mode.AGAIN.value)


def _sizes(operator: Operator, asking: Asking) -> Iterator[Sizes]:
    """Calls of one number an input, if there are such, then those of the base sizes."""
    small = {**dict.fromkeys(asking.at, 1), "N": asking.block}
    yield from (here for here in (small, asking.at) if operator.refused((Operator.full,), here) is None)


def randomness(asking: Asking) -> Checked | None:
    """That the target is random from call to call, if calls on the same numbers show it at once."""
    operator = asking.plain
    for here in _sizes(operator, asking):
        point = _point(operator, here, asking, 0)
        with torch.no_grad():
            one = operator.full(**point).clone()
            for _ in range(_TWICE):
                other = operator.full(**point)
                if not equal(one, other):
                    told = _told(here, point, one, other)
                    finding = Finding(Verdict.REFUTED, reason=Random(_part(other, one)), counterexample=told)
                    return Checked.of(Contract.DETERMINISTIC, (Row(Check.SAMPLED, here, finding),))
    return None


def _point(operator: Operator, sizes: Sizes, asking: Asking, salt: int) -> dict[str, Tensor]:
    entropy = asking.entropy.child("again", salt)
    return {n: torch.tensor(a) for n, a in drawn(operator.case, operator.shapes, sizes, entropy).items()}


def _part(one: Tensor, other: Tensor) -> float:
    size = float(other.abs().max())
    return float((one - other).abs().max()) / size if size > 0 else float((one - other).abs().max())


def _told(sizes: Sizes, point: dict[str, Tensor], one: Tensor, other: Tensor) -> Counterexample:
    shown = {n: text(np.vectorize(repr, otypes=[object])(t.numpy())) for n, t in point.items()}
    left, right = ([f"{v:.12g}" for v in side.reshape(-1).tolist()] for side in (one, other))
    return Counterexample(dict(sizes), shown, left, right, "first call", "same call again")
