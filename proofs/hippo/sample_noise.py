r"""Noise on the samples.

Let the samples carry independent noise of variance $\eta^2$ and discretise LegT by Tustin's rule. The derivative's
variance tends, as $h \to 0$, to $\eta^2 N^4/\theta^2$ for route (i) (its gain $D$ passes every sample) and to
$\eta^2 h \norm{H}^2$ for route (ii), with

$$ \norm{H}^2 = C P C^\top \le \norm{C_{ii}}_2^2 = \frac{N^2 (N^2-1)^2}{3\,\theta^3}, \qquad
   A P + P A^\top = -B B^\top ; $$

both limits are reached at order $h$. So the closed equation is no noisier than exact projections, and for
$N^2 h < 3 \theta$ route (ii) is the less noisy one.

Why.
$A + A^\top = -(g g^\top + \hat g \hat g^\top)/\theta$ makes $I - P$ the Gramian of the left end, positive semidefinite.
$\norm{C_{ii}}$ is hippo.noise_gain's. Variances of the discrete system come from its Lyapunov equation; drawn noise
through the recurrence has that variance within a $\chi^2$ interval.

Assumes.
- $N \le 8$ (bound), $N = 4, 8$ (limits and drawn noise)
- steady state

Source.
derived here (H20)
"""

# Over 120 lines: an exact bound, drawn variances and a limit.

from collections.abc import Callable, Iterator
from functools import cache
from math import sqrt

import numpy as np
from flint import arb, fmpq, fmpq_mat

from constructions import legt
from constructions.discretisation import Discrete, gbt, run
from constructions.state_space import orthonormal
from numeric.analysis.rates import fit
from numeric.analysis.rational_matrices import matrix
from numeric.entropy import Entropy
from numeric.finding import Counterexample, Finding, Verdict
from proofs.forms import Bound, Kind, Rate, Rung, Settings, checked, claim, never_exceeded, orders, together
from proofs.hippo.noise_gain import squared

ROUTES = ("i", "ii")
DRAWS = 6000
WINDOWS = 6
DIVISION = 64
SIGMAS = 7.2
"""Of a normal distribution: a true statement is refuted with probability below 2^-40."""

DIVISIONS = (64, 96, 128, 192, 256, 384, 512, 768)

Gain = Callable[[int, str, float], float]


@cache
def white(N: int, route: str) -> fmpq:
    """The output variance for white noise of unit density, theta = 1, from the Lyapunov equation A P + P A^T = -B B^T.

    Only for a readout without D.
    """
    s = legt.system(N, route)
    A, B, n = matrix(s.A), matrix(s.B), N
    rows = fmpq_mat(n * n, n * n)
    for i in range(n):
        for j in range(n):
            for k in range(n):
                rows[i * n + j, k * n + j] += A[i, k]
                rows[i * n + j, i * n + k] += A[j, k]
    P = rows.solve(fmpq_mat(n * n, 1, [-1 * v for v in (B * B.transpose()).entries()]))
    C = s.C.tolist()
    total: fmpq = sum((C[i] * C[j] * P[i * n + j, 0] for i in range(n) for j in range(n)), fmpq(0))
    return total


@never_exceeded()
def white_bound(
    settings: Settings, limit: Callable[[int], fmpq] = lambda N: fmpq(int(squared(N, "ii")), 3)
) -> Iterator[Bound]:
    """The closed equation passes less white noise to route (ii) than exact projections, whose variance is |C|^2."""
    for N in range(1, 9 if settings.profile == "quick" else 17):
        yield Bound("route ii, white noise", arb(white(N, "ii")), arb(limit(N)), {"N": N})


def discrete(N: int, route: str, h: float) -> Discrete:
    """LegT by Tustin's rule with averaged samples, theta = 1; in the coefficient basis, for outputs are the same in all."""
    return gbt(orthonormal(legt.system(N, route), np.ones(N)), h, 0.5)


def variance(d: Discrete) -> float:
    """The output variance for independent samples of unit variance, by the discrete Lyapunov equation."""
    from scipy.linalg import solve_discrete_lyapunov

    # w_k = x_k - B_next u_k has one input a step
    b = d.B_now + d.A @ d.B_next
    P = solve_discrete_lyapunov(d.A, np.outer(b, b))
    return float(d.C @ P @ d.C + (d.D + d.C @ d.B_next) ** 2)


def predicted(N: int, route: str, h: float) -> float:
    """The variance from the exact system."""
    return variance(discrete(N, route, h))


@checked(Rung.MEASURED)
def drawn(settings: Settings, gain: Gain = predicted) -> Finding:
    """Independent channels of normal samples through the recurrence; the last outputs' variance against `gain`.

    With R independent channels the sample variance over the true one is chi-squared over R, of standard deviation
    sqrt(2/R).
    """
    figures: dict[str, float | int | str | bool | None] = {}
    rng = Entropy(settings.seed).generator()
    draws = DRAWS * (1 if settings.profile == "quick" else 4)
    band = SIGMAS * sqrt(2 / draws)
    for N in (4, 8):
        h = 1 / DIVISION
        noise = rng.standard_normal((WINDOWS * DIVISION, draws))
        for route in ROUTES:
            y = run(discrete(N, route, h), noise, np.zeros((N, draws)))[-1]
            ratio = float((y * y).mean()) / gain(N, route, h)
            figures[f"N = {N}, route {route}: drawn over predicted variance"] = round(ratio, 4)
            if abs(ratio - 1) > band:
                return Finding(
                    Verdict.REFUTED,
                    f"N = {N}, route {route}: the drawn variance is {ratio:.4f} of the predicted, outside 1 +- {band:.4f}",
                    figures=figures,
                    counterexample=Counterexample(
                        {"N": N, "channels": draws},
                        {"h": f"1/{DIVISION}"},
                        repr(ratio),
                        f"1 +- {band:.4f}",
                        "drawn over predicted variance",
                        "interval",
                    ),
                )
    figures["half width of the interval"] = round(band, 4)
    return Finding(
        Verdict.CONFIRMED,
        figures=figures,
        settings={"channels": draws, "samples": WINDOWS * DIVISION, "h": f"1/{DIVISION}"},
        trust=(
            "numpy's normal generator",
            "a normal approximation of the chi-squared distribution at 7.2 sigma",
            "the transient after six windows is below the interval",
        ),
    )


@orders()
def measure(settings: Settings, order: float = 1.0) -> Iterator[Rate]:
    """How fast the sampled variances reach their limits as h goes to 0."""
    for N in (4, 8):
        steps = [1 / (N * d) for d in DIVISIONS]
        exact_ii = float(white(N, "ii").p) / float(white(N, "ii").q)
        two = [abs(predicted(N, "ii", h) / (h * exact_ii) - 1) for h in steps]
        one = [abs(predicted(N, "i", h) / N**4 - 1) for h in steps]
        yield Rate(f"N = {N}, route ii: variance/(h |H|^2) - 1", fit(steps, two, to_zero=True), order)
        yield Rate(f"N = {N}, route i: variance/D^2 - 1", fit(steps, one, to_zero=True), order)


def table() -> str:
    """Standard deviations over their leading forms, as Markdown."""
    lines = [
        "| $N$ | (ii) over $N^3/\\sqrt 3$, white | (i) over $N^2$ | (ii) over $\\sqrt h N^3/\\sqrt 3$, $h = \\theta/2000$ |",
        "|--:|--:|--:|--:|",
    ]
    for N in (4, 8):
        w = sqrt(3 * float(white(N, "ii").p) / float(white(N, "ii").q)) / N**3
        one, two = (sqrt(predicted(N, r, 1 / 2000)) for r in ROUTES)
        lines.append(f"| {N} | {w:.4f} | {one / N**2:.4f} | {two / N**3 * sqrt(3 * 2000):.4f} |")
    return "\n".join(lines)


CLAIM = claim(
    __name__,
    together(white_bound.checks(), drawn.checks(), measure.checks()),
    white_bound.mutant(
        "half_norm",
        "the white-noise variance of route (ii) is at most |C|^2/2",
        limit=lambda N: fmpq(int(squared(N, "ii")), 6),
    ),
    drawn.mutant(
        "gain_N",
        "route (i) passes the variance N^2 per sample",
        gain=lambda N, r, h: float(N**2) if r == "i" else predicted(N, r, h),
    ),
    drawn.mutant(
        "no_step",
        "route (ii)'s variance does not depend on h",
        gain=lambda N, r, h: predicted(N, r, h) / h if r == "ii" else predicted(N, r, h),
    ),
    measure.mutant("second_order", "the limits are reached at order h^2", order=2.0),
    kind=Kind.BOUND,
    parameters=table,
)
