r"""Constants, ramps and parabolas tell every usual mistake apart.

Each of the usual mistakes in the weights of the derivative readouts answers one of the inputs $1$, $t$, $t^2/2$ wrongly
in steady state, exactly as the table below says: a wrong sign, a missing $\sqrt{2n+1}$, a wrong time scale, an index
off by one, LegS's matrices in place of LegT's, FouT's value at lag zero taken for $u$, a transposed or unsigned $A$,
the input at the wrong end. Constants don't see a missing root or a wrong time scale, ramps don't see FouT's bias (which
is $\frac{1}{2} \theta u''$ on parabolas for every number of harmonics) nor LegS's route (i), whose error on $t^2/2$ is
$-(-1)^N \theta/N$.

Why.
Taylor coefficients at $s = 0$ of the transfer function of the mistaken system, in rationals (over $\sqrt 3$ where a
root is missing).

Assumes.
- steady state
- the $N$ listed; FouT with a rational number in place of $2\pi$

Source.
derived here (F1 to F7)
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction

from flint import fmpq

from constructions import legt
from numeric.analysis.rational_matrices import moments, number
from proofs.forms import Same, claim, exactly
from proofs.hippo._mistakes import MISTAKES, Mistake, answers

TRUE = (0, 1, 0)
"""What a derivative makes of 1, t, t^2/2 at t = 0."""

NAMES = ("constant", "ramp", "parabola")


@exactly(range(2, 13), range(2, 33))
def exact(N: int, mistakes: Mapping[str, Mistake] = MISTAKES) -> Iterator[Same]:
    """For each mistake: true answers below the witness, the stated wrong one at it."""
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


def table() -> str:
    """Mistakes and witnesses at N = 4, as Markdown."""
    lines = ["| mistake | | input | true | answer at $N = 4$ |", "|:--|:--|:--|--:|--:|"]
    for m in MISTAKES.values():
        root = f" + {m.root_part(4)}/\\sqrt 3" if m.root else ""
        lines.append(f"| {m.words} | {m.source} | {NAMES[m.degree]} | {TRUE[m.degree]} | ${m.value(4)}{root}$ |")
    return "\n".join(lines)


def _changed(name: str, **parts: object) -> dict[str, Mistake]:
    old = MISTAKES[name]
    values = {f: getattr(old, f) for f in ("words", "source", "system", "degree", "value", "root_part", "root")} | parts
    return {**MISTAKES, name: Mistake(**values)}


CLAIM = claim(
    __name__,
    exact.checks(),
    exact.mutant("constants_see_roots", "a missing root shows on constants", mistakes=_changed("root_i", degree=0)),
    exact.mutant("ramps_see_fout", "FouT's bias shows on ramps", mistakes=_changed("fout", degree=1)),
    exact.mutant(
        "bias_vanishes",
        "FouT's bias on parabolas falls like 1/N",
        mistakes=_changed("fout", value=lambda N: Fraction(-1, N)),
    ),
    exact.mutant(
        "legs_ramp_converges",
        "LegS's route (ii) answers ramps within 1/N",
        mistakes=_changed("legs_ii", value=lambda N: 1 + Fraction((-1) ** N, N)),
    ),
    exact.mutant(
        "true_system", "the true route (i) shows a defect on parabolas", mistakes=_changed("legs_i", system=legt.system)
    ),
    parameters=table,
)
