"""numeric/analysis/taylor.py: solutions in closed form, and independence of the sampling."""

from __future__ import annotations

from math import cos, sin

import mpmath
import numpy as np

from constructions.dynamics import SYSTEMS
from numeric.analysis.taylor import ball_coefficients, coefficients, trajectory


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


def test_balls_agree_with_closed_form() -> None:
    """x' = x x in balls: all coefficients are one; and the series' cap comes back."""
    from flint import ctx

    cap = ctx.cap
    assert all(c.contains(1) for c in ball_coefficients(lambda x: [x[0] * x[0]], [1.0], 40)[0])
    assert ctx.cap == cap


def test_lorenz_against_mpmath() -> None:
    """The reference trajectory of Lorenz's system against mpmath's own Taylor integrator at 30 digits, over one unit of
    time, where nearby trajectories spread by less than a factor 100."""
    system = next(s for s in SYSTEMS if s.name == "Lorenz")
    states, _ = trajectory(system.right, system.start, 2.0**-6, 65)
    with mpmath.workdps(30):
        solution = mpmath.odefun(lambda t, x: system.right(x), 0, [mpmath.mpf(v) for v in system.start])
        wanted = [float(v) for v in solution(1)]
    assert np.abs(states[-1] - wanted).max() <= 100 * 65 * 64 * 2.0**-53 * np.abs(states).max()
