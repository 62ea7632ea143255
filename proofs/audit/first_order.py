"""The float run beside its exact value, where rounding bounds that hold in all orders are missing or overflow.

The layer's float64 run at draws, against the learner's value there in balls of 256 bits: within the first-order bound of
the run's own operations (`numeric.deciding.first_order`) it agrees, beyond it it differs.
Main definition: `first_order_finding`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import flint
import numpy as np
import torch

from numeric.deciding.balls import BITS, evaluate
from numeric.deciding.first_order import first_order
from numeric.deciding.float_identity import RATIO
from numeric.deciding.programs import Program, fractions, recorded
from numeric.finding import Finding, Key, Verdict
from numeric.tape.refusals import Refused
from numeric.trust import Trust
from proofs.audit.enclosures import by_constants
from proofs.audit.findings import FewDigits, OffFirstOrder, Unstable
from proofs.target.case import Case

_DIGITS = 6
"""A bound that leaves fewer digits of the outputs says nothing, and confirms nothing."""


def first_order_finding(case: Case, draws: Sequence[Mapping[str, np.ndarray]]) -> Finding | None:
    """Whether the layer's float64 runs are the learner's values up to first-order rounding; None where that can't be
    computed."""
    layer, learner = recorded(case.layer, case.positive), recorded(case.learner, case.positive)
    worst, least, outputs = 0.0, math.inf, 0
    unstable = 0.0
    for draw in draws:
        shapes = {name: tuple(np.shape(a)) for name, a in draw.items()}
        tensors = {name: torch.tensor(np.asarray(a, dtype=np.float64)) for name, a in draw.items()}
        try:
            run = first_order(layer.at(shapes), tensors)
            points = {n: fractions(t.reshape(-1).tolist(), tuple(t.shape)) for n, t in tensors.items()}
            exact, _ = evaluate(learner, points)
        except Exception:  # an operation without a bound or a rule; what else the target raises was said
            return None
        unstable = max(unstable, _ratio(run.bound, learner, shapes, tensors))
        size = float(run.value.abs().max()) if run.value.numel() else 0.0
        for value, bound, ball in zip(
            run.value.reshape(-1).tolist(), run.bound.reshape(-1).tolist(), exact.reshape(-1), strict=True
        ):
            if not (math.isfinite(value) and math.isfinite(bound)):
                return None
            with flint.ctx.workprec(BITS):
                error = abs(flint.arb(value) - ball)
                beyond = bool(error > bound)
            outputs += 1
            if beyond:
                why = by_constants(case, points)
                if why is not None:
                    return Finding(Verdict.UNDECIDED, reason=why)
                return Finding(
                    Verdict.REFUTED,
                    reason=OffFirstOrder(case.sides, float(error.mid()), bound),
                )
            worst = max(worst, float(error.mid()) / bound if bound else 0.0)
            least = min(least, size / bound if bound else math.inf)
    if outputs == 0 or not least > 10.0**_DIGITS:
        return Finding(Verdict.UNDECIDED, reason=FewDigits(_DIGITS, least=True))
    if unstable > RATIO:
        return Finding(Verdict.UNDECIDED, reason=Unstable(case.sides, unstable))
    return Finding(
        Verdict.CONFIRMED,
        figures={
            "draws": len(draws),
            "outputs assessed": outputs,
            Key.SHARE: float(f"{worst:.4g}"),
            "digits": 15 if math.isinf(least) else min(15, math.floor(math.log10(least))),
        },
        trust=(Trust.FIRST_ORDER, Trust.ARB),
    )


def _ratio(
    bound: torch.Tensor, learner: Program, shapes: Mapping[str, tuple[int, ...]], tensors: Mapping[str, torch.Tensor]
) -> float:
    """How many times the learner's first-order bound the layer's is; 0 where the learner has none."""
    try:
        other = first_order(recorded(learner).at(dict(shapes)), tensors).bound
    except Refused:
        return 0.0
    known = other > 0
    return float((bound[known] / other[known]).max()) if bool(known.any()) else 0.0
