"""constructions/discretisation.py: reference amplitudes, convolution against recurrence, holds against balls."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from flint import acb, acb_mat, arb, arb_mat, fmpq

from constructions import legt, scan
from constructions.discretisation import Discrete, foh, gbt, matched, run, zoh
from constructions.state_space import StateSpace, orthonormal
from numeric.analysis import peano
from numeric.analysis.rational_matrices import characteristic
from numeric.entropy import Entropy

STEP = fmpq(1, 100)


def test_reference_amplitudes() -> None:
    """The one-step errors printed for N = 4, theta = 1, h = 0.01, u = exp(2it), from the formula of
    hippo.one_step_error."""
    coefficients = [int(c) for c in characteristic(legt.system(4).A).coeffs()]
    with mpmath.workdps(40):
        h, z = mpmath.mpf(1) / 100, mpmath.exp(2j * mpmath.mpf(1) / 100)
        amplitudes = []
        for alpha in (mpmath.mpf(0), mpmath.mpf(1) / 2):
            sigma = (z - 1) / (h * (1 + alpha * (z - 1)))
            q = mpmath.polyval(coefficients[::-1], sigma)
            amplitudes.append(abs(z - 1 - h * sigma + h * sigma**5 / q))
            if alpha:
                # 1 - alpha g.Bbar is s^N/q at s = 1/(alpha h)
                s = 1 / (alpha * h)
                held = s**4 / mpmath.polyval(coefficients[::-1], s)
                amplitudes.append(abs((z - 1) * sigma**4 / q / held))
        assert [mpmath.nstr(a, n) for a, n in zip(amplitudes, (18, 16, 16), strict=True)] == [
            "0.000354532426933925864", "0.0001858260933239149", "0.0003796400740971329"
        ]  # fmt: skip


def test_simulated_amplitude() -> None:
    """Forward Euler simulated in float64 has that amplitude: 4000 contracting steps of eps N^2 each, and the
    transient."""
    s = orthonormal(legt.system(4), legt.norms(4))
    k = np.arange(4000)
    u = np.exp(2j * k / 100)
    y = run(gbt(s, 0.01, 0), u)
    found = np.abs(u[:-1] + 0.01 * y[:-1] - u[1:])[-100:]
    # |x| <= 1, each step rounds N products: the readout amplifies by |C| <= N^3 and h
    bound = 4000 * 4 * 4**3 * 0.01 * 2.0**-53
    assert np.all(np.abs(found - 3.54532426933925864e-4) <= bound)


def test_convolution_is_recurrence() -> None:
    """The impulse response is the output for a unit impulse, within the rounding of powers by doubling."""
    s = orthonormal(legt.system(6, "i"), legt.norms(6))
    for d in (gbt(s, 2.0**-7, 0.5), zoh(s, 2.0**-7, "S4"), foh(s, 2.0**-7)):
        u = np.zeros(101)
        u[1] = 1.0  # at sample 0 the state is given, so an impulse there would not enter by B_next
        size = float(np.linalg.norm(d.C) * np.linalg.norm(d.B_now + d.A @ d.B_next))
        found = scan.kernel(*scan.standard(d), 100)
        assert np.all(np.abs(found - run(d, u)[1:]) <= 100 * 36 * 2.0**-53 * size * 2 + abs(s.D) * 2.0**-52)


def _exact_discrete(N: int, kind: str) -> Discrete:
    """ZOH (P) or FOH of LegT's coefficient form on balls."""

    def exponential(m: Any) -> Any:
        found = arb_mat(len(m), len(m), list(m.ravel())).exp()
        return np.array(found.tolist(), dtype=object)

    s = legt.system(N)
    lift = np.vectorize(lambda v: arb(int(v)), otypes=[object])
    lifted = StateSpace(lift(s.A), lift(s.B), lift(s.C), arb(int(s.D)))
    return zoh(lifted, arb(STEP), "P", exponential) if kind == "zoh" else foh(lifted, arb(STEP), exponential)


def _response(d: Discrete, z: acb) -> acb:
    N = len(d.A)
    lift = lambda rows, cols, values: acb_mat(rows, cols, [acb(v) for v in values])  # noqa: E731
    left = acb_mat(N, N, [z * int(i == j) - acb(d.A[i, j]) for i in range(N) for j in range(N)])
    x = left.solve(lift(N, 1, [acb(a) + z * acb(b) for a, b in zip(d.B_now, d.B_next, strict=True)]))
    return (lift(1, N, list(d.C)) * x)[0, 0] + acb(d.D)


@pytest.mark.parametrize("N", [2, 5, 9])
def test_matched_zoh_is_foh(N: int) -> None:
    """Zero-order hold with the discrete route (i) is first-order hold with the continuous one, at drawn frequencies."""
    entropy = Entropy("holds")
    with peano.precision(300):
        one = matched(_exact_discrete(N, "zoh"), np.array([arb(1)] * N, dtype=object), arb(STEP))
        two = _exact_discrete(N, "foh")
        for _ in range(5):
            z = (acb(0, fmpq(entropy.below(1000) + 1, 2000))).exp()
            difference = _response(one, z) - _response(two, z)
            assert difference.contains(0) and difference.abs_upper() < arb(2) ** -150


def test_zoh_float_against_balls() -> None:
    """float64 holds of the dissipative LegT: within 2^10 N^2 unit roundings of the ball result (the entries are
    below one).

    The exponential of a contraction carries perturbations of hA over unchanged, so N |hA| roundings are the scale;
    2^10 is SciPy's
    degree-13 approximant with its squarings, counted generously.
    """
    N = 9
    s = orthonormal(legt.system(N), legt.norms(N))
    found = zoh(s, 0.01)
    with peano.precision(200):
        exact = _exact_discrete(N, "zoh")
        r = [arb(2 * n + 1).sqrt() for n in range(N)]
        for i in range(N):
            assert abs(arb(found.B_now[i]) - exact.B_now[i] / r[i]) < arb(2) ** -43 * N
            for j in range(N):
                assert abs(arb(found.A[i, j]) - exact.A[i, j] * r[j] / r[i]) < arb(2) ** -43 * N


def test_refusals() -> None:
    """Unknown conventions, and a matched readout that would need the future sample, are refused."""
    s = orthonormal(legt.system(3), legt.norms(3))
    with pytest.raises(ValueError, match="convention"):
        gbt(s, 0.1, 0.5, "Q")
    with pytest.raises(ValueError, match="no mixture"):
        zoh(s, 0.1, "proper")
    with pytest.raises(ValueError, match="convention P"):
        matched(zoh(s, 0.1, "S4"), np.ones(3), 0.1)


def test_fractions_stay_exact() -> None:
    """Forward Euler on Fractions takes no detour through floats: what it has to solve with is the identity."""

    def solve(left: Any, right: Any) -> Any:
        assert (left == np.eye(3, dtype=int)).all()
        return right

    s = legt.system(3)
    lifted = StateSpace(s.A.astype(object), s.B.astype(object), s.C.astype(object), Fraction(9))
    d = gbt(lifted, Fraction(1, 3), Fraction(0), solve=solve)
    assert (Fraction(1, 3) * lifted.A + np.eye(3, dtype=int) == d.A).all() and d.B_next.tolist() == [0, 0, 0]
    assert all(isinstance(v, (int, Fraction)) for v in d.A.ravel())
