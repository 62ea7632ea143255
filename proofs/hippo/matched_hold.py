r"""Matching the readout turns a zero-order hold into a first-order one.

Let $C = g A$, $D = g B$ be route (i) of LegT, LegS or FouT. The zero-order hold with the readout
$y_k = \frac{1}{h} g (\bar A - I) x_k + \frac{1}{h} g \bar B u_k = \frac{1}{h} g (x_{k+1} - x_k)$ gives, sample by
sample, the outputs of the first-order hold (linear interpolation of the input) with the continuous readout $C$, $D$.

Why.
With $X = hA$, $\varphi_1 = (e^X - I)/X$, $\varphi_2 = (e^X - I - X)/X^2$ both transfer functions are functions of $X$
alone, and agree for each eigenvalue.

Assumes.
- exact rung: the $N$ listed, with the exponential replaced by a polynomial (the identity does not see it)

Source.
derived here
"""

# Over 120 lines: two holds on exact numbers with a polynomial for the exponential, and on one eigenvalue.

from collections.abc import Callable, Iterator
from fractions import Fraction
from math import factorial
from typing import Any

import numpy as np
import sympy as sp
from flint import fmpq

from constructions import fout, legs, legt
from constructions.discretisation import Discrete, foh, matched, zoh
from constructions.namespace import Array
from constructions.state_space import StateSpace
from numeric.analysis.rational_matrices import identity, matrix, number, objects
from numeric.words.telescoping import Equation, Step
from proofs.forms import Draw, Same, at_points, claim, derived
from proofs.hippo import _scalar
from proofs.hippo.one_step_error import response, tied

TERMS = 7
Readout = Callable[[Discrete, Array, Any], Discrete]


def cut_exponential(m: Array) -> Array:
    """sum_{j <= TERMS} m^j/j! on exact numbers.

    The identity needs of e^X only that the holds' blocks are (e^X - I)/X and (e^X - I - X)/X^2, which is true of the
    blocks of every polynomial in place of the exponential that starts with 1 + X.
    """
    a = matrix(m)
    total = power = identity(len(m))
    for j in range(1, TERMS + 1):
        power = power * a
        total = total + power * fmpq(1, factorial(j))
    return np.array(total.tolist(), dtype=object)


def families(N: int) -> Iterator[tuple[str, StateSpace, Array]]:
    """The systems with route (i) on exact numbers, and the end values."""
    yield "LegT", legt.system(N), legt.ends(N)[0]
    yield "LegS", legs.system(N), legt.ends(N)[0]
    if N % 2:
        yield "FouT", fout.system(N // 2, Fraction(5, 2)), fout.end(N // 2)


@at_points(lambda N: 2 * TERMS * (N + 1) + 4, range(1, 8), range(1, 13))
def exact(N: int, draw: Draw, readout: Readout = matched, convention: str = "P") -> Iterator[Same]:
    """Both transfer functions at drawn h and z: quotients of degree TERMS (N + 1) + 2, the holds' blocks having TERMS."""
    h, z = draw("h", N), draw("z", N)
    for name, plain, end in families(N):
        s = StateSpace(objects(plain.A), objects(plain.B), objects(plain.C), number(plain.D))
        one = readout(zoh(s, h, convention, cut_exponential), objects(end), h)
        two = foh(s, h, cut_exponential)
        yield Same(f"transfer function, {name}", response(one, z), response(two, z), {"z": z, "h": h})


def transfer(d: Discrete, z: sp.Symbol) -> sp.Expr:
    """The transfer function of one state."""
    return d.C[0] * (d.B_now[0] + z * d.B_next[0]) / (z - d.A[0, 0]) + d.D


@derived(part="one eigenvalue at a time")
def steps(slope: int = 1) -> Iterator[Step]:
    """The same for any E = e^X, one eigenvalue X = h a at a time."""
    z, E, X, h, a, b, g = sp.symbols("z E X h a b g")
    s = _scalar.system(a, b, g * a, g * b)

    def cut(m: Array) -> Array:
        return _scalar.exponential(E, m)

    yield Equation(
        "the constructions' own, one eigenvalue",
        transfer(matched(zoh(s, h, "P", cut), np.array([g], dtype=object), h), z),
        transfer(foh(s, h, cut), z),
        "zero-order hold with the matched readout, and first-order hold with route (i)",
    )
    first, second = (E - 1) / X, (E - 1 - X) / X**2
    zero_hold = (E - 1) / h * (h * first) / (z - E) + first
    linear = (X / h) * h * (first + slope * (z - 1) * second) / (z - E) + 1
    yield Equation(
        "per eigenvalue",
        zero_hold,
        linear,
        "the matched readout $g(E - 1)/h$, $g \\varphi_1$ of the zero-order hold against $g A$, $g B$ of the linear one",
    )


def _half_gain(discrete: Discrete, end: Array, h: Any) -> Discrete:
    d = matched(discrete, end, h)
    return Discrete(d.A, d.B_now, d.B_next, d.C, d.D / 2)


CLAIM = claim(
    __name__,
    exact.checks() | steps.checks(),
    exact.mutant(
        "unmatched", "the continuous readout on the zero-order hold", readout=lambda discrete, end, h: discrete
    ),
    exact.mutant("half_gain", "half of the matched gain", readout=_half_gain),
    exact.mutant(
        "tied_gain",
        "a gain that is right at h = 1/7 alone",
        readout=lambda discrete, end, h: tied(matched(discrete, end, h), h),
    ),
    steps.mutant("slope", "the linear hold with twice the slope", slope=2),
)
