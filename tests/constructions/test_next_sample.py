"""constructions/next_sample.py and constructions/drawn_systems.py."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from scipy.signal import savgol_coeffs

from constructions.drawn_systems import FAMILIES, NUMBERS, member
from constructions.next_sample import delayed, differences, fitted, savitzky_golay
from numeric.analysis.taylor import trajectory


@pytest.mark.parametrize("taps", [1, 2, 3, 5, 8])
def test_differences_extrapolate_polynomials(taps: int) -> None:
    """Exact in whole numbers for degree < taps, off by taps! for the next one; noise grows by C(2n, n) - 1."""
    p = differences(taps)
    k = np.arange(1, taps + 1)
    for degree in range(taps):
        assert p @ (1.0 - k) ** degree == 1.0
    assert abs(p @ (1.0 - k) ** taps - 1.0) == float(np.prod(np.arange(1, taps + 1, dtype=float)))
    assert p @ p == comb(2 * taps, taps) - 1


@pytest.mark.parametrize(("window", "degree"), [(5, 2), (11, 3), (9, 8), (17, 5)])
def test_savitzky_golay_is_scipys(window: int, degree: int) -> None:
    """SciPy's derivatives at the last sample, summed as a Taylor series, where its monomials are well conditioned."""
    total, factorial = np.zeros(window), 1.0
    for m in range(degree + 1):
        factorial *= max(m, 1)
        total += savgol_coeffs(window, degree, deriv=m, pos=window - 1, use="dot") / factorial
    V = np.vander(np.arange(1.0 - window, 1.0), degree + 1)
    assert (
        np.abs(savitzky_golay(window, degree) - total[::-1]).max() <= 2.0**-50 * np.linalg.cond(V) * np.abs(total).max()
    )


def test_savitzky_golay_stays_exact_where_monomials_fail() -> None:
    p, x = savitzky_golay(65, 7), -np.arange(65.0) / 64
    for degree in range(8):
        # 65 products of size at most 1 and a kernel of 1-norm below 6
        assert abs(p @ x**degree - (1 / 64) ** degree) <= 65 * 6 * 2.0**-52


def test_least_squares_finds_a_linear_map() -> None:
    M = np.array([[0.9, -0.2], [0.1, 0.95]])
    u = [np.array([1.0, -0.5])]
    for _ in range(60):
        u.append(M @ u[-1] + np.array([0.1, 0.0]))
    found = fitted(np.array(u), 1)
    assert found.shape == (3, 2)
    predicted = delayed(np.array(u), 1) @ found
    # backward stable least squares: rounding times the condition of the rows
    assert np.abs(predicted[:-1] - np.array(u[1:])).max() <= 2.0**-50 * np.linalg.cond(delayed(np.array(u), 1)) * 10


def test_delayed_rows() -> None:
    u = np.arange(5.0)[:, None]
    assert delayed(u, 3).tolist() == [[2, 1, 0, 1], [3, 2, 1, 1], [4, 3, 2, 1]]


def test_refusals() -> None:
    for wrong in (lambda: differences(0), lambda: savitzky_golay(5, 5), lambda: fitted(np.ones((3, 1)), 3)):
        with pytest.raises(ValueError):
            wrong()
    with pytest.raises(ValueError, match="expected one of linear"):
        member("Duffing", [0.5] * NUMBERS)
    with pytest.raises(ValueError, match="coordinates"):
        member("linear", [0.5])


@pytest.mark.parametrize("family", FAMILIES)
def test_members_stay_bounded_at_the_corners(family: str) -> None:
    """Every member is defined on the whole cube and its trajectory finite for ten windows."""
    generator = np.random.default_rng(5)
    points = [
        [0.0] * NUMBERS,
        [1.0 - 2.0**-53] * NUMBERS,
        *(generator.integers(0, 2, NUMBERS) * 0.999 for _ in range(3)),
    ]
    for point in points:
        system = member(family, list(point))
        u, slope = trajectory(system.right, system.start, system.theta / 64, 641)
        assert np.isfinite(u).all() and np.isfinite(slope).all() and np.abs(u).max() < 100
