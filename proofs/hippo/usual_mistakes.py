"""The usual mistakes in the derivative readouts, the simplest input that shows each, and by how much."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from flint import fmpq

from constructions import fout, legs, legt
from constructions.state_space import StateSpace
from numeric.analysis.rational_matrices import moments, number, transfer
from proofs.claim import Check, Claim, Kind, Mutant
from proofs.evidence import Rung
from proofs.hippo._checks import Same, exactly

TRUE = (0, 1, 0)
"""What a derivative makes of 1, t, t^2/2 at t = 0."""

NAMES = ("constant", "ramp", "parabola")


@dataclass(frozen=True)
class Mistake:
    """A wrong system, by N, and its witness: the first of 1, t, t^2/2 it answers wrongly, with the answer at t = 0.

    `root`: the answer is value + root_part/sqrt 3 (a missing sqrt(2n+1)); else it is rational.
    """

    words: str
    source: str
    system: Callable[[int], StateSpace]
    degree: int
    value: Callable[[int], Fraction]
    root_part: Callable[[int], Fraction] = lambda N: Fraction(0)
    root: bool = False


def answers(m: Mistake, N: int, count: int = 3) -> list[tuple[fmpq, fmpq]]:
    """(rational part, coefficient of 1/sqrt 3) of the answers to 1, t, t^2/2 at t = 0."""
    s = m.system(N)
    if not m.root:
        return [(v, fmpq(0)) for v in _reduced(s, count)]
    # C_k/sqrt(2k+1): on inputs of degree j < 2 only a_0, ..., a_j are not zero
    out = []
    units = [moments(s.A, s.B, (np.arange(s.order) == k).astype(int), 0, 2) for k in range(s.order)]
    for j in range(2):
        if any(units[k][j] != 0 for k in range(j + 1, s.order)):
            raise AssertionError("a polynomial of degree j reaches a coefficient beyond j")
        rational = units[0][j] * number(s.C[0]) + (number(s.D) if j == 0 else 0)
        out.append((rational, units[1][j] * number(s.C[1])))
    return out


def _reduced(s: StateSpace, count: int) -> list[fmpq]:
    """Taylor coefficients of the reduced transfer function: a mistaken A may be singular in states that nothing
    reaches."""
    p, q = transfer(s.A, s.B, s.C, s.D)
    common = p.gcd(q)
    top, bottom = (list((v // common).coeffs()) + [fmpq(0)] * count for v in (p, q))
    found: list[fmpq] = []
    for j in range(count):
        found.append((top[j] - sum((bottom[i] * found[j - i] for i in range(1, j + 1)), fmpq(0))) / bottom[0])
    return found


def _with(s: StateSpace, **parts: object) -> StateSpace:
    values = {"A": s.A, "B": s.B, "C": s.C, "D": s.D} | parts
    return StateSpace(values["A"], values["B"], values["C"], values["D"])


def _alternate(N: int) -> np.ndarray:
    return legt.ends(N)[1]


def _transposed(N: int) -> StateSpace:
    s, r2 = legt.system(N), legt.norms(N)
    return _with(s, A=s.A.T * r2[:, None] // r2[None, :])


MISTAKES: Mapping[str, Mistake] = {
    "gain_sign": Mistake(
        "the sign of D in route (i)",
        "F1",
        lambda N: _with(legt.system(N), D=-(N**2)),
        0,
        lambda N: Fraction(-2 * N * N),
    ),
    "root_ii": Mistake(
        "no factor sqrt(2n+1) in C, route (ii)",
        "F2",
        lambda N: legt.system(N, "ii"),
        1,
        lambda N: Fraction(0),
        lambda N: Fraction(1),
        True,
    ),
    "root_i": Mistake(
        "no factor sqrt(2n+1) in C, route (i)",
        "F2",
        legt.system,
        1,
        lambda N: Fraction(N * N, 2),
        lambda N: Fraction(2 - N * N, 2),
        True,
    ),
    "window_of_two": Mistake(
        "A and B for theta = 2 read as theta = 1",
        "F3",
        lambda N: _with(
            legt.system(N, "ii"),
            A=legt.system(N).A.astype(object) * Fraction(1, 2),
            B=legt.system(N).B.astype(object) * Fraction(1, 2),
        ),
        1,
        lambda N: Fraction(2),
    ),
    "forgotten_two": Mistake(
        "the slope of the basis without 2/theta",
        "F3",
        lambda N: _with(legt.system(N, "ii"), C=legt.system(N, "ii").C // 2),
        1,
        lambda N: Fraction(1, 2),
    ),
    "off_by_one": Mistake(
        "n(n-1) for n(n+1), route (ii)",
        "F4",
        lambda N: _with(legt.system(N, "ii"), C=np.arange(N) * (np.arange(N) - 1)),
        1,
        lambda N: Fraction(0),
    ),
    "smaller_gain": Mistake(
        "C for N^2 with D = (N-1)^2",
        "F4",
        lambda N: _with(legt.system(N), D=(N - 1) ** 2),
        0,
        lambda N: Fraction(-(2 * N - 1)),
    ),
    "legs_i": Mistake(
        "LegS as time-invariant, naive route (i)", "F5", legs.system, 2, lambda N: Fraction((-1) ** N, N)
    ),
    "legs_ii": Mistake(
        "LegS as time-invariant, naive route (ii)",
        "F5",
        lambda N: legs.system(N, "ii"),
        1,
        lambda N: Fraction(1 + (-1) ** N * N),
    ),
    "fout": Mistake(
        "FouT's value at lag zero read as u, route (i), M = N harmonics",
        "F6",
        lambda N: fout.system(N, Fraction(7, 3)),
        2,
        lambda N: Fraction(-1, 2),
    ),
    "transposed": Mistake("A transposed (orthonormal basis)", "F7", _transposed, 0, lambda N: Fraction(N * N - N)),
    "no_sign_flip": Mistake(
        "no factor (-1)^(n-k) above the diagonal",
        "F7",
        lambda N: _with(legt.system(N), A=-abs(legt.system(N).A)),
        0,
        lambda N: Fraction(N * N - 1, 2),
    ),
    "other_end": Mistake(
        "B with (-1)^n",
        "F7",
        lambda N: _with(legt.system(N), B=legt.system(N).B * _alternate(N)),
        0,
        lambda N: Fraction(N * N + (-1) ** N * N),
    ),
}


def exact(mistakes: Mapping[str, Mistake] = MISTAKES) -> Check:
    """For each mistake: true answers below the witness, the stated wrong one at it."""

    def compare(N: int) -> Iterator[Same]:
        for m in mistakes.values():
            found = answers(m, N)
            for j in range(m.degree):
                yield Same(f"{m.words}: blind on a {NAMES[j]}", found[j], (fmpq(TRUE[j]), fmpq(0)))
            want = (number(m.value(N)), number(m.root_part(N)))
            yield Same(f"{m.words}: on a {NAMES[m.degree]}", found[m.degree], want)
            yield Same(f"{m.words}: and that is wrong", want == (fmpq(TRUE[m.degree]), fmpq(0)), False)
        for route in legt.ROUTES:
            s = legt.system(N, route)
            count = min(3, N + (route == "i"))
            yield Same(f"route {route} itself", moments(s.A, s.B, s.C, s.D, count), [fmpq(v) for v in TRUE[:count]])

    return exactly(compare, range(2, 13), range(2, 33))


def table() -> str:
    """Mistakes and witnesses at N = 4, as Markdown."""
    lines = ["| mistake | | input | true | answer at $N = 4$ |", "|:--|:--|:--|--:|--:|"]
    for m in MISTAKES.values():
        root = f" + {m.root_part(4)}/\\sqrt 3" if m.root else ""
        lines.append(f"| {m.words} | {m.source} | {NAMES[m.degree]} | {TRUE[m.degree]} | ${m.value(4)}{root}$ |")
    return "\n".join(lines)


def _changed(name: str, **parts: object) -> Check:
    old = MISTAKES[name]
    values = {f: getattr(old, f) for f in ("words", "source", "system", "degree", "value", "root_part", "root")} | parts
    return exact({**MISTAKES, name: Mistake(**values)})


CLAIM = Claim(
    __name__,
    title="Constants, ramps and parabolas tell every usual mistake apart",
    kind=Kind.IDENTITY,
    statement=r"""Each of the usual mistakes in the weights of the derivative readouts answers one of the inputs $1$, $t$, $t^2/2$
wrongly in steady state, exactly as the table below says: a wrong sign, a missing $\sqrt{2n+1}$, a wrong time scale, an index
off by one, LegS's matrices in place of LegT's, FouT's value at lag zero taken for $u$, a transposed or unsigned $A$, the
input at the wrong end. Constants don't see a missing root or a wrong time scale, ramps don't see FouT's bias (which is
$\frac{1}{2} \theta u''$ on parabolas for every number of harmonics) nor LegS's route (i), whose error on $t^2/2$ is
$-(-1)^N \theta/N$.""",
    derivation=r"""Taylor coefficients at $s = 0$ of the transfer function of the mistaken system, in rationals (over $\sqrt 3$
where a root is missing).""",
    assumptions=("steady state", r"the $N$ listed; FouT with a rational number in place of $2\pi$"),
    source="derived here (F1 to F7)",
    checks={Rung.EXACT: exact()},
    parameters=table,
    mutants=(
        Mutant(
            "constants_see_roots",
            "a missing root shows on constants",
            {Rung.EXACT: _changed("root_i", degree=0)},
        ),
        Mutant("ramps_see_fout", "FouT's bias shows on ramps", {Rung.EXACT: _changed("fout", degree=1)}),
        Mutant(
            "bias_vanishes",
            "FouT's bias on parabolas falls like 1/N",
            {Rung.EXACT: _changed("fout", value=lambda N: Fraction(-1, N))},
        ),
        Mutant(
            "legs_ramp_converges",
            "LegS's route (ii) answers ramps within 1/N",
            {Rung.EXACT: _changed("legs_ii", value=lambda N: 1 + Fraction((-1) ** N, N))},
        ),
        Mutant(
            "true_system",
            "the true route (i) shows a defect on parabolas",
            {Rung.EXACT: _changed("legs_i", system=legt.system)},
        ),
    ),
)
