"""numeric/analysis/rates.py: orders of known sequences, intervals that widen, grading."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from numeric.analysis.rates import Order, fit, fit_exponential, grade, grade_measured, hull
from reports.said import said

SIZES = [8, 12, 16, 24, 32, 48, 64]


@given(st.floats(-4, 4), st.floats(0.1, 10), st.floats(-0.5, 0.5))
def test_contains_the_order_of_a_corrected_power(p: float, c: float, b: float) -> None:
    """c x^p exp(b/x + b/x^2) has order p, to rounding."""
    from math import exp

    order = fit(SIZES, [c * x**p * exp(b / x + b / x**2) for x in SIZES])
    assert abs(order.slope - p) <= order.half_width + 1e-9
    assert order.sharp_enough


def test_neighbouring_order_is_excluded() -> None:
    """An order off by one half is not in the interval."""
    order = fit(SIZES, [x**-1.5 * (1 + 1 / x) for x in SIZES])
    assert order.contains(-1.5) and not order.contains(-1.0) and not order.contains(-2.0)


def test_noise_and_uncertainty_widen() -> None:
    """Scatter widens the interval, and so does a floor that is known of."""
    clean = [1 / x for x in SIZES]
    noisy = [v * (1 + 0.2 * (-1) ** k) for k, v in enumerate(clean)]
    assert fit(SIZES, noisy).half_width > fit(SIZES, clean).half_width
    assert fit(SIZES, clean, uncertainty=[0.1] * 7).half_width > 0.1


def test_refusals() -> None:
    """Too few points, or a zero, are refused."""
    with pytest.raises(ValueError, match="at least"):
        fit([1, 2, 3], [1, 2, 3])
    with pytest.raises(ValueError, match="positive"):
        fit(SIZES, [0.0] * 7)


def test_grade() -> None:
    """Better is false, worse is loose, equal is sharp."""
    assert grade((2, -1.5), (2, -1.5)).word == "sharp"
    assert grade((2, -2), (2, -1.5)).word == "false"
    assert grade((3, -1.5), (2, -1.5)).word == "false"
    assert grade((2, -1), (2, -1.5)).word == "loose"


@given(st.floats(0.05, 2), st.floats(-3, 3), st.floats(-0.5, 0.5))
def test_exponential_fit(r: float, p: float, b: float) -> None:
    """x^p e^(-r x + b/x): both numbers come back, to rounding."""
    from math import exp

    x = [12, 16, 20, 24, 28, 32, 36, 40, 44]
    rate, power = fit_exponential(x, [v**p * exp(-r * v + b / v) for v in x])
    assert abs(rate.slope - r) <= rate.half_width + 1e-9
    assert abs(power.slope - p) <= power.half_width + 1e-7


def test_exponential_fit_refuses_few_points() -> None:
    """Eight points at least."""
    with pytest.raises(ValueError, match="at least 8"):
        fit_exponential([1, 2, 3, 4, 5, 6, 7], [1.0] * 7)


def test_gap_and_hull() -> None:
    """A correction x^(-2/3) is fitted with its own exponent, and the hull holds both intervals."""
    y = [x**-2 * (1 + x ** (-2 / 3)) for x in SIZES]
    right, wrong = fit(SIZES, y, gap=2 / 3), fit(SIZES, y)
    assert right.contains(-2) and right.half_width < 0.05
    both = hull([right, wrong])
    for order in (right, wrong):
        assert both.contains(order.slope - order.half_width * 0.999) and both.contains(
            order.slope + order.half_width * 0.999
        )


def test_grade_measured() -> None:
    """The measured grade agrees with the theoretical one, and wide intervals decide nothing."""
    windows = [0.01, 0.02, 0.04, 0.05, 0.08, 0.1]
    theta = fit(windows, [w**2 for w in windows], to_zero=True)
    N = fit(SIZES, [x**-1.5 * (1 + 1 / x) for x in SIZES])
    for claimed, word in (((2, -1.5), "sharp"), ((2, -2), "false"), ((3, -1.5), "false"), ((2, -1), "loose")):
        assert grade_measured(claimed, theta, N).word == word == grade(claimed, (2, -1.5)).word
    noisy = fit(SIZES, [x**-1.5 * (1 + 0.4 * (-1) ** k) for k, x in enumerate(SIZES)])
    assert grade_measured((2, -1.5), theta, noisy).word == "undecided"


def test_a_grade_says_why() -> None:
    """In the first exponent that is off, with the intervals where they were measured."""
    assert said(grade((3, -2), (2, -1.5))) == "as theta falls the error is of order theta^2, larger than theta^3"
    assert said(grade((2, -2), (2, -1.5))) == "as N grows the error is of order N^-1.5, larger than N^-2"
    assert said(grade((2, -1), (2, -1.5))) == "true, but theta^2 N^-1.5 holds as well"
    theta = Order(2.01, 0.02, 1.0, 0.01, 0.1, 6)
    sharp = grade_measured((2, -1.5), theta, replace(theta, slope=-1.49))
    assert said(sharp) == "both exponents are attained (measured: theta^(2.0100 +- 0.0200), N^(-1.4900 +- 0.0200))"
    wide = grade_measured((2, -1.5), theta, replace(theta, half_width=0.3))
    assert said(wide) == "the order in N is 2.0100 +- 0.3000: measure more or larger sizes"
