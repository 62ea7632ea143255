r"""LegS: exact equations, and the exact error on powers of t.

With $A_{nk} = -(2n+1)$ for $k < n$, $A_{nn} = -(n+1)$, zero above, and $B_n = 2n+1$: the Legendre coefficients of $u$
on $[0, t]$ satisfy $a' = (A a + B u)/t$, and those of the warped past
$\tfrac{2n+1}{\theta} \int_0^\infty u(t-\tau) P_n(2 e^{-\tau/\theta} - 1) e^{-\tau/\theta} d\tau$ satisfy
$a' = (A a + B u)/\theta$, without any closure. On $u = t^p$, $p > -1/2$, with
$\rho_N(p) = \prod_{n<N} \frac{p-n}{p+n+1}$,

$$ u - \hat u = \rho_N t^p, \quad u' - y_i = p \rho_N t^{p-1}, \quad u' - y_{ii} = (p + N^2) \rho_N t^{p-1}, \quad
   u' - y_{iii} = (p - N) \rho_N t^{p-1}, $$

so routes (i) and (ii) are exact on degree at most $N-1$ and route (iii) on degree at most $N$.

Why.
Differentiating $v(x) = u(t(x+1)/2)$ in $t$ gives $\partial_t v = \frac{1+x}{t} v'$; integrate by parts. $A + B 1^\top$
is upper triangular with diagonal $0, 1, \ldots, N-1$ and $A$ lower triangular, so the determinant lemma gives
$1 - 1^\top (sI-A)^{-1} B = \prod_n (s-n)/(s+n+1)$; on $t^p$ the scaled equation reads $(pI - A) a = B t^p$.

Assumes.
- $u$ locally integrable
- the regular solution, $a(0) = u(0) e_0$
- exact rung: the $N$ listed; the equations on all powers $t^p$ and all exponentials $e^{pt/\theta}$

Source.
arXiv 2008.07669 (LegS); the errors on powers are derived here
"""

# Over 120 lines: the matrices and the routes' errors on powers, each from integrals and for all N.

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np
import sympy as sp
from flint import fmpq, fmpq_mat, fmpq_poly

from constructions import legs, legt
from constructions.state_space import StateSpace
from numeric.analysis.rational_matrices import matrix, number, row
from numeric.words.telescoping import Equation, Step, Sum
from proofs.forms import Draw, Mutant, Rung, Same, at_points, claim, derived
from proofs.hippo._assembled import legs_arrays
from proofs.hippo._legendre_integrals import integral
from proofs.kernel.rung import kernel_check

System = Callable[..., StateSpace]
POWERS = (Fraction(1, 2), Fraction(7, 3), Fraction(5))


def from_integrals(N: int) -> np.ndarray:
    """A (N, N): t a_n' = (2n+1) u - (2n+1)/2 int v (P_n + (1+x) P_n') dx, expanded in Legendre polynomials."""
    P = [fmpq_poly.legendre_p(n) for n in range(N)]
    kernel = [p + fmpq_poly([1, 1]) * p.derivative() for p in P]
    return np.array(
        [[-fmpq(2 * n + 1, 2) * integral(kernel[n] * P[k]) for k in range(N)] for n in range(N)], dtype=object
    )


def ratio(p: fmpq, N: int) -> fmpq:
    """rho_N(p) = prod_{n<N} (p-n)/(p+n+1): the relative error of the reconstructed present value of t^p."""
    value = fmpq(1)
    for n in range(N):
        value *= (p - n) / (p + n + 1)
    return value


def coefficients(N: int, p: fmpq, weight: int = 1) -> fmpq_mat:
    """(2n+1) int_0^1 y^p P_n(2y - 1) dy (N, 1), term by term: two states at once.

    With y the place in [0, t] it is the scaled state of u = t^p at t = 1; with y = e^(-tau/theta) it is the warped state
    of u = e^(pt/theta) at t = 0, dy being the weight times dtau/theta. weight: the power of e^(-tau/theta) (for a mutant).
    """
    shifted = [fmpq_poly.legendre_p(n)(fmpq_poly([-1, 2])) for n in range(N)]
    return fmpq_mat(
        N, 1, [(2 * n + 1) * sum(c / (p + j + weight) for j, c in enumerate(P)) for n, P in enumerate(shifted)]
    )


Error = Callable[[fmpq, int, str], fmpq]


def claimed_error(p: fmpq, N: int, route: str) -> fmpq:
    """u' - y on t^p at t = 1, over rho_N(p)."""
    return {"i": p, "ii": p + N * N, "iii": p - N}[route]


@at_points(lambda N: 2 * N + 4, range(1, 11), range(1, 31))
def exact(
    N: int, draw: Draw, system: System = legs.system, error: Error = claimed_error, weight: int = 1
) -> Iterator[Same]:
    """The matrix from its integrals; and states from theirs, at a drawn p: p a = A a + B is the scaled equation on t^p and
    the warped one on e^(pt/theta), for every p, as both sides are quotients of degree at most N + 2."""
    s = system(N)
    yield Same("A from the integrals", matrix(s.A), matrix(from_integrals(N)))
    for p in (draw(N), *map(number, POWERS), fmpq(N)):
        at = {"p": p}
        state = coefficients(N, p)
        yield Same("scaled equation on t^p", p * state, matrix(s.A) * state + matrix(s.B), at)
        state = coefficients(N, p, weight)
        yield Same("warped equation on e^(pt/theta)", p * state, matrix(s.A) * state + matrix(s.B), at)
        state = coefficients(N, p)
        rho = ratio(p, N)
        yield Same("error of the value on t^p", 1 - sum(state.entries(), fmpq(0)), rho, at)
        for route in legt.ROUTES:
            r = system(N, route)
            found = p - (row(r.C) * state)[0, 0] - number(r.D)
            yield Same(f"error of route {route} on t^p", found, rho * error(p, N, route), at)


@derived(legs_arrays)
def steps(
    below: Callable[..., sp.Expr] = legs.below, diagonal: Callable[..., sp.Expr] = legs.diagonal, weight: int = 1
) -> Iterator[Step]:
    """Entries for symbolic n, and the determinants of two triangular matrices."""
    n, x = sp.symbols("n x")
    P = sp.Function("P")(x)
    y = (1 + x) / 2
    kernel = P + (1 + x) * sp.diff(P, x)
    yield Equation(
        "the scaled coefficients",
        sp.diff((1 + x) * P, x),
        kernel,
        "$\\partial_t v = \\frac{1+x}{t} v'$, and integration by parts moves the derivative",
    )
    yield Equation(
        "the warped coefficients",
        2 * y * sp.diff(P * y**weight, x),
        y * kernel,
        "with $y = e^{-\\tau/\\theta}$, $x = 2y - 1$: $-\\theta \\partial_\\tau = 2 y \\partial_x$ on $P_n$ times the weight "
        "gives the weight times the same kernel, so both states have one $A$",
    )
    yield Equation(
        "entries with $k < n$",
        -(2 * n + 1) * sp.Integer(1),
        below(n),
        "$(1+x) P_n' = n P_n + \\sum_{k<n} (2k+1) P_k$, and $\\frac{1}{2} \\int v (2k+1) P_k = a_k$",
    )
    yield Equation("the diagonal", -(1 + n), diagonal(n), "one from the derivative of the measure, $n$ from $n P_n$")
    yield Equation("$A + B 1^\\top$ below the diagonal", below(n) + legs.drive(n), sp.Integer(0), "upper triangular")
    yield Equation(
        "$A + B 1^\\top$ on the diagonal",
        diagonal(n) + legs.drive(n),
        n,
        "so $\\det(sI - A - B 1^\\top) = \\prod_n (s - n)$, and $1 - G = \\prod_n \\frac{s-n}{s+n+1}$",
    )
    yield from routes(below, diagonal)


def routes(
    below: Callable[..., sp.Expr] = legs.below, diagonal: Callable[..., sp.Expr] = legs.diagonal
) -> Iterator[Step]:
    """Both equations: y_i is the derivative of the reconstructed value, and the other routes add a multiple of its error."""
    n, k, N = sp.symbols("n k N")
    yield Sum(
        "column sums of $A$ below the diagonal", n, below(n), -(n**2), k + 1, N - 1, (k + 1) ** 2 - N**2, "telescoping"
    )
    for route, extra in (("i", sp.Integer(0)), ("ii", N**2), ("iii", -N)):
        D = legs.gain(N, route)
        yield Equation(
            f"route {route} at $a_k$",
            diagonal(k) + (k + 1) ** 2 - N**2 - legs.readout(k, D),
            -extra,
            "column sums of $A$ minus $C$: $\\hat u' - y$ has the same weight at every $a_k$",
        )
        yield Equation(
            f"route {route} at $u$",
            legs.gain(N, "i") - D,
            extra,
            "and the opposite one at $u$, so $u' - y = (u - \\hat u)' + (N^2 - D)(u - \\hat u)$, over $t$ or $\\theta$",
        )


def _built(A: Callable[[np.ndarray], np.ndarray]) -> System:
    def build(N: int, route: str = "i") -> StateSpace:
        s = legs.system(N, route)
        return StateSpace(A(s.A), s.B, s.C, s.D)

    return build


KERNEL = kernel_check(
    "legs_ode",
    "legs_state_projection",
    "legendre_scaled_derivative",
    states="the scaled equation for polynomial inputs, not the warped one nor the errors on powers of t",
)

CLAIM = claim(
    __name__,
    exact.checks() | steps.checks() | KERNEL.checks(),
    Mutant(
        "diagonal",
        "A_nn = -n",
        {
            Rung.EXACT: exact.check(system=_built(lambda A: A + np.eye(len(A), dtype=np.int64))),
            Rung.UNIVERSAL: steps.check(diagonal=lambda n: -n),
            Rung.KERNEL: replace(KERNEL, python={"legs_A": _built(lambda A: A + np.eye(len(A), dtype=np.int64))}),
        },
    ),
    Mutant(
        "unweighted",
        "the warped coefficients without the weight e^(-tau/theta)",
        exact.checks(weight=0) | steps.checks(weight=0),
    ),
    exact.mutant("legt_matrix", "LegT's matrix in place of LegS's", system=_built(lambda A: legt.system(len(A)).A)),
    exact.mutant(
        "route_i_degree_N",
        "route (i) as good as route (iii) on t^p",
        error=lambda p, N, r: claimed_error(p, N, "iii" if r == "i" else r),
    ),
    steps.mutant("triangle", "entries -(2n+1) on the diagonal too", diagonal=legs.below),
)
