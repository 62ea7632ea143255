r"""Where the fixed weights win against other predictors, and where they lose.

On the drawn systems and the weights of hippo.in_context ($N = 8$, $\theta/h = 64$), in the median of the RMS error of
the next state in each of the four families:

- without noise the polynomial through the last $N$ samples, which remembers as much, errs less than $u_k + h y_k$, and
  on linear systems so does least squares with $N$ delays; the line through the last two samples errs at least 4 times
  as much;
- with noise of one ten-thousandth of each component's standard deviation the last sample, taken as it is, errs at least
  8 times as much as $u_k + h y_k$;
- with noise of one hundredth $u_k + h y_k$ is no better than much simpler predictors: the line through two samples is
  within a fifth of it, the last sample as it is errs at most a tenth more on Van der Pol's and FitzHugh-Nagumo's
  systems and at most half as much again on Lorenz's. Only the polynomial through $N$ samples, which that noise ruins,
  errs at least 20 times as much;
- there the value of the window's polynomial one step on (LegT's own, Tustin) errs at most 5/7 as much as the line and
  at most 1.4 times as much as the last sample, and is within 10 % of Savitzky-Golay's filter of the same window and
  degree, which remembers 65 numbers instead of 8.

Why.
White noise of standard deviation $\eta$ becomes $\norm{p}_2 \eta$ for a predictor with kernel $p$:
$\sqrt{\binom{2N}{N} - 1} = 113$ for the polynomial through $N = 8$ samples, $\sqrt 5$ for the line, 1 for the last
sample, 2.1 for $u_k + h y_k$, 1.28 for the window's value and 1.29 for Savitzky-Golay's filter. Without noise the
polynomial's error is of order $h^N$, the window's $\theta^N$.

Assumes.
- medians over the drawn systems, for this window and these sizes of noise
- least squares is fitted once, to the eight windows before the first prediction that counts

Source.
derived here
"""

# Over 120 lines: what each of the wrong rankings claims, and a figure of all predictors.

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from constructions.drawn_systems import FAMILIES
from numeric.finding import Counterexample, Finding, Quantity, Verdict
from proofs.figure import Columns, Figure, Panel, Series
from proofs.forms import Kind, Rung, Settings, checked, claim, together
from proofs.hippo._predictors_compared import FIT, LAST, LINE, NOISE, ONE, SMOOTH, TAPS, TWO, VALUE, comparison, methods
from proofs.hippo._window_predictor import starts


@dataclass(frozen=True)
class Ranking:
    """At `noise` (a place in `NOISE`), in each of `families`, `better` errs at most 1/factor times as much as `worse`."""

    better: str
    worse: str
    noise: int
    factor: float
    families: tuple[str, ...] = tuple(FAMILIES)


LOUD, SOFT = len(NOISE) - 1, len(NOISE) - 2
"""Noise of one hundredth, and of one ten-thousandth."""

RANKINGS = (
    Ranking(TAPS, ONE, 0, 1.0),
    Ranking(FIT, ONE, 0, 1.0, ("linear",)),
    Ranking(ONE, LINE, 0, 4.0),
    Ranking(ONE, LAST, SOFT, 8.0),
    Ranking(ONE, TAPS, LOUD, 20.0),
    Ranking(LINE, ONE, LOUD, 1 / 1.2),
    Ranking(ONE, LINE, LOUD, 1 / 1.2),
    Ranking(LAST, ONE, LOUD, 1 / 1.1, ("Van der Pol", "FitzHugh-Nagumo")),
    Ranking(LAST, ONE, LOUD, 1 / 1.5, ("Lorenz",)),
    Ranking(VALUE, LINE, LOUD, 1.4),
    Ranking(VALUE, LAST, LOUD, 1 / 1.4),
    Ranking(VALUE, SMOOTH, LOUD, 0.9),
    Ranking(SMOOTH, VALUE, LOUD, 0.9),
)


DRAWN = 6
"""Members of each family: of fewer, the median moves by more than the rankings leave. In the table and the figures they are
drawn from the fixed seed "in context"."""


@checked(Rung.MEASURED)
def ranked(settings: Settings, rankings: Sequence[Ranking] = RANKINGS) -> Finding:
    """The rankings on drawn systems."""
    found = comparison(settings.seed, DRAWN if settings.profile == "quick" else 10, TWO)  # no ranking names it
    figures: dict[str, Quantity] = {}
    for r in rankings:
        for family in r.families:
            low, high = found[family, r.better][r.noise], found[family, r.worse][r.noise]
            if not low * r.factor <= high:
                where = {"family": family, "noise": f"{NOISE[r.noise]:g}"}
                said = f"{r.better} at most 1/{r.factor:g} of {r.worse}"
                shown = Counterexample({}, where, f"{low:.3g}", f"{high:.3g}", r.better, r.worse, said)
                return Finding(Verdict.REFUTED, f"{family}: {said} fails", counterexample=shown)
            name = f"{r.worse} / {r.better} at noise {NOISE[r.noise]:g}, smallest"
            figures[name] = min(float(figures.get(name, np.inf) or np.inf), float(f"{high / low:.3g}"))
    return Finding(Verdict.CONFIRMED, figures=figures, trust=("medians over the drawn systems, at these sizes",))


def table() -> str:
    """Median RMS errors for three sizes of noise, the smallest of each column and noise in bold, as Markdown."""
    found = comparison("in context", DRAWN)
    places = (0, SOFT, LOUD)
    lines = [
        f"Median RMS error of the next state over {DRAWN} drawn systems a family, in standard deviations of each component, "
        f"without noise, with noise of {NOISE[places[1]]:g} and of {NOISE[places[2]]:g} standard deviations; "
        "the smallest in bold:\n",
        "| predictor | numbers remembered | " + " | ".join(FAMILIES) + " |",
        "|:--" * (2 + len(FAMILIES)) + "|",
    ]
    for name, (memory, _) in methods().items():
        cells = []
        for family in FAMILIES:
            shown = []
            for k in places:
                value = found[family, name][k]
                least = min(found[family, other][k] for other in methods())
                shown.append(f"**{value:.1e}**" if value == least else f"{value:.1e}")
            cells.append(", ".join(shown))
        lines.append(f"| {name} | {memory} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def noise_columns() -> Columns:
    """The comparison against noise."""
    found = comparison("in context", DRAWN)
    columns: dict[str, Sequence[float]] = {"noise": NOISE[1:]}
    return columns | {f"{family}: {name}": values[1:] for (family, name), values in found.items()}


CLAIM = claim(
    __name__,
    together(ranked.checks(), starts.checks()),
    ranked.mutant(
        "always_best",
        "the weights beat the polynomial through the last samples without noise too",
        rankings=(Ranking(ONE, TAPS, 0, 1.0),),
    ),
    ranked.mutant(
        "noise_alike",
        "that polynomial stands noise as well as the weights, within a factor 20",
        rankings=(Ranking(TAPS, ONE, LOUD, 1 / 20),),
    ),
    ranked.mutant(
        "beats_the_line",
        "with noise of a hundredth the weights err at most 2/3 as much as the line through two samples",
        rankings=(Ranking(ONE, LINE, LOUD, 1.5),),
    ),
    ranked.mutant(
        "beats_the_last",
        "with noise of a hundredth the weights err less than the last sample on every family",
        rankings=(Ranking(ONE, LAST, LOUD, 1.0),),
    ),
    ranked.mutant(
        "beats_smoothing",
        "the window's value errs at most half as much as Savitzky-Golay's filter",
        rankings=(Ranking(VALUE, SMOOTH, LOUD, 2.0),),
    ),
    kind=Kind.BOUND,
    parameters=table,
    figures=(
        Figure(
            "comparison",
            rf"""Median RMS error of the next state over {DRAWN} drawn systems a family, in standard deviations, against the
noise in the samples; $N = 8$, $\theta/h = 64$; weights and kernels are the same in all
panels, only least squares is fitted, to the eight windows before. Without noise polynomials through the last samples and
least squares win; with noise of a hundredth the line and the last sample do as well as $u_k + h y_k$, and the window's value
as well as Savitzky-Golay's filter.""",
            noise_columns,
            tuple(
                Panel(
                    "noise / standard deviation",
                    "RMS error / standard deviation",
                    tuple(Series(name, "noise", f"{family}: {name}", joined=True) for name in methods()),
                    "xy",
                    family,
                )
                for family in FAMILIES
            ),
        ),
    ),
)
