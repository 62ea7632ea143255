r"""Peano kernels of the Legendre projection's end-point error and of derivative readouts, and their exact L1 norms
in balls.

With v on [-1, 1], eps_N[v] = v(1) - (projection of degree < N)(1) and y = (1-x)/2,
    eps_N[v] = int kern_k v^(k) dx,  kern_k = (N-k)!/(2^k (N-1)!) (1-x)^(k-1) (1+x)^k P^(k-1,k)_(N-k)(x),  1 <= k <= N,
P^(a,b) Jacobi. The readouts' kernels on v^(K), K = k+1: (i) R = (1+x) kern_k + k kern_K, (ii) R + N^2 kern_K,
(iii) R - N kern_K, true 2 kern_k. The L1 norm is the largest error over all v with |v^(K)| <= 1. Polynomials are in
y. Derived here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from math import comb, factorial
from typing import Any

from flint import arb, ctx, fmpq, fmpq_poly

from numeric.analysis.rational_matrices import ball_value

FUNCTIONALS = ("value", "i", "ii", "iii", "true")


@contextmanager
def precision(bits: int) -> Iterator[None]:
    """Arb's working precision inside a `with`; what was set before comes back after it."""
    before = ctx.prec
    ctx.prec = bits
    try:
        yield
    finally:
        ctx.prec = before


def jacobi(n: int, a: int, b: int) -> fmpq_poly:
    """P_n^(a,b) as a polynomial in y = (1-x)/2."""
    top = comb(n + a, n)
    coefficients, value = [], fmpq(top)
    for m in range(n + 1):
        coefficients.append(value)
        value = value * fmpq((m - n) * (n + a + b + 1 + m), (a + 1 + m) * (m + 1))
    return fmpq_poly(coefficients)


def kernel(k: int, N: int) -> fmpq_poly:
    """kern_k in y, 1 <= k <= N."""
    if not 1 <= k <= N:
        raise ValueError(f"k is {k}; expected between 1 and N = {N}")
    scale = fmpq(factorial(N - k) * 2 ** (k - 1), factorial(N - 1))
    return scale * fmpq_poly([0, 1]) ** (k - 1) * fmpq_poly([1, -1]) ** k * jacobi(N - k, k - 1, k)


def functional(name: str, K: int, N: int) -> fmpq_poly:
    """The kernel of a functional on v^(K), 2 <= K <= N (value: 1 <= K)."""
    if name == "value":
        return kernel(K, N)
    k = K - 1
    if name == "true":
        return 2 * kernel(k, N)
    extra = {"i": 0, "ii": N * N, "iii": -N}[name]
    return fmpq_poly([2, -2]) * kernel(k, N) + (k + extra) * kernel(K, N)


def integral(p: fmpq_poly) -> fmpq:
    """The integral over x in [-1, 1] of a polynomial in y."""
    return 2 * p.integral()(fmpq(1))


def l1_norm(p: fmpq_poly) -> arb:
    """The integral of |p| over x in [-1, 1] as a ball: isolated real roots, then the variation of the antiderivative;
    at the working precision, or more where the degree asks for it."""
    y = fmpq_poly([0, 1])
    bare = p
    for factor in (y, 1 - y):
        while bare.degree() > 0:
            quotient, rest = divmod(bare, factor)
            if not rest.is_zero():
                break
            bare = quotient
    with precision(max(ctx.prec, 60 + 5 * p.degree())):
        roots = [] if bare.degree() < 1 else _real_roots(bare)
        inside = sorted((r for r in roots if r > 0 and r < 1), key=lambda r: float(r.mid()))
        F = p.integral()
        values = [arb(0), *(ball_value(F, r) for r in inside), ball_value(F, arb(1))]
        return 2 * sum((abs(b - a) for a, b in zip(values, values[1:], strict=False)), arb(0))


def _real_roots(p: fmpq_poly) -> list[arb]:
    """Isolated real roots; FLINT returns a real root with an imaginary part that is exactly zero."""
    pairs: list[Any] = list(p.numer().complex_roots())
    return [root.real for root, _ in pairs if root.imag.is_zero()]


def legendre(j: int) -> fmpq_poly:
    """P_j in y."""
    return jacobi(j, 0, 0)


def derivative(p: fmpq_poly, times: int) -> fmpq_poly:
    """The derivative in x of a polynomial in y."""
    for _ in range(times):
        p = p.derivative() * fmpq(-1, 2)
    return p


def constant_squared(k: int, N: int) -> fmpq:
    """The square of C_{k,N} = 2^(k-1/2) sqrt((k-1)! k!/(2k)! (N-k)!/(N+k-1)!), the Cauchy-Schwarz bound of int
    |kern_k|."""
    return fmpq(
        2 ** (2 * k - 1) * factorial(k - 1) * factorial(k) * factorial(N - k), factorial(2 * k) * factorial(N + k - 1)
    )


def bound(name: str, K: int, N: int) -> arb:
    """The explicit bound of a functional for |v^(K)| <= 1, 2 <= K <= N."""
    k = K - 1
    one, two = _root(constant_squared(k, N)), _root(constant_squared(K, N))
    first = one * _root(fmpq(2 * (k + 2), 2 * k + 1)) + k * two
    return {"value": two, "i": first, "ii": first + N * N * two, "iii": first + N * two, "true": 2 * one}[name]


def _root(q: fmpq) -> arb:
    return arb(q).sqrt()


def asymptotic(name: str, K: int) -> tuple[Fraction, float]:
    """(exponent of N, constant) of the sharp constant as N grows, from the Jacobi polynomials' Darboux asymptotics."""
    from math import gamma, pi

    def c(j: int) -> float:
        return 2 * 2**0.5 / pi * gamma(j + 0.5) / factorial(j)

    def beta(a: float, b: float) -> float:
        return gamma(a) * gamma(b) / gamma(a + b)

    k = K - 1
    return {
        "value": (Fraction(1, 2) - K, c(K)),
        "i": (Fraction(3, 2) - K, 2 ** (k + 2) * pi**-1.5 * beta((k + 0.5) / 2, (k + 3.5) / 2)),
        "ii": (Fraction(5, 2) - K, c(K)),
        "iii": (Fraction(3, 2) - K, 2 ** (K + 1) * pi**-1.5 * beta((K - 0.5) / 2, (K + 1.5) / 2)),
        "true": (Fraction(3, 2) - K, 2 * c(k)),
    }[name]
