"""numeric/rates.py: orders of known sequences, intervals that widen, grading."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from numeric.rates import fit, grade

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
