"""LegS used as a time-invariant system: the naive readouts' exact relative errors, and the readout that repairs
them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import sympy as sp
from flint import fmpq, fmpq_poly

from constructions import legs, legt
from constructions.state_space import StateSpace
from numeric.rational_matrices import moments, monomial, transfer
from numeric.telescoping import Equation, Step
from proofs.claim import Check, Claim, Kind, Mutant
from proofs.evidence import Rung
from proofs.hippo._checks import Same, derived, exactly
from proofs.hippo.legt_pade import on_axis


def product(roots: range) -> fmpq_poly:
    """prod (s + r) over `roots`."""
    value = fmpq_poly([1])
    for r in roots:
        value *= fmpq_poly([r, 1])
    return value


def exact(
    naive: Callable[..., StateSpace] = legs.system,
    modulus: Callable[[int], int] = lambda N: N * N,
) -> Check:
    """Numerators and denominators from characteristic polynomials; the modulus as a polynomial in w."""

    def compare(N: int) -> Iterator[Same]:
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

    return exactly(compare, range(1, 41))


def _parts(s: StateSpace) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    return s.A, s.B, s.C, s.D


def steps(power: int = 1) -> Iterator[Step]:
    """For all N: the modulus telescopes as a product."""
    n, w, N = sp.symbols("n w N")
    yield Equation(
        "one factor of $|1 - G|^2$",
        (w**2 + n**2) / (w**2 + (n + 1) ** 2),
        _square(n, w, power) / _square(n + 1, w, power),
        "$|iw - n|^2 / |iw + n + 1|^2 = F(n)/F(n+1)$, so the product over $n < N$ is $F(0)/F(N)$",
    )
    yield Equation(
        "the modulus",
        _square(sp.Integer(0), w, power) / _square(N, w, power),
        w**2 / (w**2 + N**2),
        "$|1 - G(iw)| = w/\\sqrt{w^2 + N^2}$ exactly",
    )
    D = sp.Symbol("D")
    yield Equation(
        "route iii",
        (w**2 + (N**2 - legs.gain(N, "iii")) ** 2) / (w**2 + N**2),
        sp.Integer(1),
        "its relative error is one at every frequency: it never helps",
    )
    yield Equation(
        "routes",
        legt.readout(n, D) - legt.readout(n, N**2),
        N**2 - D,
        "the readouts differ by $(D - N^2)(u - \\hat u)$",
    )


def _square(n: sp.Expr, w: sp.Symbol, power: int) -> sp.Expr:
    return (w**2 + n**2) ** power


CLAIM = Claim(
    __name__,
    title="LegS as a time-invariant system",
    kind=Kind.IDENTITY,
    statement=r"""For $a' = (A a + B u)/\theta$ with LegS's matrices and $\hat s = \theta s$, $w = \theta \omega$:

$$ 1 - G = \prod_{n<N} \frac{\hat s - n}{\hat s + n + 1}, \qquad |1 - G(i\omega)| = \frac{w}{\sqrt{w^2 + N^2}} $$

exactly. So the naive route (i) has relative error $w/\sqrt{w^2+N^2}$, only $O(1/N)$; route (ii) has $|iw +
N^2|/\sqrt{w^2+N^2}$, which diverges (ramp gain $1 + (-1)^N N$); route (iii) has relative error one at every
frequency.""",
    derivation=r"""$A$ and $A + B 1^\top$ are triangular (hippo.legs_matrices). The factors of $|1-G|^2$ telescope as
a product.""",
    assumptions=("steady state",),
    source="derived here",
    checks={Rung.EXACT: exact(), Rung.UNIVERSAL: derived(steps)},
    mutants=(
        Mutant("legt_matrix", "LegT's matrices", {Rung.EXACT: exact(naive=legt.system)}),
        Mutant("modulus", "relative error w/sqrt(w^2 + N^4)", {Rung.EXACT: exact(modulus=lambda N: N**4)}),
        Mutant("modulus_power", "relative error w^2/(w^2 + N^2)", {Rung.UNIVERSAL: derived(lambda: steps(power=2))}),
    ),
)
