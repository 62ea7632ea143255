r"""Piecewise smooth inputs: one singularity inside the window.

For a fixed $u$ that is smooth except for $\max(t - c, 0)^\beta$ with $c$ inside the window, $\beta > 1$, the errors are
of order $N^{-\beta-1/2}$ for the reconstructed value, $N^{1/2-\beta}$ for routes (i) and (iii), and $N^{3/2-\beta}$ for
route (ii), averaged over positions $c$. With $\beta = K$, a jump of $u^{(K)}$, that is one order better than the worst
case over all $u$ with $K$ bounded derivatives (hippo.derivative_rate). The closed LegT equation has the same orders in
steady state.

Why.
$a_n \sim n^{-\beta-1/2}$, oscillating in $n$, so the tails $\sum_{n \ge N} a_n$, $\sum (n(n+1) - N^2) a_n$,
$\sum n(n+1) a_n$ are of the orders of $a_N$, $N a_N$ and $N^2 a_N$. Exact states: closed-form coefficients, in balls.
Closed states: $\beta = K$ makes the error $K!$ times the impulse responses $s^{N-K}/q_N$ and $s^{N-K-1}/q_N$. Root mean
squares over positions, weighted smoothly.

Assumes.
- positions in the middle of the window (exact states), lags between 0.05 and 0.5 windows (closed states)
- $\beta$ = 3/2, 5/2, 3, 7/2 (exact), 2, 3 (closed)

Source.
derived here (H16)
"""

# Over 120 lines: exact and closed states, every readout, and a figure.

from collections.abc import Iterator, Mapping
from functools import cache
from math import factorial

import numpy as np
from flint import arb, fmpq

from constructions import legt
from numeric.analysis import impulse_norms, legendre_series, peano
from numeric.analysis.rates import fit
from proofs.figure import Columns, Figure, Panel, through_last, with_lines
from proofs.forms import Kind, Rate, Settings, claim, orders
from proofs.hippo._signals import FUNCTIONALS, root_mean_square, window_errors

EXPONENTS = (fmpq(3, 2), fmpq(5, 2), fmpq(7, 2), fmpq(3))
SIZES = (12, 16, 20, 24, 28, 32, 40, 48)
LARGER = (*SIZES, 64, 80, 96)
JUMPS = (2, 3)
"""beta = K for the closed equation: a jump of the K-th derivative."""

CLOSED_SIZES = (16, 20, 24, 28, 32, 36, 40)
LAGS = (0.05, 0.5)
"""Lags of the singularity, in windows, over which the closed equation's errors are averaged: singularities further back
have partly decayed, which delays the asymptotic order to larger N."""

ORDERS: Mapping[str, float] = {"value": -0.5, "i": 0.5, "ii": 1.5, "iii": 0.5}
"""Order in N plus beta."""


def positions(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Angles over the middle of the window and smooth weights that vanish at the ends: averages over positions whose
    oscillating part, of frequency 2N, cancels faster than any of the orders."""
    middle = (np.arange(count) + 0.5) / count
    return np.cos(np.pi * (0.2 + 0.6 * middle)), np.sin(np.pi * middle) ** 4


@cache
def projected(beta: fmpq, largest: int) -> dict[str, list[float]]:
    """Root mean squares over positions c of the exact projection's errors on max(x - c, 0)^beta."""
    sizes = [N for N in LARGER if largest >= N]
    places, weights = positions(2 * largest)
    with peano.precision(200):
        c = np.array([arb(float(v)) for v in places], dtype=object)
        a = legendre_series.one_sided_power(beta, c, largest)
        ones = np.array([(1 - v) ** arb(beta) for v in c], dtype=object)
        slopes = np.array([arb(beta) * (1 - v) ** arb(beta - 1) for v in c], dtype=object)
        found: dict[str, list[float]] = {name: [] for name in FUNCTIONALS}
        for N in sizes:
            for name, values in window_errors(a, N, ones, slopes).items():
                found[name].append(root_mean_square(weights, values))
    return found


@cache
def closed() -> dict[tuple[int, str], list[float]]:
    """The same for the closed equation on max(t, 0)^K, over lags t: K! times kernels s^(N-K)/q and s^(N-K-1)/q."""
    count = 128
    middle = (np.arange(count) + 0.5) / count
    weights = np.sin(np.pi * middle) ** 4
    step = (LAGS[1] - LAGS[0]) / count
    skip = round(LAGS[0] / step)
    found: dict[tuple[int, str], list[float]] = {}
    for N in CLOSED_SIZES:
        s = legt.system(N)
        with peano.precision(300):
            x = impulse_norms.states(s.A, s.B, arb(step), skip + count)
            rows = impulse_norms.readouts(s.A, legt.ends(N)[0], max(JUMPS) + 1)
            for K in JUMPS:
                one, two = (-factorial(K) * impulse_norms.responses(rows[k], x)[skip:] for k in (K, K + 1))
                parts = {"value": two} | {r: one + (N * N - legt.gain(N, r)) * two for r in legt.ROUTES}
                for name, values in parts.items():
                    found.setdefault((K, name), []).append(root_mean_square(weights, values))
    return found


@orders("Arb's ball arithmetic")
def measure(settings: Settings, claimed: Mapping[str, float] = ORDERS) -> Iterator[Rate]:
    """Orders in N for both kinds of states."""
    sizes = SIZES if settings.profile == "quick" else LARGER
    for beta in EXPONENTS:
        found = projected(beta, sizes[-1])
        for name, order in claimed.items():
            value = order - float(beta.p) / float(beta.q)
            yield Rate(f"exact states, beta = {beta}, {name}", fit(sizes, found[name]), value)
    for (K, name), values in closed().items():
        yield Rate(f"closed states, beta = {K}, {name}", fit(CLOSED_SIZES, values), claimed[name] - K)


def columns() -> Columns:
    """Root mean square errors and lines of the orders through the last of each: exact states, then closed ones."""
    found: dict[str, list[float]] = {"N": [float(N) for N in SIZES], "closed N": [float(N) for N in CLOSED_SIZES]}
    for beta in (EXPONENTS[0], EXPONENTS[1], EXPONENTS[2]):
        for name, order in ORDERS.items():
            y = projected(beta, SIZES[-1])[name]
            found[f"{beta}, {name}"] = y
            found[f"{beta}, {name}, order"] = through_last(found["N"], y, order - float(beta.p) / float(beta.q))
    for name, order in ORDERS.items():
        found[f"closed, {name}"] = closed()[3, name]
        found[f"closed, {name}, order"] = through_last(found["closed N"], closed()[3, name], order - 3)
    return found


_NAMES = {"value": "value", "i": "route (i)", "ii": "route (ii)", "iii": "route (iii)"}


def _panel(kind: str, sizes: str, title: str) -> Panel:
    series = with_lines(sizes, {f"{kind}, {name}": text for name, text in _NAMES.items()})
    return Panel("states $N$", "RMS error over positions", series, "xy", title)


CLAIM = claim(
    __name__,
    measure.checks(),
    measure.mutant("class_order", "route (i) is of the class's order N^(3/2-K)", claimed={**ORDERS, "i": 1.5}),
    measure.mutant("same_order", "route (ii) is of the order of route (i)", claimed={**ORDERS, "ii": 0.5}),
    measure.mutant("value_half", "the value is of order N^(1/2-beta)", claimed={**ORDERS, "value": 0.5}),
    measure.mutant("iii_half", "route (iii) is half an order better", claimed={**ORDERS, "iii": 0.0}),
    kind=Kind.RATE,
    figures=(
        Figure(
            "orders",
            r"""Root mean square error on $\max(x - c, 0)^\beta$ over positions $c$ in the window $[-1, 1]$ (times $\theta$ for the
derivative; dots), and lines of the orders through the last dots. Bottom right: the closed equation, a jump of the third
derivative.""",
            columns,
            (
                *(_panel(str(b), "N", rf"exact states, $\beta = {b}$") for b in EXPONENTS[:3]),
                _panel("closed", "closed N", r"closed states, $\beta = 3$"),
            ),
        ),
    ),
)
