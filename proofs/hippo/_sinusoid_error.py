"""The exact root mean square error of LegT's derivative on a noisy sinusoid, and the least of it over N and the window.

Main definitions: `measured`, `best`; `columns` and `examples` show them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from math import exp, inf, lgamma, log, sqrt

import numpy as np

from constructions import legt
from constructions.discretisation import Discrete, gbt
from constructions.state_space import orthonormal
from constructions.trade_off import law, recommend
from proofs.figure import Columns
from proofs.hippo.sample_noise import variance

BANDWIDTH = 3.0
AMPLITUDE = 2.0


def layer(N: int, theta: float, h: float) -> Discrete:
    """LegT, route (i), Tustin's rule with averaged samples; in the coefficient basis, for outputs are the same in all."""
    return gbt(orthonormal(legt.system(N), np.ones(N), theta), h, 0.5)


@cache
def measured(N: int, theta: float, h: float, noise: float) -> float:
    """The root mean square derivative error in steady state on a sinusoid at the bandwidth, random phase, with noise:
    the discrete system's transfer function at z = e^{iWh}, and its Lyapunov equation. No formula of the trade-off."""
    d = layer(N, theta, h)
    z = np.exp(1j * BANDWIDTH * h)
    x = np.linalg.solve(z * np.eye(N) - d.A, d.B_now + z * d.B_next)
    truncation = abs(1j * BANDWIDTH - (d.C @ x + d.D)) * AMPLITUDE / sqrt(2)
    return float(sqrt(truncation**2 + noise**2 * variance(d)))


def searched(noise: float, h: float) -> tuple[float, int, float]:
    """(least error, N, theta) over N = 1, ..., N* + 6 and theta from a third of the law's window to three times it."""
    states, window = law(noise / AMPLITUDE)
    best = (inf, 0, 0.0)
    for N in range(1, round(states) + 7):
        for j in range(-6, 7):
            theta = window / BANDWIDTH * 3 ** (j / 6)
            best = min(best, (measured(N, theta, h, noise), N, theta))
    return best


@cache
def best(noise: float, h: float) -> tuple[float, int, float]:
    """`searched`, once."""
    return searched(noise, h)


STATES = (4, 8, 12)


def columns() -> Columns:
    """Errors over theta for three N, two sizes of noise, at the recommended step; the truncation and noise parts of F."""
    shares = np.geomspace(1 / 4, 4, 17)
    found: dict[str, list[float]] = {}
    for noise in (1e-2, 1e-4):
        c = recommend(AMPLITUDE, BANDWIDTH, noise)
        windows = [float(s * c.theta) for s in shares]
        found[f"{noise:g}: theta W"] = [w * BANDWIDTH for w in windows]
        for N in STATES:
            found[f"{noise:g}: N = {N}"] = [measured(N, w, c.h, noise) for w in windows]
            truncation = [exp(N * log(w * BANDWIDTH) + lgamma(N) - lgamma(2 * N)) / sqrt(2) for w in windows]
            found[f"{noise:g}: N = {N}, law"] = [
                sqrt((AMPLITUDE * BANDWIDTH * t) ** 2 + (noise * N**2 / w) ** 2)
                for t, w in zip(truncation, windows, strict=True)
            ]
        found[f"{noise:g}: chosen"], found[f"{noise:g}: chosen error"] = (
            [c.theta * BANDWIDTH],
            [measured(c.N, c.theta, c.h, noise)],
        )
    return found


def examples() -> Iterator[str]:
    """Recommendations for a unit sinusoid, as rows of Markdown."""
    yield "| noise/amplitude | $N$ | $\\theta W$ | $h W$ | predicted error$/(a W)$ |"
    yield "|--:|--:|--:|--:|--:|"
    for noise in (1e-1, 1e-2, 1e-3, 1e-6, 1e-9):
        c = recommend(1.0, 1.0, noise)
        yield f"| {noise:g} | {c.N} | {c.theta:.3f} | {c.h:.3g} | {c.error:.3g} |"
