r"""Degrees of exactness: closed states and exact projections differ.

With states of the *closed* LegT equation, route (i) is exact on polynomials of degree at most $N$ and routes (ii),
(iii) on degree at most $N-1$; with states that are the *exact projection* of the window, route (iii) is exact to degree
$N$ and (i), (ii) to $N-1$. The errors $u' - y$ on the first degree missed are, with $c_N = \frac{(N-1)!}{(2N-1)!}$ and
$d_N = \frac{N!}{(2N)!}$,

$$ \text{closed: (i)} \ c_N \theta^N u^{(N+1)}, \quad \text{(ii)} \ N^2 c_N \theta^{N-1} u^{(N)}, \quad
   \text{(iii)} \ -N c_N \theta^{N-1} u^{(N)}; $$

$$ \text{exact: (i)} \ N d_N \theta^{N-1} u^{(N)}, \quad \text{(ii)} \ N(N+1) d_N \theta^{N-1} u^{(N)}, \quad
   \text{(iii)} \ \frac{(N+1)!}{(2N+1)!} \theta^N u^{(N+1)}. $$

Why.
Closed: the Taylor coefficients of the transfer function of hippo.legt_transfer. Exact: the coefficients of $t^p$ on the
window are rational integrals. Here both are computed for each $N$ and degree.

Assumes.
- steady state
- exact rung: the $N$ listed, $\theta = 1$ (a unit of time)

Source.
derived here
"""

# Over 120 lines: degrees and first defects, for two kinds of states and every route.

from collections.abc import Callable, Iterator
from dataclasses import replace

from flint import fmpq, fmpq_poly

from constructions import legt
from numeric.analysis.rational_matrices import moments
from proofs.forms import Mutant, Rung, Same, claim, exactly
from proofs.hippo._legendre_integrals import integral
from proofs.hippo.legt_transfer import factorial_ratio
from proofs.kernel.rung import kernel_check


def projected(N: int, power: int) -> list[fmpq]:
    """The exact Legendre coefficients (N,) of u(t) = t^power at t = 0 on the window [-1, 0]."""
    window = fmpq_poly([fmpq(-1, 2), fmpq(1, 2)]) ** power
    return [fmpq(2 * n + 1, 2) * integral(window * fmpq_poly.legendre_p(n)) for n in range(N)]


def closed_degree(N: int, route: str) -> int:
    """The largest degree on which a readout of the closed system is exact."""
    return N if route == "i" else N - 1


def projected_degree(N: int, route: str) -> int:
    """The same with states that are exact projections."""
    return N if route == "iii" else N - 1


def central(N: int) -> fmpq:
    """N!/(2N)!."""
    return fmpq(1, factorial_ratio(N) * 2)


def closed_defect(N: int, route: str) -> fmpq:
    """The coefficient of the first derivative that a readout of the closed system gets wrong, theta = 1."""
    return fmpq(1 if route == "i" else N * N - legt.gain(N, route), factorial_ratio(N))


def projected_defect(N: int, route: str) -> fmpq:
    """The same with exact projections."""
    return {"i": N * central(N), "ii": N * (N + 1) * central(N), "iii": fmpq(N + 1) * central(N) / ((2 * N + 1) * 1)}[
        route
    ]


@exactly(range(1, 13), range(1, 31))
def exact(
    N: int,
    closed: Callable[[int, str], int] = closed_degree,
    exact_states: Callable[[int, str], int] = projected_degree,
    first: Callable[[int, str], fmpq] = closed_defect,
    second: Callable[[int, str], fmpq] = projected_defect,
) -> Iterator[Same]:
    """Errors on t^p at t = 0 for p up to one above the claimed degree; u^(p) = p! there."""
    for route in legt.ROUTES:
        s = legt.system(N, route)
        top = closed(N, route)
        found = [fmpq(int(j == 1)) - m for j, m in enumerate(moments(s.A, s.B, s.C, s.D, top + 2))]
        yield Same(f"closed states, route {route}, up to degree {top - N:+d} + N", found[:-1], [fmpq(0)] * (top + 1))
        yield Same(f"closed states, first defect of route {route}", found[-1], first(N, route))
        top = exact_states(N, route)
        errors, factorial = [], fmpq(1)
        for p in range(top + 2):
            factorial *= max(p, 1)
            a = projected(N, p)
            y = sum((int(c) * x for c, x in zip(s.C, a, strict=True)), fmpq(0)) + int(s.D) * int(p == 0)
            errors.append((int(p == 1) - y) / factorial)
        yield Same(f"exact states, route {route}, up to degree {top - N:+d} + N", errors[:-1], [fmpq(0)] * (top + 1))
        yield Same(f"exact states, first defect of route {route}", errors[-1], second(N, route))


KERNEL = kernel_check(
    "closed_solution_unique",
    "closed_solution_exists",
    "closed_route_i_exact",
    "closed_routes_exact",
    "projected_route_iii_exact",
    "route_i_exact",
    "route_ii_exact",
    states="the degrees of exactness, not the errors on the first degree missed",
)

CLAIM = claim(
    __name__,
    exact.checks() | KERNEL.checks(),
    exact.mutant(
        "route_ii_degree_N",
        "route (ii) is exact to degree N as well",
        closed=lambda N, r: N if r in ("i", "ii") else N - 1,
    ),
    Mutant(
        "same_for_both",
        "the best readout is (i) for exact projections too",
        {
            Rung.EXACT: exact.check(exact_states=closed_degree),
            Rung.KERNEL: replace(KERNEL, python={"route_iii_C": lambda N, route: legt.system(N, "i")}),
        },
    ),
    exact.mutant("degree_N_plus_1", "route (i) is exact to degree N + 1", closed=lambda N, r: closed_degree(N, r) + 1),
    exact.mutant(
        "projected_defect",
        "route (iii) misses degree N + 1 of exact projections by what route (i) misses of closed states",
        second=lambda N, r: closed_defect(N, "i") if r == "iii" else projected_defect(N, r),
    ),
    exact.mutant(
        "same_defect",
        "closing the equation leaves the first defect of route (ii) as it is",
        first=lambda N, r: projected_defect(N, r) if r == "ii" else closed_defect(N, r),
    ),
)
