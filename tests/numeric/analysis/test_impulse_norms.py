"""numeric/analysis/impulse_norms.py against closed forms and quadrature."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest
from flint import arb, fmpq

from constructions import legt
from numeric.analysis import impulse_norms, peano
from numeric.analysis.rational_matrices import row


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
    with mpmath.workdps(30):
        A, b = (mpmath.matrix(np.array(a).astype(int).reshape(4, -1).tolist()) for a in (s.A, s.B * left))
        values, vectors = mpmath.eig(A)
        weights = mpmath.lu_solve(vectors, b)
        gains = [sum(int(r) * vectors[i, j] for i, r in enumerate(right)) * weights[j] for j in range(4)]

        def response(t: Any) -> Any:
            return mpmath.re(sum(g * mpmath.exp(v * t) for g, v in zip(gains, values, strict=True)))

        grid = [mpmath.mpf(j) / 50 for j in range(1500)]
        signs = [
            mpmath.findroot(response, (low, high), solver="anderson")
            for low, high in zip(grid, grid[1:], strict=False)
            if response(low) * response(high) < 0
        ]
        ends = [mpmath.mpf(0), *signs, mpmath.mpf(40)]
        pieces = [mpmath.quad(response, [a, b], error=True) for a, b in zip(ends, ends[1:], strict=False)]
        total = sum(abs(value) for value, _ in pieces)
        tail = sum(abs(g) * mpmath.exp(mpmath.re(v) * 40) for g, v in zip(gains, values, strict=True))
        error = tail + sum(error for _, error in pieces)
        assert error < mpmath.mpf(10) ** -15
        assert found.overlaps(arb(mpmath.nstr(total, 25), mpmath.nstr(10 * error + mpmath.mpf(10) ** -24, 5)))
    assert found.rad() < arb("1e-2") and mpmath.nstr(total, 4) == "1.126"


def test_readouts_integrate() -> None:
    """row A^{-1} is the antiderivative: A times it is the row."""
    s = legt.system(3)
    plain, once = impulse_norms.readouts(s.A, np.array([1, 2, 3]), 1)
    from numeric.analysis.rational_matrices import matrix

    assert once * matrix(s.A) == plain


def test_no_contraction_is_refused() -> None:
    """An unstable system has no finite norm, and the message says what is missing."""
    with pytest.raises(ValueError, match="less than 1"):
        impulse_norms.l1_norms(np.array([[1]]), [row(np.array([1]))], np.array([1]), np.array([1]), 8, 2)
