r"""Choosing N and the window for a noisy signal.

For amplitude $a$, bandwidth $W$ and sample noise $\eta$ the error of LegT's route (i) under Tustin's rule is about

$$ F(N, \theta) = a W (\theta W)^N \frac{(N-1)!}{(2N-1)!} + \eta \frac{N^2}{\theta}, $$

least at $\theta^{N+1} = \frac{\eta N (2N-1)!}{a W^{N+1} (N-1)!}$ for each $N$, and over both at about
$N = \ln \frac{1}{e_0} - 1$, $\theta W = 4 N/e^2$, $e_0 = \frac{\eta}{a} \frac{e}{4 \sqrt 2}$. The root mean square
error of the recommended pair (`constructions.trade_off.recommend`) on a sinusoid at the bandwidth is within a factor
1.5 of the least over a search of $N$ and $\theta$ at the same step $h$, and within a factor 1.5 of the error it
predicts. The recommended step obeys $h \le \theta/N^2$ and costs at most a tenth of the error at $h/16$; and it is
either $\theta/N^2$ or, at $4h$, the error at least doubles.

Why.
The truncation is hippo.frequency_bound's, the noise hippo.sample_noise's limit. For each $N$ the sum
$A \theta^N + B/\theta$ has one minimum, where the noise is $N$ times the truncation. With Stirling's formula the
optimum over $N$ is the law. The search and the drawn noise use the discrete system, not $F$.

Assumes.
- one sinusoid at the bandwidth with a random phase
- noise-to-signal ratios 5e-3, 5e-5, 5e-7 (two more in full)
- independent normal noise

Source.
derived here
"""

# Over 120 lines: the choice is near the best, its step is right, it holds on drawn noise, and it follows the law.

from collections.abc import Callable, Mapping
from math import log, pi, sqrt

import numpy as np

from constructions.discretisation import run
from constructions.trade_off import Choice, law, recommend
from numeric.entropy import Entropy
from numeric.finding import Counterexample, Finding, Quantity, Verdict
from proofs.figure import Figure, Panel, Series
from proofs.forms import Kind, Rung, Settings, checked, claim, joint, together
from proofs.hippo._sinusoid_error import AMPLITUDE, BANDWIDTH, STATES, best, columns, examples, layer, measured
from proofs.hippo.sample_noise import SIGMAS

NOISES = (1e-2, 1e-4, 1e-6)
FACTOR = 1.5
"""The error of the choice over the best of the search, at most."""

COST, SHORTER = 1.1, 16
"""The error at the recommended step over that at a step SHORTER times as short, at most."""

LOSS, LONGER = 2.0, 4
"""Where h is not theta/N^2: the error at LONGER times the step over that at the step, at least."""

EDGE = 2.0**-50
"""h = theta/N^2 passes through a division by the bandwidth and back: three roundings."""

CHANNELS = 4000
WINDOWS = 4

Recommender = Callable[[float, float, float], Choice]


@checked(Rung.MEASURED)
def near_optimal(settings: Settings, choose: Recommender = recommend, factor: float = FACTOR) -> Finding:
    """The choice's error over the least of the search at the choice's own step, and over the predicted."""
    figures: dict[str, Quantity] = {}
    for noise in NOISES if settings.profile == "quick" else (*NOISES, 1e-3, 1e-8):
        choice = choose(AMPLITUDE, BANDWIDTH, noise)
        h = choice.h
        found = measured(choice.N, choice.theta, h, noise)
        least, N, theta = best(noise, h)
        figures[f"noise {noise:g}: N, theta W"] = f"{choice.N}, {choice.theta * BANDWIDTH:.2f}"
        figures[f"noise {noise:g}: best N, theta W"] = f"{N}, {theta * BANDWIDTH:.2f}"
        figures[f"noise {noise:g}: error over the least"] = round(found / least, 4)
        figures[f"noise {noise:g}: error over the predicted"] = round(found / choice.error, 4)
        for name, ratio, most in (
            ("the least found", found / least, factor),
            ("the predicted", max(found / choice.error, choice.error / found), factor),
        ):
            if not ratio <= most:
                said = f"the error {found:.4g} is {ratio:.3g} times off {name}; at most {most} is claimed"
                sides = (f"{ratio:.6g}", str(most), f"error over {name}", "claimed factor")
                return _refuted(said, choice, noise, figures, sides)
    return Finding(
        Verdict.CONFIRMED,
        figures=figures,
        settings={"amplitude": AMPLITUDE, "bandwidth": BANDWIDTH, "search": "13 windows for each N <= N* + 6"},
        trust=("float64 solves of the discrete system", "the least error of the search stands for the optimum"),
    )


@checked(Rung.MEASURED)
def step(settings: Settings, choose: Recommender = recommend) -> Finding:
    """The choice's own step: what it costs beside a far shorter one, what bounds it, and that a longer one costs more."""
    figures: dict[str, Quantity] = {}
    for noise in NOISES if settings.profile == "quick" else (*NOISES, 1e-3, 1e-8):
        c = choose(AMPLITUDE, BANDWIDTH, noise)
        at, short, far = (measured(c.N, c.theta, c.h * k, noise) for k in (1.0, 1 / SHORTER, float(LONGER)))
        cost, room, loss = at / short, c.h * c.N**2 / c.theta, far / at
        figures[f"noise {noise:g}: error at the step over that at h/{SHORTER}"] = round(cost, 4)
        figures[f"noise {noise:g}: h N^2/theta"] = round(room, 4)
        figures[f"noise {noise:g}: error at {LONGER}h over that at the step"] = round(loss, 4)
        for holds, said in (
            (cost <= COST, f"the step costs {cost:.4g} times the error at h/{SHORTER}; at most {COST} is claimed"),
            (room <= 1 + EDGE, f"h N^2/theta is {room:.4g}; at most 1 is claimed"),
            (
                room >= 1 - EDGE or loss >= LOSS,
                f"at {LONGER}h the error is {loss:.4g} times as large; the step is short",
            ),
        ):
            if not holds:
                sides = (
                    f"{cost:.6g}, {room:.6g}, {loss:.6g}",
                    f"at most {COST}, at most 1, and 1 or at least {LOSS}",
                    f"error over that at h/{SHORTER}, h N^2/theta, error at {LONGER}h over it",
                    "claimed",
                )
                return _refuted(said, c, noise, figures, sides)
    return Finding(Verdict.CONFIRMED, figures=figures, trust=("float64 solves of the discrete system",))


@checked(Rung.MEASURED)
def drawn(settings: Settings, predict: Callable[[int, float, float, float], float] = measured) -> Finding:
    """The choice run on sinusoids with random phases and drawn noise; the mean square error's interval holds the
    square of `predict`. Errors are sums of a sinusoid and a normal number, so their squares' variance is at most twice
    the squared mean."""
    rng = Entropy(settings.seed).generator()
    channels = CHANNELS * (1 if settings.profile == "quick" else 4)
    band = SIGMAS * sqrt(2 / channels)
    figures: dict[str, Quantity] = {"half width of the interval": round(band, 4)}
    for noise in NOISES[:1] if settings.profile == "quick" else NOISES[:2]:
        c = recommend(AMPLITUDE, BANDWIDTH, noise)
        count = int(WINDOWS * c.theta / c.h)
        phase = 2 * pi * rng.random(channels)
        t = c.h * np.arange(count)[:, None]
        u = AMPLITUDE * np.sin(BANDWIDTH * t + phase) + noise * rng.standard_normal((count, channels))
        y = run(layer(c.N, c.theta, c.h), u, np.zeros((c.N, channels)))[-1]
        error = y - AMPLITUDE * BANDWIDTH * np.cos(BANDWIDTH * t[-1] + phase)
        ratio = float((error * error).mean()) / predict(c.N, c.theta, c.h, noise) ** 2
        figures[f"noise {noise:g}: drawn over computed mean square"] = round(ratio, 4)
        if abs(ratio - 1) > band:
            said = f"the drawn mean square is {ratio:.4g} of the computed, outside 1 +- {band:.4f}"
            sides = (f"{ratio:.6g}", f"1 +- {band:.4f}", "drawn over computed", "interval")
            return _refuted(said, c, noise, figures, sides, {"channels": channels})
    return Finding(
        Verdict.CONFIRMED,
        figures=figures,
        settings={"channels": channels, "windows waited": WINDOWS},
        trust=("numpy's generators", "a normal approximation at 7.2 sigma"),
    )


def _refuted(
    said: str,
    c: Choice,
    noise: float,
    figures: dict[str, Quantity],
    sides: tuple[str, str, str, str],
    sizes: Mapping[str, int] | None = None,
) -> Finding:
    at = {"theta": repr(c.theta), "h": repr(c.h), "noise": repr(noise)}
    shown = Counterexample({"N": c.N, **(sizes or {})}, at, *sides)
    return Finding(Verdict.REFUTED, f"noise {noise:g}: {said}", figures=figures, counterexample=shown)


@checked(Rung.MEASURED)
def asymptotic(settings: Settings, shift: float = 0.0) -> Finding:
    """The recommended integer against the law's N for tiny noise: within one, and the window within a fifth."""
    figures: dict[str, Quantity] = {}
    for power in (6, 9, 12, 15):
        share = 10.0**-power
        N, window = law(share)
        c = recommend(1.0, 1.0, share)
        figures[f"noise 1e-{power}: N by the law, chosen"] = f"{N:.2f}, {c.N}"
        if abs(c.N - N - shift) > 1 or abs(log(c.theta / window)) > 0.2:
            return Finding(Verdict.REFUTED, f"noise 1e-{power}: N = {c.N}, the law says {N:.3f}", figures=figures)
    return Finding(Verdict.CONFIRMED, figures=figures, trust=("the C library's lgamma",))


def _altered(N: Callable[[int], int] = lambda N: N, theta: float = 1.0, h: float = 1.0) -> Recommender:
    def choose(amplitude: float, bandwidth: float, noise: float) -> Choice:
        c = recommend(amplitude, bandwidth, noise)
        return Choice(N(c.N), theta * c.theta, h * c.h, c.truncation, c.noise, c.sampling)

    return choose


CLAIM = claim(
    __name__,
    together(near_optimal.checks(), step.checks(), drawn.checks(), asymptotic.checks()),
    joint("twice_the_window", "the window twice as long", near_optimal, step, choose=_altered(theta=2.0)),
    joint("half_the_window", "the window half as long", near_optimal, step, choose=_altered(theta=0.5)),
    joint("half_the_states", "half of the states", near_optimal, step, choose=_altered(N=lambda N: N // 2)),
    joint("long_step", "the step four times as long", near_optimal, step, choose=_altered(h=4.0)),
    joint("short_step", "an eighth of the step, as far as it goes", near_optimal, step, choose=_altered(h=1 / 8)),
    drawn.mutant(
        "noise_N",
        "the noise passed on is eta N/theta",
        predict=lambda N, theta, h, noise: measured(N, theta, h, noise / N),
    ),
    asymptotic.mutant("law_shifted", "the law without its -1, and one more", shift=2.0),
    kind=Kind.BOUND,
    parameters=lambda: "\n".join(examples()),
    figures=(
        Figure(
            "windows",
            rf"""RMS error of route (i) on a sinusoid of amplitude $a = {AMPLITUDE:g}$ at the bandwidth $W = {BANDWIDTH:g}$ rad/s,
against the window, for noise of $10^{{-2}}$ and $10^{{-4}}$ (dots: the discrete system's own response and variance); lines: the
two terms of $F$, root mean square. The recommended pair lies at the bottom.""",
            columns,
            tuple(
                Panel(
                    r"$\theta W$ (radians a window)",
                    "RMS error (1/s)",
                    (
                        *(Series(f"$N = {N}$", f"{n}: theta W", f"{n}: N = {N}", f"{n}: N = {N}, law") for N in STATES),
                        Series("recommended", f"{n}: chosen", f"{n}: chosen error"),
                    ),
                    "xy",
                    f"noise {n}",
                )
                for n in ("0.01", "0.0001")
            ),
        ),
    ),
)
