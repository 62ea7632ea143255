"""numeric/analysis/legendre_series.py against quadrature by mpmath, and known singularities."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from flint import acb, arb, fmpq

from numeric.analysis import legendre_series, peano


def coefficient(v, n: int, low: float = -1.0) -> arb:
    """(2n+1)/2 int_low^1 v P_n dx, as a ball: its radius is ten times the error that the quadrature estimates."""
    with mpmath.workdps(30):
        nodes = [low, 0, 0.5, 1]
        value, error = mpmath.quad(lambda x: v(x) * mpmath.legendre(n, x), nodes, maxdegree=9, error=True)
        scale = mpmath.mpf(2 * n + 1) / 2
        assert error < mpmath.mpf(10) ** -12
        return arb(mpmath.nstr(scale * value, 30), mpmath.nstr(10 * scale * error + mpmath.mpf(10) ** -27, 5))


@pytest.mark.parametrize("n", [0, 1, 5, 12])
def test_pole(n: int) -> None:
    """1/(5/4 - x)."""
    with peano.precision(200):
        found = legendre_series.pole(acb(fmpq(5, 4)), n + 1)[n]
    assert found.real.overlaps(coefficient(lambda x: 1 / (1.25 - x), n)) and found.real.rad() < arb("1e-12")


@pytest.mark.parametrize("n", [0, 1, 2, 3, 11])
def test_one_sided_power(n: int) -> None:
    """max(x + 1/4, 0)^(5/2)."""
    c = np.array([arb(fmpq(-1, 4))], dtype=object)
    found = legendre_series.one_sided_power(fmpq(5, 2), c, n + 1)[n][0]
    wanted = coefficient(lambda x: (x + mpmath.mpf(1) / 4) ** 2.5, n, -0.25)
    assert found.overlaps(wanted) and found.rad() < arb("1e-12")


def test_from_taylor_inverts() -> None:
    """P_3's Taylor coefficients give the unit vector."""
    found = legendre_series.from_taylor([arb(0), arb(fmpq(-3, 2)), arb(0), arb(fmpq(5, 2))], 5)
    assert all(v.contains(int(n == 3)) and v.rad() < arb("1e-12") for n, v in enumerate(found))


def test_bernstein() -> None:
    """On the real axis rho = x + sqrt(x^2 - 1), on the imaginary one y + sqrt(y^2 + 1)."""
    for point in (acb(fmpq(5, 4)), acb(0, fmpq(3, 4))):
        rho = legendre_series.bernstein(point)
        assert rho.contains(2) and rho.rad() < arb("1e-12")


def test_nearest_branch_point() -> None:
    """(1 - x/2)^(-1/2): the uncertainty covers the distance to the branch point."""
    with peano.precision(800):
        root = [arb(1)]
        for j in range(100):
            root.append(root[-1] * fmpq(2 * j + 1, 4 * (j + 1)))
        rho, spread = legendre_series.nearest(root, (36, 48))
        assert abs(rho - float(legendre_series.bernstein(acb(2)).log())) <= spread < 0.01
    with peano.precision(300), pytest.raises(ValueError, match="more digits"):
        legendre_series.nearest(root, (36, 48))


def test_rational_series_are_refused() -> None:
    """1/(1 - x/3) has Pade approximants of order one already; larger orders have no single solution."""
    with pytest.raises(ValueError, match="lower order"):
        legendre_series.nearest([arb(fmpq(1, 3) ** j) for j in range(40)], (6, 8))


def test_no_common_pole() -> None:
    """An entire function's approximants share none: refused."""
    with peano.precision(300):
        series = [arb(1)]
        for j in range(60):
            series.append(series[-1] / (j + 1))
        with pytest.raises(ValueError, match="share no pole"):
            legendre_series.nearest(series, (6, 12))
