r"""Noise gains of the readouts.

In the orthonormal basis, for LegT and LegS,

$$ \norm{C_i}_2 = \frac{N \sqrt{N^4 + N^2 + 1}}{\sqrt 3\, \theta}, \qquad
   \norm{C_{ii}}_2 = \frac{N (N^2 - 1)}{\sqrt 3\, \theta}, \qquad
   \norm{C_{iii}}_2 = \frac{N (N+1) \sqrt{N^2 + N + 1}}{\sqrt 3\, \theta}, $$

and $\sum_k r_k |C_k| = \frac{N^2 (N^2+1)}{2\theta}$ for route (i), $\frac{N^2 (N^2-1)}{2\theta}$ for route (ii), with
$r_k = \sqrt{2k+1}$.

Why.
Telescoping sums of polynomials in $k$; each antidifference is checked for symbolic $k$ and $N$.

Source.
derived here
"""

from collections.abc import Callable, Iterator

import sympy as sp
from flint import fmpq

from constructions import legt
from numeric.words.telescoping import Step, Sum
from proofs.forms import Same, claim, derived, exactly, joint
from proofs.hippo._assembled import legt_arrays

Form = Callable[..., sp.Expr]


def squared(N: sp.Expr, route: str) -> sp.Expr:
    """The squared Euclidean norm of the orthonormal C, theta = 1, times 3."""
    return {"i": N**2 * (N**4 + N**2 + 1), "ii": N**2 * (N**2 - 1) ** 2, "iii": N**2 * (N + 1) ** 2 * (N**2 + N + 1)}[
        route
    ]


def absolute(N: sp.Expr, route: str) -> sp.Expr:
    """sum_k (2k+1) |k(k+1) - D| for routes i and ii, times 2."""
    return {"i": N**2 * (N**2 + 1), "ii": N**2 * (N**2 - 1)}[route]


@exactly(range(1, 41), range(1, 201))
def exact(N: int, norm: Form = squared, weighted: Form = absolute) -> Iterator[Same]:
    """Sums over the constructions' own integers."""
    for route in legt.ROUTES:
        s = legt.system(N, route)
        r2, C = legt.norms(N).tolist(), s.C.tolist()
        found = sum(r * c * c for r, c in zip(r2, C, strict=True))
        yield Same(f"squared norm of C, route {route}", fmpq(3 * found), str(norm(N, route)))
        if route != "iii":
            found = sum(r * abs(c) for r, c in zip(r2, C, strict=True))
            yield Same(f"weighted absolute sum, route {route}", fmpq(2 * found), str(weighted(N, route)))


@derived(legt_arrays)
def steps(norm: Form = squared, weighted: Form = absolute) -> Iterator[Step]:
    """Both sums for symbolic N. The antidifferences are polynomials in k, one a route."""
    k, N = sp.Symbol("k"), sp.Symbol("N")
    for route in legt.ROUTES:
        D = legt.gain(N, route)
        summand = (2 * k + 1) * legt.readout(k, D) ** 2
        yield Sum(
            f"squared norm, route {route}",
            k,
            sp.expand(summand),
            _antidifference(summand, k),
            sp.Integer(0),
            N - 1,
            norm(N, route) / 3,
            "$C_k^2$ with the factor $2k+1$ of the orthonormal basis",
        )
    for route, sign in (("i", -1), ("ii", 1)):
        summand = sign * (2 * k + 1) * legt.readout(k, legt.gain(N, route))
        yield Sum(
            f"weighted absolute sum, route {route}",
            k,
            sp.expand(summand),
            _antidifference(summand, k),
            sp.Integer(0),
            N - 1,
            weighted(N, route) / 2,
            "all $C_k$ have one sign: $k(k+1) < N^2$ for $k \\le N-1$",
        )


def _antidifference(summand: sp.Expr, k: sp.Symbol) -> sp.Expr:
    """A polynomial F with F(k+1) - F(k) = summand, by undetermined coefficients; `decide` checks it again."""
    poly = sp.Poly(sp.expand(summand), k)
    unknown = sp.symbols(f"f1:{poly.degree() + 2}")
    F = sum((c * k**j for j, c in enumerate(unknown, start=1)), sp.Integer(0))
    rest = sp.Poly(sp.expand(F.subs(k, k + 1) - F - summand), k)
    solved = sp.solve(rest.all_coeffs(), unknown, dict=True)[0]
    return sp.factor(F.subs(solved))


CLAIM = claim(
    __name__,
    exact.checks() | steps.checks(),
    joint(
        "same_norm",
        "route (i)'s norm equal to route (ii)'s",
        exact,
        steps,
        norm=lambda N, r: squared(N, "ii" if r == "i" else r),
    ),
    joint("no_root", "norms without the factor 2k+1's growth: N^4/3", exact, steps, norm=lambda N, r: N**4),
    joint("absolute", "the weighted sum of (i) with N^2 - 1", exact, steps, weighted=lambda N, r: absolute(N, "ii")),
)
