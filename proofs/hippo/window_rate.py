r"""Short windows: orders in theta.

At fixed $N$, as $\theta \to 0$ with $u$ fixed and smooth: with states of the closed LegT equation route (i) has the
order $\theta^N$, routes (ii) and (iii) $\theta^{N-1}$; with exact projections (and scaled LegS) route (iii) has
$\theta^N$, routes (i) and (ii) $\theta^{N-1}$. The reconstructed value has $\theta^N$ in both. So the best gain depends
on how the state is made: $N^2/\theta$ for closed states, $N(N+1)/\theta$ for exact ones.

Why.
The first defects of hippo.legt_exactness give the exponents. Measured at $u = e^{it}$: transfer functions of the
construction's matrices, and exact Legendre coefficients, in balls.

Assumes.
- $N$ = 2, 4, 8 (12, 16 in full)

Source.
derived here (H03, H14, B5)
"""

# Over 120 lines: two kinds of states, every readout, and a figure.

from collections.abc import Iterator, Mapping
from functools import cache

from flint import acb, acb_mat, arb

from constructions import legt
from numeric.analysis import legendre_series, peano
from numeric.analysis.rates import fit
from numeric.analysis.rational_matrices import matrix, row
from proofs.figure import Columns, Figure, Panel, through_last, with_lines
from proofs.forms import Kind, Rate, Settings, claim, orders
from proofs.hippo._signals import FUNCTIONALS, window_errors

WINDOWS = (0.02, 0.03, 0.04, 0.06, 0.08, 0.12, 0.16, 0.24)
"""theta; the input is e^{it}."""

STATES = (2, 4, 8)
TERMS = 40

ORDERS: Mapping[tuple[str, str], int] = {
    ("closed", "value"): 0,
    ("closed", "i"): 0,
    ("closed", "ii"): -1,
    ("closed", "iii"): -1,
    ("exact", "value"): 0,
    ("exact", "i"): -1,
    ("exact", "ii"): -1,
    ("exact", "iii"): 0,
}
"""Order in theta minus N."""


@cache
def errors(N: int) -> dict[tuple[str, str], list[float]]:
    """Moduli at each window, in balls."""
    found: dict[tuple[str, str], list[float]] = {key: [] for key in ORDERS}
    with peano.precision(400):
        for window in WINDOWS:
            theta = arb(window)
            z = acb(0, theta)
            taylor, term = [], (-z / 2).exp()
            for j in range(TERMS):
                taylor.append(term)
                term = term * z / 2 / (j + 1)
            a = legendre_series.from_taylor(taylor, N)
            exact = window_errors(a, N, acb(1), z / 2)
            s = legt.system(N)
            x = (acb_mat(matrix(-s.A)) + z * acb_mat(N, N, [int(i == j) for i in range(N) for j in range(N)])).solve(
                acb_mat(matrix(s.B))
            )
            closed = {"value": 1 - (acb_mat(row(legt.ends(N)[0])) * x)[0, 0]}
            for route in legt.ROUTES:
                r = legt.system(N, route)
                closed[route] = z - (acb_mat(row(r.C)) * x)[0, 0] - r.D
            for state, values in (("closed", closed), ("exact", exact)):
                for name in FUNCTIONALS:
                    scale = arb(1) if name == "value" else theta
                    found[state, name].append(float(abs(values[name]) / scale))
    return found


@orders("Arb's ball arithmetic")
def measure(settings: Settings, claimed: Mapping[tuple[str, str], int] = ORDERS) -> Iterator[Rate]:
    """Orders in theta."""
    for N in STATES if settings.profile == "quick" else (*STATES, 12, 16):
        for (state, name), order in claimed.items():
            values = errors(N)[state, name]
            yield Rate(f"N = {N}, {state} states, {name}", fit(WINDOWS, values, to_zero=True), N + order)


def columns() -> Columns:
    """Errors at N = 4 and lines of the orders through those at the shortest window."""
    found: dict[str, list[float]] = {"theta": list(WINDOWS[::-1])}
    for (state, name), order in ORDERS.items():
        y = errors(4)[state, name][::-1]
        found[f"{state}, {name}"] = y
        found[f"{state}, {name}, order"] = through_last(found["theta"], y, 4 + order)
    return found


_NAMES = {"value": "value", "i": "route (i)", "ii": "route (ii)", "iii": "route (iii)"}


def _panel(state: str) -> Panel:
    series = with_lines("theta", {f"{state}, {name}": text for name, text in _NAMES.items()})
    return Panel(r"window $\theta$ (radians of the input)", "modulus of the error", series, "xy", f"{state} states")


CLAIM = claim(
    __name__,
    measure.checks(),
    measure.mutant("same_order", "route (ii) has the order of route (i)", claimed={**ORDERS, ("closed", "ii"): 0}),
    measure.mutant(
        "same_for_both", "route (i) has the order theta^N with exact states too", claimed={**ORDERS, ("exact", "i"): 0}
    ),
    measure.mutant(
        "three_closed", "route (iii) is the best for closed states", claimed={**ORDERS, ("closed", "iii"): 0}
    ),
    measure.mutant(
        "derivative_costs", "route (i) loses an order to the value", claimed={**ORDERS, ("closed", "i"): -1}
    ),
    kind=Kind.RATE,
    figures=(
        Figure(
            "orders",
            r"""Errors on $u = e^{it}$ at $N = 4$ in ball arithmetic (dots), and lines of the orders in $\theta$ through the dots at
the shortest window. For closed states value and route (i) coincide here, for $|u'| = |u|$.""",
            columns,
            tuple(_panel(state) for state in ("closed", "exact")),
        ),
    ),
)
