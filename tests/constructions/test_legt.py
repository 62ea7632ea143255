"""constructions/legt.py, legs.py, fout.py: reference values, large sizes, refusals."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import numpy as np
import pytest

from constructions import fout, legs, legt
from constructions.state_space import orthonormal
from numeric.analysis import rational_matrices as exact


def test_reference_polynomial_and_poles() -> None:
    """q_4 and its poles to all printed digits."""
    q = exact.characteristic(legt.system(4).A)
    assert [int(c) for c in q.coeffs()] == [840, 480, 120, 16, 1]
    with mpmath.workdps(40):
        roots = mpmath.polyroots([1, 16, 120, 480, 840], maxsteps=200, extraprec=200)
        shown = {(mpmath.nstr(r.real, 18), mpmath.nstr(abs(r.imag), 18)) for r in roots}
    assert shown == {("-4.78719310312846602", "1.56747641689520812"), ("-3.21280689687153398", "4.7730874332766425")}


@pytest.mark.parametrize("N", [1, 2, 1024])
def test_large_and_finite(N: int) -> None:
    """Orthonormal matrices are finite to N = 1024, and symmetric up to sign where they have to be."""
    s = orthonormal(legt.system(N, "iii"), legt.norms(N), 0.5)
    assert np.isfinite(s.A).all() and np.isfinite(s.C).all() and s.D == 2 * N * (N + 1)
    assert s.A.shape == (N, N) and s.B.shape == s.C.shape == (N,)


def test_taper() -> None:
    """The matched LegS taper printed for N = 4, and its exactness at a size where float64 sums have no digits left."""
    assert legs.taper(4).tolist() == [Fraction(1), Fraction(59, 60), Fraction(47, 60), Fraction(32, 105)]
    found = legs.taper(64)
    assert found[0] == 1 and all(a > b > 0 for a, b in zip(found, found[1:], strict=False))


def test_fout_float_and_exact() -> None:
    """The float64 matrices are those of the exact code at the rational number 2 pi rounds to, correctly rounded."""
    omega = 2 * np.pi
    a, b = fout.corrected(5, omega, 3), fout.corrected(5, Fraction(omega), 3)
    for found, wanted in ((a.A, b.A), (a.C, b.C)):
        for x, y in zip(np.ravel(found), np.ravel(wanted), strict=True):
            assert abs(Fraction(float(x)) - y) <= abs(y) * Fraction(8, 2**53)


def test_refusals() -> None:
    """Sizes and routes that make no sense are named."""
    with pytest.raises(ValueError, match="at least one state"):
        legt.system(0)
    with pytest.raises(ValueError, match="route"):
        legt.system(3, "iv")
    with pytest.raises(ValueError, match="between 1 and"):
        fout.corrected(3, Fraction(1), 4)
    with pytest.raises(ValueError, match="positive time scale"):
        orthonormal(legt.system(3), legt.norms(3), 0.0)


@pytest.mark.parametrize("route", ["i", "ii", "iii"])
@pytest.mark.parametrize("family", [legt, legs])
def test_entries_at_1024(family, route: str) -> None:
    """Every kind of entry at N = 1024 against its exact square, within six roundings, for all routes."""
    N = 1024
    exact_system = family.system(N, route)
    s = orthonormal(exact_system, legt.norms(N))
    bound = (1 + Fraction(1, 2**53)) ** 12 / (1 - Fraction(1, 2**53)) ** 12 - 1
    for n, k in ((0, 0), (0, 1023), (1023, 0), (1023, 1023), (511, 512), (512, 511), (7, 900)):
        pairs = (
            (s.A[n, k], int(exact_system.A[n, k]), Fraction(2 * k + 1, 2 * n + 1)),
            (s.C[k], int(exact_system.C[k]), Fraction(2 * k + 1)),
        )
        for found, entry, ratio in pairs:
            square = entry**2 * ratio
            assert abs(Fraction(float(found)) ** 2 - square) <= bound * square
            assert found * entry >= 0
    gains = {"i": N * N, "ii": 0, "iii": N * (N + 1)}
    assert gains[route] == s.D
