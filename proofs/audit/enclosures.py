"""Both sides of an audit enclosed in balls at rational points, for code that no exact rung runs (softmax, norms, roots).

Balls that do not meet refute; balls that meet agree to the digits stated, which is no proof.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from numeric.deciding.findings import ByConstants
from numeric.deciding.programs import Shapes, Sizes, concrete, smaller, text
from numeric.deciding.readings import Reading, listed
from numeric.finding import Counterexample, Finding, Key, Quantity, Verdict
from numeric.trust import Trust
from proofs.audit.findings import Apart, EqualDigits, Exactly, WideBalls
from proofs.audit.preflight import admits
from proofs.target.case import Case

_POINTS = 5
"""Rational points a length where only enclosures decide."""


def enclosures(case: Case, sizes: Sizes, contexts: Sequence[int]) -> Finding | None:
    """Both sides at rational points, enclosed to about 70 digits; None where the code does not run on balls.

    contexts: further lengths to try.

    Balls that do not meet refute. Balls that meet, at more points than one length has, agree to the digits stated,
    which is no proof.
    """
    found: _Apart | Finding | None = None
    for read in (False, True):  # constants as they are, then as the numbers they are roundings of
        found = _at_points(case, sizes, contexts, read)
        if not isinstance(found, _Apart):
            return found
    assert isinstance(found, _Apart)
    why = by_constants(case, found.point)
    if why is not None:
        return Finding(Verdict.UNDECIDED, reason=why)
    return _refuted_by_balls(case, found.sizes)


def by_constants(case: Case, point: Mapping[str, np.ndarray]) -> ByConstants | None:
    """That roundings in constants which are computed explain a difference at a rational point, if they do."""
    from numeric.deciding import balls

    try:
        return balls.by_constants(
            case.smaller(case.layer), case.smaller(case.learner), point, case.sides, Apart.AT_A_POINT
        )
    except Exception:  # an operation without a rule
        return None


@dataclass(frozen=True)
class _Apart:
    """Sizes and a point at which two balls do not meet."""

    sizes: Sizes
    point: Mapping[str, np.ndarray]


def _at_points(case: Case, sizes: Sizes, contexts: Sequence[int], read: bool) -> _Apart | Finding | None:
    from numeric.deciding.balls import BITS

    apart: list[float] = []
    off: list[float] = []
    tried: list[int] = []
    constants: dict[float, Reading] = {}
    for length in (sizes["N"], *contexts):
        here = {**sizes, "N": length}
        if length != sizes["N"] and not admits(case, here):
            continue
        tried.append(length)
        for salt in range(_POINTS):
            point = _point(case, here, salt)
            found = _enclosed(case, point, read)
            if found is None:
                return None
            left, right, known = found
            constants |= known
            for a, b in zip(left, right, strict=True):
                if not a.overlaps(b):
                    return _Apart(here, point)
                apart.append(width(a, b))
            off.append(_rounding(case, point, left))
    worst = max(2.0**-1000, *apart)
    if not worst < 2.0 ** (-BITS // 2):
        return Finding(Verdict.UNDECIDED, reason=WideBalls(BITS, worst))
    figures: dict[str, Quantity] = {
        "digits": math.floor(-math.log10(worst)),
        "outputs compared": len(apart),
        "float64 run, relative error": float(f"{max(off):.2g}"),
    }
    if constants:
        figures[Key.READ] = listed(constants)
    return Finding(
        Verdict.CONFIRMED,
        reason=EqualDigits(
            -math.log10(worst), _POINTS, tuple(sorted(tried)), max(off), listed(constants) if constants else ""
        ),
        figures=figures,
        trust=(Trust.ARB, Trust.POINTS),
    )


def width(a: Any, b: Any) -> float:
    """The largest distance of numbers of two balls, relatively; infinite where one holds no number, which meets all."""
    found = float(abs(a - b).upper()) / max(1e-300, float(abs(b).upper()))
    return math.inf if math.isnan(found) else found


def _rounding(case: Case, point: Mapping[str, np.ndarray], enclosed: Any) -> float:
    """How far the layer's float64 run at the point is from its enclosure, relative to the largest entry."""
    floats = {n: torch.tensor(np.asarray(a, dtype=np.float64)) for n, a in point.items()}
    with torch.no_grad():
        run = case.layer(**floats).tolist()
    size = max(abs(float(v.mid())) for v in enclosed) or 1.0
    return max(abs(float((v - x).mid())) for v, x in zip(enclosed, run, strict=True)) / size


def _enclosed(
    case: Case, point: Mapping[str, np.ndarray], read: bool
) -> tuple[Any, Any, Mapping[float, Reading]] | None:
    """Both sides at a rational point as arrays of balls, and what constants were read as."""
    from numeric.deciding.balls import evaluate_both

    try:
        left, right, known = evaluate_both(case.smaller(case.layer), case.smaller(case.learner), point, read)
    except Exception:  # an operation without a rule, or what the target raises on such tensors
        return None
    return left.reshape(-1), right.reshape(-1), known


def point(
    shapes: Shapes, sizes: Sizes, salt: int, positive: Sequence[str], whole: bool = False
) -> dict[str, np.ndarray]:
    """A generic rational point, or one of integers; `positive`: decays and rates, between 0 and 1."""
    from numeric.probing.box import generic

    found = {}
    for k, (name, shape) in enumerate(concrete(shapes, sizes).items()):
        values = generic(shape, 100 * salt + 7 * k + sizes["N"])
        if name in positive:
            values = np.vectorize(lambda v: abs(v) / 2, otypes=[object])(values)
        elif whole:
            values = np.vectorize(lambda v: Fraction(round(v) or 1), otypes=[object])(values)
        found[name] = values
    return found


def _point(case: Case, sizes: Sizes, salt: int, whole: bool = False) -> dict[str, np.ndarray]:
    return point(case.shapes, sizes, salt, case.positive, whole)


def _refuted_by_balls(case: Case, sizes: Sizes) -> Finding:
    """The refutation with a point of the smallest sizes at which the balls do not meet."""
    for here in smaller(sizes):
        if not admits(case, here):
            continue
        for salt in range(2):
            point = _point(case, here, salt, whole=True)
            found = _enclosed(case, point, read=True)
            if found is not None and any(not a.overlaps(b) for a, b in zip(*found[:2], strict=True)):
                left, right = ([f"{float(v.mid()):.17g}" for v in side] for side in found[:2])
                inputs = {name: text(array) for name, array in point.items()}
                return Finding(
                    Verdict.REFUTED,
                    reason=Apart.AT_A_POINT,
                    trust=(Trust.ARB,),
                    counterexample=Counterexample(here, inputs, left, right, *case.sides, note=Exactly.SHOWN),
                )
    return Finding(Verdict.REFUTED, reason=Apart.IN_BALLS, trust=(Trust.ARB,))
