"""FouT's readouts as the number of harmonics grows: a bias that stays, a divergence, and the corrected order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from flint import acb, arb

from numeric import peano
from numeric.rates import fit
from proofs.claim import Check, Claim, Kind, Mutant
from proofs.evidence import Rung, Settings
from proofs.figure import Columns, Figure, Series, one, through_last
from proofs.hippo._checks import Rate, orders

FREQUENCY = 1
"""s = i, theta = 1: an input of which the window holds about a sixth of a period."""

ORDERS: Mapping[str, float] = {
    "route i: distance to the limit": -1,
    "route i: error": 0,
    "route ii: error": 1,
    "corrected, J = 1: error": -2,
    "corrected, J = 2: error": -4,
}


SIZES = (24, 32, 48, 64, 96, 128, 192, 256)
"""Numbers of harmonics M that are measured."""


def value_error(M: int, s: acb) -> acb:
    """1 - S = 1/(1 + R) at s, theta = 1."""
    R = 2 / s
    for m in range(1, M + 1):
        w = 2 * arb.pi() * m
        R += 4 * s / (s * s + w * w)
    return 1 / (1 + R)


def errors(M: int) -> dict[str, arb]:
    """Moduli of the error transfer functions (hippo.fout_transfer) at s = i."""
    s = acb(0, FREQUENCY)
    e = value_error(M, s)
    found = {
        "route i: distance to the limit": abs(s * e - s * (1 - (-s).exp()) / 2),
        "route i: error": abs(s * e),
        "route ii: error": abs((s + 2 * (2 * M + 1)) * e),
    }
    factor = acb(1)
    for J in (1, 2):
        w = 2 * arb.pi() * (M - J + 1)
        factor *= s * s / (s * s + w * w)
        found[f"corrected, J = {J}: error"] = abs(s * e * factor)
    return found


def measure(claimed: Mapping[str, float] = ORDERS) -> Callable[[Settings], Iterator[Rate]]:
    """Orders in M."""

    def run(settings: Settings) -> Iterator[Rate]:
        sizes = SIZES
        with peano.precision(128):
            found = [errors(M) for M in sizes]
        for name, order in claimed.items():
            yield Rate(name, fit(sizes, [float(e[name]) for e in found]), order)

    return run


def columns() -> Columns:
    """The errors, and the lines of the proved orders through the last of each."""
    with peano.precision(128):
        errors_at = [errors(M) for M in SIZES]
    found: dict[str, list[float]] = {"M": [float(M) for M in SIZES]}
    for name, order in ORDERS.items():
        found[name] = [float(e[name]) for e in errors_at]
        found[f"{name}, order"] = through_last(found["M"], found[name], order)
    return found


def _with(name: str, order: float) -> Check:
    return orders(measure({**ORDERS, name: order}))


CLAIM = Claim(
    __name__,
    title="FouT's readouts do not converge, the corrected ones do",
    kind=Kind.CONVERGENCE,
    statement=r"""As the number $M$ of harmonics grows, FouT's route (i) tends to $\frac{1}{2}(u'(t) + u'(t -
\theta))$, at distance $O(1/M)$: its error stays. Route (ii) diverges like $M$ unless $u$ has period $\theta$. With
the $J$ highest harmonics corrected the error is $O(M^{-2J})$.""",
    derivation=r"""The transfer functions of hippo.fout_transfer with $R \to \coth(\theta s/2)$, so that $1 - S \to
\frac{1}{2}(1 - e^{-\theta s})$, and $\prod s^2/(s^2 + w_m^2) = O(M^{-2J})$. Measured in balls at $s = i$, $\theta =
1$.""",
    assumptions=("steady state", r"$J$ fixed, one frequency below the resonances"),
    source="derived here",
    checks={Rung.MEASURED: orders(measure(), trust=("Arb's ball arithmetic",))},
    figures=(
        Figure(
            "orders",
            r"""Error transfer functions of FouT at $s = i$, $\theta = 1$ (dots), and lines of the proved orders
$M^{-1}, 1, M, M^{-2}, M^{-4}$ through the last dots.""",
            columns,
            one(
                "harmonics $M$",
                "modulus of the error",
                [Series(name, "M", name, f"{name}, order") for name in ORDERS],
                "xy",
            ),
        ),
    ),
    mutants=(
        Mutant(
            "consistent", "route (i) converges to the derivative like 1/M", {Rung.MEASURED: _with("route i: error", -1)}
        ),
        Mutant("slope_converges", "route (ii) stays bounded", {Rung.MEASURED: _with("route ii: error", 0)}),
        Mutant(
            "first_order",
            "the correction of one harmonic gives 1/M",
            {Rung.MEASURED: _with("corrected, J = 1: error", -1)},
        ),
    ),
)
