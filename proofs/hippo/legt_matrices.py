r"""LegT's matrices from the defining integrals.

Let $a_n(t) = \frac{2n+1}{\theta} \int_{t-\theta}^{t} u(s) P_n\left(\tfrac{2(s-t)}{\theta} + 1\right) ds$, $n < N$. With
the closure $u(t - \theta) = \sum_k (-1)^k a_k$,

$$ \theta\, a_n' = -(2n+1) \sum_{k<N} e_{nk}\, a_k + (2n+1)\, u, \qquad e_{nk} = 1 \ (k \le n), \quad
   (-1)^{n-k} \ (k > n). $$

In the orthonormal basis $x_n = a_n/\sqrt{2n+1}$: $A_{nk} = -\tfrac{1}{\theta}\sqrt{2n+1}\sqrt{2k+1}\, e_{nk}$,
$B_n = \sqrt{2n+1}/\theta$.

Why.
Leibniz' rule gives $\theta a_n' = (2n+1) \left[u(t) - (-1)^n u(t-\theta) - \int_{-1}^{1} v P_n' dx\right]$. Adding
$P_{k+1}' - P_{k-1}' = (2k+1) P_k$ over the $k < n$ with $n - k$ odd gives $P_n' = \sum (2k+1) P_k$, so the integral is
$2 \sum a_k$ over those $k$. The closure adds $-(-1)^{n-k}$, and $-(-1)^{n-k} - 2 \cdot [n-k \text{ odd}] = -1$ for
$k < n$.

Assumes.
- $u$ locally integrable
- the closure; it is exact for polynomials of degree below $N$

Source.
arXiv 2008.07669 (LegT); the rational basis and the derivation for all N are written out here
"""

# Over 120 lines: the matrices on five rungs, from the integrals each time.

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np
import sympy as sp

from constructions import legt
from constructions.state_space import StateSpace, orthonormal
from numeric.analysis.rational_matrices import matrix
from numeric.entropy import Entropy
from numeric.finding import Counterexample, Finding, Verdict
from numeric.words.telescoping import Equation, Step
from proofs.forms import Mutant, Rung, Same, Settings, checked, claim, derived, exactly
from proofs.hippo._assembled import legt_arrays
from proofs.hippo._legendre_integrals import from_integrals, symbolic_rows
from proofs.kernel.rung import kernel_check

System = Callable[[int], StateSpace]
UNIT = Fraction(1, 2**53)


@exactly(range(1, 41))
def exact(N: int, system: System = legt.system) -> Iterator[Same]:
    """The written matrices against the integrals, in rationals."""
    A, B = from_integrals(N)
    written = system(N)
    yield Same("A from the integrals", matrix(written.A), matrix(np.array(A, dtype=object)))
    yield Same("B from the integrals", matrix(written.B), matrix(np.array(B, dtype=object)))


@checked(Rung.SYMBOLIC)
def symbolic(settings: Settings, system: System = legt.system, largest: int = 6) -> Finding:
    """SymPy: differentiate the coefficients of an undetermined polynomial input, with the closure, and compare."""
    for N in (1, 2, 3, 4, largest):
        for n, (want, have) in enumerate(symbolic_rows(system(N))):
            left_over = sp.expand(want - have)
            if left_over != 0:
                return Finding(
                    Verdict.REFUTED,
                    f"row {n} at N = {N} differs from the integrals by {left_over}",
                    counterexample=Counterexample(
                        {"N": N},
                        {"n": str(n)},
                        str(sp.expand(have)),
                        str(sp.expand(want)),
                        "written row",
                        "from the integrals",
                    ),
                )
    return Finding(
        Verdict.CONFIRMED,
        figures={"largest N": largest},
        settings={"sizes": {"N": f"1..4, {largest}"}},
        trust=(f"SymPy {sp.__version__}'s integration of polynomials",),
    )


@derived(legt_arrays)
def steps(
    below: Callable[..., sp.Expr] = legt.below,
    above: Callable[..., sp.Expr] = legt.above,
    drive: Callable[..., sp.Expr] = legt.drive,
) -> Iterator[Step]:
    """The entries for symbolic n and k; sigma stands for (-1)^(n-k)."""
    n = sp.Symbol("n", nonnegative=True)
    sigma = sp.Symbol("sigma")
    odd = (1 - sigma) / 2
    lower = -(2 * n + 1) * (sigma + 2 * odd)
    yield Equation(
        "entries with $k < n$",
        lower,
        below(n),
        "closure gives $-(-1)^{n-k}$, the derivative $-2$ where $n-k$ is odd",
        (sigma,),
    )
    yield Equation(
        "the diagonal", (-(2 * n + 1) * sigma).subs(sigma, 1), below(n), "$P_n'$ has no $P_n$ part", (sigma,)
    )
    yield Equation(
        "entries with $k > n$",
        -(2 * n + 1) * sigma,
        above(n, sigma),
        "only the closure reaches above the diagonal",
        (sigma,),
    )
    yield Equation("input", (2 * n + 1) * sp.Integer(1), drive(n), "$P_n(1) = 1$")


@checked(Rung.SAMPLED)
def sampled(settings: Settings, ratio: Callable[[StateSpace, np.ndarray], StateSpace] = orthonormal) -> Finding:
    """The float64 orthonormal matrices against their exact squares, up to N = 1024, with the bound of six roundings."""
    sizes = (4, 64, 1024)
    rng = Entropy(settings.seed).generator()
    # r_n and r_k, their quotient, the product and the division by theta: at most six roundings, squared
    bound = (1 + UNIT) ** 12 / (1 - UNIT) ** 12 - 1
    worst, at = Fraction(0), ""
    for N in sizes:
        exact_system, norms = legt.system(N), legt.norms(N)
        found = ratio(exact_system, norms)
        for n, k in rng.integers(0, N, size=(200, 2)).tolist():
            # the statement's entries: a sign times the root of an integer
            flip = -1 if k <= n else -((-1) ** (n - k))
            slope = k * (k + 1) - N * N
            pairs = {
                f"A[{n},{k}]": (found.A[n, k], flip, Fraction((2 * n + 1) * (2 * k + 1))),
                f"B[{n}]": (found.B[n], 1, Fraction(2 * n + 1)),
                f"C[{k}]": (found.C[k], -1, Fraction(slope * slope * (2 * k + 1))),
            }
            for name, (value, sign, square) in pairs.items():
                x = Fraction(float(value))
                error = abs(x**2 - square) / square if square else abs(x)
                if sign * value < 0:
                    error = Fraction(2)
                if error > bound:
                    return Finding(
                        Verdict.REFUTED,
                        f"{name} at N = {N} is off by more than six roundings",
                        counterexample=Counterexample(
                            {"N": N}, {}, repr(float(value) ** 2), str(square), "square found", "exact square", name
                        ),
                    )
                if error > worst:
                    worst, at = error, f"{name} at N = {N}"
    return Finding(
        Verdict.CONFIRMED,
        figures={
            "worst relative error of a square": float(worst),
            "bound": float(bound),
            "ratio": round(float(worst / bound), 4),
            "worst at": at,
        },
        settings={"sizes": {"N": "4, 64, 1024"}, "dtype": "float64"},
        trust=("IEEE 754 with correctly rounded square roots",),
    )


def changed(
    A: Callable[[np.ndarray], np.ndarray] | None = None, B: Callable[[np.ndarray], np.ndarray] | None = None
) -> System:
    """The system with a part replaced."""

    def build(N: int) -> StateSpace:
        s = legt.system(N)
        return StateSpace(A(s.A) if A else s.A, B(s.B) if B else s.B, s.C, s.D)

    return build


def _mutant(id: str, text: str, system: System, **entries: Callable[..., sp.Expr]) -> Mutant:
    kernel = replace(KERNEL, python={tie: lambda N, route: system(N) for tie in ("legt_A", "legt_B")})
    checks = exact.checks(system=system) | symbolic.checks(system=system) | steps.checks(**entries)
    return Mutant(id, text, checks | {Rung.KERNEL: kernel})


def _no_root(system: StateSpace, norms: np.ndarray) -> StateSpace:
    right = orthonormal(system, norms)
    return StateSpace(right.A, right.B, np.asarray(system.C, dtype=np.float64), right.D)


KERNEL = kernel_check(
    "legt_exact",
    "window_coefficients_exist",
    "legendre_derivative_sum",
    "legendre_at_1",
    "legendre_at_minus_1",
    states="the equation for polynomial inputs of degree below N, where the closure is exact, with the "
    "coefficients of the Legendre expansion for the integrals",
)

CLAIM = claim(
    __name__,
    sampled.checks() | exact.checks() | symbolic.checks() | steps.checks() | KERNEL.checks(),
    _mutant(
        "no_sign_flip",
        "no factor (-1)^(n-k) above the diagonal",
        changed(A=lambda A: -abs(A)),
        above=lambda n, parity: legt.above(n, 1),
    ),
    _mutant(
        "left_end_input",
        "B with (-1)^n: the input enters at the left end",
        changed(B=lambda B: B * (1 - 2 * (np.arange(len(B)) % 2))),
        drive=lambda n: sp.Symbol("sigma") * legt.drive(n),
    ),
    _mutant(
        "time_scale",
        "the published matrices (theta = 2) read as theta = 1",
        changed(A=lambda A: A.astype(object) * Fraction(1, 2)),
        below=lambda n: legt.below(n) / 2,
    ),
    exact.mutant(
        "transposed",
        "A transposed (in the orthonormal basis)",
        system=changed(A=lambda A: A.T * legt.norms(len(A))[:, None] // legt.norms(len(A))[None, :]),
    ),
    sampled.mutant("missing_root", "C without the factor sqrt(2n+1)", ratio=_no_root),
)
