r"""Analytic inputs: geometric rates set by the nearest complex singularity.

Let $v(x) = u(t - \theta + \tfrac{\theta}{2}(x+1))$ be analytic with $|v| \le M$ inside the ellipse with foci $\pm 1$
and semi-axes of sum $\rho > 1$. With exact projections

$$ \theta |u' - y_i| \le \frac{2 M \rho}{\rho - 1} \sum_{n \ge N} \left(n(n+1) - N^2\right) \sqrt{2n+1}\, \rho^{-n} =
   O(N^{3/2} \rho^{-N}), $$

$\theta |u' - y_{ii}| = O(N^{5/2} \rho^{-N})$, $\theta |u' - y_{iii}| = O(N^{3/2} \rho^{-N})$,
$|u - \hat u| = O(N^{1/2} \rho^{-N})$ with the responses $n(n+1)$, $n(n+1) - N(N+1)$ and $1$ in place of $n(n+1) - N^2$.
Simple poles on the ellipse attain all these powers. On trajectories $\rho$ is that of the nearest singularity in
complex time.

Why.
The Chebyshev coefficients of $v$ are at most $2 M \rho^{-j}$ and $\int |P_n| \le 2/\sqrt{2n+1}$, so
$|a_n| \le 2 \sqrt{2n+1}\, M \rho^{1-n}/(\rho-1)$; the readouts answer $P_n$, $n \ge N$, with the responses above. A
pole has $a_n = (2n+1) Q_n(z)$ exactly. Measured: fits of $c N^p \rho^{-N}$ to errors in balls; for trajectories $\rho$
is predicted from the Taylor series at the window's centre by Pade poles of two orders.

Assumes.
- states are exact projections
- trajectories of Lorenz's and Van der Pol's system; in full Roessler's

Source.
derived here (H15); Bernstein's coefficients are classical
"""

# Over 120 lines: bounds and rates, for poles and for trajectories, and a figure.

from collections.abc import Callable, Iterator, Mapping
from math import exp

from flint import acb, arb, fmpq

from constructions import legt
from numeric.analysis import legendre_series, peano
from numeric.analysis.rates import Order, fit_exponential
from proofs.figure import Columns, Figure, Panel, with_lines
from proofs.forms import Bound, Kind, Rate, Settings, claim, never_exceeded, orders, together
from proofs.hippo._analytic_errors import POLES, SIZES, TRAJECTORIES, pole_errors, trajectory_errors
from proofs.hippo._signals import FUNCTIONALS

POWERS: Mapping[str, float] = {"value": 0.5, "i": 1.5, "ii": 2.5, "iii": 1.5}


QUICK = ("Lorenz", "Van der Pol")

Radius = Callable[[str, float], float]


def _wider(order: Order, by: float) -> Order:
    return Order(order.slope, order.half_width + by, order.constant, order.smallest, order.largest, order.points)


@orders()
def measure(
    settings: Settings, powers: Mapping[str, float] = POWERS, radius: Radius = lambda name, rho: rho
) -> Iterator[Rate]:
    """ln rho and the power of N for poles; ln rho for trajectories."""
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


@never_exceeded()
def exceeded(settings: Settings, limit: Callable[[str, int, arb], arb] = tail) -> Iterator[Bound]:
    """The errors of poles against the bound on the ellipse with ln rho' = (1 - 1/N) ln rho."""
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


CLAIM = claim(
    __name__,
    together(exceeded.checks(), measure.checks()),
    measure.mutant("no_powers", "the powers of N left out", powers=dict.fromkeys(POWERS, 0.0)),
    measure.mutant("same_power", "route (ii) has the power of route (i)", powers={**POWERS, "ii": 1.5}),
    measure.mutant("square", "the error falls like rho^(-2N)", radius=lambda name, rho: 2 * rho),
    measure.mutant(
        "two_percent",
        "ln rho of the trajectories two per cent too large",
        radius=lambda name, rho: rho * (1.02 if name in TRAJECTORIES else 1),
    ),
    exceeded.mutant("bound_square", "the bounds with rho^2 for rho", limit=lambda f, N, rho: tail(f, N, rho**2)),
    kind=Kind.RATE,
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
                    with_lines("N", {f"{name}, {key}": text for key, text in _NAMES.items()}, "form"),
                    "y",
                    name,
                )
                for name in (*_SHOWN, "Lorenz")
            ),
        ),
    ),
)
