"""Which sample is held decides the slope: the leading errors of every scheme, convention and route."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from math import factorial

import numpy as np
from flint import fmpq, fmpq_mat, fmpq_series

from constructions import legt
from constructions.discretisation import Discrete, gbt, matched, zoh
from constructions.state_space import StateSpace
from numeric.analysis.rational_matrices import identity, matrix, number, objects, row, solve
from proofs.claim import Check, Claim, Kind, Mutant
from proofs.evidence import Rung
from proofs.hippo._checks import Draw, Same, at_points

Table = Mapping[tuple[str, str, str], tuple[Fraction, Fraction]]
HALF = Fraction(1, 2)
TERMS = 6


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


ALPHA = {"FE": fmpq(0), "Tustin": fmpq(1, 2), "BE": fmpq(1), "ZOH": fmpq(0)}
Build = Callable[[StateSpace, str, str, fmpq], Discrete]


def share(method: str, convention: str) -> fmpq:
    """The weight of the sample after the step."""
    return {"P": fmpq(0), "S4": fmpq(1), "proper": ALPHA[method]}[convention]


def quotient(method: str) -> tuple[list[fmpq], list[fmpq], list[fmpq]]:
    """Coefficients of l, f, b in X = hA: the step matrix is f/l, the input h b/l B; the exponential's are cut off."""
    if method == "ZOH":
        return (
            [fmpq(1)],
            [fmpq(1, factorial(j)) for j in range(TERMS)],
            [fmpq(1, factorial(j + 1)) for j in range(TERMS - 1)],
        )
    return [fmpq(1), -ALPHA[method]], [fmpq(1), 1 - ALPHA[method]], [fmpq(1)]


def built(s: StateSpace, method: str, convention: str, h: fmpq) -> Discrete:
    """The construction's scheme on exact numbers."""
    if method != "ZOH":
        return gbt(s, h, ALPHA[method], convention, solve)
    cut = quotient(method)[1]
    return zoh(s, h, convention, lambda m: np.array(polynomial(cut, matrix(m)).tolist(), dtype=object))


def polynomial(coefficients: list[fmpq], X: fmpq_mat) -> fmpq_mat:
    """sum_j c_j X^j."""
    total, power = X * 0, identity(X.nrows())
    for c in coefficients:
        total, power = total + power * c, X * power
    return total


def series(method: str) -> tuple[fmpq_series, fmpq_series]:
    """(f/l, b/l) as Taylor series in hA."""
    below, f, b = (fmpq_series(part, prec=TERMS) for part in quotient(method))
    return f / below, b / below


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


def expansion(s: StateSpace, method: str, convention: str, orders: int = 3) -> list[list[fmpq]]:
    """m[j][i]: the sampled transfer function is sum_j s^j sum_i m[j][i] h^i, for j < 3 and i < orders.

    With w = sh: C (e^w - f)^{-1} h b c(e^w) B, expanded in w; each coefficient is a Laurent series in hA, so that a
    term h^i C A^{i-j-1} B remains. c = 1 (P), z (S4) or the scheme's mixture.
    """
    f, b = series(method)
    later = fmpq_series([share(method, convention)])
    shifted = fmpq_series([-f[j + 1] for j in range(TERMS - 1)], prec=TERMS - 1)  # 1 - f = X * shifted
    inverse = 1 / shifted
    X = fmpq_series([0, 1], prec=TERMS - 1)
    # X^{j+1} times the coefficient of w^j of 1/(e^w - f)
    phi = [inverse, -inverse * inverse, inverse**3 - inverse**2 * X / 2]
    mixed = [
        phi[0],
        phi[1] + X * phi[0] * later,
        phi[2] + X * phi[1] * later + X * X * phi[0] * later / 2,
    ]
    A, B, C = matrix(s.A), matrix(s.B), row(s.C)
    powers = {}
    state = B
    for power in range(-1, -4, -1):
        state = A.solve(state)
        powers[power] = (C * state)[0, 0]
    state = B
    for power in range(orders):
        powers[power] = (C * state)[0, 0]
        state = A * state
    out = []
    for j in range(3):
        full = mixed[j] * b
        out.append([full[i] * powers[i - j - 1] for i in range(orders)])
    out[0][0] += number(s.D)
    return out


def leading(N: int, method: str, convention: str, route: str) -> tuple[list[fmpq], fmpq, fmpq]:
    """([must vanish], a N^2, b) for LegT with N states at theta = 1."""
    if route == "matched":
        plain = legt.system(N, "ii")
        m = expansion(StateSpace(plain.A, plain.B, legt.ends(N)[0], 0), method, convention)
        # y = (z - 1)/h times the value: s (1 + sh/2 + ...) times it
        one = m[0]
        two = [m[1][0], m[1][1] + m[0][0] / 2]
        return [fmpq(0), 1 - one[0], two[0]], -one[1], fmpq(1, 2) - two[1]
    m = expansion(legt.system(N, route), method, convention)
    return [m[0][0], 1 - m[1][0], m[2][0]], -m[1][1], fmpq(1, 2) - m[2][1]


def aliasing(N: int) -> Fraction:
    """The second-order ramp error of the zero-order hold with route (ii)."""
    return Fraction(-N * N * (N * N - 1), 24)


def exact(table: Table = TABLE, second: Callable[[int], Fraction] = aliasing, build: Build = built) -> Check:
    """The table entry by entry, from exact expansions in h on polynomial inputs of degree at most two, of functions of hA
    that are the constructions' own (polynomials in h of degree TERMS + 1)."""

    def compare(N: int, draw: Draw) -> Iterator[Same]:
        yield from constructions(N, draw("h", N), build)
        for (method, convention, route), (a, b) in table.items():
            zero, slope, curve = leading(N, method, convention, route)
            name = f"{method}, {convention}, {route}"
            yield Same(f"{name}: no error of lower order", zero, [fmpq(0)] * 3)
            yield Same(f"{name}: a N^2", slope, number(a * N * N))
            yield Same(f"{name}: b", curve, number(b))
        ramp = expansion(legt.system(N, "ii"), "ZOH", "P")[1]
        yield Same("ZOH, route ii: ramp gain to second order", ramp[:3], [fmpq(1), fmpq(0), number(second(N))])

    return at_points(compare, lambda N: TERMS + 1, range(3, 11), range(3, 33))


def altered(key: tuple[str, str, str], value: tuple[Fraction, Fraction]) -> Check:
    """The check with one entry of the table replaced."""
    return exact({**TABLE, key: value})


def text() -> str:
    """The table as Markdown."""
    lines = ["| scheme | convention | route | $a$ | $b$ |", "|:--|:--|:--|--:|--:|"]
    lines += [f"| {m} | {c} | {r} | ${a}$ | ${b}$ |" for (m, c, r), (a, b) in TABLE.items()]
    return "\n".join(lines)


CLAIM = Claim(
    __name__,
    title="Held samples and slopes: leading errors of all schemes",
    kind=Kind.IDENTITY,
    statement=r"""For LegT with $N \ge 3$ states in steady state the prediction $u_k + h y_k$ of $u_{k+1}$ misses by
$a \frac{N^2 h^2}{\theta} u' + b\, h^2 u'' + O(h^3)$, with the $a$, $b$ of the table below, besides the error of the
projection, which vanishes on polynomials of low degree. So an unmatched hold with route (i) has the ramp gain $1 - a
N^2 h/\theta$ (zero-order hold, convention P: $1 + N^2 h/(2\theta)$; S4: $1 - N^2 h/(2\theta)$), the matched readout
$g (\bar A - I)/h$ removes it, and the zero-order hold with route (ii) has the ramp gain $1 - \frac{N^2 (N^2 - 1)}{24}
\frac{h^2}{\theta^2} + O(h^3)$.""",
    derivation=r"""With $w = sh$ the sampled transfer function is $C (e^w - f(hA))^{-1} h\, b(hA)\, c(e^w) B + D$,
where $f$, $b$ are the scheme's functions and $c$ its mixture of samples. Expanding in $w$ leaves Laurent series in
$hA$, hence rational multiples of $h^i C A^{i-j-1} B$.""",
    assumptions=("steady state", r"$N \ge 3$, for each $N$ listed"),
    source="derived here",
    checks={Rung.EXACT: exact()},
    parameters=text,
    mutants=(
        Mutant(
            "held_before",
            "zero-order hold with route (i) has unit ramp gain in convention P",
            {Rung.EXACT: altered(("ZOH", "P", "i"), (Fraction(0), HALF))},
        ),
        Mutant(
            "held_after",
            "zero-order hold with route (i) has unit ramp gain in convention S4",
            {Rung.EXACT: altered(("ZOH", "S4", "i"), (Fraction(0), HALF))},
        ),
        Mutant(
            "other_sample",
            "convention S4 holds the sample before the step",
            {Rung.EXACT: exact(build=lambda s, m, c, h: built(s, m, "P" if c == "S4" else c, h))},
        ),
        Mutant(
            "same_side",
            "conventions P and S4 err to the same side",
            {Rung.EXACT: altered(("ZOH", "S4", "i"), TABLE["ZOH", "P", "i"])},
        ),
        Mutant(
            "tustin_order",
            "Tustin with averaged samples has no second-order error",
            {Rung.EXACT: altered(("Tustin", "proper", "i"), (Fraction(0), Fraction(0)))},
        ),
        Mutant(
            "aliasing",
            "the second-order ramp error of route (ii) with N^4/24",
            {Rung.EXACT: exact(second=lambda N: Fraction(-(N**4), 24))},
        ),
    ),
)
