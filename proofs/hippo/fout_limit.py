r"""FouT's readouts do not converge, the corrected ones do.

As the number $M$ of harmonics grows, FouT's route (i) tends to $\frac{1}{2}(u'(t) + u'(t - \theta))$, at distance
$O(1/M)$: its error stays. Route (ii) diverges like $M$ unless $u$ has period $\theta$. With the $J$ highest harmonics
corrected the error is $O(M^{-2J})$.

Why.
The transfer functions of hippo.fout_transfer with $R \to \coth(\theta s/2)$, so that
$1 - S \to \frac{1}{2}(1 - e^{-\theta s})$, and $\prod s^2/(s^2 + w_m^2) = O(M^{-2J})$. Measured in balls at $s = i$,
$\theta = 1$, on the systems themselves.

Assumes.
- steady state
- $J$ fixed, one frequency below the resonances: $\theta s = i$

Source.
derived here
"""

# Over 120 lines: five errors with five orders, and a figure.

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache

from flint import acb, acb_mat, arb

from constructions import fout
from constructions.state_space import StateSpace
from numeric.analysis import peano
from numeric.analysis.rates import fit
from proofs.figure import Columns, Figure, one, through_last, with_lines
from proofs.forms import Kind, Rate, Settings, claim, orders

FREQUENCY = 1
"""s = i, theta = 1: an input of which the window holds about a sixth of a period."""

ORDERS: Mapping[str, float] = {
    "route i: distance to the limit": -1,
    "route i: error": 0,
    "route ii: error": 1,
    "corrected, J = 1: error": -2,
    "corrected, J = 2: error": -4,
}


SIZES = (8, 12, 16, 20, 24, 32, 40, 48)
"""Numbers of harmonics M that are measured."""

Correct = Callable[[int, arb, int], StateSpace]
PLAIN: Mapping[str, str] = {"route i: error": "i", "route ii: error": "ii"}
CORRECTED: Mapping[str, int] = {"corrected, J = 1: error": 1, "corrected, J = 2: error": 2}


def response(system: StateSpace, s: acb) -> acb:
    """C (sI - A)^{-1} B + D, solved in balls."""
    N = system.order
    left = acb_mat([[acb(s if i == j else 0) - acb(system.A[i, j]) for j in range(N)] for i in range(N)])
    x = left.solve(acb_mat([[acb(int(b))] for b in system.B]))
    return sum((acb(c) * x[i, 0] for i, c in enumerate(system.C)), acb(system.D))


@cache
def plain(M: int) -> dict[str, acb]:
    """The outputs of the two routes."""
    return {name: response(fout.system(M, 2 * arb.pi(), route), acb(0, FREQUENCY)) for name, route in PLAIN.items()}


@cache
def errors(M: int, correct: Correct = fout.corrected) -> dict[str, arb]:
    """|u' - y|/|u| at s = i, and the distance of route (i)'s output to its limit, from the constructions' own systems."""
    with peano.precision(128):
        s, omega = acb(0, FREQUENCY), 2 * arb.pi()
        repaired = {name: response(correct(M, omega, J), s) for name, J in CORRECTED.items()}
        limit = s * (1 + (-s).exp()) / 2
        found = {name: abs(s - y) for name, y in {**plain(M), **repaired}.items()}
        return found | {"route i: distance to the limit": abs(plain(M)["route i: error"] - limit)}


@orders("Arb's ball arithmetic")
def measure(
    settings: Settings, claimed: Mapping[str, float] = ORDERS, correct: Correct = fout.corrected
) -> Iterator[Rate]:
    """Orders in M."""
    sizes = SIZES if settings.profile == "quick" else (*SIZES, 64, 96)
    for name, order in claimed.items():
        yield Rate(name, fit(sizes, [float(errors(M, correct)[name]) for M in sizes]), order)


def columns() -> Columns:
    """The errors, and the lines of the claimed orders through the last of each."""
    errors_at = [errors(M) for M in SIZES]
    found: dict[str, list[float]] = {"M": [float(M) for M in SIZES]}
    for name, order in ORDERS.items():
        found[name] = [float(e[name]) for e in errors_at]
        found[f"{name}, order"] = through_last(found["M"], found[name], order)
    return found


def _half(M: int, omega: arb, J: int) -> StateSpace:
    plain, right = fout.system(M, omega), fout.corrected(M, omega, J)
    return replace(right, C=(plain.C + right.C) / 2)


CLAIM = claim(
    __name__,
    measure.checks(),
    measure.mutant(
        "consistent", "route (i) converges to the derivative like 1/M", claimed={**ORDERS, "route i: error": -1}
    ),
    measure.mutant("slope_converges", "route (ii) stays bounded", claimed={**ORDERS, "route ii: error": 0}),
    measure.mutant(
        "half_correction", "the correction of one harmonic with half of its weight still gives M^-2", correct=_half
    ),
    measure.mutant(
        "first_order", "the correction of one harmonic gives 1/M", claimed={**ORDERS, "corrected, J = 1: error": -1}
    ),
    kind=Kind.CONVERGENCE,
    figures=(
        Figure(
            "orders",
            r"""Error transfer functions of FouT at $s = i$, $\theta = 1$ (dots), and lines of the claimed orders
$M^{-1}, 1, M, M^{-2}, M^{-4}$ through the last dots.""",
            columns,
            one("harmonics $M$", "modulus of the error", with_lines("M", ORDERS), "xy"),
        ),
    ),
)
