"""Analytic inputs: explicit geometric bounds on Bernstein ellipses, and the measured rate with its power of N."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from math import exp
from typing import Any

from flint import acb, arb, fmpq

from constructions import legt
from constructions.dynamics import SYSTEMS
from numeric.analysis import legendre_series, peano
from numeric.analysis.rates import Order, fit_exponential
from numeric.analysis.taylor import ball_coefficients, trajectory
from numeric.finding import Finding, combine
from proofs.claim import Check, Claim, Kind, Mutant
from proofs.evidence import Rung, Settings
from proofs.figure import Columns, Figure, Panel, Series
from proofs.hippo._checks import Bound, Rate, never_exceeded, orders
from proofs.hippo._signals import FUNCTIONALS, window_errors

POLES: Mapping[str, tuple[fmpq, fmpq]] = {
    "pole at 5/4": (fmpq(5, 4), fmpq(0)),
    "poles at i/5 (Runge)": (fmpq(0), fmpq(1, 5)),
    "pole at (1+i)/2": (fmpq(1, 2), fmpq(1, 2)),
}
"""1/(z - x) as a complex signal; its modulus is the envelope of the real ones, which oscillate in N."""

POWERS: Mapping[str, float] = {"value": 0.5, "i": 1.5, "ii": 2.5, "iii": 1.5}
SIZES = (12, 16, 20, 24, 28, 32, 36, 40, 44, 48)

TRAJECTORIES: Mapping[str, tuple[float, float]] = {
    "Lorenz": (20.7, 0.125),
    "Van der Pol": (20.0, 0.8),
    "Roessler": (53.0, 1.0),
}
"""(time of the window's centre, window length): windows well inside the series' circle of convergence, one nearest pair
of complex singularities."""

QUICK = ("Lorenz", "Van der Pol")
TERMS = 150

Radius = Callable[[str, float], float]


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


def _wider(order: Order, by: float) -> Order:
    return Order(order.slope, order.half_width + by, order.constant, order.smallest, order.largest, order.points)


def measure(
    powers: Mapping[str, float] = POWERS, radius: Radius = lambda name, rho: rho
) -> Callable[[Settings], Iterator[Rate]]:
    """ln rho and the power of N for poles; ln rho for trajectories."""

    def run(settings: Settings) -> Iterator[Rate]:
        for name, place in POLES.items():
            with peano.precision(400):
                proved = float(legendre_series.bernstein(acb(*place)).log())
            for functional in FUNCTIONALS:
                y = [float(abs(pole_errors(name)[N][functional])) for N in SIZES]
                rate, power = fit_exponential(SIZES, y)
                yield Rate(f"{name}, {functional}: ln rho", rate, radius(name, proved))
                yield Rate(f"{name}, {functional}: power of N", power, powers[functional])
        for name in QUICK if settings.profile == "quick" else TRAJECTORIES:
            found, proved, spread = trajectory_errors(name)
            for functional in FUNCTIONALS:
                rate, _ = fit_exponential(SIZES, found[functional])
                yield Rate(f"{name}, {functional}: ln rho", _wider(rate, spread), radius(name, proved))

    return run


def tail(functional: str, N: int, rho: arb) -> arb:
    """2 rho/(rho - 1) sum_{n >= N} c_n sqrt(2n+1) rho^{-n}, c_n the response to P_n: the bound for |v| <= 1 on the
    ellipse. The remainder after 4N terms is at most its first term over one minus its first ratio, for the ratios
    fall."""

    def term(n: int) -> arb:
        response = 1 if functional == "value" else legt.readout(n, legt.gain(N, functional))
        return response * arb(2 * n + 1).sqrt() * rho**-n

    stop = 5 * N + 10
    total = sum((term(n) for n in range(N, stop)), arb(0))
    first, second = term(stop), term(stop + 1)
    return 2 * rho / (rho - 1) * (total + first / (1 - second / first))


def exceeded(limit: Callable[[str, int, arb], arb] = tail) -> Callable[[Settings], Iterator[Bound]]:
    """The errors of poles against the bound on the ellipse with ln rho' = (1 - 1/N) ln rho."""

    def run(settings: Settings) -> Iterator[Bound]:
        for name in ("pole at 5/4", "poles at i/5 (Runge)"):
            found = pole_errors(name)
            with peano.precision(400):
                z = acb(*POLES[name])
                for N in SIZES:
                    rho = (legendre_series.bernstein(z).log() * (1 - fmpq(1, N))).exp()
                    # the ellipse's nearest point to a pole on an axis is the vertex on that axis
                    vertex = (rho + 1 / rho) / 2 if z.imag == 0 else (rho - 1 / rho) / 2
                    largest = 1 / (abs(z) - vertex)
                    for functional in FUNCTIONALS:
                        yield Bound(
                            functional,
                            abs(found[N][functional]),
                            largest * limit(functional, N, rho),
                            {"signal": name, "N": N},
                        )

    return run


def both(
    limit: Callable[[str, int, arb], arb] = tail,
    powers: Mapping[str, float] = POWERS,
    radius: Radius = lambda name, rho: rho,
) -> Check:
    """Bounds, then rates."""

    def run(settings: Settings) -> Finding:
        parts: list[Check] = [never_exceeded(exceeded(limit)), orders(measure(powers, radius))]
        return combine([part(settings) for part in parts])

    return run


_SHOWN = ("pole at 5/4", "poles at i/5 (Runge)", "pole at (1+i)/2")


def columns() -> Columns:
    """Errors of poles, and c N^p rho^-N through the last of each; errors of a trajectory with its predicted rho."""
    found: dict[str, list[float]] = {"N": [float(N) for N in SIZES]}

    def put(name: str, y: list[float], rate: float, power: float) -> None:
        form = [N**power * exp(-rate * N) for N in SIZES]
        found[name], found[f"{name}, form"] = y, [y[-1] * v / form[-1] for v in form]

    for name in _SHOWN:
        with peano.precision(400):
            rate = float(legendre_series.bernstein(acb(*POLES[name])).log())
        for functional in FUNCTIONALS:
            y = [float(abs(pole_errors(name)[N][functional])) for N in SIZES]
            put(f"{name}, {functional}", y, rate, POWERS[functional])
    moduli, rate, _ = trajectory_errors("Lorenz")
    for functional in FUNCTIONALS:
        put(f"Lorenz, {functional}", moduli[functional], rate, POWERS[functional])
    return found


_NAMES = {"value": "value", "i": "route (i)", "ii": "route (ii)", "iii": "route (iii)"}


CLAIM = Claim(
    __name__,
    title="Analytic inputs: geometric rates set by the nearest complex singularity",
    kind=Kind.RATE,
    statement=r"""Let $v(x) = u(t - \theta + \tfrac{\theta}{2}(x+1))$ be analytic with $|v| \le M$ inside the ellipse
with foci $\pm 1$ and semi-axes of sum $\rho > 1$. With exact projections

$$ \theta |u' - y_i| \le \frac{2 M \rho}{\rho - 1} \sum_{n \ge N} \left(n(n+1) - N^2\right) \sqrt{2n+1}\, \rho^{-n} =
O(N^{3/2} \rho^{-N}), $$

$\theta |u' - y_{ii}| = O(N^{5/2} \rho^{-N})$, $\theta |u' - y_{iii}| = O(N^{3/2} \rho^{-N})$, $|u - \hat u| =
O(N^{1/2} \rho^{-N})$ with the responses $n(n+1)$, $n(n+1) - N(N+1)$ and $1$ in place of $n(n+1) - N^2$. Simple poles
on the ellipse attain all these powers. On trajectories $\rho$ is that of the nearest singularity in complex time.""",
    derivation=r"""The Chebyshev coefficients of $v$ are at most $2 M \rho^{-j}$ and $\int |P_n| \le 2/\sqrt{2n+1}$, so
$|a_n| \le 2 \sqrt{2n+1}\, M \rho^{1-n}/(\rho-1)$; the readouts answer $P_n$, $n \ge N$, with the responses above. A
pole has $a_n = (2n+1) Q_n(z)$ exactly. Measured: fits of $c N^p \rho^{-N}$ to errors in balls; for trajectories
$\rho$ is predicted from the Taylor series at the window's centre by Pade poles of two orders.""",
    assumptions=(
        "states are exact projections",
        "trajectories of Lorenz's and Van der Pol's system; in full Roessler's",
    ),
    source="derived here (H15); Bernstein's coefficients are classical",
    checks={Rung.MEASURED: both()},
    figures=(
        Figure(
            "ellipses",
            r"""Errors of exact projections (times $\theta$ for the derivative) against $N$: dots in ball arithmetic, lines
$c\, N^p \rho^{-N}$ with the claimed $\rho$ and $p$, through the last dots. For Lorenz's first component $\rho$ is that of
the nearest singularity in complex time, found from the Taylor series alone.""",
            columns,
            tuple(
                Panel(
                    "states $N$",
                    "error",
                    tuple(
                        Series(text, "N", f"{name}, {functional}", f"{name}, {functional}, form")
                        for functional, text in _NAMES.items()
                    ),
                    "y",
                    name,
                )
                for name in (*_SHOWN, "Lorenz")
            ),
        ),
    ),
    mutants=(
        Mutant("no_powers", "the powers of N left out", {Rung.MEASURED: both(powers=dict.fromkeys(POWERS, 0.0))}),
        Mutant(
            "same_power",
            "route (ii) has the power of route (i)",
            {Rung.MEASURED: both(powers={**POWERS, "ii": 1.5})},
        ),
        Mutant("square", "the error falls like rho^(-2N)", {Rung.MEASURED: both(radius=lambda name, rho: 2 * rho)}),
        Mutant(
            "two_percent",
            "ln rho of the trajectories two per cent too large",
            {Rung.MEASURED: both(radius=lambda name, rho: rho * (1.02 if name in TRAJECTORIES else 1))},
        ),
        Mutant(
            "bound_square",
            "the bounds with rho^2 for rho",
            {Rung.MEASURED: both(limit=lambda f, N, rho: tail(f, N, rho**2))},
        ),
    ),
)
