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
