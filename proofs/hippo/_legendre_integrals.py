"""LegT's matrices from the integrals of Legendre polynomials that define them, in rationals."""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp
from flint import fmpq, fmpq_poly

from constructions.state_space import StateSpace


def integral(p: fmpq_poly) -> fmpq:
    """The integral of p over [-1, 1]."""
    q = p.integral()
    return q(fmpq(1)) - q(fmpq(-1))


def from_integrals(N: int) -> tuple[list[list[fmpq]], list[fmpq]]:
    """A (N, N) and B (N,) from a_n = (2n+1)/2 int v P_n and the moving window, v(-1) closed by the partial sum."""
    P = [fmpq_poly.legendre_p(n) for n in range(N)]
    left = [p(fmpq(-1)) for p in P]
    A = [
        [
            (2 * n + 1)
            * (-left[n] * left[k] - integral(P[n].derivative() * P[k]) * fmpq(2 * k + 1, 2) * fmpq(2, 2 * k + 1))
            for k in range(N)
        ]
        for n in range(N)
    ]
    return A, [(2 * n + 1) * P[n](fmpq(1)) for n in range(N)]


def symbolic_rows(written: StateSpace) -> Iterator[tuple[sp.Expr, sp.Expr]]:
    """Each coefficient's slope for an undetermined polynomial input of degree below N, with the closure: from SymPy's
    integrals, and as the written A and B have it."""
    x, u, N = sp.Symbol("x"), sp.Symbol("u"), written.order
    a = sp.symbols(f"a0:{N}")
    for n in range(N):
        slope = sp.Poly(sp.diff(sp.legendre(n, x), x), x) if n else sp.Poly(0, x)
        series = sum((a[k] * sp.legendre(k, x) for k in range(N)), sp.Integer(0))
        inner = sp.integrate(sp.expand(series * slope.as_expr()), (x, -1, 1))
        closed = sum((-1) ** k * a[k] for k in range(N))
        want = (2 * n + 1) * (u - (-1) ** n * closed - inner)
        have = (
            sum((sp.Rational(written.A[n, k]) * a[k] for k in range(N)), sp.Integer(0)) + sp.Rational(written.B[n]) * u
        )
        yield want, have
