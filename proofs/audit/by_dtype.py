"""Constants that depend on the type of the inputs, such as torch.finfo(x.dtype).eps: an answer has those of float64.

Main definition: `typed`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from numeric.tape.places import shown
from numeric.tape.recorder import record
from numeric.tape.storage_tape import Constant, Operation, Tape
from proofs.audit.world import Typed
from proofs.target.case import Case

_ALIKE = 2.0**-16
"""Numbers that are the same but for the rounding of a few operations in float32 are so to this part."""


def typed(case: Case, data: Mapping[str, Tensor]) -> tuple[Typed, ...]:
    """The constants of a call on `data` that are other numbers where the inputs are float32. Lines that read as many
    constants in both are compared."""
    try:
        tapes = [
            record(case.layer, {n: t.to(dtype) for n, t in data.items()})[0] for dtype in (torch.float64, torch.float32)
        ]
    except Exception:  # the target is anybody's code, and may not run in float32, which is said
        return ()
    double, single = map(_constants, tapes)
    found: dict[Typed, None] = {}
    for place, numbers in double.items():
        others = single.get(place, [])
        if len(others) == len(numbers):
            pairs = ((a, b) for a, b in zip(numbers, others, strict=True) if not math.isclose(a, b, rel_tol=_ALIKE))
            found |= dict.fromkeys(Typed(place, a, b) for a, b in list(pairs)[:1])
    return tuple(found)


def _constants(tape: Tape) -> dict[str, list[float]]:
    """The numbers that each line reads as constants, in order; of an array its smallest and its largest."""
    found: dict[str, list[float]] = {}
    for operation in tape.operations:
        found.setdefault(shown(operation.place), []).extend(_numbers(operation))
    return found


def _numbers(operation: Operation) -> list[float]:
    numbers: list[float] = []
    for operand in operation.operands():
        if isinstance(operand, float):
            numbers.append(operand)
        elif isinstance(operand, Constant) and operand.value.dtype.is_floating_point and operand.value.numel():
            numbers += [float(operand.value.min()), float(operand.value.max())]
    return numbers
