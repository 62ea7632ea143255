"""numeric/taylor.py: solutions in closed form, and independence of the sampling."""

from __future__ import annotations

from math import cos, sin

import numpy as np

from numeric.taylor import coefficients, trajectory


def test_coefficients_of_an_exponential() -> None:
    """x' = x x has 1/(1-t): all coefficients are one."""
    assert np.all(coefficients(lambda x: [x[0] * x[0]], np.array([1.0]), 20) == 1.0)


def test_rotation() -> None:
    """A rotation over ten radians: each series step of the isometry adds at most the rounding of its sum, 28 terms
    or so."""
    states, slopes = trajectory(lambda x: [-1.0 * x[1], x[0]], (1.0, 0.0), 0.01, 1001)
    bound = 1001 * 64 * 2.0**-53
    want = np.array([[cos(0.01 * k), sin(0.01 * k)] for k in range(1001)])
    assert np.abs(states - want).max() <= bound
    assert np.array_equal(slopes, np.stack([-states[:, 1], states[:, 0]], axis=1))
