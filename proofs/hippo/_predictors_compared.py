"""Predictors of the next sample, and how each errs on the same drawn systems, with and without noise.

Main definitions: `methods`, `comparison`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np

from constructions import legt, predictors, scan
from constructions.discretisation import Discrete, gbt, zoh
from constructions.next_sample import delayed, differences, fitted, savitzky_golay
from constructions.state_space import StateSpace, orthonormal
from numeric.entropy import Entropy
from proofs.hippo._window_predictor import CONTEXT, DIVISION, SAMPLES, N, draws, euler

NOISE = (0.0, 1e-14, 1e-12, 1e-10, 1e-8, 1e-6, 1e-4, 1e-2)
"""Standard deviations of the noise, in units of each component's own standard deviation."""

ONE, TWO, VALUE = "HiPPO, route (i)", "HiPPO, route (ii)", "HiPPO, window value"
TAPS, SMOOTH = f"differences, {N} samples", f"Savitzky-Golay, {DIVISION + 1} samples"
FIT, MODE = f"least squares, {N} delays", "least squares, 1 delay"
LINE, LAST = "line, 2 samples", "last sample"

Predictor = Callable[[np.ndarray], np.ndarray]
"""Predictions (ARC windows, d) of the samples after CONTEXT windows, from all samples but the last (T, d)."""


def _linear(kernel: np.ndarray) -> Predictor:
    """A kernel applied to each component; the samples before the first are taken to be like it."""

    def predict(u: np.ndarray) -> np.ndarray:
        v = u - u[0]
        whole = np.stack([np.convolve(kernel, column)[: len(u)] for column in v.T], axis=1) + u[0] * kernel.sum()
        return np.asarray(whole[CONTEXT * DIVISION :])

    return predict


def _euler_step(discrete: Discrete) -> Predictor:
    """u_k + h y_k."""
    c = np.array(scan.kernel(*scan.standard(discrete), SAMPLES)) / DIVISION
    c[0] += 1
    return _linear(c)


def _window() -> Predictor:
    """The reconstructed polynomial's own value one step on (no residual added), Tustin."""
    s = legt.system(N)
    plain = StateSpace(s.A, s.B, np.array(predictors.legendre(N, 1 + 2 / DIVISION)), 0.0)
    return _linear(scan.kernel(*scan.standard(gbt(orthonormal(plain, np.ones(N)), 1 / DIVISION, 0.5)), SAMPLES))


def _fitted(delays: int) -> Predictor:
    """Least squares on the context, then used unchanged."""

    def predict(u: np.ndarray) -> np.ndarray:
        matrix = fitted(u[: CONTEXT * DIVISION + 1], delays)
        return np.asarray(delayed(u, delays)[CONTEXT * DIVISION - delays + 1 :] @ matrix)

    return predict


def _route(route: str) -> StateSpace:
    return orthonormal(legt.system(N, route), np.ones(N))


@cache
def _second() -> Predictor:
    return _euler_step(zoh(_route("ii"), 1 / DIVISION, "S4"))


@cache
def methods() -> Mapping[str, tuple[int, Predictor]]:
    """Numbers remembered for each component, and the predictor."""
    return {
        ONE: (N, _euler_step(euler(_route("i")))),
        TWO: (N, lambda u: _second()(u)),
        VALUE: (N, _window()),
        TAPS: (N, _linear(differences(N))),
        SMOOTH: (DIVISION + 1, _linear(savitzky_golay(DIVISION + 1, N - 1))),
        MODE: (1, _fitted(1)),
        FIT: (N, _fitted(N)),
        LINE: (2, _linear(differences(2))),
        LAST: (1, _linear(differences(1))),
    }


@cache
def comparison(seed: int | str | None, count: int, without: str = "") -> Mapping[tuple[str, str], list[float]]:
    """For each family and method (but `without`) the median over draws of the RMS error, in standard deviations, at each of
    `NOISE`.

    Errors are those against the noise-free next state.
    """
    found: dict[tuple[str, str], list[float]] = {}
    for noise in NOISE:
        errors: dict[tuple[str, str], list[float]] = {}
        for draw in draws(seed, count):
            drawn = Entropy(seed).child("noise", draw.family, draw.number).generator().standard_normal(draw.u.shape)
            noisy, true = draw.u + noise * draw.spread * drawn, draw.u[CONTEXT * DIVISION + 1 :]
            for name, predict in ((n, p) for n, (_, p) in methods().items() if n != without):
                miss = (predict(noisy[:-1]) - true) / draw.spread
                errors.setdefault((draw.family, name), []).append(float(np.sqrt(np.mean(miss**2))))
        for key, values in errors.items():
            found.setdefault(key, []).append(float(np.median(values)))
    return found
