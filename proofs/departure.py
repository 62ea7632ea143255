"""Where a layer departs from the nearest learner: by how much, in which way, and at which small numbers.

Main definitions: `bias`, `plainer`, `within_rounding`, `counterexample`, `only_last`.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from numeric import float_identity
from numeric.box import Arithmetic, Box, Undefined, as_floats
from numeric.finding import Counterexample, Verdict
from proofs import fit
from proofs.audit_rows import Row
from proofs.case import NAMES
from proofs.fit import Miss
from proofs.search import BIASED
from proofs.subject import Subject, fresh, learner_box


def plainer(subject: Subject, miss: Miss) -> Miss:
    """The miss with numbers of few digits, where those are as near: a fit makes up for an epsilon a little."""
    theta = []
    for value in miss.theta:
        simple = float(Fraction(value).limit_denominator(max(1, math.isqrt(int(1 / miss.residual)) // 4)))
        theta.append(simple if abs(simple - value) <= 16 * miss.residual * abs(value) else value)
    X, Y, q = fresh(fit.LONG, subject.at["f"], subject.at["m"], 0)
    gap = apart(subject, learner_box(miss.model, theta, subject.box), (X / 2, Y, q / 2))
    if not 0 < gap < BIASED or tuple(theta) == miss.theta:
        return miss
    return Miss(miss.model, gap, fit.LONG, f"off by {gap:.2g} at N = {fit.LONG}", tuple(theta))


def within_rounding(subject: Subject, miss: Miss) -> Row | None:
    """The sampled rung at the lowest precision that holds, if one does: the difference may be rounded constants."""
    if subject.box.arithmetic is not Arithmetic.EXACT or miss.residual > float(torch.finfo(torch.float32).eps):
        return None
    here = {"f": subject.at["f"], "m": subject.at["m"], "N": miss.N}
    draws = []
    for draw in range(3):
        names = ("X", "Y", "x_q")
        draws.append(
            {n: a.astype(np.float64) for n, a in zip(names, fresh(miss.N, here["f"], here["m"], draw), strict=True)}
        )
    for dtype in ("float64", "float32") if subject.box.record.casts else ("float64",):
        finding = float_identity.decide(
            subject.layer.case.layer, miss.model.at([Fraction(v) for v in miss.theta]), draws, dtype=dtype, names=NAMES
        )
        if finding.verdict is Verdict.CONFIRMED:
            return Row(f"sampled, {dtype}", here, finding)
    return None


def bias(subject: Subject, miss: Miss) -> str:
    """In words: by how little, and whether the difference looks like an epsilon."""
    text = f"the right family, but biased: {miss.model.text} is off by a relative {miss.residual:.2g} at N = {miss.N}"
    text += ", and that does not go away with more digits"
    if subject.box.arithmetic is Arithmetic.FLOAT:
        return text
    sizes = []
    other = learner_box(miss.model, list(miss.theta), subject.box)
    for factor in (1, 8):
        X, Y, q = fresh(fit.LONG, subject.at["f"], subject.at["m"], 0)
        try:
            point = (X * factor, Y, q * factor)
            sizes.append(subject.box.gap(subject.box(*point), other(*point)))
        except Undefined:
            return text
    if sizes[0] and sizes[1] < sizes[0] / 8:
        power = round(math.log10(miss.residual))
        times = sizes[0] / sizes[1] if sizes[1] > sizes[0] / 1e6 else math.inf
        less = f"{times:.0f} times less" if times < math.inf else "next to nothing"
        text += f"; at 8 times the inputs it is {less}, as an epsilon of about "
        text += f"1e{power} (beside a squared norm, or added) would make it"
    return text


def counterexample(subject: Subject, miss: Miss) -> Counterexample | None:
    """Small numbers at which the layer and the nearest learner differ visibly."""
    # numbers that change with N were found at miss.N
    for N in dict.fromkeys((1, 2, 3, miss.N) if miss.residual > 0 else (miss.N,)):
        other = learner_box(miss.model, list(miss.theta), subject.box)
        point = fresh(N, subject.at["f"], subject.at["m"], 0)
        point = tuple(np.vectorize(lambda v: Fraction(round(v)), otypes=[object])(a) for a in point)
        floor = min(miss.residual, fit.NEAR) / 16 if miss.residual > 0 else 0.0
        if apart(subject, other, point) > floor:
            return _shrunk(subject, other, point, floor, miss.model.text, N)
    return None


def apart(subject: Subject, other: Box, point: Any) -> float:
    """The relative gap between the layer and another box at a point; 0 where one has no value."""
    try:
        return subject.box.gap(subject.box(*point), other(*point))
    except Undefined:
        return 0.0


def _shrunk(subject: Subject, other: Box, point: Any, floor: float, name: str, N: int) -> Counterexample:
    current = [a.copy() for a in point]
    for which, array in enumerate(current):
        for index in np.ndindex(array.shape):
            for simple in (Fraction(0), Fraction(1)):
                if array[index] == simple:
                    break
                before = array[index]
                array[index] = simple
                if apart(subject, other, current) > floor:
                    break
                array[index] = before
        current[which] = array
    values = [[f"{v:.12g}" for v in as_floats(b(*current))] for b in (subject.box, other)]
    inputs = {n: _nested(a) for n, a in zip(("X", "Y", "x_q"), current, strict=True)}
    sizes = {"f": subject.at["f"], "m": subject.at["m"], "N": N}
    return Counterexample(sizes, inputs, values[0], values[1], "layer", name, "decimal digits of both values")


def only_last(subject: Subject) -> bool:
    """Whether no token but the last has any influence, as where heads were taken for tokens."""
    X, Y, q = fresh(4, subject.at["f"], subject.at["m"], 0)
    other, alone = Y.copy(), X.copy()
    other[:-1] = 0 * other[:-1] + 1
    alone[:-1] = 0 * alone[:-1] + 1
    try:
        return subject.box.same(subject.box(X, Y, q), subject.box(alone, other, q))
    except Undefined:
        return False


def _nested(array: Any) -> Any:
    return [_nested(v) for v in array] if isinstance(array, np.ndarray) else str(array)
