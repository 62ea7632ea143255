"""constructions/predictors.py, legs_recursion.py: routes as special cases, and refusals."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from constructions import legt, predictors
from constructions.legs_recursion import states


def test_first_derivative_is_a_route() -> None:
    """m = 1 gives route (i) for closed states, (iii) for exact ones."""
    for state, route in (("closed", "i"), ("exact", "iii")):
        assert list(predictors.derivative(5, 1, state).C) == list(legt.system(5, route).C)


def test_zero_step_ahead_is_the_input() -> None:
    """h = 0 reads the input itself: C = 0, D = 1."""
    s = predictors.ahead(4, Fraction(0))
    assert not any(s.C) and s.D == 1


def test_refusals() -> None:
    """Orders, states, schemes and lengths that make no sense are refused."""
    with pytest.raises(ValueError, match="between 1 and"):
        predictors.derivative(3, 4)
    with pytest.raises(ValueError, match="closed or exact"):
        predictors.ahead(3, Fraction(1), "open")
    with pytest.raises(ValueError, match="scheme"):
        states(3, np.ones(4), "midpoint")
    with pytest.raises(ValueError, match="at least two"):
        states(3, np.ones(1), "forward")


def test_residual_hold_at_alpha_zero_is_route_i() -> None:
    """Holding the residual under forward Euler is u_k + h y_k with route (i)."""
    from constructions.discretisation import gbt
    from constructions.state_space import orthonormal

    s, end = orthonormal(legt.system(5), legt.norms(5)), np.sqrt(legt.norms(5).astype(float))
    held, euler = predictors.residual_hold(s, end, 2.0**-6, 0), gbt(s, 2.0**-6, 0)
    assert np.abs(held.C - 2.0**-6 * euler.C).max() <= 64 * 2.0**-53 * np.abs(s.A).max()
    assert abs(held.D - 1 - 2.0**-6 * euler.D) <= 8 * 2.0**-53


def test_float_holds_are_the_exact_ones() -> None:
    """Scaled LegS under both holds in float64 against rationals, N = 6: each step is a contraction with bounded terms."""
    from numeric.analysis.rational_matrices import objects, power, solve

    u = [3, -1, 4, 1, -5, 9, 2, -6]
    for scheme in ("zoh", "foh"):
        found = states(6, np.array(u, dtype=float), scheme)
        wanted = states(6, objects(np.array(u, dtype=object)), scheme, solve, power)
        # 8 steps, coefficients and inputs below 2^5, linear solves of condition below 2^8
        assert np.abs(found - np.array([float(v.p) / float(v.q) for v in wanted])).max() <= 8 * 2.0 ** (5 + 8 - 52)
