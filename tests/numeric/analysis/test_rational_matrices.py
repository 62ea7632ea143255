"""numeric/analysis/rational_matrices.py: transfer functions and moments against each other, and refusals."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from flint import fmpq, fmpq_poly

from numeric.analysis import rational_matrices as exact


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


def test_power() -> None:
    """x^A of LegS: a semigroup in x, the identity at one, and e^{A log x} in floats."""
    from scipy.linalg import expm

    from constructions import legs

    A = legs.system(5).A
    two, three, six = (exact.power(A, x) for x in (2, 3, 6))
    assert np.array_equal(two @ three, six)
    assert np.array_equal(exact.power(A, 1), np.eye(5, dtype=int))
    # entries below 2^7; expm of a matrix of norm 20 and degree-13 approximants: 2^12 roundings
    floats = np.array([[float(v.p) / float(v.q) for v in r] for r in two])
    assert np.abs(floats - expm(A * np.log(2.0))).max() <= 2.0**-41 * 2**7


def test_power_refuses_other_eigenvalues() -> None:
    """Only -1, ..., -N make it rational."""
    with pytest.raises(ValueError, match="eigenvalues"):
        exact.power(np.array([[-1, 0], [0, -1]]), 2)
