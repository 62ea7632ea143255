r"""Held samples and slopes: leading errors of all schemes.

For LegT with $N \ge 3$ states in steady state the prediction $u_k + h y_k$ of $u_{k+1}$ misses by
$a \frac{N^2 h^2}{\theta} u' + b\, h^2 u'' + O(h^3)$, with the $a$, $b$ of the table below, besides the error of the
projection, which vanishes on polynomials of low degree. So an unmatched hold with route (i) has the ramp gain
$1 - a N^2 h/\theta$ (zero-order hold, convention P: $1 + N^2 h/(2\theta)$; S4: $1 - N^2 h/(2\theta)$), the matched
readout $g (\bar A - I)/h$ removes it, and the zero-order hold with route (ii) has the ramp gain
$1 - \frac{N^2 (N^2 - 1)}{24} \frac{h^2}{\theta^2} + O(h^3)$.

Why.
With $w = sh$ the sampled transfer function is $C (e^w - f(hA))^{-1} h\, b(hA)\, c(e^w) B + D$, where $f$, $b$ are the
scheme's functions and $c$ its mixture of samples. Expanding in $w$ leaves Laurent series in $hA$, hence rational
multiples of $h^i C A^{i-j-1} B$.

Assumes.
- steady state
- $N \ge 3$, for each $N$ listed

Source.
derived here
"""

# Over 120 lines: a table of schemes, each built and expanded.

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction

import numpy as np
from flint import fmpq

from constructions import legt
from constructions.discretisation import Discrete, gbt, matched, zoh
from constructions.state_space import StateSpace
from numeric.analysis.rational_matrices import matrix, number, objects, solve
from proofs.forms import Draw, Same, at_points, claim
from proofs.hippo._hold_expansions import ALPHA, TERMS, expansion, leading, polynomial, quotient, share

Table = Mapping[tuple[str, str, str], tuple[Fraction, Fraction]]
HALF = Fraction(1, 2)


def _rows() -> dict[tuple[str, str, str], tuple[Fraction, Fraction]]:
    rows: dict[tuple[str, str], tuple[Fraction | int, ...]] = {
        ("FE", "P"): (0, 0, 0, 0),
        ("FE", "S4"): (1, -1, 0, -1),
        ("Tustin", "P"): (-HALF, 1, 0, 1),
        ("Tustin", "S4"): (HALF, 0, 0, 0),
        ("Tustin", "proper"): (0, HALF, 0, HALF),
        ("BE", "P"): (-1, 2, 0, 2),
        ("BE", "S4"): (0, 1, 0, 1),
        ("ZOH", "P"): (-HALF, 1, 0, 1),
        ("ZOH", "S4"): (HALF, 0, 0, 0),
    }
    out = {}
    for (method, convention), (a, b, c, d) in rows.items():
        out[method, convention, "i"] = (Fraction(a), Fraction(b))
        out[method, convention, "ii"] = (Fraction(c), Fraction(d))
    return out | {("ZOH", "P", "matched"): (Fraction(0), HALF)}


TABLE: Table = _rows()
"""(scheme, convention, route) -> (a, b): the error of u_k + h y_k is a N^2 h^2/theta u' + b h^2 u'' + O(h^3)."""


Build = Callable[[StateSpace, str, str, fmpq], Discrete]


def built(s: StateSpace, method: str, convention: str, h: fmpq) -> Discrete:
    """The construction's scheme on exact numbers."""
    if method != "ZOH":
        return gbt(s, h, ALPHA[method], convention, solve)
    cut = quotient(method)[1]
    return zoh(s, h, convention, lambda m: np.array(polynomial(cut, matrix(m)).tolist(), dtype=object))


def constructions(N: int, h: fmpq, build: Build) -> Iterator[Same]:
    """The constructions' schemes at a drawn h are those quotients, with the samples that the convention names."""
    plain = legt.system(N)
    s = StateSpace(objects(plain.A), objects(plain.B), objects(plain.C), number(plain.D))
    X, B = matrix(s.A) * h, matrix(s.B) * h
    for method, convention in dict.fromkeys((m, c) for m, c, _ in TABLE):
        d, next_share = build(s, method, convention, h), share(method, convention)
        below, f, b = (polynomial(part, X) for part in quotient(method))
        name = f"{method}, {convention}: the construction's"
        yield Same(f"{name} step", below * matrix(d.A), f, {"h": h})
        yield Same(f"{name} sample before", below * matrix(d.B_now), b * B * (1 - next_share), {"h": h})
        yield Same(f"{name} sample after", below * matrix(d.B_next), b * B * next_share, {"h": h})
        yield Same(f"{name} readout", [*d.C, d.D], [*s.C, s.D], {"h": h})
    end = objects(legt.ends(N)[0])
    held = build(s, "ZOH", "P", h)
    made = matched(held, end, h)
    yield Same("the matched readout of the state", made.C, (end @ held.A - end) / h, {"h": h})
    yield Same("the matched gain", made.D, (end @ held.B_now) / h, {"h": h})


def aliasing(N: int) -> Fraction:
    """The second-order ramp error of the zero-order hold with route (ii)."""
    return Fraction(-N * N * (N * N - 1), 24)


@at_points(lambda N: TERMS + 1, range(3, 11), range(3, 33))
def exact(
    N: int, draw: Draw, table: Table = TABLE, second: Callable[[int], Fraction] = aliasing, build: Build = built
) -> Iterator[Same]:
    """The table entry by entry, from exact expansions in h on polynomial inputs of degree at most two, of functions of hA
    that are the constructions' own (polynomials in h of degree TERMS + 1)."""
    yield from constructions(N, draw("h", N), build)
    for (method, convention, route), (a, b) in table.items():
        zero, slope, curve = leading(N, method, convention, route)
        name = f"{method}, {convention}, {route}"
        yield Same(f"{name}: no error of lower order", zero, [fmpq(0)] * 3)
        yield Same(f"{name}: a N^2", slope, number(a * N * N))
        yield Same(f"{name}: b", curve, number(b))
    ramp = expansion(legt.system(N, "ii"), "ZOH", "P")[1]
    yield Same("ZOH, route ii: ramp gain to second order", ramp[:3], [fmpq(1), fmpq(0), number(second(N))])


def altered(key: tuple[str, str, str], value: tuple[Fraction, Fraction]) -> Table:
    """The table with one entry replaced."""
    return {**TABLE, key: value}


def text() -> str:
    """The table as Markdown."""
    lines = ["| scheme | convention | route | $a$ | $b$ |", "|:--|:--|:--|--:|--:|"]
    lines += [f"| {m} | {c} | {r} | ${a}$ | ${b}$ |" for (m, c, r), (a, b) in TABLE.items()]
    return "\n".join(lines)


CLAIM = claim(
    __name__,
    exact.checks(),
    exact.mutant(
        "held_before",
        "zero-order hold with route (i) has unit ramp gain in convention P",
        table=altered(("ZOH", "P", "i"), (Fraction(0), HALF)),
    ),
    exact.mutant(
        "held_after",
        "zero-order hold with route (i) has unit ramp gain in convention S4",
        table=altered(("ZOH", "S4", "i"), (Fraction(0), HALF)),
    ),
    exact.mutant(
        "other_sample",
        "convention S4 holds the sample before the step",
        build=lambda s, m, c, h: built(s, m, "P" if c == "S4" else c, h),
    ),
    exact.mutant(
        "same_side",
        "conventions P and S4 err to the same side",
        table=altered(("ZOH", "S4", "i"), TABLE["ZOH", "P", "i"]),
    ),
    exact.mutant(
        "tustin_order",
        "Tustin with averaged samples has no second-order error",
        table=altered(("Tustin", "proper", "i"), (Fraction(0), Fraction(0))),
    ),
    exact.mutant(
        "aliasing", "the second-order ramp error of route (ii) with N^4/24", second=lambda N: Fraction(-(N**4), 24)
    ),
    parameters=text,
)
