"""LegS's A and B: exact equations for the scaled and for the warped projection, and the exact response to powers of
t."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

import numpy as np
import sympy as sp
from flint import fmpq, fmpq_poly

from constructions import legs, legt
from constructions.state_space import StateSpace
from numeric.rational_matrices import identity, matrix, number, row
from numeric.telescoping import Equation, Step
from proofs.claim import Check, Claim, Kind, Mutant
from proofs.evidence import Rung
from proofs.hippo._checks import Same, derived, exactly
from proofs.hippo.legt_matrices import integral
from proofs.kernel import kernel_check

System = Callable[..., StateSpace]
POWERS = (Fraction(1, 2), Fraction(7, 3), Fraction(5))


def from_integrals(N: int) -> np.ndarray:
    """A (N, N): t a_n' = (2n+1) u - (2n+1)/2 int v (P_n + (1+x) P_n') dx, expanded in Legendre polynomials."""
    P = [fmpq_poly.legendre_p(n) for n in range(N)]
    kernel = [p + fmpq_poly([1, 1]) * p.derivative() for p in P]
    return np.array(
        [[-fmpq(2 * n + 1, 2) * integral(kernel[n] * P[k]) for k in range(N)] for n in range(N)], dtype=object
    )


def ratio(p: Fraction, N: int) -> Fraction:
    """rho_N(p) = prod_{n<N} (p-n)/(p+n+1): the relative error of the reconstructed present value of t^p."""
    value = Fraction(1)
    for n in range(N):
        value *= (p - n) / (p + n + 1)
    return value


def exact(system: System = legs.system, error: Callable[[Fraction, int, str], Fraction] | None = None) -> Check:
    """The matrix from its integrals, and the state on t^p: a = t^p (pI - A)^{-1} B."""

    def claimed(p: Fraction, N: int, route: str) -> Fraction:
        return ratio(p, N) * {"i": p, "ii": p + N * N, "iii": p - N}[route]

    def compare(N: int) -> Iterator[Same]:
        s = system(N)
        yield Same("A from the integrals", matrix(s.A), matrix(from_integrals(N)))
        for p in (*POWERS, Fraction(N)):
            state = (number(p) * identity(N) - matrix(s.A)).solve(matrix(s.B))
            value = sum(state.entries(), fmpq(0))
            yield Same("error of the value on t^p", 1 - value, number(ratio(p, N)), {"p": p})
            for route in legt.ROUTES:
                r = system(N, route)
                found = number(p) - (row(r.C) * state)[0, 0] - number(r.D)
                yield Same(f"error of route {route} on t^p", found, number((error or claimed)(p, N, route)), {"p": p})

    return exactly(compare, range(1, 11), range(1, 31))


def steps(
    below: Callable[..., sp.Expr] = legs.below, diagonal: Callable[..., sp.Expr] = legs.diagonal
) -> Iterator[Step]:
    """Entries for symbolic n, and the determinants of two triangular matrices."""
    n, N, p = sp.symbols("n N p")
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
    rho = sp.Symbol("rho")
    yield Equation("route i on $t^p$", p - p * (1 - rho), p * rho, "$y_i = \\hat u' = p (1 - \\rho) t^{p-1}$")
    yield Equation(
        "route ii on $t^p$", p * rho + (N**2 - 0) * rho, (p + N**2) * rho, "$y_{ii} = y_i - N^2 (u - \\hat u)/t$"
    )
    yield Equation(
        "route iii on $t^p$",
        p * rho + (N**2 - legs.gain(N, "iii")) * rho,
        (p - N) * rho,
        "$y_{iii} = y_i + N (u - \\hat u)/t$",
    )


def _built(A: Callable[[np.ndarray], np.ndarray]) -> System:
    def build(N: int, route: str = "i") -> StateSpace:
        s = legs.system(N, route)
        return StateSpace(A(s.A), s.B, s.C, s.D)

    return build


CLAIM = Claim(
    __name__,
    title="LegS: exact equations, and the exact error on powers of t",
    kind=Kind.IDENTITY,
    statement=r"""With $A_{nk} = -(2n+1)$ for $k < n$, $A_{nn} = -(n+1)$, zero above, and $B_n = 2n+1$: the Legendre
coefficients of $u$ on $[0, t]$ satisfy $a' = (A a + B u)/t$, and those of the warped past $\tfrac{2n+1}{\theta}
\int_0^\infty u(t-\tau) P_n(2 e^{-\tau/\theta} - 1) e^{-\tau/\theta} d\tau$ satisfy $a' = (A a + B u)/\theta$, without
any closure. On $u = t^p$, $p > -1/2$, with $\rho_N(p) = \prod_{n<N} \frac{p-n}{p+n+1}$,

$$ u - \hat u = \rho_N t^p, \quad u' - y_i = p \rho_N t^{p-1}, \quad u' - y_{ii} = (p + N^2) \rho_N t^{p-1}, \quad
u' - y_{iii} = (p - N) \rho_N t^{p-1}, $$

so routes (i) and (ii) are exact on degree at most $N-1$ and route (iii) on degree at most $N$.""",
    derivation=r"""Differentiating $v(x) = u(t(x+1)/2)$ in $t$ gives $\partial_t v = \frac{1+x}{t} v'$; integrate by
parts. $A + B 1^\top$ is upper triangular with diagonal $0, 1, \ldots, N-1$ and $A$ lower triangular, so the
determinant lemma gives $1 - 1^\top (sI-A)^{-1} B = \prod_n (s-n)/(s+n+1)$; on $t^p$ the scaled equation reads $(pI -
A) a = B t^p$.""",
    assumptions=(r"$u$ locally integrable", r"the regular solution, $a(0) = u(0) e_0$"),
    source="arXiv 2008.07669 (LegS); the errors on powers are derived here",
    checks={
        Rung.EXACT: exact(),
        Rung.UNIVERSAL: derived(steps),
        Rung.KERNEL: kernel_check(
            "legs_ode",
            "legs_state_projection",
            "legendre_scaled_derivative",
            states="the scaled equation for polynomial inputs, not the warped one nor the errors on powers of t",
        ),
    },
    mutants=(
        Mutant(
            "diagonal",
            "A_nn = -n",
            {
                Rung.EXACT: exact(_built(lambda A: A + np.eye(len(A), dtype=np.int64))),
                Rung.UNIVERSAL: derived(lambda: steps(diagonal=lambda n: -n)),
            },
        ),
        Mutant(
            "legt_matrix",
            "LegT's matrix in place of LegS's",
            {Rung.EXACT: exact(_built(lambda A: legt.system(len(A)).A))},
        ),
        Mutant(
            "route_i_degree_N",
            "route (i) as good as route (iii) on t^p",
            {Rung.EXACT: exact(error=lambda p, N, r: ratio(p, N) * {"i": p - N, "ii": p + N * N, "iii": p - N}[r])},
        ),
        Mutant(
            "triangle",
            "entries -(2n+1) on the diagonal too",
            {Rung.UNIVERSAL: derived(lambda: steps(diagonal=legs.below))},
        ),
    ),
)
