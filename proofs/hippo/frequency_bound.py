r"""Error bounds for band-limited inputs and in the mean square.

For the closed LegT system in steady state, route (i), and every real frequency $\omega$,

$$ |E_i(i\omega)| \le |\omega|, \qquad
   |E_i(i\omega)| \le |\omega| \left(\theta |\omega|\right)^N \frac{(N-1)!}{(2N-1)!} . $$

So for $u = \int_{|\omega| \le W} e^{i\omega t} d\mu$:
$|u' - y_i| \le \norm{\mu} W (\theta W)^N \frac{(N-1)!}{(2N-1)!}$, which is super-exponential in $N$ and, for one
frequency $W \le \sqrt N/\theta$ and $N \ge 4$, within a tenth of the error itself; and with
$\mu_N = \left(\frac{(N-1)!}{(2N-1)!}\right)^{1/N} \sim \frac{e}{4N}$, for $0 \le k \le N$,
$\norm{u' - y_i}_{L^2} \le (\mu_N \theta)^k \norm{u^{(k+1)}}_{L^2}$: of order $(\theta/N)^{K-1}$ for $K = k + 1$
derivatives, better by $N^{1/2}$ than the sup-norm order.

Why.
$|E_i/\omega| = y^N/|\theta^N q_N(iy)|$ with $y = \theta\omega$ (hippo.legt_transfer). All coefficients of
$|\theta^N q_N(iy)|^2$ in $y^2$ are positive, the first is $((2N-1)!/(N-1)!)^2$ and the last is one, so the quotient is
at most $\min(1, (\mu_N y)^N) \le (\mu_N y)^k$; Parseval's theorem gives the mean square, and Stirling's formula
$\mu_N$.

Assumes.
- steady state
- exact rung: $N \le 40$ (100 in full), every frequency and $k$; measured: the $N$, $k$ on its grid

Source.
derived here
"""

# Over 120 lines: bounds for band-limited inputs and in the mean square, in rationals and in balls, and a figure.

from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
from flint import arb, fmpq, fmpq_poly

from constructions import legt
from constructions.state_space import orthonormal
from numeric.analysis import peano
from numeric.analysis.rational_matrices import ball_value, monomial, transfer
from proofs.figure import Columns, Figure, Series, one, with_lines
from proofs.forms import Bound, Kind, Mutant, Same, Settings, claim, exactly, never_exceeded
from proofs.hippo.legt_pade import on_axis
from proofs.hippo.legt_transfer import factorial_ratio

Limit = Callable[[int, arb, int], arb]


@cache
def response(N: int, route: str = "i") -> tuple[fmpq_poly, fmpq_poly]:
    """(E, q) with u' - y = E/q u, of the construction's own system."""
    s = legt.system(N, route)
    numerator, q = transfer(s.A, s.B, s.C, s.D)
    return monomial(1) * q - numerator, q


@exactly(range(1, 41), range(1, 101))
def exact(N: int, power: Callable[[int], int] = lambda N: 2 * N, reach: int = 1, route: str = "i") -> Iterator[Same]:
    """The error is s^{N+1}/q_N of the construction's own system; |q_N(iy)|^2 - q_N(0)^2 and |q_N(iy)|^2 - y^{2N} have no
    negative coefficient, so both bounds, and with min(1, x^N) <= x^k the mean square's, hold for every real y; and the
    first is within a tenth at y^2 = reach N, so below it too, for the quotient of bound and error grows with y."""
    error, q = response(N, route)
    yield Same("error of the readout", error, monomial(N + 1))
    found = on_axis(q).coeffs()
    if N >= 4:
        there = sum((c * (reach * N) ** j for j, c in enumerate(found[::2])), fmpq(0))
        yield Same("within a tenth", 81 * there <= 100 * found[0], True, {"y^2": reach * N})
    yield Same("constant term", found[0], fmpq(factorial_ratio(N)) ** 2)
    yield Same("leading term", found[power(N)], fmpq(1))
    yield Same("no negative coefficient", [c for c in found if c < 0], [])
    yield Same("degree", len(found) - 1, power(N))


def relative(N: int, y: arb) -> arb:
    """|u' - y_i|/|u'| at theta omega = y."""
    above, below = (ball_value(on_axis(p), y).sqrt() for p in response(N))
    return above / below / y


def small(N: int, y: arb, k: int) -> arb:
    """y^N (N-1)!/(2N-1)!."""
    return y**N / factorial_ratio(N)


def whole(N: int, y: arb, k: int) -> arb:
    """One: the error is never larger than the derivative."""
    return arb(1)


def mean_square(N: int, y: arb, k: int) -> arb:
    """(mu_N y)^k, mu_N = ((N-1)!/(2N-1)!)^{1/N}."""
    return mu(N) ** k * y**k


def mu(N: int) -> arb:
    """((N-1)!/(2N-1)!)^{1/N}."""
    return (arb(1) / factorial_ratio(N)) ** (arb(1) / N)


def near(N: int) -> arb:
    """e/(4N) 2^{1/(2N)}: Stirling's value of mu_N, too small by a factor between 1 and e^{1/(24 N^2)}."""
    return arb(1).exp() / (4 * N) * arb(2) ** (arb(1) / (2 * N))


LIMITS: dict[str, Limit] = {"band-limited": small, "never above one": whole, "mean square": mean_square}


@never_exceeded()
def measure(
    settings: Settings, limits: dict[str, Limit] = LIMITS, reach: int = 1, asymptotic: Callable[[int], arb] = near
) -> Iterator[Bound]:
    """A grid of frequencies 2^(j/3); the looseness is the interesting figure. mu_N against its asymptotic form. And that
    the band-limited bound is within a tenth of the error at theta omega = sqrt(reach N): the quotient falls with the
    frequency, so one point decides it."""
    sizes = (2, 4, 8, 16) if settings.profile == "quick" else (2, 4, 8, 16, 32, 64)
    with peano.precision(600):
        for N in sizes:
            yield Bound("mu_N, from above", mu(N), asymptotic(N) * (arb(1) / (24 * N * N)).exp(), {"N": N})
            yield Bound("mu_N, from below", asymptotic(N), mu(N), {"N": N})
            if N >= 4:
                y = arb(reach * N).sqrt()
                yield Bound(
                    "nine tenths of the band-limited bound", fmpq(9, 10) * small(N, y, 0), relative(N, y), {"N": N}
                )
            for j in range(-4, 30):
                y = arb(2) ** (arb(j) / 3)
                found = relative(N, y)
                for name, limit in limits.items():
                    for k in (0,) if name != "mean square" else range(1, min(N, 5)):
                        yield Bound(name, found, limit(N, y, k), {"N": N, "theta omega": y.str(8), "k": k})


def columns() -> Columns:
    """|u' - y|/|u'| of the float64 system, of the formula, and the band-limited bound, against theta omega."""
    y = 2.0 ** (np.arange(-6, 31) / 4)
    found: dict[str, np.ndarray] = {"theta omega": y}
    for N in (4, 8, 16):
        s = orthonormal(legt.system(N), legt.norms(N))
        run = [s.C @ np.linalg.solve(1j * w * np.eye(N) - s.A, s.B) + s.D for w in y]
        error = np.abs(1 - np.array(run) / (1j * y))
        found[f"N = {N}"] = np.where(error > 1e-12, error, np.nan)  # below lies the rounding of float64
        with peano.precision(600):
            balls = [arb(float(w)) for w in y]
            formula = np.array([float(relative(N, w)) for w in balls])
            bound = np.array([float(small(N, w, 0)) for w in balls])
        found[f"N = {N}, formula"] = np.where(formula > 1e-13, formula, np.nan)
        found[f"N = {N}, bound"] = np.where((bound > 1e-13) & (bound < 10), bound, np.nan)
    return found


CLAIM = claim(
    __name__,
    measure.checks() | exact.checks(),
    measure.mutant(
        "central_constant",
        "the band-limited bound with N!/(2N)!, the constant of exact projections",
        limits={**LIMITS, "band-limited": lambda N, y, k: y**N / (2 * factorial_ratio(N))},
    ),
    measure.mutant(
        "more_powers",
        "the mean-square bound with N + 1 powers",
        limits={**LIMITS, "mean square": lambda N, y, k: mean_square(N, y, N + 1)},
    ),
    measure.mutant(
        "half",
        "the error is at most half of the derivative",
        limits={**LIMITS, "never above one": lambda N, y, k: arb(1) / 2},
    ),
    Mutant(
        "tight_further",
        "the band-limited bound is within a tenth up to 2 sqrt N",
        measure.checks(reach=4) | exact.checks(reach=4),
    ),
    measure.mutant("asymptotic", "mu_N is about e/(2N)", asymptotic=lambda N: 2 * near(N)),
    exact.mutant("route_ii", "the same for route (ii)", route="ii"),
    exact.mutant("degree", "|q|^2 of degree 2N - 2", power=lambda N: 2 * N - 2),
    kind=Kind.BOUND,
    figures=(
        Figure(
            "frequencies",
            r"""Relative error of route (i) against $\theta\omega$: LegT's matrices run in float64 (dots), the exact transfer
function (curves through the dots), and the band-limited bound (straight lines), which is sharp for $\theta\omega <
\sqrt N$.""",
            columns,
            one(
                r"$\theta \omega$ (radians a window)",
                "relative error of the derivative",
                [
                    *with_lines("theta omega", {f"N = {N}": f"$N = {N}$" for N in (4, 8, 16)}, "formula"),
                    *(Series(f"$N = {N}$", "theta omega", theory=f"N = {N}, bound") for N in (4, 8, 16)),
                ],
                "xy",
            ),
        ),
    ),
)
