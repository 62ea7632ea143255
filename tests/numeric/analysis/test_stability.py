"""numeric/analysis/stability.py: known limits, Schur's test on known roots, refusals."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from flint import fmpq, fmpq_poly
from hypothesis import given
from hypothesis import strategies as st

from numeric.analysis.stability import largest_step, schur_stable


def test_known_limits() -> None:
    """One real pole at -a: h < 2/a; a pair -2 +- i sqrt 2: 2/3; both doubled at alpha = 1/4."""
    assert largest_step(fmpq_poly([5, 1])).contains(fmpq(2, 5))
    pair = fmpq_poly([6, 4, 1])
    assert largest_step(pair).contains(fmpq(2, 3))
    assert largest_step(pair, Fraction(1, 4)).contains(fmpq(4, 3))


def test_refusals() -> None:
    """No limit from alpha = 1/2 on, and none for an unstable system."""
    with pytest.raises(ValueError, match="every step is stable"):
        largest_step(fmpq_poly([1, 1]), Fraction(1, 2))
    with pytest.raises(ValueError, match="left half plane"):
        largest_step(fmpq_poly([-1, 1]))


@given(st.lists(st.integers(-15, 15), min_size=1, max_size=6))
def test_schur_on_known_roots(tenths: list[int]) -> None:
    """Real roots k/10: inside exactly when |k| < 10, decided on the boundary too."""
    p = fmpq_poly([1])
    for k in tenths:
        p *= fmpq_poly([fmpq(-k, 10), 1])
    assert schur_stable(p) == all(abs(k) < 10 for k in tenths)


def test_schur_against_eigenvalues() -> None:
    """Integer matrices over 8, away from the boundary."""
    rng = np.random.default_rng(5)
    for _ in range(50):
        M = rng.integers(-4, 5, size=(4, 4))
        radius = float(np.abs(np.linalg.eigvals(M / 8)).max())
        if abs(radius - 1) > 1e-6:
            from flint import fmpq_mat

            exact = fmpq_mat(4, 4, [fmpq(int(v), 8) for v in M.ravel()])
            assert schur_stable(exact.charpoly()) == (radius < 1)
