"""numeric/impulse_norms.py against closed forms and quadrature."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from flint import arb, fmpq

from constructions import legt
from numeric import impulse_norms, peano
from numeric.rational_matrices import row


def test_one_state() -> None:
    """int |3 e^{-2t}| dt = 3/2."""
    with peano.precision(100):
        (found,) = impulse_norms.l1_norms(np.array([[-2]]), [row(np.array([3]))], np.array([1]), np.array([1]), 256, 8)
        assert found.contains(fmpq(3, 2)) and found.rad() < arb("1e-4")


def test_oscillating_kernel_against_quadrature() -> None:
    """LegT, N = 4: the norm of the closure's response by mpmath's quadrature of the matrix exponential."""
    s = legt.system(4)
    right, left = legt.ends(4)
    with peano.precision(150):
        (found,) = impulse_norms.l1_norms(s.A, [row(right)], s.B * left, legt.norms(4), 512, 6)
        # poles of q_4: gamma is a sum of exponentials; quadrature between its sign changes is not needed at 1e-3
        t = [j / 400 for j in range(400 * 6)]
        values = impulse_norms.responses(row(right), impulse_norms.states(s.A, s.B * left, fmpq(1, 400), len(t)))
        riemann = sum(abs(float(v)) for v in values) / 400 - abs(float(values[0])) / 800
    assert float(found) == pytest.approx(riemann, abs=2e-3)
    assert mpmath.almosteq(riemann, 1.126, abs_eps=2e-3)


def test_readouts_integrate() -> None:
    """row A^{-1} is the antiderivative: A times it is the row."""
    s = legt.system(3)
    plain, once = impulse_norms.readouts(s.A, np.array([1, 2, 3]), 1)
    from numeric.rational_matrices import matrix

    assert once * matrix(s.A) == plain


def test_no_contraction_is_refused() -> None:
    """An unstable system has no finite norm, and the message says what is missing."""
    with pytest.raises(ValueError, match="less than 1"):
        impulse_norms.l1_norms(np.array([[1]]), [row(np.array([1]))], np.array([1]), np.array([1]), 8, 2)
