"""numeric/rational_matrices.py: transfer functions and moments against each other, and refusals."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from flint import fmpq, fmpq_poly

from numeric import rational_matrices as exact


def test_transfer_and_moments_agree() -> None:
    """The Taylor coefficients of p/q are the moments."""
    A = np.array([[1, 2], [0, -3]])
    B, C, D = np.array([1, 4]), np.array([2, -1]), Fraction(1, 2)
    p, q = exact.transfer(A, B, C, D)
    m = exact.moments(A, B, C, D, 6)
    rest = (fmpq_poly(m) * q - p).truncate(6)
    assert rest == fmpq_poly([])


def test_solve() -> None:
    """Exact solves keep the shape and the type."""
    A = exact.objects(np.array([[2.0, 1.0], [0.0, 4.0]]))
    found = exact.solve(A, exact.objects(np.array([1, 1])))
    assert found.shape == (2,) and list(found) == [fmpq(3, 8), fmpq(1, 4)]


def test_floats_are_refused() -> None:
    """A float is no exact statement unless it is lifted on purpose."""
    with pytest.raises(TypeError, match="expected an int or a Fraction"):
        exact.number(0.5)
