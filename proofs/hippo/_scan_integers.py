"""Integer systems, on which nothing but the FFT rounds, and the check of the three ways on them.

Main definitions: `whole`, `integers`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from numeric.deciding.backends import unusable
from numeric.entropy import Entropy
from numeric.finding import Finding, Quantity, Verdict
from proofs.claim import Check
from proofs.evidence import Settings
from proofs.hippo._scan_cases import CHANNELS, LOST, SAMPLES, WAYS, Way, backends_of, outputs, refuted
from proofs.hippo._scan_floors import spread


def _shift(N: int) -> np.ndarray:
    """A signed cyclic shift: no power of it rounds, and it never forgets."""
    A = np.roll(np.eye(N, dtype=np.int64), 1, axis=0)
    A[0] *= -1
    return A


def _descent(N: int) -> np.ndarray:
    """A strictly lower triangle of ones: gone after N steps, and its kernel ends."""
    return np.tril(np.ones((N, N), dtype=np.int64), -1)


STATES, LARGEST = 6, 4
WHOLE: Mapping[str, Callable[[int], np.ndarray]] = {"a signed shift": _shift, "a strict triangle": _descent}
"""Systems of integers whose states and sums stay below 2^24, so that nothing but the FFT rounds, in float32 either."""


@dataclass(frozen=True)
class Whole:
    """One integer system, its inputs, exact outputs and kernel, as int64."""

    parts: tuple[Any, ...]
    u: np.ndarray
    exact: np.ndarray
    kernel: np.ndarray


@cache
def whole(name: str, seed: int | None) -> Whole:
    """B, C, D and inputs drawn from -LARGEST, ..., LARGEST."""
    rng = Entropy(seed).child("integers", name).generator()
    A = WHOLE[name](STATES)
    B, C = (rng.integers(-LARGEST, LARGEST + 1, STATES) for _ in "BC")
    D, u = rng.integers(1, LARGEST + 1), rng.integers(-LARGEST, LARGEST + 1, (SAMPLES, *CHANNELS))
    flat = u.reshape(SAMPLES, -1)
    x, column = np.zeros((STATES, flat.shape[1]), dtype=np.int64), B
    found, c = [], [int(D)]
    for sample in flat:
        found.append(C @ x + D * sample)
        x = A @ x + np.outer(B, sample)
        c.append(int(C @ column))
        column = A @ column
    # every partial sum of every product above is below this
    assert (STATES + SAMPLES) * np.abs(c).max() * LARGEST < 2**24 and np.abs(x).max() * LARGEST * STATES < 2**24
    return Whole((A, B, C, D), u, np.stack(found).reshape(u.shape), np.array(c[:SAMPLES]))


def integers(change: Mapping[str, Way] | None = None) -> Check:
    """On integers the recurrence and the blocks are exact to the last bit, and the FFT's root mean square error is within
    what its transforms alone may do."""
    ways = {**WAYS, **(change or {})}

    def run(settings: Settings) -> Finding:
        figures: dict[str, Quantity] = {}
        where = {"sizes": {"N": STATES, "T": SAMPLES}, "seed": settings.seed}
        for dtype in LOST:
            e = float(np.finfo(dtype).eps) / 2
            for backend in backends_of(settings):
                why = unusable(backend, dtype)
                if why:
                    return Finding(Verdict.NOT_RUN, why, settings=where)
                for name in WHOLE:
                    held = whole(name, settings.seed)
                    for kind, way in ways.items():
                        error = np.abs(outputs(way, held.parts, held.u, SAMPLES, backend, dtype) - held.exact)
                        at = tuple(int(i) for i in np.unravel_index(int(error.argmax()), error.shape))
                        title = f"{name}, {kind}, {backend}, {dtype}"
                        if kind in ("recurrence", "blocked"):
                            if error.max() > 0:
                                return refuted(title, at, float(error.max()), 0.0, "exact integer", where)
                            continue
                        mean = np.sqrt((error**2).mean(axis=0))
                        for channel in np.ndindex(*CHANNELS):
                            bound = spread(held.kernel, held.u[:, *channel], e)
                            if not mean[channel] <= bound:
                                return refuted(
                                    title,
                                    channel,
                                    float(mean[channel]),
                                    bound,
                                    "exact integers in root mean square",
                                    where,
                                )
                            key = f"{backend}, {dtype}: FFT on integers, error / floor"
                            share = float(f"{mean[channel] / bound:.3g}")
                            figures[key] = max(float(figures.get(key, 0.0) or 0.0), share)
        return Finding(Verdict.CONFIRMED, figures=figures, settings={"engine": "integers", **where})

    return run
