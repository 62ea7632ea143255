r"""Measured orders with confidence intervals, and the grading of a claimed order O(theta^a N^b).

`fit` estimates p in y ~ c x^p from numbers at several x. Two models are fitted by least squares,
log y = log c + p log x + b/x and the same plus d/x^2 (b x and d x^2 where x goes to 0): the first pre-asymptotic
terms. The
estimate is the second's; the half width is its Student interval plus the distance between the two, so that what is
not yet
asymptotic widens the interval instead of hiding in it. Source: derived here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from numeric.finding import Said

LEVEL = 0.99
LEAST = 6
"""Fewest points: four parameters and two degrees of freedom."""
WIDEST = 0.2
"""An interval wider than this on either side can't tell orders that differ by 1/2 apart with room to spare."""


@dataclass(frozen=True)
class Order:
    """A measured order: slope -+ half_width at `LEVEL`, the constant c of c x^slope, and the range of x."""

    slope: float
    half_width: float
    constant: float
    smallest: float
    largest: float
    points: int

    def contains(self, order: float) -> bool:
        """True if the proved order lies in the interval."""
        return abs(self.slope - order) <= self.half_width

    @property
    def sharp_enough(self) -> bool:
        """True if the interval can tell neighbouring orders apart."""
        return self.half_width <= WIDEST

    def __str__(self) -> str:
        return f"{self.slope:.4f} +- {self.half_width:.4f}"


def fit(
    x: Sequence[float],
    y: Sequence[float],
    to_zero: bool = False,
    uncertainty: Sequence[float] | None = None,
    gap: float = 1.0,
) -> Order:
    """The order of y in x from at least six points; to_zero: the limit is x to 0, not x to infinity.

    uncertainty: for each y the relative size of what else may be in it (a known floor, rounding); its largest effect
    on the slope, through the estimator's own weights, widens the interval.

    gap: the exponent of the first correction, x^-gap in place of 1/x (2/3 where a turning point sets the scale).

    Raises ValueError for fewer points or for numbers that are not positive.
    """
    a, logs = _checked(x, y, LEAST)
    small = (a / a.max() if to_zero else a.min() / a) ** gap
    first = np.stack([np.ones_like(a), np.log(a), small], axis=1)
    second = np.concatenate([first, (small**2)[:, None]], axis=1)
    rough = np.linalg.lstsq(first, logs, rcond=None)[0]
    fine = np.linalg.lstsq(second, logs, rcond=None)[0]
    width = float(_student(second, logs, fine)[1]) + abs(float(fine[1] - rough[1]))
    if uncertainty is not None:
        weights = np.abs(np.linalg.pinv(second)[1])
        share = np.minimum(np.asarray(uncertainty, dtype=float), 1 - 2.0**-52)
        width += float(weights @ -np.log1p(-share))
    return Order(float(fine[1]), width, float(np.exp(fine[0])), float(a.min()), float(a.max()), len(a))


def hull(orders: Sequence[Order]) -> Order:
    """The smallest interval that holds all of `orders`: several models of the first corrections, none known to be right."""
    low = min(o.slope - o.half_width for o in orders)
    high = max(o.slope + o.half_width for o in orders)
    first = orders[0]
    return Order((low + high) / 2, (high - low) / 2, first.constant, first.smallest, first.largest, first.points)


def fit_exponential(x: Sequence[float], y: Sequence[float]) -> tuple[Order, Order]:
    """(r, p) of y ~ c x^p e^(-r x) from at least eight points: two orders with intervals, the second the power's.

    Three nested models, log y = log c - r x + p log x + b/x (+ d/x^2 (+ e/x^3)); the estimates are the second's, the
    half widths its Student intervals plus the larger distance to the other two. Raises ValueError as `fit` does.
    """
    a, logs = _checked(x, y, LEAST + 2)
    small = a.min() / a
    columns = [np.ones_like(a), -a, np.log(a), small, small**2, small**3]
    found = [np.linalg.lstsq(np.stack(columns[:m], axis=1), logs, rcond=None)[0] for m in (4, 5, 6)]
    widths = _student(np.stack(columns[:5], axis=1), logs, found[1])
    out = []
    for at in (1, 2):
        spread = max(abs(float(found[1][at] - other[at])) for other in (found[0], found[2]))
        out.append(
            Order(
                float(found[1][at]),
                float(widths[at]) + spread,
                float(np.exp(found[1][0])),
                float(a.min()),
                float(a.max()),
                len(a),
            )
        )
    return out[0], out[1]


def _checked(x: Sequence[float], y: Sequence[float], least: int) -> tuple[np.ndarray, np.ndarray]:
    """x and log y as float64, or ValueError."""
    a, b = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if len(a) != len(b) or len(a) < least:
        raise ValueError(f"{len(a)} sizes and {len(b)} errors; an order needs at least {least} of each")
    if not (np.all(a > 0) and np.all(b > 0) and np.all(np.isfinite(b))):
        raise ValueError("sizes and errors have to be positive and finite; leave out exact zeros")
    return a, np.log(b)


def _student(model: np.ndarray, logs: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Half widths of the parameters' Student intervals at `LEVEL`."""
    from scipy.special import stdtrit  # what scipy.stats takes it from, which loads for half a second

    free = len(logs) - model.shape[1]
    residual = logs - model @ found
    covariance = np.linalg.inv(model.T @ model) * float(residual @ residual) / free
    return float(stdtrit(free, (1 + LEVEL) / 2)) * np.sqrt(np.diag(covariance))


class Worth(StrEnum):
    """What a claimed order is worth."""

    FALSE = "false"
    LOOSE = "loose"
    SHARP = "sharp"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Grade(Said):
    """What a claimed order O(theta^a N^b) is worth: the word, the exponents claimed, and those that are true.

    measured: the orders in theta and in N that were measured, whose estimates `theta` and `N` then are.
    """

    word: Worth
    claimed: tuple[float, float]
    theta: float
    N: float
    measured: tuple[Order, Order] | None = None

    @property
    def true(self) -> tuple[float, float]:
        """The exponents that were compared with the claimed ones: a claimed one inside its measured interval is attained."""
        if self.measured is None:
            return self.theta, self.N
        a, b = (c if order.contains(c) else order.slope for c, order in zip(self.claimed, self.measured, strict=True))
        return a, b


def grade(claimed: tuple[float, float], true: tuple[float, float]) -> Grade:
    """Grades O(theta^a N^b) against the sharp order O(theta^a' N^b') for theta <= 1 and N >= 1 (both limits taken
    alone)."""
    return Grade(_worth(claimed, true), claimed, float(true[0]), float(true[1]))


def grade_measured(claimed: tuple[float, float], theta: Order, N: Order) -> Grade:
    """Grades O(theta^a N^b) against measured orders in theta (to zero) and in N (to infinity), as `grade` does.

    "undecided" where an interval is too wide to tell neighbouring orders apart. An exponent inside its interval counts
    as attained: the word "sharp" means so at the interval's level.
    """
    found = Grade(Worth.UNDECIDED, claimed, theta.slope, N.slope, (theta, N))
    if not (theta.sharp_enough and N.sharp_enough):
        return found
    return replace(found, word=_worth(claimed, found.true))


def _worth(claimed: tuple[float, float], true: tuple[float, float]) -> Worth:
    if claimed[0] > true[0] or claimed[1] < true[1]:
        return Worth.FALSE
    return Worth.SHARP if claimed == true else Worth.LOOSE
