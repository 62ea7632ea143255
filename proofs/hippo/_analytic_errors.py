"""Errors of exact projections on analytic signals: poles, and trajectories through their Taylor series, in balls.

Main definitions: `pole_errors`, `trajectory_errors`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from flint import acb, arb, fmpq

from constructions.dynamics import SYSTEMS
from numeric.analysis import legendre_series, peano
from numeric.analysis.taylor import ball_coefficients, trajectory
from proofs.hippo._signals import FUNCTIONALS, window_errors

POLES: Mapping[str, tuple[fmpq, fmpq]] = {
    "pole at 5/4": (fmpq(5, 4), fmpq(0)),
    "poles at i/5 (Runge)": (fmpq(0), fmpq(1, 5)),
    "pole at (1+i)/2": (fmpq(1, 2), fmpq(1, 2)),
}
"""1/(z - x) as a complex signal; its modulus is the envelope of the real ones, which oscillate in N."""
SIZES = (12, 16, 20, 24, 28, 32, 36, 40, 44, 48)

TRAJECTORIES: Mapping[str, tuple[float, float]] = {
    "Lorenz": (20.7, 0.125),
    "Van der Pol": (20.0, 0.8),
    "Roessler": (53.0, 1.0),
}
"""(time of the window's centre, window length): windows well inside the series' circle of convergence, one nearest pair
of complex singularities."""
TERMS = 150


@cache
def pole_errors(name: str) -> dict[int, dict[str, Any]]:
    """Errors for the signal 1/(z - x) at each N of `SIZES`."""
    with peano.precision(400):
        z = acb(*POLES[name])
        a = legendre_series.pole(z, SIZES[-1])
        return {N: window_errors(a, N, 1 / (z - 1), 1 / (z - 1) ** 2) for N in SIZES}


@cache
def trajectory_errors(name: str) -> tuple[dict[str, list[float]], float, float]:
    """(moduli by functional at each N of `SIZES`, ln rho, its uncertainty) of a system's first component.

    A pair of conjugate singularities makes the error oscillate like Re(c w^-N), whose modulus is the root of
    |e_{N+1}^2 - e_N e_{N+2}|. ln rho comes from the Taylor series alone: the nearest pole of Pade approximants of two
    orders, whose distance is the uncertainty, together with what the series' remainder may add to the last modulus.
    """
    system = next(s for s in SYSTEMS if s.name == name)
    centre, theta = TRAJECTORIES[name]
    steps = round(centre / (theta / 64))
    states, _ = trajectory(system.right, system.start, theta / 64, steps + 1)
    with peano.precision(800):
        series = ball_coefficients(system.right, states[-1].tolist(), TERMS)[0]
        v = [c * (arb(theta) / 2) ** j for j, c in enumerate(series)]
        rho, spread = legendre_series.nearest(v, (48, 60))
        a = legendre_series.from_taylor(v, SIZES[-1] + 2)
        value, slope = sum(v, arb(0)), sum((j * c for j, c in enumerate(v)), arb(0))
        found: dict[str, list[float]] = {name: [] for name in FUNCTIONALS}
        for N in SIZES:
            e = [window_errors(a, N + j, value, slope) for j in range(3)]
            for functional in FUNCTIONALS:
                modulus = abs(e[1][functional] ** 2 - e[0][functional] * e[2][functional]).sqrt()
                found[functional].append(float(modulus))
        # the remainder is below its first term times |z|/(|z| - 1) < 2, and a readout answers x^j, j <= 2N, by < 2 N^2
        rest = 4 * SIZES[-1] ** 2 * float(abs(v[-1])) / min(m[-1] for m in found.values())
    return found, rho, spread + rest
