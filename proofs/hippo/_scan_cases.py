"""What the three ways of running a discrete state space are run on: systems, inputs, exact outputs, backends.

Main definitions: `case` (floats, exact outputs in balls), `WAYS`, `outputs` (a way on a backend).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from flint import arb, arb_mat

from constructions import legs, legt, scan
from constructions.discretisation import Discrete, gbt, zoh
from constructions.namespace import Array
from constructions.state_space import StateSpace, orthonormal
from numeric.analysis import peano
from numeric.deciding.backends import DTYPES, to_numpy
from numeric.entropy import Entropy
from numeric.finding import Counterexample, Finding, Verdict
from proofs.evidence import Settings
from proofs.hippo._scan_floors import Floors, floors, frame

SAMPLES, PREFIX, CHANNELS = 1024, 160, (2, 3)
"""Inputs (T, batch, channels); the first channel's prefix is compared with balls."""

BLOCK = 64
LOST = {"float64": 1e-12, "float32": 1e-3}
"""What truncating the kernel may cost, times the largest input."""

Way = Callable[..., Array]
"""Outputs for A, B, C, D, u and the kernel length."""


def on_legt(N: int, division: int, make: Callable[[StateSpace, float], Discrete]) -> Discrete:
    return make(orthonormal(legt.system(N), legt.norms(N)), 1 / division)


def drawn(N: int, norm: float, seed: int | None) -> tuple[Any, ...]:
    """A, B, C, D of a drawn contraction: A of this Euclidean norm."""
    rng = Entropy(seed).child("system", N).generator()
    A, B, C, D = (rng.standard_normal(shape) for shape in ((N, N), N, N, ()))
    return norm / np.linalg.norm(A, 2) * A, B, C, D


SYSTEMS: Mapping[str, Callable[[int | None], tuple[Any, ...]]] = {
    "drawn, N = 8": lambda seed: drawn(8, 0.99, seed),
    "drawn, N = 6": lambda seed: drawn(6, 0.9, seed),
    "drawn, N = 16": lambda seed: drawn(16, 0.95, seed),
    "LegT, N = 8, Tustin": lambda seed: scan.standard(on_legt(8, 64, lambda s, h: gbt(s, h, 0.5))),
    "LegT, N = 8, forward Euler": lambda seed: scan.standard(on_legt(8, 64, lambda s, h: gbt(s, h, 0))),
    "LegS, N = 6, zero-order hold": lambda seed: scan.standard(zoh(orthonormal(legs.system(6), legs.norms(6)), 1 / 64)),
    "LegT, N = 16, Tustin": lambda seed: scan.standard(on_legt(16, 128, lambda s, h: gbt(s, h, 0.5))),
}
"""The statement is about any system: the quick profile takes the first three."""


@dataclass(frozen=True)
class Case:
    """One system and inputs in one dtype, held in float64: exact outputs of its first channel, floors, kernel length."""

    parts: tuple[Any, ...]
    u: np.ndarray
    exact: np.ndarray
    floors: Mapping[str, float]
    length: int


@cache
def case(name: str, dtype: str, seed: int | None) -> Case:
    """Inputs uniform in [-1, 1]."""
    parts = tuple(np.asarray(np.asarray(p, dtype=dtype), dtype=np.float64) for p in SYSTEMS[name](seed))
    draws = Entropy(seed).child("scan", name, dtype).generator().uniform(-1, 1, (SAMPLES, *CHANNELS))
    u = np.asarray(np.asarray(draws, dtype=dtype), dtype=np.float64)
    A, B, C, D = parts
    length = scan.kernel_length(A, B, C, LOST[dtype])
    found: Floors = floors(A, B, C, float(D), 1.0, SAMPLES, dtype, BLOCK, length)
    whole = floors(A, B, C, float(D), 1.0, SAMPLES, dtype, BLOCK, SAMPLES)
    allowed = {
        "recurrence": found.recurrence,
        "blocked": found.blocked,
        "convolution": found.convolution,
        "convolution, full length": whole.convolution,
    }
    return Case(parts, u, exact(A, B, C, float(D), u[:PREFIX, 0, 0]), allowed, length)


def exact(A: np.ndarray, B: np.ndarray, C: np.ndarray, D: float, u: np.ndarray) -> np.ndarray:
    """The outputs (T,) of the recurrence in balls, rounded once. Digits are added until the balls are small."""
    bits = 512
    while True:
        with peano.precision(bits):
            M, b, c = arb_mat(A.tolist()), arb_mat([[v] for v in B.tolist()]), arb_mat([C.tolist()])
            x, found = b * 0, []
            for v in u.tolist():
                found.append((c * x)[0, 0] + arb(D) * arb(v))
                x = M * x + b * arb(v)
            if all(y.rad() < arb(2) ** -100 for y in found):
                return np.array([float(y.mid()) for y in found])
        bits *= 2


def outputs(way: Way, parts: tuple[Any, ...], u: np.ndarray, length: int, backend: str, dtype: str) -> np.ndarray:
    """The outputs on a backend, as float64."""
    arrays = [*parts, u]
    if backend == "numpy":
        given: list[Any] = [np.asarray(a, dtype=dtype) for a in arrays]
    else:
        import torch

        given = [torch.tensor(a, dtype=DTYPES[dtype], device=backend.split()[1]) for a in arrays]
    found = to_numpy(way(*given, length))
    assert found is not None
    return found


def wrong_length(held: Case, lost: float) -> str:
    """What is wrong with the kernel's length or the frame; empty if the one is the shortest 2^p + 1 that loses no more
    than `lost`, and the other the least power of two for four kernels, or for everything."""
    A, B, C, _ = held.parts
    shorter = (held.length - 1) // 2 + 1
    if scan.tail(A, B, C, held.length) > lost:
        return f"a kernel of {held.length} samples loses more than {lost}"
    if shorter > 1 and scan.tail(A, B, C, shorter) <= lost:
        return f"a kernel of {shorter} samples would do, {held.length} are taken"
    found, least = scan.frame(SAMPLES, held.length), frame(SAMPLES, held.length)
    return "" if found == least else f"a frame of {found} samples, {least} would do"


def backends_of(settings: Settings) -> list[str]:
    import torch

    found = ["numpy", "torch cpu"]
    if settings.device == "cuda" or (settings.device == "auto" and torch.cuda.is_available()):
        found.append("torch cuda")
    return found


WAYS: Mapping[str, Way] = {
    "recurrence": lambda A, B, C, D, u, length: scan.recurrence(A, B, C, D, u),
    "blocked": lambda A, B, C, D, u, length: scan.blocked(A, B, C, D, u, block=BLOCK),
    "convolution": lambda A, B, C, D, u, length: scan.convolution(A, B, C, D, u, length=length),
    "convolution, full length": lambda A, B, C, D, u, length: scan.convolution(A, B, C, D, u),
}


def refuted(
    name: str, at: tuple[int, ...], error: float, bound: float, other: str, where: Mapping[str, Any]
) -> Finding:
    shown = Counterexample({}, {"output": str(list(at))}, f"{error:.3g}", f"{bound:.3g}", "error", "floor", name)
    reason = f"{name}: output {list(at)} differs from the {other} by {error:.3g}, the floor is {bound:.3g}"
    return Finding(Verdict.REFUTED, reason, settings=where, counterexample=shown)
