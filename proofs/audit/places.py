"""Where two layers part on whole arrays: the first N, position, batch entry and head, and a small point there.

Main definition: `parted`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from torch import Tensor

from numeric.deciding.programs import Sizes, text
from numeric.entropy import Entropy
from numeric.finding import Counterexample, Verdict
from proofs.audit.answer import Answer, Parting, Place, Word
from proofs.audit.calls import Calls
from proofs.audit.compared import How, Question, compared, within_rounding
from proofs.audit.gentle import gentle
from proofs.audit.parting import digits
from proofs.audit.preflight import preflight
from proofs.audit.rows import FAR
from proofs.audit.sweep import PART, apart
from proofs.target.case import Case

_FARTHEST = 300
"""The longest calls in which the first difference is looked for."""
_EXACT = 40
"""The longest calls of which a small point is looked for on exact numbers."""


def parted(answer: Answer, case: Case, fixed: Sizes) -> Answer:
    """The answer with the first place at which whole calls part, its counterexample run again on whole arrays too."""
    if answer.word is not Word.REFUTED or case.other is None:
        return answer
    names = case.text, case.other.text
    if answer.parting is not None and answer.of_gradients:
        told = replace(answer.parting.counterexample, left_name=names[0], right_name=names[1])
        return replace(answer, parting=replace(answer.parting, counterexample=told))
    case, at = preflight(case, fixed, Entropy(0))
    broken = [r.sizes for r in answer.rows if r.finding.verdict is Verdict.REFUTED]
    part = answer.parting
    if part is not None and not part.reproduced and "q" in part.counterexample.inputs:
        part = _again(case, part)
    found = _first(case, at, fixed, max([FAR, *(s.get("N", 1) for s in broken)]))
    if found is not None:
        place, N, asked, point = found
        if part is None or not part.reproduced:
            part = _small(case, asked) or Parting(_shown(asked, point))
        part = replace(part, first=N, place=place)
    if part is None:
        return answer
    named = replace(part.counterexample, left_name=names[0], right_name=names[1])
    return replace(answer, parting=replace(part, counterexample=named))


def _first(
    case: Case, at: Sizes, fixed: Sizes, far: int
) -> tuple[Place, int, Question, Mapping[str, np.ndarray]] | None:
    """The first N at which whole calls part beyond rounding, where, and at which point."""
    whole = case.adapter.whole
    if whole is None or Calls(case, whole).twin is None:
        return None
    for N in (fixed["N"],) if "N" in fixed else range(1, min(far, _FARTHEST) + 1):
        calls = Calls(replace(case, lifted=True), whole, marks=tuple(range(N - 1)))
        for sizes in _sized(at, N, whole.heads):
            asked = calls.asked(Calls.layer, Calls.layer, sizes)
            try:
                point = gentle(case, asked.shapes, sizes, Entropy(0).child("parting", N))
                draw = {n: np.asarray(a, dtype=np.float64) for n, a in point.items()}
                one, other = _values(asked, draw)
            except Exception:  # the targets are anybody's code, and may refuse these sizes
                continue
            if apart(one, other) > PART and _differs(asked, draw):
                off = (one - other).abs() > PART * other.abs().max()
                where = off.any(-1).permute(1, 0, 2).nonzero().tolist()  # positions first
                position, entry, head = where[0] if where else (0, 0, 0)
                return Place(calls.positions(N)[position] + 1, entry + 1, head + 1), N, asked, point
            break
    return None


def _sized(at: Sizes, N: int, heads: bool) -> Iterator[dict[str, int]]:
    yield from ({"B": B, "H": H, **at, "N": N} for B, H in ((2, 2 if heads else 1), (1, 1)))


def _values(asked: Question, draw: Mapping[str, np.ndarray]) -> tuple[Tensor, Tensor]:
    """Both sides as plain float64 calls."""
    with torch.no_grad():
        one, other = (side(**{n: torch.tensor(a) for n, a in draw.items()}) for side in (asked.left, asked.right))
    return one, other


def _differs(asked: Question, draw: Mapping[str, np.ndarray]) -> bool:
    """Whether the sides differ there by more than rounding allows."""
    try:
        found = within_rounding(How.LIFTED, asked, [draw], Entropy(0), here=True)
    except Exception:  # the targets are anybody's code
        return False
    return found.verdict is Verdict.REFUTED


def _small(case: Case, asked: Question) -> Parting | None:
    """A small point of these calls at which the sides differ exactly, run again; None where exact numbers show none."""
    if asked.sizes["N"] > _EXACT:
        return None
    found = compared(How.EXACT, asked, Entropy(0).child("small"), -60.0)
    return _again(case, Parting(found.counterexample, reproduced=False)) if found.counterexample is not None else None


def _again(case: Case, part: Parting) -> Parting:
    """A counterexample of whole calls with the values of plain ones, if they show it."""
    found, whole = part.counterexample, case.adapter.whole
    if whole is None:
        return part
    for state in (("f", "m"), ("m", "f")) if "S" in found.inputs else (None,):
        calls = Calls(case, whole, state, cuts=(1,))
        program = Calls.layer if state is None else Calls.in_one
        asked = calls.asked(program, program, found.sizes)
        try:
            exact = {
                n: np.vectorize(Fraction, otypes=[object])(np.array(v, dtype=object)) for n, v in found.inputs.items()
            }
            draw = {n: np.asarray(a, dtype=np.float64) for n, a in exact.items()}
            values = digits([side.reshape(-1).tolist() for side in _values(asked, draw)])
        except Exception:  # the targets are anybody's code
            continue
        if _differs(asked, draw):
            shown = replace(found, left=values[0], right=values[1], note="")
            return replace(part, counterexample=shown, reproduced=True, mode="")
    return part


def _shown(asked: Question, point: Mapping[str, np.ndarray]) -> Counterexample:
    draw = {n: np.asarray(a, dtype=np.float64) for n, a in point.items()}
    sides: list[Any] = [side.reshape(-1).tolist() for side in _values(asked, draw)]
    left, right = digits(sides)
    return Counterexample(asked.sizes, {n: text(a) for n, a in point.items()}, left, right)
