"""What plain float64 calls of a target show before any rung: how it reads its arguments, and how its result is scaled.

Main definitions: `as_one_number`, `scaled_readout`. Both choose how a case is asked; the rungs judge it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from numeric.deciding import float_identity
from numeric.deciding.programs import Program, Sizes
from numeric.entropy import Entropy
from numeric.finding import Verdict

if TYPE_CHECKING:
    from proofs.audit.case import Case


def as_one_number(case: Case, sizes: Sizes, entropy: Entropy) -> bool:
    """Whether arrays of one and the same number do what that number does, where the target takes both.

    Else the target reads an array as something else, and broadcasting made it fit.
    """
    axes = dict(case.axes)
    if not any(axes.values()):
        return True
    data = case.draw(sizes, torch.Generator().manual_seed(entropy.below(2**31)))
    alone = {n: t.reshape(-1)[0] if axes.get(n) else t for n, t in data.items()}

    def many(**inputs: Any) -> Any:
        return case.layer(**{n: t.expand(data[n].shape).clone() for n, t in inputs.items()})

    def one(**inputs: Any) -> Any:
        case.axes = dict.fromkeys(axes, ())
        try:
            return case.layer(**inputs)
        finally:
            case.axes = axes

    return _compared(case, many, one, alone) is not Verdict.REFUTED


def scaled_readout(case: Case, sizes: Sizes, entropy: Entropy) -> bool:
    """Whether the target is the learner times f**-0.5, at two sizes."""

    def scaled(**inputs: Any) -> Any:
        return case.learner(**inputs) * inputs["X"].shape[1] ** -0.5

    for f in (sizes["f"], 4 * sizes["f"]):
        data = case.draw({**sizes, "f": f}, torch.Generator().manual_seed(entropy.below(2**31)))
        if _compared(case, case.layer, scaled, data) is not Verdict.CONFIRMED:
            return False
    return True


def _compared(case: Case, left: Program, right: Program, data: Mapping[str, Tensor]) -> Verdict:
    """Whether two float64 programs, their casts to float32 lifted, agree on `data` within their rounding bounds."""
    try:
        with case.lifting(True):
            return float_identity.decide(
                left, right, [{n: t.numpy() for n, t in data.items()}], shrinking=False
            ).verdict
    except Exception:  # what a target may raise on such inputs, which its own run then shows
        return Verdict.UNDECIDED
