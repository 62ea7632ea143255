r"""Stable steps: limits of forward Euler and of every bilinear scheme.

The generalised bilinear scheme for LegT is stable, for $\alpha < \frac{1}{2}$, exactly for

$$ h < \frac{\theta}{1 - 2\alpha} \min_j \frac{-2 \operatorname{Re} z_j}{|z_j|^2}, \qquad q_N(z_j) = 0 ; $$

forward Euler's limit ($\alpha = 0$) is $\frac{2}{3} \theta$ for $N = 2$ and falls like $\theta N^{-5/3}$ (measured).
For $\alpha \ge \frac{1}{2}$ (Tustin, backward Euler) a step is non-expansive in the orthonormal norm for every $h$ and
$N$. Time-invariant LegS, with poles $-1, \ldots, -N$, has the limit $2\theta/N$ for forward Euler.

Why.
$(I - \alpha X)^\top (I - \alpha X) - (I + (1-\alpha) X)^\top (I + (1-\alpha) X) = -(X + X^\top) + (2\alpha - 1) X^\top
X$, and $A + A^\top \le 0$ (hippo.dissipativity). One pole at a time gives the limit; it is checked by Schur's test in
rationals on the scheme's own matrix just below and just above.

Assumes.
- limits: the $N$ listed
- the order $N^{-5/3}$ is measured

Source.
derived here; Schur 1917 for the exact test
"""

# Over 120 lines: a limit in rationals, an energy balance and an order, and a figure.

from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache

import numpy as np
import sympy as sp
from flint import arb, fmpq, fmpq_mat, fmpq_poly

from constructions import legs, legt
from constructions.discretisation import gbt
from constructions.state_space import StateSpace
from numeric.analysis import peano
from numeric.analysis.rates import fit, hull
from numeric.analysis.rational_matrices import characteristic, matrix, number, objects, solve
from numeric.analysis.stability import largest_step, schur_stable
from numeric.words.telescoping import Equation, Step
from proofs.figure import Columns, Figure, Series, one, through_last
from proofs.forms import Kind, Rate, Same, Settings, claim, derived, exactly, orders
from proofs.hippo import _scalar

LIMITED = (Fraction(0), Fraction(1, 4), Fraction(1, 3))
CONTRACTING = (Fraction(1, 2), Fraction(2, 3), Fraction(1))
STEPS = (Fraction(1, 100), Fraction(1), Fraction(1000))
MARGIN = 2.0**-30
SIZES = (8, 10, 12, 14, 16, 20, 24, 28, 32, 36)
LARGER = (*SIZES, 48, 64, 96)

GAPS = (1.0, 2 / 3)
"""First corrections 1/N, and N^(-2/3) from the turning point of the poles; the interval covers both."""

Limit = Callable[[fmpq_poly, Fraction], arb]


def lifted(N: int) -> StateSpace:
    """LegT's A on exact numbers, with no input and no output: stability is a matter of A alone."""
    none = objects(np.zeros(N, dtype=np.int64))
    return StateSpace(objects(legt.system(N).A), none, none, number(0))


def step_matrix(N: int, h: fmpq, alpha: Fraction) -> fmpq_mat:
    """The scheme's own matrix, from the construction."""
    return matrix(gbt(lifted(N), h, number(alpha), "proper", solve).A)


def energy_signs(M: fmpq_mat, norms: np.ndarray) -> bool:
    """True if R^-2 - M^T R^-2 M is positive semidefinite: a real-rooted characteristic polynomial whose coefficients
    alternate. R^2 = diag(norms)."""
    N = M.nrows()
    W = fmpq_mat(N, N, [fmpq(1, int(norms[i])) if i == j else fmpq(0) for i in range(N) for j in range(N)])
    c = (W - M.transpose() * W * M).charpoly().coeffs()
    return all(v * (-1) ** (N - j) >= 0 for j, v in enumerate(c))


@exactly(range(1, 9), range(1, 15))
def exact(N: int, limit: Limit = largest_step, contracting: tuple[Fraction, ...] = CONTRACTING) -> Iterator[Same]:
    """Below and above the limit by one part in 2^30; and no expansion at small and huge steps."""
    q = characteristic(legt.system(N).A)
    for alpha in LIMITED:
        with peano.precision(200):
            h = Fraction(float(limit(q, alpha)))
        for factor, stable in ((1 - MARGIN, True), (1 + MARGIN, False)):
            step = number(h * Fraction(factor))
            found = schur_stable(step_matrix(N, step, alpha).charpoly())
            yield Same(f"stable at {factor - 1:+.0e} of the limit", found, stable, {"alpha": alpha, "h": step})
    for alpha in contracting:
        for h in STEPS:
            found = energy_signs(step_matrix(N, number(h), alpha), legt.norms(N))
            yield Same("non-expansive", found, True, {"alpha": alpha, "h": h})
    if N == 2:
        with peano.precision(200):
            yield Same("2/3 of the window for N = 2", limit(q, Fraction(0)).contains(fmpq(2, 3)), True)
    A = legs.system(N).A
    yield Same("LegS has nothing above the diagonal", objects(np.triu(A, 1)), objects(0 * np.triu(A, 1)))
    forward = characteristic(np.diag(np.diagonal(A)))
    with peano.precision(200):
        yield Same("2/N for time-invariant LegS", limit(forward, Fraction(0)).contains(fmpq(2, N)), True)


@derived(
    part="the energy balance of one step, for commuting X and its transpose, and one pole's circle; "
    "not LegT's limit for N = 2, the order in N, nor LegS's limit"
)
def steps(share: Callable[[sp.Expr], sp.Expr] = lambda alpha: 2 * alpha - 1) -> Iterator[Step]:
    """The energy balance of one step, for every A, h, alpha; and the circle of one pole."""
    X, Y, alpha, a, b, h = sp.symbols("X Y alpha a b h")
    one = sp.Integer(1)
    yield Equation(
        "the construction's step, one eigenvalue",
        gbt(_scalar.system(a, one, one, one), h, alpha, "proper", _scalar.solve).A[0, 0] * (1 - alpha * h * a),
        1 + (1 - alpha) * h * a,
        "$\\bar A = (I - \\alpha X)^{-1} (I + (1-\\alpha) X)$",
    )
    yield Equation(
        "energy of one step",
        (1 - alpha * Y) * (1 - alpha * X) - (1 + (1 - alpha) * Y) * (1 + (1 - alpha) * X),
        -(X + Y) + share(alpha) * Y * X,
        "with $X = hA$ and $Y = X^\\top$, which stands left of $X$ in every product: for $A + A^\\top \\le 0$ and "
        "$\\alpha \\ge \\frac{1}{2}$ both terms are positive semidefinite",
    )
    yield Equation(
        "one pole $z = a + ib$",
        (1 + (1 - alpha) * h * a) ** 2 + ((1 - alpha) * h * b) ** 2 - (1 - alpha * h * a) ** 2 - (alpha * h * b) ** 2,
        2 * h * a - share(alpha) * h**2 * (a**2 + b**2),
        "negative exactly when $(1 - 2\\alpha) h |z|^2 < -2 \\operatorname{Re} z$",
    )


@cache
def euler_limit(N: int) -> float:
    """Forward Euler's limit for LegT at theta = 1."""
    with peano.precision(100 + 8 * N):
        return float(largest_step(characteristic(legt.system(N).A)))


@orders()
def measure(settings: Settings, order: float = -5 / 3) -> Iterator[Rate]:
    """Order of forward Euler's limit in N."""
    sizes = SIZES if settings.profile == "quick" else LARGER
    values = [euler_limit(N) for N in sizes]
    yield Rate("forward Euler's limit, LegT", hull([fit(sizes, values, gap=gap) for gap in GAPS]), order)


def table() -> str:
    """Forward Euler's limits as a Markdown table."""
    lines = ["| $N$ | $h/\\theta$ | $N^{5/3} h/\\theta$ |", "|--:|--:|--:|"]
    lines += [f"| {N} | {euler_limit(N):.6g} | {euler_limit(N) * N ** (5 / 3):.4f} |" for N in (2, 4, 8, 16, 32)]
    return "\n".join(lines)


def _spectral_radius(q: fmpq_poly, alpha: Fraction) -> arb:
    """2/|z| for the largest pole, as for real poles."""
    from numeric.analysis.stability import poles

    largest = max(poles(q), key=lambda z: float(abs(z)))
    return 2 / abs(largest) / (1 - 2 * arb(number(alpha)))


def columns() -> Columns:
    """Forward Euler's limits, LegT's with the line of its order and LegS's with its formula."""
    found: dict[str, list[float]] = {"N": [float(N) for N in (2, 3, 4, 6, *SIZES[::3])]}
    found["LegT"] = [euler_limit(int(N)) for N in found["N"]]
    found["LegT, order"] = through_last(found["N"], found["LegT"], -5 / 3)
    with peano.precision(200):
        found["LegS"] = [float(largest_step(characteristic(legs.system(int(N)).A))) for N in found["N"]]
    found["LegS, formula"] = [2 / N for N in found["N"]]
    return found


CLAIM = claim(
    __name__,
    measure.checks() | exact.checks() | steps.checks(),
    exact.mutant("spectral_radius", "the limit is 2 over the largest |z|", limit=_spectral_radius),
    exact.mutant("same_limit", "the limit does not depend on alpha", limit=lambda q, alpha: largest_step(q)),
    exact.mutant(
        "a_stable_third", "alpha = 1/3 is non-expansive at every step", contracting=(*CONTRACTING, Fraction(1, 3))
    ),
    steps.mutant("energy", "the energy balance with 1 - alpha in place of 2 alpha - 1", share=lambda alpha: 1 - alpha),
    measure.mutant("order_two", "forward Euler's limit falls like N^(-2)", order=-2.0),
    kind=Kind.BOUND,
    parameters=table,
    figures=(
        Figure(
            "steps",
            r"""The largest stable step of forward Euler (dots); for LegT the line of the order $N^{-5/3}$ through the last dot, for
time-invariant LegS $2/N$.""",
            columns,
            one(
                "states $N$",
                r"largest stable step $h / \theta$",
                [Series("LegT", "N", "LegT", "LegT, order"), Series("LegS", "N", "LegS", "LegS, formula")],
                "xy",
            ),
        ),
    ),
)
