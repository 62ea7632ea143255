r"""Which LegT differentiates a noisy signal best: N, window theta and step h from the signal's class.

For amplitude a, bandwidth W (radians per unit of time) and sample noise of standard deviation eta the error of route (i)
under Tustin's rule is about
    F = a W (theta W)^N (N-1)!/(2N-1)! + eta N^2/theta,
the truncation's bound plus the gain of the noise; theta has a closed-form optimum for each N, and N is the best integer.
Asymptotically N = ln(1/e) - 1, theta W = 4N/exp(2), e = (eta/a) exp(1)/(4 sqrt 2). Derived here.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import e, exp, inf, isfinite, lgamma, log, sqrt

ROUNDING = 2.0**-52
LARGEST = 64


@dataclass(frozen=True)
class Choice:
    """N states, window theta and sample step h (time units), and the predicted error of the derivative: `truncation`
    (largest), `noise` (standard deviation) and `sampling` (largest), all in units of amplitude over time."""

    N: int
    theta: float
    h: float
    truncation: float
    noise: float
    sampling: float

    @property
    def error(self) -> float:
        """Root mean square of the three for a sinusoid at the bandwidth: largest errors count 1/sqrt 2."""
        return sqrt(self.truncation**2 / 2 + self.noise**2 + self.sampling**2 / 2)


def recommend(amplitude: float, bandwidth: float, noise: float, step: float | None = None) -> Choice:
    """N, theta and h for route (i), Tustin's rule with averaged samples.

    noise: standard deviation of independent errors of the samples; below the samples' rounding it counts as that.
    step: the sample step, if it is given; else h = theta/N^2, or less where the averaging of samples would err by more
    than a seventh of the rest (root mean squares). Raises ValueError for numbers that are not positive and finite, for
    noise that leaves no signal, and for a step that does not resolve the bandwidth.
    """
    for name, value in (("amplitude", amplitude), ("bandwidth", bandwidth)):
        if not (value > 0 and isfinite(value)):
            raise ValueError(f"{name} is {value}; expected a positive finite number")
    if not 0 <= noise < amplitude:
        raise ValueError(f"noise is {noise}; expected at least 0 and less than the amplitude {amplitude}")
    if step is not None and not 0 < step * bandwidth < 1:
        raise ValueError(f"step is {step}; expected positive and below 1/bandwidth = {1 / bandwidth}")
    share = max(noise / amplitude, ROUNDING)
    rate = amplitude * bandwidth
    best, N, theta = inf, 1, 0.0
    for states in range(1, LARGEST + 1):
        window = _window(states, share)
        found = _truncation(states, window) + share * states**2 / window
        if found < best:
            best, N, theta = found, states, window
    truncation, spread = rate * _truncation(N, theta), rate * share * N**2 / theta
    if step is None:
        total = sqrt(truncation**2 / 2 + spread**2)
        step = min(sqrt(12 * 0.2 * total / rate), theta / N**2) / bandwidth
    return Choice(N, theta / bandwidth, step, truncation, spread, rate * (step * bandwidth) ** 2 / 12)


def law(share: float) -> tuple[float, float]:
    """(N, theta W) of the asymptotic law for the noise-to-signal ratio `share` = eta/a; real numbers, not rounded."""
    N = log(4 * sqrt(2) / (e * share)) - 1
    return N, 4 * N / exp(2)


def _truncation(N: int, y: float) -> float:
    """y^N (N-1)!/(2N-1)!, y = theta W: the truncation over a W."""
    return exp(N * log(y) + lgamma(N) - lgamma(2 * N))


def _window(N: int, share: float) -> float:
    """theta W at which A y^N + share N^2/y is least: y^(N+1) = share N/A."""
    return exp((log(share * N) - lgamma(N) + lgamma(2 * N)) / (N + 1))
