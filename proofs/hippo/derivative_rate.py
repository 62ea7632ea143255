r"""The sharp orders: N^(3/2-K) for route (i), N^(5/2-K) for route (ii).

Over all $u$ with $|u^{(K)}| \le U_K$ and exact projections, the largest error of the reconstructed value is of order
$\theta^K N^{1/2-K}$; of route (i), of route (iii) and with the delayed sample $\theta^{K-1} N^{3/2-K}$; of route (ii)
$\theta^{K-1} N^{5/2-K}$. No better exponents hold uniformly. The constants (times $(\theta/2)^K U_K/\theta$, for the
value $(\theta/2)^K U_K$) tend to

$$ c_K = \frac{2\sqrt 2}{\pi} \frac{\Gamma(K + \frac{1}{2})}{K!} \ \text{(value and (ii))}, \qquad
   d_k = \frac{2^{k+2}}{\pi^{3/2}} B\left(\tfrac{k+1/2}{2}, \tfrac{k+7/2}{2}\right) \ \text{(i)}, \qquad
   \frac{2^{K+1}}{\pi^{3/2}} B\left(\tfrac{K-1/2}{2}, \tfrac{K+3/2}{2}\right) \ \text{(iii)}, \qquad 2 c_k, $$

$k = K - 1$, the last one with the delayed sample.

Why.
The sharp constants are $L^1$ norms of the Peano kernels of hippo.derivative_bound; Darboux's asymptotics of Jacobi
polynomials and the mean $2/\pi$ of $|\cos|$ give the limits. Here the norms are computed in balls and the orders
fitted.

Assumes.
- states are exact projections
- $N \to \infty$ at fixed $K \ge 2$

Source.
derived here
"""

# Over 120 lines: the grader of orders is defined here; four wrong orders, and a figure.

from collections.abc import Callable, Iterator
from fractions import Fraction

from numeric.analysis import peano, rates
from numeric.analysis.rates import Grade, fit
from proofs.figure import Figure
from proofs.forms import Kind, Rate, Settings, claim, orders
from proofs.hippo._sharp_constants import columns, panels, sharp

Exponent = Callable[[str, int], float]
LARGEST_K = 5


def exponent(name: str, K: int) -> float:
    """The exponent of N of the sharp constant for |u^(K)| <= 1."""
    return float(peano.asymptotic(name, K)[0])


def grade(route: str, K: int, theta: float, N: float) -> Grade:
    """Grades "|u' - y| = O(theta^a N^b) for K bounded derivatives, uniformly": false, loose or sharp. a = theta, b = N.

    route: i, ii, iii or true (value for the reconstruction itself). Raises ValueError for K < 2 or an unknown route.
    """
    if route not in peano.FUNCTIONALS:
        raise ValueError(f"route is {route!r}; expected one of {', '.join(peano.FUNCTIONALS)}")
    if K < 2:
        raise ValueError(f"K is {K}; a uniform bound needs at least two derivatives")
    a = K if route == "value" else K - 1
    return rates.grade((theta, N), (a, exponent(route, K)))


SIZES = (12, 16, 20, 24, 28, 32, 36, 40)
"""The quick profile's N."""


@orders("Arb's ball arithmetic for the norms")
def measure(settings: Settings, claimed: Exponent = exponent) -> Iterator[Rate]:
    """Orders fitted to the sharp constants (balls, rounded to float64 at the end)."""
    quick = settings.profile == "quick"
    sizes = SIZES if quick else (16, 24, 32, 48, 64, 80, 96, 128)
    for K in range(2, LARGEST_K + (not quick)):
        for name in peano.FUNCTIONALS:
            values = [float(sharp(name, K, N)) for N in sizes]
            yield Rate(f"{name}, K = {K}", fit(sizes, values), claimed(name, K))


def constants() -> str:
    """Measured over asymptotic constant at N = 64, as a Markdown table."""
    lines = [
        "| functional | " + " | ".join(f"$K = {K}$" for K in range(2, LARGEST_K + 1)) + " |",
        "|:--" * LARGEST_K + "|",
    ]
    for name in peano.FUNCTIONALS:
        cells = []
        for K in range(2, LARGEST_K + 1):
            cells.append(f"{float(sharp(name, K, 64)) / asymptotic(name, K, 64):.6f}")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "Sharp constant at $N = 64$ over its asymptotic form:\n\n" + "\n".join(lines)


def asymptotic(name: str, K: int, N: int) -> float:
    """The form that the sharp constant tends to."""
    power, c = peano.asymptotic(name, K)
    return float(c * N ** float(power))


_SHOWN = tuple(range(2, LARGEST_K + 1))


CLAIM = claim(
    __name__,
    measure.checks(),
    measure.mutant(
        "same_order", "route (ii) has the order of route (i)", claimed=lambda n, K: exponent("i" if n == "ii" else n, K)
    ),
    measure.mutant(
        "uniform_1_minus_K",
        "the sup error of route (i) is O(N^(1-K)) uniformly",
        claimed=lambda n, K: float(Fraction(1) - K) if n == "i" else exponent(n, K),
    ),
    measure.mutant(
        "value_order",
        "the value error is of order N^(-K)",
        claimed=lambda n, K: float(-K) if n == "value" else exponent(n, K),
    ),
    measure.mutant(
        "iii_better",
        "route (iii) gains an order over (i)",
        claimed=lambda n, K: exponent(n, K) - 1 if n == "iii" else exponent(n, K),
    ),
    kind=Kind.RATE,
    parameters=constants,
    figures=(
        Figure(
            "orders",
            r"""Largest error over all inputs with $|v^{(K)}| \le 1$ on the window $[-1, 1]$, for the derivative times $\theta$:
sharp constants in ball arithmetic (dots) and their asymptotic forms, constants included (lines).""",
            lambda: columns(SIZES, _SHOWN, "limit", asymptotic),
            panels(_SHOWN, "limit"),
        ),
    ),
)
