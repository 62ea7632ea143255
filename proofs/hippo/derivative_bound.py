r"""Error bounds with explicit constants for inputs with K bounded derivatives.

Let $|u^{(K)}| \le U_K$ on the window, $2 \le K \le N$, $k = K-1$, $M_K = (\theta/2)^K U_K$ and

$$ C_{k,N} = 2^{k-1/2} \sqrt{\frac{(k-1)!\,k!}{(2k)!}} \sqrt{\frac{(N-k)!}{(N+k-1)!}} . $$

With exact projections (LegT's window, or scaled LegS with $t$ for $\theta$):

$$ |u - \hat u| \le C_{K,N} M_K, \qquad |u' - y_i| \le \frac{B}{\theta} M_K, \quad
   B = C_{k,N} \sqrt{\tfrac{2(k+2)}{2k+1}} + k\, C_{K,N}, $$

$|u' - y_{ii}| \le \frac{1}{\theta} (B + N^2 C_{K,N}) M_K$, $|u' - y_{iii}| \le \frac{1}{\theta} (B + N C_{K,N}) M_K$,
and with the delayed sample $|u' - y| \le \frac{2}{\theta} C_{k,N} M_K$. The value bound is attained at $K = N$. The
sharp constants are the $L^1$ norms of the Peano kernels.

Why.
The error of the end value is $\epsilon_N[v] = \int \mathrm{kern}_k v^{(k)}$ with
$\mathrm{kern}_k = \frac{(N-k)!}{2^k (N-1)!} (1-x)^{k-1} (1+x)^k P^{(k-1,k)}_{N-k}(x)$ (Christoffel-Darboux, Rodrigues),
and $\theta (u' - y_i) = \epsilon_N[(1+x) v']$, $\theta (u'-y_{ii}) = \epsilon_N[(1+x)v'] + N^2 \epsilon_N[v]$.
Cauchy-Schwarz with the weight $(1-x)^{k-1}(1+x)^k$ and the Jacobi norm give the constants.

Assumes.
- states are exact projections
- $2 \le K \le N$; exact rung: the $N$ listed and $K \le 6$

Source.
derived here
"""

# Over 120 lines: kernels and constants of all readouts in rationals, their bounds in balls, and a figure.

from collections.abc import Callable, Iterator
from fractions import Fraction
from math import factorial

from flint import arb, fmpq, fmpq_poly

from constructions import legt
from numeric.analysis import peano
from numeric.analysis.rational_matrices import number
from numeric.entropy import Entropy
from proofs.figure import Figure
from proofs.forms import Bound, Kind, Same, Settings, claim, exactly, never_exceeded
from proofs.hippo._sharp_constants import columns, panels, sharp

Functional = Callable[[str, int, int], fmpq_poly]
Limit = Callable[[str, int, int], arb]


def response(name: str, j: int, N: int) -> int:
    """The functional's value on v = P_j from the constructions' readouts: v(1) = 1, 2 v'(1) = j(j + 1), v(-1) = (-1)^j."""
    inside = j < N
    if name == "value":
        return 1 - inside
    if name == "true":
        read = legt.true_readout(j, N, (-1) ** (N - j)) if inside else 0
        return int(j * (j + 1) - read - legt.gain(N, "i") - N * (-1) ** (N + j))
    D = legt.gain(N, name)
    return int(j * (j + 1) - (legt.readout(j, D) if inside else 0) - D)


@exactly(range(2, 8), range(2, 17))
def exact(
    N: int, functional: Functional = peano.functional, squared: Callable[[int, int], fmpq] = peano.constant_squared
) -> Iterator[Same]:
    """Each kernel is its functional's, and the constants are those of Cauchy and Schwarz.

    The functional of (x - t)_+^(K-1)/(K-1)!, N integrals against P_0, ..., P_(N-1), is a polynomial in t of degree at most
    N + K - 1. Another polynomial of that degree with the same values on P_0, ..., P_(N+2K-1), whose K-th derivatives span
    the degrees up to N + K - 1, is the same one.
    """
    for K in range(2, min(N, 6) + 1):
        tests = N + 2 * K
        for name in peano.FUNCTIONALS:
            p = functional(name, K, N)
            yield Same(f"degree of the kernel of {name}", p.degree() < N + K, True, {"K": K})
            found = [peano.integral(p * peano.derivative(peano.legendre(j), K)) for j in range(tests)]
            yield Same(f"kernel of {name}", found, [fmpq(response(name, j, N)) for j in range(tests)], {"K": K})
        k = K - 1
        for order in (k, K):
            weight = fmpq_poly([0, 2]) ** (order - 1) * fmpq_poly([2, -2]) ** order
            square, rest = divmod(functional("value", order, N) ** 2, weight)
            yield Same("the kernel's square over the weight is a polynomial", rest.is_zero(), True, {"k": order})
            norms = peano.integral(weight) * peano.integral(square)
            yield Same("the constant of Cauchy and Schwarz, squared", norms, squared(order, N), {"k": order})
        weight = fmpq_poly([0, 2]) ** (k - 1) * fmpq_poly([2, -2]) ** k
        more = peano.integral(weight * fmpq_poly([2, -2]) ** 2) / peano.integral(weight)
        yield Same("the factor 1 + x in the weight", more, fmpq(2 * (k + 2), 2 * k + 1), {"k": k})
    last = peano.integral(functional("value", N, N))
    yield Same("value constant at K = N", last**2, squared(N, N) if N > 1 else last**2)


def signal_error(name: str, K: int, N: int, jumps: list[tuple[Fraction, Fraction]]) -> fmpq:
    """The functional on v = sum_i c_i (x - b_i)_+^K / K!, from its exact Legendre coefficients, not from the kernel."""
    total = fmpq(0)
    D = 0 if name == "value" else legt.gain(N, name)
    x = fmpq_poly([0, 1])
    for b, c in jumps:
        at = number(b)
        piece = (x - at) ** K * fmpq(1, factorial(K))
        a = []
        for n in range(N):
            F = (piece * fmpq_poly.legendre_p(n)).integral()
            a.append(fmpq(2 * n + 1, 2) * (F(fmpq(1)) - F(at)))
        present, slope = piece(fmpq(1)), 2 * piece.derivative()(fmpq(1))
        if name == "value":
            error = present - sum(a, fmpq(0))
        else:
            error = slope - sum((legt.readout(n, D) * v for n, v in enumerate(a)), fmpq(0)) - D * present
        total += number(c) * error
    return total


@never_exceeded()
def measure(settings: Settings, limit: Limit = peano.bound) -> Iterator[Bound]:
    """The sharp constants against the bounds, then drawn signals whose K-th derivative jumps between -1 and 1."""
    sizes = (4, 8, 16, 32) if settings.profile == "quick" else (4, 8, 16, 32, 64, 128)
    with peano.precision(128):
        for N in sizes:
            for K in range(2, min(N, 6) + 1):
                for name in peano.FUNCTIONALS:
                    if name != "value" or K < N:  # at K = N the bound is attained: see the exact rung
                        yield Bound(name, sharp(name, K, N), limit(name, K, N), {"N": N, "K": K})
        entropy = Entropy(settings.seed)
        for N, K in ((6, 2), (8, 3), (10, 5)):
            for _ in range(3):
                points = sorted({Fraction(entropy.below(2000) - 1000, 1000) for _ in range(2 + entropy.below(6))})
                signs = [1 - 2 * (i % 2) for i in range(len(points))]
                jumps = [
                    (b, Fraction(s if i == 0 else 2 * s)) for i, (b, s) in enumerate(zip(points, signs, strict=True))
                ]
                for name in ("value", "i", "ii", "iii"):
                    error = abs(arb(signal_error(name, K, N, jumps)))
                    yield Bound(f"{name}, drawn signals", error, limit(name, K, N), {"N": N, "K": K, "breaks": points})


def _bound_of(other: dict[str, str]) -> Limit:
    return lambda name, K, N: peano.bound(other.get(name, name), K, N)


def _wrong_kernel(name: str, K: int, N: int) -> fmpq_poly:
    """Route (i) without the second term of the product rule."""
    return fmpq_poly([2, -2]) * peano.kernel(K - 1, N) if name == "i" else peano.functional(name, K, N)


def _of_the_true_degree(name: str, K: int, N: int) -> fmpq_poly:
    """At K = 6 a kernel of the right degree, off by what all test polynomials but the last are orthogonal to."""
    right = peano.functional(name, K, N)
    return right + peano.legendre(N + K - 1) if K == 6 else right


_SHOWN = (2, 4)

CLAIM = claim(
    __name__,
    measure.checks() | exact.checks(),
    measure.mutant("same_bound", "route (ii) obeys the bound of route (i)", limit=_bound_of({"ii": "i"})),
    measure.mutant(
        "value_for_derivative", "the derivative obeys the bound of the value", limit=_bound_of({"i": "value"})
    ),
    measure.mutant("half", "all bounds halved", limit=lambda n, K, N: peano.bound(n, K, N) / 2),
    exact.mutant("product_rule", "route (i)'s kernel without the product rule's second term", functional=_wrong_kernel),
    exact.mutant(
        "true_degree",
        "kernels of the true degree, off by a Legendre polynomial of degree N + K - 1 at K = 6",
        functional=_of_the_true_degree,
    ),
    exact.mutant(
        "weight",
        "the constants for the weight with its exponents exchanged",
        squared=lambda k, N: peano.constant_squared(k, N) * fmpq(k, k + 1),
    ),
    exact.mutant(
        "true_once",
        "the kernel with the delayed sample without its factor 2",
        functional=lambda n, K, N: peano.kernel(K - 1, N) if n == "true" else peano.functional(n, K, N),
    ),
    kind=Kind.BOUND,
    figures=(
        Figure(
            "bounds",
            r"""The explicit bounds (lines) above the largest errors that inputs with $|v^{(K)}| \le 1$ on $[-1, 1]$ reach (dots),
for the derivative times $\theta$.""",
            lambda: columns((4, 6, 8, 12, 16, 24, 32), _SHOWN, "bound", lambda n, K, N: float(peano.bound(n, K, N))),
            panels(_SHOWN, "bound"),
        ),
    ),
)
