r"""Bounded noise: route (i) passes on less than route (ii).

Let the input carry noise of modulus at most $\eta$, in the worst case over all of it. With exact projections the error
it makes is of order $\eta N^2/\theta$ for route (i), $\eta N^{5/2}/\theta$ for route (ii), and $\eta N^{1/2}$ for the
reconstructed value (Lebesgue's constant). So against bounded noise route (i) is the better one; against independent
noise of a small step route (ii) is (hippo.sample_noise).

Why.
The readout is $y = D u + \int \left(\sum_k C_k \frac{2k+1}{2} P_k\right) v$; its norm is $|D|$ plus the $L^1$ norm of a
polynomial, in balls. $\sum_k (2k+1) P_k/2$ is of order $N^{1/2}$ in $L^1$ and concentrated at the right end, where the
slope costs $N^2$; route (i)'s weights $k(k+1) - N^2$ vanish at the top.

Assumes.
- states are exact projections
- orders are measured

Source.
derived here; Lebesgue constants: Gronwall 1913
"""

from collections.abc import Iterator, Mapping
from functools import cache

from flint import arb, fmpq, fmpq_poly

from constructions import legt
from numeric.analysis import peano
from numeric.analysis.rates import fit, hull
from proofs.forms import Kind, Rate, Rung, Same, Settings, claim, exactly, orders, together

SIZES = (8, 10, 12, 16, 20, 24, 28, 32)
LARGER = (*SIZES, 40, 48, 64, 80)
GAPS = (0.5, 1.0)
"""First corrections: N^(-1/2), for Lebesgue's constant is c N^(1/2) plus a constant, and 1/N; the interval covers both."""

ORDERS: Mapping[str, float] = {"value": 0.5, "i": 2, "ii": 2.5}


@cache
def worst(route: str, N: int) -> arb:
    """The norm of noise -> y/eta, theta = 1: the L1 norm of sum_k C_k (2k+1)/2 P_k on [-1, 1] plus |D|; exact states."""
    D = 0 if route == "value" else int(legt.gain(N, route))
    total = fmpq_poly([0])
    for k in range(N):
        C = 1 if route == "value" else int(legt.readout(k, D))
        total += fmpq(C * (2 * k + 1), 2) * peano.legendre(k)
    with peano.precision(60 + 5 * N):
        return peano.l1_norm(total) + D


@orders("Arb's ball arithmetic")
def measure(settings: Settings, claimed: Mapping[str, float] = ORDERS) -> Iterator[Rate]:
    """Orders in N."""
    sizes = SIZES if settings.profile == "quick" else LARGER
    for route, order in claimed.items():
        values = [float(worst(route, N)) for N in sizes]
        yield Rate(f"route {route}", hull([fit(sizes, values, gap=gap) for gap in GAPS]), order)


@exactly((2,), rung=Rung.MEASURED)
def two_states(N: int) -> Iterator[Same]:
    """The norms for two states: of 3x; and of -2 - 3x, plus the gain 4. An order is that of any multiple too."""
    for route, thrice in (("ii", 9), ("i", 25)):
        yield Same(f"three times the norm of route {route}", (3 * worst(route, N)).contains(thrice), True)


def table() -> str:
    """The norms over their orders, as Markdown."""
    lines = ["| $N$ | value$/N^{1/2}$ | (i)$/N^2$ | (ii)$/N^{5/2}$ |", "|--:|--:|--:|--:|"]
    for N in SIZES:
        cells = " | ".join(f"{float(worst(r, N)) / N**p:.4f}" for r, p in ORDERS.items())
        lines.append(f"| {N} | {cells} |")
    return "\n".join(lines)


CLAIM = claim(
    __name__,
    together(measure.checks(), two_states.checks()),
    measure.mutant("same_order", "route (ii) passes on no more than route (i)", claimed={**ORDERS, "ii": 2}),
    measure.mutant("lebesgue", "the value passes on a bounded multiple", claimed={**ORDERS, "value": 0}),
    measure.mutant("i_like_ii", "route (i) passes on N^(5/2)", claimed={**ORDERS, "i": 2.5}),
    kind=Kind.RATE,
    parameters=table,
)
