r"""The mean-square order (theta/N)^(K-1) is sharp.

For the closed LegT equation in steady state and $u$ with $K = k + 1$ derivatives in $L^2$, the best constant $S$ in
$\norm{u' - y_i}_{L^2} \le S\, \theta^k \norm{u^{(k+1)}}_{L^2}$ is $S_{N,k} = \sup_y |1 - G(iy)|\, y^{-k}$; it is of
order $N^{-k}$, below hippo.frequency_bound's $\mu_N^k$. So the mean-square order is $\theta^{K-1} N^{1-K}$: better by
$N^{1/2}$ than the uniform sup-norm order $N^{3/2-K}$.

Why.
Parseval's theorem; the supremum is attained at a root of a polynomial, isolated in balls. For $y \ll 2N$ the quotient
is tiny and for $y > 2N$ it is $y^{-k}$ at most, so $S_{N,k}$ lies at about $y = 2N$.

Assumes.
- steady state
- the order is measured; the upper bound is hippo.frequency_bound's

Source.
derived here (H09, B6)
"""

from collections.abc import Callable, Iterator
from functools import cache

from flint import arb, fmpq_poly

from constructions import legt
from numeric.analysis import peano
from numeric.analysis.rates import fit, hull
from numeric.analysis.rational_matrices import ball_value, characteristic
from numeric.analysis.stability import poles
from proofs.figure import Columns, Figure, one, through_last, with_lines
from proofs.forms import Bound, Kind, Rate, Settings, claim, never_exceeded, orders, together
from proofs.hippo.frequency_bound import mean_square
from proofs.hippo.legt_pade import on_axis

SIZES = (10, 12, 14, 16, 20, 24, 28, 32)
LARGER = (*SIZES, 40, 48, 64)
DERIVATIVES = (1, 2, 3, 4)
GAPS = (1.0, 2 / 3)
"""First corrections 1/N, and N^(-2/3) from the turning point at y = 2N; the interval covers both."""


@cache
def largest(N: int, k: int) -> tuple[arb, arb]:
    """(sup over y of |1 - G(iy)| y^{-k}, where it is attained) at theta = 1, 1 <= k < N.

    |1 - G|^2 = w^N/M(w) with w = y^2 and M = |q_N|^2; the supremum of w^(N-k)/M is at a positive root of (N-k) M - w M',
    for the quotient vanishes at both ends.
    """
    c = on_axis(characteristic(legt.system(N).A)).coeffs()
    M = fmpq_poly(c[::2])
    with peano.precision(100 + 12 * N):
        stationary = (N - k) * M - fmpq_poly([0, 1]) * M.derivative()
        found = [z.real for z in poles(stationary) if z.imag.is_zero() and z.real > 0]
        values = [(w ** (N - k) / ball_value(M, w)).sqrt() for w in found]
        at = max(range(len(found)), key=lambda i: float(values[i]))
        return values[at], found[at].sqrt()


@orders()
def measure(settings: Settings, order: Callable[[int], float] = lambda k: -float(k)) -> Iterator[Rate]:
    """Orders in N of the sharp constants."""
    sizes = SIZES if settings.profile == "quick" else LARGER
    for k in DERIVATIVES[:3] if settings.profile == "quick" else DERIVATIVES:
        values = [float(largest(N, k)[0]) for N in sizes]
        yield Rate(f"k = {k}", hull([fit(sizes, values, gap=gap) for gap in GAPS]), order(k))


@never_exceeded()
def exceeded(settings: Settings) -> Iterator[Bound]:
    """The sharp constants against (mu_N)^k of hippo.frequency_bound."""
    for N in SIZES:
        with peano.precision(200):
            for k in DERIVATIVES:
                found, _ = largest(N, k)
                yield Bound(f"k = {k}", found, mean_square(N, arb(1), k), {"N": N})


def table() -> str:
    """The sharp constants times N^k, as Markdown."""
    lines = ["| $N$ | " + " | ".join(f"$k = {k}$" for k in DERIVATIVES) + " |", "|--:" * 5 + "|"]
    for N in SIZES:
        lines.append(f"| {N} | " + " | ".join(f"{float(largest(N, k)[0]) * N**k:.4f}" for k in DERIVATIVES) + " |")
    return "\n".join(lines)


def columns() -> Columns:
    """Sharp constants and lines of the order -k through the last of each."""
    found: dict[str, list[float]] = {"N": [float(N) for N in SIZES]}
    for k in DERIVATIVES:
        found[f"{k}"] = [float(largest(N, k)[0]) for N in SIZES]
        found[f"{k}, order"] = through_last(found["N"], found[f"{k}"], -k)
    return found


CLAIM = claim(
    __name__,
    together(exceeded.checks(), measure.checks()),
    measure.mutant("sup_order", "the sup norm's order N^(1/2-k)", order=lambda k: 0.5 - k),
    measure.mutant("one_more", "the order N^(-k-1)", order=lambda k: -1.0 - k),
    kind=Kind.RATE,
    parameters=table,
    figures=(
        Figure(
            "orders",
            r"""Sharp mean-square constants $\sup_\omega |1 - G| / (\theta \omega)^k$ of route (i) (dots), and lines of the order
$N^{-k}$ through the last dots.""",
            columns,
            one("states $N$", "sharp constant", with_lines("N", {f"{k}": f"$k = {k}$" for k in DERIVATIVES}), "xy"),
        ),
    ),
)
