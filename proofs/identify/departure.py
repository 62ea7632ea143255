"""Where a layer departs from the nearest learner: by how much, in which way, and at which small numbers.

Main definitions: `bias`, `epsilon`, `plainer`, `within_rounding`, `parted`, `only_last`.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import flint
import numpy as np
import torch

from numeric.deciding import float_identity
from numeric.deciding.balls import BITS, ball
from numeric.deciding.comparison import Comparison
from numeric.finding import Counterexample, Verdict
from numeric.probing.box import Arithmetic, Box, Undefined, as_floats
from proofs.audit.answer import Epsilon, Parting
from proofs.audit.parting import digits, simplified
from proofs.audit.rows import Check, Row
from proofs.fitting import fit
from proofs.fitting.fit import Miss, Off
from proofs.identify.reasons import Biased, Noted
from proofs.identify.search import BIASED
from proofs.identify.subject import Subject, fresh, learner_box
from proofs.shown import words
from proofs.target.case import NAMES

_ROOT = 2
"""The power of a root's factor that is linear in the epsilon."""


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
    return Miss(miss.model, gap, fit.LONG, Off(gap, fit.LONG), tuple(theta))


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
    sides = subject.layer.case.layer, miss.model.at([Fraction(v) for v in miss.theta])
    finding = float_identity.decide(Comparison(*sides, names=NAMES), draws)
    if finding.verdict is Verdict.CONFIRMED:
        return Row(Check.FLOAT, here, finding)
    if subject.box.record.casts:
        finding = float_identity.decide(Comparison(*sides, names=NAMES), draws, dtype="float32")
    return Row(Check.SINGLE, here, finding) if finding.verdict is Verdict.CONFIRMED else None


def bias(subject: Subject, miss: Miss, beside: Epsilon | None) -> Biased:
    """By how little, and what was seen of an epsilon."""
    digits = subject.box.arithmetic is not Arithmetic.FLOAT
    return Biased(miss.model, miss.residual, miss.N, digits, beside if digits else None)


def epsilon(subject: Subject, miss: Miss) -> Epsilon | None:
    """The number beside a normaliser, where one explains the difference exactly at tokens of several lengths.

    With one token, layer = learner * z / (z + epsilon), or the root of that factor, and z goes as a power of the token's
    length: epsilon / z is read off at lengths 1, 2, 4, and has to come out again at 8 and for another direction.
    """
    if subject.box.arithmetic is Arithmetic.FLOAT:
        return None
    other = learner_box(miss.model, list(miss.theta), subject.box)
    factors = []
    try:
        for length, axis in ((1, 0), (2, 0), (4, 0), (8, 0), (2, subject.box.f - 1)):
            point = _token(subject, length, axis)
            layer, learner = subject.box(*point)[0], other(*point)[0]
            with flint.ctx.workprec(BITS):
                exact = isinstance(layer, Fraction) and isinstance(learner, Fraction)
                factors.append(learner / layer if exact else ball(learner) / ball(layer))
        with flint.ctx.workprec(BITS):
            found = (_beside([factor**power - 1 for factor in factors], power == _ROOT) for power in (1, _ROOT))
            return next((epsilon for epsilon in found if epsilon is not None), None)
    except (Undefined, ZeroDivisionError):
        return None


def _beside(shares: list[Any], root: bool) -> Epsilon | None:
    """The epsilon of which these are its parts of the normaliser, at tokens of lengths 1, 2, 4, 8 and 2; None for none."""
    sizes = as_floats(shares)
    if not (np.isfinite(sizes).all() and (sizes > 0).all()):
        return None
    degree = round(math.log2(sizes[0] / sizes[1]))
    lengths = zip(shares, (0, 1, 2, 3, 1), strict=True)
    same = all(fit.alike(ball(s) * 2 ** (degree * k), ball(shares[0])) for s, k in lengths)
    return Epsilon(float(sizes[0]), degree, root) if same and degree >= 0 else None


def _token(subject: Subject, length: int, axis: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One token along an axis, its targets 1, asked at itself."""
    f, m = subject.box.f, subject.box.m
    X, Y = np.full((1, f), Fraction(0), dtype=object), np.full((1, m), Fraction(1), dtype=object)
    X[0, axis] = Fraction(length)
    return X, Y, X[0].copy()


def parted(subject: Subject, miss: Miss) -> Parting | None:
    """Small numbers at which plain calls of the layer and the nearest learner differ visibly, and the largest difference."""
    other = learner_box(miss.model, list(miss.theta), subject.box)
    largest, sizes = _largest(subject, miss)
    # numbers that change with N were found at miss.N
    for N in dict.fromkeys((1, 2, 3, miss.N) if miss.residual > 0 else (miss.N,)):
        point = fresh(N, subject.at["f"], subject.at["m"], 0)
        point = tuple(np.vectorize(lambda v: Fraction(round(v)), otypes=[object])(a) for a in point)
        floor = min(miss.residual, fit.NEAR) / 16 if miss.residual > 0 else 0.0
        if apart(subject, other, point) > floor:
            found = _shrunk(subject, other, miss, point, floor, N)
            return Parting(found, not found.note, largest, sizes, N if N < miss.N or N == 1 else None)
    return None


def _plain(subject: Subject, miss: Miss, point: Any) -> tuple[np.ndarray, np.ndarray] | None:
    """Layer and nearest learner as plain float64 calls; None where one fails or is not finite."""
    X, Y, q = (torch.tensor(a.astype(np.float64)) for a in point)
    theta = torch.tensor(miss.theta, dtype=torch.float64)
    try:
        with torch.no_grad():
            left = subject.layer.case.layer(X, Y, q).double().numpy()
            right = miss.model(X, Y, q, theta).double().numpy()
    except Exception:  # anybody's code
        return None
    return (left, right) if np.isfinite(left).all() and np.isfinite(right).all() else None


def _largest(subject: Subject, miss: Miss) -> tuple[float | None, dict[str, int]]:
    """The largest difference of plain calls on Gaussian draws, relative to the largest output there."""
    worst = None
    for draw in range(4):
        generator = np.random.default_rng(draw)
        shapes = ((miss.N, subject.at["f"]), (miss.N, subject.at["m"]), (subject.at["f"],))
        values = _plain(subject, miss, [generator.standard_normal(shape) for shape in shapes])
        size = max(float(np.abs(side).max()) for side in values) if values is not None else 0.0
        if values is not None and size:
            worst = max(worst or 0.0, float(np.abs(values[0] - values[1]).max()) / size)
    return worst, {"f": subject.at["f"], "m": subject.at["m"], "N": miss.N}


def apart(subject: Subject, other: Box, point: Any) -> float:
    """The relative gap between the layer and another box at a point; 0 where one has no value."""
    try:
        return subject.box.gap(subject.box(*point), other(*point))
    except Undefined:
        return 0.0


def _shrunk(subject: Subject, other: Box, miss: Miss, point: Any, floor: float, N: int) -> Counterexample:
    current = [a.copy() for a in point]
    finite = _plain(subject, miss, current) is not None

    def parts() -> bool:
        return apart(subject, other, current) > floor and (_plain(subject, miss, current) is not None or not finite)

    simplified(current, parts)
    plain = _plain(subject, miss, current)
    seen = plain is not None and bool((plain[0] != plain[1]).any())
    values = plain if plain is not None and seen else [as_floats(b(*current)) for b in (subject.box, other)]
    left, right = digits(values)
    inputs = {n: _nested(a) for n, a in zip(("X", "Y", "x_q"), current, strict=True)}
    sizes = {"f": subject.at["f"], "m": subject.at["m"], "N": N}
    return Counterexample(sizes, inputs, left, right, "layer", words(miss.model), "" if seen else Noted.DIGITS)


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
