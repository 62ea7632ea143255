r"""LegS as a time-invariant system.

For $a' = (A a + B u)/\theta$ with LegS's matrices and $\hat s = \theta s$, $w = \theta \omega$:

$$ 1 - G = \prod_{n<N} \frac{\hat s - n}{\hat s + n + 1}, \qquad |1 - G(i\omega)| = \frac{w}{\sqrt{w^2 + N^2}} $$

exactly. So the naive route (i) has relative error $w/\sqrt{w^2+N^2}$, only $O(1/N)$; route (ii) has
$|iw + N^2|/\sqrt{w^2+N^2}$, which diverges (ramp gain $1 + (-1)^N N$); route (iii) has relative error one at every
frequency.

Why.
$A$ and $A + B 1^\top$ are triangular (hippo.legs_matrices). The factors of $|1-G|^2$ telescope as a product.

Assumes.
- steady state
- exact rung: $N \le 40$

Source.
derived here
"""

# Over 120 lines: equations for all N, the error's modulus among them, and the arrays that they are of.

from collections.abc import Callable, Iterator

import numpy as np
import sympy as sp
from flint import fmpq, fmpq_poly

from constructions import legs, legt
from constructions.state_space import StateSpace
from numeric.analysis.rational_matrices import moments, monomial, transfer
from numeric.words.telescoping import Equation, Step
from proofs.forms import Mutant, Same, claim, derived, exactly
from proofs.hippo._assembled import legs_arrays
from proofs.hippo.legs_matrices import routes
from proofs.hippo.legt_pade import on_axis

Entry = Callable[..., sp.Expr]


def product(roots: range) -> fmpq_poly:
    """prod (s + r) over `roots`."""
    value = fmpq_poly([1])
    for r in roots:
        value *= fmpq_poly([r, 1])
    return value


@exactly(range(1, 41))
def exact(
    N: int, naive: Callable[..., StateSpace] = legs.system, modulus: Callable[[int], int] = lambda N: N * N
) -> Iterator[Same]:
    """Numerators and denominators from characteristic polynomials; the modulus as a polynomial in w."""
    s = naive(N)
    value, q = transfer(s.A, s.B, legt.ends(N)[0], 0)
    yield Same("denominator", q, product(range(1, N + 1)))
    yield Same("value error", q - value, product(range(0, -N, -1)))
    # w^2 |q|^2 = (w^2 + N^2) |q - p|^2: the relative error of route (i) is w/sqrt(w^2 + N^2)
    yield Same("modulus of route (i)", on_axis(q) * monomial(2), on_axis(q - value) * fmpq_poly([modulus(N), 0, 1]))
    for route in legt.ROUTES:
        r = naive(N, route)
        numerator, _ = transfer(r.A, r.B, r.C, r.D)
        want = fmpq_poly([N * N - legt.gain(N, route), 1]) * product(range(0, -N, -1))
        yield Same(f"error of route {route}", monomial(1) * q - numerator, want)
    slope = moments(*_parts(naive(N, "ii")), 2)[1]
    yield Same("ramp gain of route ii", slope, fmpq(1 + (-1) ** N * N))


def _parts(s: StateSpace) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    return s.A, s.B, s.C, s.D


@derived(legs_arrays)
def steps(
    below: Entry = legs.below, diagonal: Entry = legs.diagonal, drive: Entry = legs.drive, power: int = 1
) -> Iterator[Step]:
    """For all N, from the constructions' entries: poles and zeros of 1 - G, the modulus as a product that telescopes."""
    n, s, w, N = sp.symbols("n s w N")
    tau = sp.Symbol("tau")
    yield Equation(
        "$A + B 1^\\top$ below the diagonal",
        below(n) + drive(n),
        sp.Integer(0),
        "upper triangular, as $A$ is lower triangular: $1 - G = \\det(sI - A - B 1^\\top)/\\det(sI - A)$",
    )
    zero, pole = diagonal(n) + drive(n), diagonal(n)
    yield Equation("one factor of $1 - G$", (s - zero) / (s - pole), (s - n) / (s + n + 1), "the two diagonals")

    def square(root: sp.Expr) -> sp.Expr:
        """|s - root|^2 at s = iw."""
        return sp.expand((s - root) * (-s - root)).subs(s**2, -(w**2))

    def F(m: sp.Expr) -> sp.Expr:
        return (w**2 + m**2) ** power

    yield Equation(
        "one factor of $|1 - G|^2$",
        square(zero) / square(pole),
        F(n) / F(n + 1),
        "so the product over $n < N$ is $F(0)/F(N)$",
    )
    yield from routes(below, diagonal)
    for route, relative in (("i", w**2 / (w**2 + N**2)), ("ii", (w**2 + N**4) / (w**2 + N**2)), ("iii", sp.Integer(1))):
        extra = legs.gain(N, "i") - legs.gain(N, route)
        yield Equation(
            f"route {route}: squared relative error",
            (w**2 + extra**2) * F(sp.Integer(0)) / F(N) / w**2,
            relative,
            "$E = (s + N^2 - D)(1 - G)$ at $s = iw$, $F(0)/F(N) = |1 - G|^2$",
        )
    yield Equation(
        "one factor of $1 - G$ at $s = 0$, $n \\ge 1$",
        zero / pole,
        (-tau / (n + 1)) / (tau / n),
        "with $\\tau = (-1)^n$: the product over $1 \\le n < N$ is $(-1)^{N-1}/N$",
        (tau,),
    )
    first = 1 / (0 - pole.subs(n, 0))
    yield Equation(
        "ramp gain of route ii",
        1 - N**2 * first * (-tau / N),
        1 + tau * N,
        "$1 - \\lim E_{ii}/s$, $\\tau = (-1)^N$; the factor $n = 0$ gives $s/(s + 1)$",
        (tau,),
    )


def _shifted(N: int, route: str = "i") -> StateSpace:
    s = legs.system(N, route)
    return StateSpace(s.A + np.eye(N, dtype=np.int64), s.B, s.C, s.D)


CLAIM = claim(
    __name__,
    exact.checks() | steps.checks(),
    exact.mutant("legt_matrix", "LegT's matrices", naive=legt.system),
    Mutant(
        "diagonal", "A_nn = -n", exact.checks(naive=_shifted) | steps.checks(diagonal=lambda n: legs.diagonal(n) + 1)
    ),
    steps.mutant("double_input", "B twice as large", drive=lambda n: 2 * legs.drive(n)),
    exact.mutant("modulus", "relative error w/sqrt(w^2 + N^4)", modulus=lambda N: N**4),
    steps.mutant("modulus_power", "relative error w^2/(w^2 + N^2)", power=2),
)
