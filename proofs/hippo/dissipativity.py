r"""Dissipativity of LegT, LegS and FouT.

In the orthonormal bases, with $g$ and $\hat g$ the basis functions at the right and left end and $\phi$ those at lag
zero,

$$ \theta (A + A^\top) = -(g g^\top + \hat g \hat g^\top) \ \text{(LegT)}, \qquad -I - g g^\top \ \text{(LegS)}, \qquad
   -4 \phi \phi^\top \ \text{(FouT)}. $$

Hence $\norm{e^{At}} \le 1$ for LegT and FouT and $\norm{e^{At}} \le e^{-t/(2\theta)}$ for LegS: stable for every $N$
and $\theta$.

Why.
Entry by entry. $\frac{d}{dt} \norm{x}^2 = x^\top (A + A^\top) x$ gives the norms.

Source.
derived here; the LegS identity is in the S4 literature
"""

# Over 120 lines: three systems on three rungs, and two figures.

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

from constructions import fout, legs, legt
from constructions.discretisation import gbt, zoh
from constructions.namespace import Array
from constructions.state_space import StateSpace, orthonormal
from numeric.analysis.rational_matrices import characteristic, matrix, objects
from numeric.finding import Counterexample, Finding, Verdict
from numeric.words.telescoping import Equation, Step
from proofs.figure import Columns, Figure, Panel, Series
from proofs.forms import Mutant, Rung, Same, Settings, checked, claim, derived, exactly

OMEGAS = (Fraction(1), Fraction(7, 2))
"""Two values of omega decide an identity that is linear in omega."""


def symmetric_part(A: Array, norms: Array) -> Array:
    """R^{-2} A + A^T R^{-2}: the symmetric part of the orthonormal matrix, congruent to A_o + A_o^T; exact objects."""
    weights = np.array([Fraction(1, int(v)) for v in norms], dtype=object)
    scaled = weights[:, None] * A.astype(object)
    return scaled + scaled.T


@exactly(range(1, 17), range(1, 41))
def exact(N: int, legt_sign: int = 1, legs_shift: int = 1, fout_factor: int = 4) -> Iterator[Same]:
    """The three identities in the coefficient basis."""
    right, left = (e.astype(object) for e in legt.ends(N))
    want = -np.outer(right, right) - legt_sign * np.outer(left, left)
    yield Same("LegT", matrix(symmetric_part(legt.system(N).A, legt.norms(N))), matrix(want))
    weights = np.diag([Fraction(legs_shift, int(v)) for v in legt.norms(N)]).astype(object)
    want = -np.outer(right, right) - weights
    yield Same("LegS", matrix(symmetric_part(legs.system(N).A, legt.norms(N))), matrix(objects(want)))
    e = np.array([1] + [1, 0] * N, dtype=object)  # cos 0 = 1 and sin 0 = 0
    yield Same("FouT's end values", objects(fout.end(N)), objects(e))
    for omega in OMEGAS:
        A = fout.system(N, omega).A
        yield Same(
            "FouT", matrix(symmetric_part(A, fout.norms(N))), matrix(-fout_factor * np.outer(e, e)), {"omega": omega}
        )


@derived(part="LegT's and LegS's entries; FouT's are the exact rung's")
def steps(
    above: Callable[..., sp.Expr] = legt.above, diagonal: Callable[..., sp.Expr] = legs.diagonal
) -> Iterator[Step]:
    """The same entry by entry for all n and k; sigma = (-1)^(n-k)."""
    n, k, sigma = sp.Symbol("n"), sp.Symbol("k"), sp.Symbol("sigma")
    yield Equation(
        "LegT, $k < n$",
        legt.below(n) / legt.drive(n) + above(k, sigma) / legt.drive(k),
        -1 - sigma,
        "minus the two end values' products",
        (sigma,),
    )
    yield Equation("LegT, the diagonal", 2 * legt.below(n) / legt.drive(n), sp.Integer(-2), "both products are one")
    yield Equation("LegS, $k < n$", legs.below(n) / legs.drive(n), sp.Integer(-1), "no entries above the diagonal")
    yield Equation(
        "LegS, the diagonal", 2 * diagonal(n) / legs.drive(n), -1 - 1 / (2 * n + 1), "the product of end values and $I$"
    )


@checked(Rung.SAMPLED)
def sampled(settings: Settings, shift: float = 0.0) -> Finding:
    """Float64: the largest eigenvalue of A_o + A_o^T, against the rounding of its entries and of the eigenvalue solver.

    Entries carry at most six roundings, so the matrix is off by at most 6 u |A| + u in Frobenius norm, and a
    backward stable
    symmetric solver returns an eigenvalue of a matrix within p(n) u |S|_2 of S; p(n) is taken as n (LAPACK calls it
    a modestly growing function).
    """
    unit = 2.0**-53
    figures: dict[str, float | int | str | bool | None] = {}
    sizes = (8, 32, 128) if settings.profile == "quick" else (8, 64, 256, 1024)
    families: tuple[tuple[str, Callable[[int], StateSpace], float], ...] = (
        ("LegT", lambda N: orthonormal(legt.system(N), legt.norms(N)), 0.0),
        ("LegS", lambda N: orthonormal(legs.system(N), legs.norms(N)), -1.0),
        ("FouT", lambda N: orthonormal(fout.system(N // 2, 2 * np.pi), fout.norms(N // 2)), 0.0),
    )
    for name, build, top in families:
        for N in sizes:
            S = build(N).A
            S = S + S.T + shift * np.eye(len(S))
            found = float(np.linalg.eigvalsh(S)[-1])
            bound = float((len(S) + 14) * unit * np.linalg.norm(S))
            figures[f"{name} {N}: excess over bound"] = round((found - top) / bound, 4)
            if found - top > bound:
                return Finding(
                    Verdict.REFUTED,
                    f"{name} at N = {N}: an eigenvalue of A + A^T is {found}",
                    figures=figures,
                    counterexample=Counterexample(
                        {"N": N}, {}, repr(found), repr(top), "largest eigenvalue", "claimed bound"
                    ),
                )
    return Finding(
        Verdict.CONFIRMED,
        figures=figures,
        settings={"dtype": "float64", "sizes": {"N": str(sizes)}},
        trust=("LAPACK's symmetric eigenvalue solver is backward stable with constant n",),
    )


_STEP, _LARGEST = 48, 16
"""In the figure of discrete poles: steps a window, too few for forward Euler at so many states, and the states."""

_SIZES = (4, 8, 16, 32)
_SCHEMES = {"forward Euler": 0.0, "Tustin": 0.5, "backward Euler": 1.0}


def columns() -> Columns:
    """Poles of LegT and FouT at theta = 1, and of their discretisations."""
    found: dict[str, np.ndarray] = {}

    def put(name: str, poles: np.ndarray) -> None:
        found[f"{name} re"], found[f"{name} im"] = poles.real, poles.imag

    for N in _SIZES:
        # float64 eigenvalues of LegT are wrong by 13 % at N = 32, the polynomial's balls are not
        roots: Any = characteristic(legt.system(N).A).numer().complex_roots()
        put(f"LegT {N}", np.array([complex(r) for r, _ in roots]))
        put(f"FouT {N}", np.linalg.eigvals(orthonormal(fout.system(N // 2, 2 * np.pi), fout.norms(N // 2)).A))
    families = {
        "LegT": orthonormal(legt.system(_LARGEST), legt.norms(_LARGEST)),
        "FouT": orthonormal(fout.system(_LARGEST // 2, 2 * np.pi), fout.norms(_LARGEST // 2)),
    }
    for family, s in families.items():
        for name, alpha in _SCHEMES.items():
            put(f"{family} {name}", np.linalg.eigvals(gbt(s, 1 / _STEP, alpha).A))
        put(f"{family} zero-order hold", np.linalg.eigvals(zoh(s, 1 / _STEP).A))
    put("unit circle", np.exp(1j * np.linspace(-1.2, 1.2, 97)))
    return found


def _continuous(family: str) -> Panel:
    series = tuple(Series(f"$N = {N}$", f"{family} {N} re", f"{family} {N} im") for N in _SIZES)
    return Panel(r"$\theta \times$ real part", r"$\theta \times$ imaginary part", series, title=family)


def _discrete(family: str) -> Panel:
    names = (*_SCHEMES, "zero-order hold")
    series = tuple(Series(n, f"{family} {n} re", f"{family} {n} im") for n in names)
    circle = Series("unit circle", "unit circle re", theory="unit circle im")
    return Panel("real part", "imaginary part", (*series, circle), title=f"{family}, discretised", equal=True)


CLAIM = claim(
    __name__,
    sampled.checks() | exact.checks() | steps.checks(),
    exact.mutant("one_end", "LegT loses energy at the right end only", legt_sign=0),
    Mutant(
        "legs_shift", "LegS with -I/2 in place of -I", exact.checks(legs_shift=2) | steps.checks(diagonal=lambda n: -n)
    ),
    exact.mutant("fout_factor", "FouT with the factor 2", fout_factor=2),
    steps.mutant("no_sign_flip", "LegT without the sign flip", above=lambda n, p: legt.above(n, 1)),
    sampled.mutant("unstable", "A shifted to the right by 10^-9", shift=2e-9),
    figures=(
        Figure(
            "poles",
            r"""Eigenvalues of LegT and FouT ($2 \lfloor N/2 \rfloor + 1$ states), all in the left half plane; LegS has $-1, \dots,
-N$.""",
            columns,
            (_continuous("LegT"), _continuous("FouT")),
        ),
        Figure(
            "discrete_poles",
            rf"""The same discretised, $N = {_LARGEST}$ and $\theta/h = {_STEP}$. Forward Euler leaves the unit circle at this
step, the others stay inside at every step.""",
            columns,
            (_discrete("LegT"), _discrete("FouT")),
        ),
    ),
)
