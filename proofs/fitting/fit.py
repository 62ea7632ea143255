"""Fitting: the numbers with which a learner is a closed box, as exactly as the box can be asked.

Main definitions: `fit`, `Solution`, `Miss`. A fit is a search and proves nothing: least squares on float64
find a start, Newton's method on balls of 256 bits makes it 60 digits long, and a rational number of few digits is read
off. The equations are more than the unknowns, so that a wrong learner leaves a residual; what is found is verified by
other means (`proofs.identify.run`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from fractions import Fraction
from typing import Any

import flint
import numpy as np
import torch
from flint import arb

from constructions.learners import Domain
from numeric.deciding.balls import BITS, ball, evaluate
from numeric.deciding.programs import lightly
from numeric.finding import Said, Told
from numeric.probing.box import Arithmetic, Box, Undefined, as_floats, generic
from numeric.tape.refusals import Refused
from proofs.fitting.models import Model, simplicity
from proofs.fitting.models import Slot as Slot
from proofs.fitting.models import gauge_fixed as gauge_fixed
from proofs.fitting.models import lifted as lifted
from proofs.fitting.models import models as models

ONE, LONG, SHORT = 1, 5, 3
LENGTHS = (ONE, SHORT, LONG)
"""Context lengths of a fit: one token sees the step alone, three see decays, five see batches and what N divides."""
NEAR = 2.0**-7
"""Relative residual above which a learner is no neighbour: longer contexts are not tried."""
POLISHED = 2.0**-26
"""Relative residual in float64 below which the digits are worth finding; nothing is accepted by it."""
DIGITS = 2.0**-160
"""Relative residual on balls that a solution may leave: 48 digits."""
_ROUNDED = 2.0**-48
"""Two constants of a code that differ by less are roundings of one number, computed at two context lengths."""


class Cause(Said, Enum):
    """What keeps a model from being a solution."""

    OFF = auto()
    """It does not fit."""
    GAUGE = auto()
    """Other numbers fit as well."""
    NO_LAW = auto()
    """It fits at each length, and no power of N goes from the numbers of one to those of the other."""


@dataclass(frozen=True)
class Fails(Said):
    """A model does not run, with this message."""

    message: str


@dataclass(frozen=True)
class Off(Said):
    """A model is off by this, relatively. digits: to all digits, and not as floats."""

    residual: float
    N: int
    digits: bool = False


@dataclass(frozen=True)
class NearlyPower(Said):
    """A model's numbers go with a power of N but for this, relatively."""

    off: float


Number = Any
"""A Fraction, or a ball where the number is none of few digits, or a float where only float64 runs."""


class Data:
    """The box's values at the points of a fit, asked once and shared by all learners."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self._points: dict[tuple[int, int], tuple[tuple[np.ndarray, ...], np.ndarray]] = {}

    def points(self, N: int, numbers: int) -> list[tuple[tuple[np.ndarray, ...], np.ndarray]]:
        """Contexts (X, Y, x_q) of N tokens with the values there: more equations than `numbers`, and two draws at least.

        A prediction that is a sum of a_i y_i gives N equations, however many outputs there are. Raises Undefined where
        the box has no value.
        """
        draws = max(3 if N == ONE else 2, -(-(numbers + 4) // min(N, self.box.m)))
        return [self._point(N, k) for k in range(draws)]

    def _point(self, N: int, k: int) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
        if (N, k) not in self._points:
            f, m = self.box.f, self.box.m
            salt = 1000 * N + 10 * k
            # lengths near 1, where steps of ordinary size neither vanish nor explode; several scales for one token
            scale = Fraction(1, 2) * (Fraction(1, 2), 1, 2)[k % 3] if N == 1 else Fraction(1, 2)
            X, q = generic((N, f), salt + 1) * scale, generic((f,), salt + 3) / 2
            point = (X, generic((N, m), salt + 2), q)
            self._points[N, k] = point, self.box(*point)
        return self._points[N, k]


@dataclass(frozen=True)
class Fit:
    """The best numbers in float64 at one context length, and the largest residual relative to the largest value."""

    theta: np.ndarray
    residual: float
    N: int


def least_squares(model: Model, data: Data, N: int, starts: Sequence[Sequence[float]]) -> Fit:
    """The best of the fits from `starts`. Raises Undefined where the box has no value."""
    from scipy import optimize

    points = data.points(N, len(model.names))
    inputs = [[torch.tensor(a.astype(np.float64)) for a in point] for point, _ in points]
    targets = np.concatenate([as_floats(value) for _, value in points])
    scale = float(np.abs(targets).max()) or 1.0

    def residual(theta: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            numbers = torch.tensor(theta, dtype=torch.float64)
            values = torch.cat([model(X, Y, q, numbers) for X, Y, q in inputs]).numpy()
        off = (values - targets) / scale
        return np.where(np.isfinite(off), np.clip(off, -1e8, 1e8), 1e8)

    best = Fit(np.zeros(len(model.names)), math.inf, N)
    for start in starts if model.names else [()]:
        theta = np.array(start, dtype=np.float64)
        if len(theta):
            found = optimize.least_squares(
                residual, theta, method="lm", xtol=1e-15, ftol=1e-15, gtol=1e-15, max_nfev=20 * (len(theta) + 1)
            )
            theta = found.x
        size = float(np.abs(residual(theta)).max())
        if size < best.residual:
            best = Fit(theta, size, N)
        if best.residual < POLISHED:
            break
    return best


def starts(model: Model, slope: float, N: int, before: np.ndarray | None = None) -> list[list[float]]:
    """Where fits begin: the response to one token for steps, fixed values for the rest; `before`, a fit at another N."""
    first = {Domain.POSITIVE: [slope or 0.5, 0.5, 2.0], Domain.UNIT: [0.9, 0.5, 0.2], Domain.REAL: [0.3, 1.0, -0.3]}
    first[Domain.NONNEGATIVE] = first[Domain.POSITIVE]
    tiny = [name == "eps" for name in model.names]
    if before is None:
        pairs = list(zip(model.domains, tiny, strict=True))
        return [[1e-3 if small else first[d][k] for d, small in pairs] for k in range(3)]
    out: dict[tuple[float, ...], None] = {}
    for factor in (1.0, float(N)):
        for unit in (0.9, 0.5):
            scale = {Domain.POSITIVE: factor, Domain.NONNEGATIVE: factor}
            row = [
                unit if d is Domain.UNIT else float(b) * scale.get(d, 1.0)
                for b, d in zip(before, model.domains, strict=True)
            ]
            out[tuple(row)] = None
    return [list(row) for row in out]


def polish(model: Model, data: Data, fit: Fit) -> tuple[list[Number], float] | None:
    """The numbers to 60 digits, rational where few digits do, and the relative residual that is left on balls.

    None where Newton's method has no unique answer: two of the numbers can't be told apart (a gauge), or the learner
    does not run on balls.
    """
    points = data.points(fit.N, len(model.names))
    few = points[: -(-len(fit.theta) // min(fit.N, data.box.m))]
    best: tuple[list[Number], float] | None = None
    with flint.ctx.workprec(BITS), lightly():  # what is found here is a candidate
        scale = max((abs(float(ball(v).mid())) for _, value in points for v in value), default=1.0) or 1.0
        try:
            if len(fit.theta) and not _full_rank(model, data, fit):
                return None
            for used in (few, points):  # as many points as numbers, all to check them; all where those are no help
                theta = _sharpened(model, used, [arb(float(v)) for v in fit.theta], scale)
                if theta is None:
                    continue
                numbers = [rationalised(t) for t in theta]
                off = _residual(model, points, [ball(v) for v in numbers])
                best = numbers, max((float(abs(v).upper()) for v in off), default=0.0) / scale
                if best[1] <= DIGITS:
                    break
        except (Refused, ZeroDivisionError):
            return None
    return best


def _sharpened(model: Model, points: Any, theta: list[Any], scale: float) -> list[Any] | None:
    """Newton's method with the slopes of the start, which gains 16 digits a step; None if they are singular."""
    if not theta:
        return theta
    solve = None
    for _ in range(12):
        off = _residual(model, points, theta)
        if max(abs(float(v.mid())) for v in off) < 2.0**-230 * scale:
            break
        solve = solve or _slopes(model, points, theta, off)
        try:
            step = solve([v.mid() for v in off])
        except (ZeroDivisionError, ValueError):
            return None
        theta = [(t - s).mid() for t, s in zip(theta, step, strict=True)]
        if max(abs(float(s.mid())) for s in step) < 2.0**-235:
            break
    return theta


def _residual(model: Model, points: Any, theta: Sequence[Any]) -> list[Any]:
    values: list[Any] = []
    for (X, Y, q), value in points:
        found = evaluate(model, {"X": X, "Y": Y, "x_q": q, "theta": column(theta)})[0]
        values += [v - ball(t) for v, t in zip(found, value, strict=True)]
    return values


def _slopes(model: Model, points: Any, theta: list[Any], off: list[Any]) -> Callable[[list[Any]], list[Any]]:
    """Gauss-Newton steps from residuals, by the normal equations with differences at 2^-80."""
    h = arb(2) ** -80
    columns = []
    for i in range(len(theta)):
        moved = [t + h if i == k else t for k, t in enumerate(theta)]
        columns.append([((a - b) / h).mid() for a, b in zip(_residual(model, points, moved), off, strict=True)])
    p, rows = len(theta), len(off)
    J = flint.arb_mat(rows, p, [columns[j][i] for i in range(rows) for j in range(p)])
    square = J.transpose() * J

    def step(residual: list[Any]) -> list[Any]:
        found = square.solve(J.transpose() * flint.arb_mat(rows, 1, residual))
        return [found[i, 0] for i in range(p)]

    return step


def _full_rank(model: Model, data: Data, fit: Fit) -> bool:
    """Whether every number moves the values in a direction of its own."""
    points = data.points(fit.N, len(model.names))
    inputs = [[torch.tensor(a.astype(np.float64)) for a in point] for point, _ in points]

    def values(theta: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return torch.cat([model(X, Y, q, torch.tensor(theta)) for X, Y, q in inputs]).numpy()

    at = values(fit.theta)
    steps = [max(abs(v), 2.0**-10) * 2.0**-20 for v in fit.theta]
    J = np.stack([(values(fit.theta + np.eye(len(steps))[i] * h) - at) / h for i, h in enumerate(steps)], 1)
    norms = np.linalg.norm(J, axis=0)
    felt = norms * np.maximum(np.abs(fit.theta), 2.0**-10)  # what a change of each number by itself does
    if not np.isfinite(J).all() or (felt <= 2.0**-30 * np.linalg.norm(at)).any():
        return False
    singular = np.linalg.svd(J / norms, compute_uv=False)
    return bool(singular[-1] > 2.0**-14)


def rationalised(value: Any) -> Number:
    """The rational number of few digits that a 256-bit number is, or the number itself.

    Accepted where the digits that agree are 80 bits more than those of the fraction: floats of the code are such.
    """
    top, exponent = value.mid().man_exp()
    exact = Fraction(int(top)) * Fraction(2) ** int(exponent)
    simple = exact.limit_denominator(2**90)
    if abs(exact - simple) > max(abs(exact), Fraction(1)) * Fraction(1, 2**200):
        return value.mid()
    bits = simple.denominator.bit_length() + abs(simple.numerator).bit_length()
    return simple if bits <= 140 else value.mid()


@dataclass(frozen=True)
class Solution:
    """A model whose numbers satisfy the equations to 48 digits (or, where `exact` is False, to float64's).

    numbers: at the context length 5. powers: each number is (a constant) * N**power, exactly if `steady`, else up to
    the rounding of constants. residual: relative, the largest.
    """

    model: Model
    numbers: tuple[Number, ...]
    powers: tuple[int, ...]
    residual: float
    exact: bool = True
    steady: bool = True

    @property
    def rank(self) -> tuple[Any, ...]:
        """Which of several solutions is named first: the simplest, and with numbers that do not change with N."""
        complexity, pinned, wide, *rest = simplicity(self.model)
        return (complexity, pinned, wide, sum(p != 0 for p in self.powers), *rest)

    def guess(self, N: int) -> list[Number]:
        """The numbers at another context length, by their powers of N."""
        ratio = Fraction(N, LONG)
        out = []
        for value, power in zip(self.numbers, self.powers, strict=True):
            factor = ratio**power
            with flint.ctx.workprec(BITS):
                scaled = value * factor.numerator / factor.denominator if power else value
            out.append(scaled)
        return out

    def at(self, N: int, data: Data) -> list[Number] | None:
        """The numbers at N, sharpened there where constants of the code are rounded; None if none fit there."""
        guess = self.guess(N)
        if self.steady or not self.exact:
            return guess
        sharp = polish(self.model, data, Fit(as_floats(column(guess)), 0.0, N))
        if sharp is None:
            return guess
        return sharp[0] if sharp[1] <= DIGITS else None


def column(numbers: Sequence[Number]) -> np.ndarray:
    """Numbers of any kind as an object array (p,)."""
    out = np.empty(len(numbers), dtype=object)
    for i, value in enumerate(numbers):
        out[i] = value
    return out


@dataclass(frozen=True)
class Miss:
    """A model that does not fit: how far off it is relative to the largest value, at which context length, and why."""

    model: Model
    residual: float
    N: int
    why: Told
    theta: tuple[float, ...] = ()
    cause: Cause = Cause.OFF


def fit(model: Model, data: Data, slope: float) -> Solution | Miss:
    """The numbers with which the model is the box, at every length of `LENGTHS`, or how far it stays off."""
    before: np.ndarray | None = None
    fits: dict[int, Fit] = {}
    for N in LENGTHS:
        begin = _around(fits[SHORT], N) if N == LONG else starts(model, slope, N, before)
        try:
            found = least_squares(model, data, N, begin)
        except (Undefined, RuntimeError, ValueError, ZeroDivisionError) as error:
            return Miss(model, math.inf, N, Fails(str(error)))
        if found.residual > NEAR:
            return Miss(model, found.residual, N, Off(found.residual, N), tuple(found.theta))
        fits[N], before = found, found.theta
    worst = max(fits.values(), key=lambda f: f.residual)
    if worst.residual > POLISHED:
        theta = tuple(fits[LONG].theta)
        return Miss(model, worst.residual, worst.N, Off(worst.residual, worst.N), theta)
    if data.box.arithmetic is Arithmetic.FLOAT:
        return _unpolished(model, fits)
    numbers: dict[int, list[Number]] = {}
    for N in (LONG, SHORT):
        sharp = polish(model, data, fits[N])
        if sharp is None:
            return Miss(model, fits[N].residual, N, Cause.GAUGE, tuple(fits[N].theta), Cause.GAUGE)
        numbers[N], residual = sharp
        if residual > DIGITS:
            theta = tuple(float(v) for v in as_floats(column(numbers[N])))
            return Miss(model, residual, N, Off(residual, N, digits=True), theta)
    with flint.ctx.workprec(BITS):
        powers = [_power(a, b) for a, b in zip(numbers[SHORT], numbers[LONG], strict=True)]
    if any(p is None for p in powers):
        return _lawless(model, numbers, powers, tuple(fits[LONG].theta))
    solution = Solution(model, tuple(numbers[LONG]), tuple(p for p in powers if p is not None), residual)
    steady = all(alike(a, b) for a, b in zip(solution.guess(SHORT), numbers[SHORT], strict=True))
    return replace(solution, steady=steady)


def alike(a: Number, b: Number) -> bool:
    """Whether two numbers are one: as fractions, or to 60 digits."""
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return a == b
    with flint.ctx.workprec(BITS):
        return bool(float(abs(ball(a) - ball(b)).upper()) <= 2.0**-200 * max(1.0, abs(float(ball(a).mid()))))


def _around(known: Fit, N: int) -> list[list[float]]:
    scaled = [list(known.theta * (N / known.N) ** power) for power in (0, 1, -1)]
    return [scaled[0], *scaled[1:]]


def _unpolished(model: Model, fits: Mapping[int, Fit]) -> Solution | Miss:
    pairs = list(zip(fits[SHORT].theta, fits[LONG].theta, strict=True))
    powers = [next((p for p in (0, 1, -1) if _close(a / b, (3 / 5) ** p, POLISHED)), None) for a, b in pairs]
    worst = max(f.residual for f in fits.values())
    if any(p is None for p in powers):
        return Miss(model, 1.0, SHORT, Cause.NO_LAW, cause=Cause.NO_LAW)
    numbers = tuple(float(v) for v in fits[LONG].theta)
    return Solution(model, numbers, tuple(p for p in powers if p is not None), worst, exact=False)


def _lawless(
    model: Model, numbers: Mapping[int, Sequence[Number]], powers: Sequence[int | None], theta: tuple[float, ...]
) -> Miss:
    """The miss of numbers that go with no power of N: by how much, where one nearly does, as for 1/(N + epsilon)."""
    short, long = (as_floats(column(numbers[N])) for N in (SHORT, LONG))
    off = 0.0
    for a, b, power in zip(short, long, powers, strict=True):
        if power is None and b:
            off = max(off, min(abs(a / b / (SHORT / LONG) ** p - 1) for p in (0, 1, -1)))
        elif power is None:
            off = math.inf
    if off >= NEAR:
        return Miss(model, 1.0, SHORT, Cause.NO_LAW, theta, Cause.NO_LAW)
    return Miss(model, off, SHORT, NearlyPower(off), theta)


def _power(short: Number, long: Number) -> int | None:
    """p with short/long = (3/5)**p, up to the rounding of constants; None if there is none."""
    if long == 0 or (isinstance(long, arb) and long.contains(0)):
        return 0 if short == long else None
    ratio = ball(short) / ball(long)
    for power in (0, 1, -1):
        wanted = Fraction(SHORT, LONG) ** power
        if float(abs(ratio - ball(wanted)).upper()) <= _ROUNDED * float(wanted):
            return power
    return None


def _close(a: float, b: float, tolerance: float) -> bool:
    return abs(a - b) <= tolerance * max(abs(a), abs(b))
