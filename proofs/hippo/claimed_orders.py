r"""Claimed error orders, graded.

A bound $|u' - y| = O(\theta^a N^b)$ for all $u$ with $K$ bounded derivatives and exact projections is *false* if the
largest error is of a higher order in one of the two limits, *sharp* if both exponents are attained, else *loose*. The
bounds of the table below carry the grades it gives them; in particular the sup-norm order $N^{1-K}$ of route (i) is
false (it is the mean-square order), $N^{3-K}$, from summing bounds of single coefficients, is loose for both routes,
and route (ii) with $K = 2$ diverges. `proofs.hippo.derivative_rate.grade` grades any other claim,
`numeric.analysis.rates.grade_measured` one about measured errors.

Why.
The sharp orders are hippo.derivative_rate's; the measured grade uses only the fitted orders and their intervals.

Assumes.
- states are exact projections

Source.
derived here
"""

# Over 120 lines: the table of claimed orders, graded by theorem and by measurement, and graders that have to fall.

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache

from numeric.analysis.rates import Grade, Order, Worth, fit, grade_measured
from numeric.finding import Counterexample, Finding, Quantity, Verdict
from proofs.forms import Kind, Rung, Settings, checked, claim
from proofs.hippo._sharp_constants import sharp
from proofs.hippo.derivative_rate import grade

Key = tuple[str, int, float, float]

CLAIMED: Mapping[Key, tuple[str, str]] = {
    ("i", 3, 2, -1.5): ("sharp", "route (i), N^(3/2-K)"),
    ("i", 3, 2, -2): ("false", "route (i), N^(1-K) uniformly, the mean-square order"),
    ("i", 3, 2, 0): ("loose", "route (i), N^(3-K), from the sum of the coefficients' bounds"),
    ("ii", 3, 2, -0.5): ("sharp", "route (ii), N^(5/2-K)"),
    ("ii", 3, 2, -1.5): ("false", "route (ii) as good as route (i)"),
    ("ii", 3, 2, 0): ("loose", "route (ii), N^(3-K), from the sum of the coefficients' bounds"),
    ("iii", 4, 3, -2.5): ("sharp", "route (iii), N^(3/2-K)"),
    ("true", 3, 2, -1.5): ("sharp", "with the delayed sample, N^(3/2-K)"),
    ("value", 2, 2, -1.5): ("sharp", "the value, N^(1/2-K)"),
    ("i", 3, 3, -1.5): ("false", "route (i) with one power of theta too many"),
    ("i", 4, 2, -2.5): ("loose", "route (i) with one power of theta too few"),
    ("i", 3, 2.5, -1): ("false", "route (i), better in theta and worse in N"),
    ("ii", 2, 1, 0.5): ("sharp", "route (ii) with two derivatives diverges like N^(1/2)"),
}
"""(functional, K, a, b) -> (word, the claim in words)."""

SIZES = (12, 16, 20, 24, 28, 32, 36, 40)
WINDOWS = (0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.2)

Grader = Callable[[tuple[float, float], Order, Order], Grade]


@cache
def measured(name: str, K: int) -> tuple[Order, Order]:
    """(order in theta, order in N) of the largest error over |u^(K)| <= 1: the kernel's norm times (theta/2)^K, over
    theta for a derivative."""
    inverse = 0 if name == "value" else 1
    constants = [float(sharp(name, K, N)) for N in SIZES]
    by_window = [constants[0] * (w / 2) ** K / w**inverse for w in WINDOWS]
    return fit(WINDOWS, by_window, to_zero=True), fit(SIZES, constants)


@checked(Rung.MEASURED)
def check(
    settings: Settings, claimed: Mapping[Key, tuple[str, str]] = CLAIMED, grader: Grader = grade_measured
) -> Finding:
    """The theorem's word and the measured one against the stated one, for every claim of the table."""
    figures: dict[str, Quantity] = {}
    for (name, K, a, b), (word, text) in claimed.items():
        by_theorem = grade(name, K, a, b)
        by_data = grader((a, b), *measured(name, K))
        figures[text] = f"{by_data.word}; theta^{by_data.theta:.3f} N^{by_data.N:.3f}"
        for source, found in (("by the theorem", by_theorem), ("as measured", by_data)):
            if found.word != word:
                return Finding(
                    Verdict.REFUTED,
                    f"{text}: {found.word} {source}, stated {word}",
                    figures=figures,
                    counterexample=Counterexample(
                        {"K": K}, {"a": f"{a:g}", "b": f"{b:g}"}, found.word, word, source, "stated", found
                    ),
                )
    return Finding(
        Verdict.CONFIRMED,
        figures=figures,
        settings={"sizes": {"N": f"{SIZES[0]}..{SIZES[-1]}", "theta": f"{WINDOWS[0]:g}..{WINDOWS[-1]:g}"}},
        trust=("Arb's ball arithmetic for the norms", "that the largest sizes are in the asymptotic range"),
    )


def table() -> str:
    """The claims and their grades, as Markdown."""
    lines = ["| claimed | $K$ | bound | grade |", "|:--|--:|:--|:--|"]
    for (_, K, a, b), (word, text) in CLAIMED.items():
        lines.append(f"| {text} | {K} | $\\theta^{{{a:g}}} N^{{{b:g}}}$ | {word} |")
    return "\n".join(lines)


def _regraded(key: Key, word: str) -> dict[Key, tuple[str, str]]:
    return {**CLAIMED, key: (word, CLAIMED[key][1])}


def _blind_to_theta(claimed: tuple[float, float], theta: Order, N: Order) -> Grade:
    return grade_measured((theta.slope, claimed[1]), theta, N)


def _true_is_enough(claimed: tuple[float, float], theta: Order, N: Order) -> Grade:
    found = grade_measured(claimed, theta, N)
    return replace(found, word=Worth.SHARP) if found.word is Worth.LOOSE else found


CLAIM = claim(
    __name__,
    check.checks(),
    check.mutant("textbook", "N^(3-K) is sharp for route (ii)", claimed=_regraded(("ii", 3, 2, 0), "sharp")),
    check.mutant("uniform", "N^(1-K) holds uniformly, and is loose", claimed=_regraded(("i", 3, 2, -2), "loose")),
    check.mutant("same_order", "route (ii) as good as (i)", claimed=_regraded(("ii", 3, 2, -1.5), "sharp")),
    check.mutant("theta_blind", "a grader that looks at N alone", grader=_blind_to_theta),
    check.mutant("one_sided", "a grader that calls every true bound sharp", grader=_true_is_enough),
    kind=Kind.RATE,
    parameters=table,
)
