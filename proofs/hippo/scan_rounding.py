"""Recurrence, blocks and FFT on every backend: each within its own derived floor of the exact outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from flint import arb, arb_mat

from constructions import legs, legt, scan
from constructions.discretisation import Discrete, gbt, zoh
from constructions.namespace import Array, namespace
from constructions.state_space import StateSpace, orthonormal
from numeric.analysis import peano
from numeric.deciding.backends import DTYPES, to_numpy, unusable
from numeric.entropy import Entropy
from numeric.finding import Counterexample, Finding, Quantity, Verdict, combine
from proofs.claim import Check, Claim, Kind, Mutant
from proofs.evidence import Rung, Settings
from proofs.figure import Columns, Figure, Series, one
from proofs.hippo._scan_floors import Floors, floors, frame, spread

SAMPLES, PREFIX, CHANNELS = 1024, 160, (2, 3)
"""Inputs (T, batch, channels); the first channel's prefix is compared with balls."""

BLOCK = 64
LOST = {"float64": 1e-12, "float32": 1e-3}
"""What truncating the kernel may cost, times the largest input."""

VACUOUS = 1e-6
"""An error that is a smaller share of its floor than this says nothing about the floor."""

Way = Callable[..., Array]
"""Outputs for A, B, C, D, u and the kernel length."""

WAYS: Mapping[str, Way] = {
    "recurrence": lambda A, B, C, D, u, length: scan.recurrence(A, B, C, D, u),
    "blocked": lambda A, B, C, D, u, length: scan.blocked(A, B, C, D, u, block=BLOCK),
    "convolution": lambda A, B, C, D, u, length: scan.convolution(A, B, C, D, u, length=length),
    "convolution, full length": lambda A, B, C, D, u, length: scan.convolution(A, B, C, D, u),
}


def _legt(N: int, division: int, make: Callable[[StateSpace, float], Discrete]) -> Discrete:
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
    "LegT, N = 8, Tustin": lambda seed: scan.standard(_legt(8, 64, lambda s, h: gbt(s, h, 0.5))),
    "LegT, N = 8, forward Euler": lambda seed: scan.standard(_legt(8, 64, lambda s, h: gbt(s, h, 0))),
    "LegS, N = 6, zero-order hold": lambda seed: scan.standard(zoh(orthonormal(legs.system(6), legs.norms(6)), 1 / 64)),
    "LegT, N = 16, Tustin": lambda seed: scan.standard(_legt(16, 128, lambda s, h: gbt(s, h, 0.5))),
}
"""The statement is about any system: the quick profile takes the first three."""


@dataclass(frozen=True)
class Held:
    """One system and inputs in one dtype, held in float64: exact outputs of its first channel, floors, kernel length."""

    parts: tuple[Any, ...]
    u: np.ndarray
    exact: np.ndarray
    floors: Mapping[str, float]
    length: int


@cache
def case(name: str, dtype: str, seed: int | None) -> Held:
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
    return Held(parts, u, exact(A, B, C, float(D), u[:PREFIX, 0, 0]), allowed, length)


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


def _lengths(held: Held, lost: float) -> str:
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


def _backends(settings: Settings) -> list[str]:
    import torch

    found = ["numpy", "torch cpu"]
    if settings.device == "cuda" or (settings.device == "auto" and torch.cuda.is_available()):
        found.append("torch cuda")
    return found


def floored(change: Mapping[str, Way] | None = None) -> Check:
    """Every way against the exact prefix, and against the recurrence over the whole length, channel by channel."""
    ways = {**WAYS, **(change or {})}

    def run(settings: Settings) -> Finding:
        backends = _backends(settings)
        names = list(SYSTEMS)[: 3 if settings.profile == "quick" else None]
        figures: dict[str, Quantity] = {}
        where = {"sizes": {"T": SAMPLES, "batch": CHANNELS[0], "channels": CHANNELS[1]}, "seed": settings.seed}
        for dtype in LOST:
            for backend in backends:
                why = unusable(backend, dtype)
                if why:
                    return Finding(Verdict.NOT_RUN, why, settings=where)
                for name in names:
                    held = case(name, dtype, settings.seed)
                    wrong = _lengths(held, LOST[dtype])
                    if wrong:
                        return Finding(Verdict.REFUTED, f"{name}, {dtype}: {wrong}", settings=where)
                    base = outputs(ways["recurrence"], held.parts, held.u, held.length, backend, dtype)
                    for kind, way in ways.items():
                        y = base
                        if kind != "recurrence":
                            y = outputs(way, held.parts, held.u, held.length, backend, dtype)
                        floor = held.floors[kind]
                        pairs = [
                            ("exact", np.abs(y[:PREFIX, 0, 0] - held.exact), floor),
                            ("recurrence", np.abs(y - base), floor + held.floors["recurrence"]),
                        ]
                        for other, error, bound in pairs:
                            # rounding the exact value to float64 and the difference cost two roundings of the result
                            bound += 2.0**-51 * float(np.abs(y).max())
                            worst = float(error.max())
                            if not worst <= bound:
                                at = tuple(int(i) for i in np.unravel_index(int(error.argmax()), error.shape))
                                return _refuted(f"{name}, {kind}, {backend}, {dtype}", at, worst, bound, other, where)
                            key = f"{backend}, {dtype}: {kind}, worst error / floor"
                            figures[key] = max(float(figures.get(key, 0.0) or 0.0), float(f"{worst / bound:.3g}"))
        vacuous = [key for key, share in figures.items() if float(share or 0.0) < VACUOUS]
        if vacuous:
            return Finding(Verdict.UNDECIDED, f"{vacuous[0]}: a floor that far off confirms nothing", figures, where)
        return Finding(
            Verdict.CONFIRMED,
            figures={"systems": len(names), **figures},
            settings={"engine": "floating point against rounding floors", "backends": backends, **where},
            trust=(
                "IEEE 754 arithmetic; the derivation of the floors (proofs/hippo/_scan_floors.py)",
                "the library's FFT errs by no more than Percival's bound for radix 2, roots of unity within two roundings",
                "Arb's ball arithmetic for the exact prefix",
            ),
        )

    return run


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
            for backend in _backends(settings):
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
                                return _refuted(title, at, float(error.max()), 0.0, "exact integer", where)
                            continue
                        mean = np.sqrt((error**2).mean(axis=0))
                        for channel in np.ndindex(*CHANNELS):
                            bound = spread(held.kernel, held.u[:, *channel], e)
                            if not mean[channel] <= bound:
                                return _refuted(
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


def _refuted(
    name: str, at: tuple[int, ...], error: float, bound: float, other: str, where: Mapping[str, Any]
) -> Finding:
    shown = Counterexample({}, {"output": str(list(at))}, f"{error:.3g}", f"{bound:.3g}", "error", "floor", name)
    reason = f"{name}: output {list(at)} differs from the {other} by {error:.3g}, the floor is {bound:.3g}"
    return Finding(Verdict.REFUTED, reason, settings=where, counterexample=shown)


def sampled(change: Mapping[str, Way] | None = None) -> Check:
    """Integers, then the floors."""
    parts = (integers(change), floored(change))
    return lambda settings: combine([part(settings) for part in parts])


def _late(A: Array, B: Array, C: Array, D: Any, u: Array, length: int) -> Array:
    return scan.convolution(A, A @ B, C, D, u, length=length)


def _stale(A: Array, B: Array, C: Array, D: Any, u: Array, length: int) -> Array:
    """The first block passes on the state before its last input."""
    y = scan.blocked(A, B, C, D, u, block=BLOCK)
    lost = scan.columns(A, B, u.shape[0] - BLOCK)
    last = u[BLOCK - 1, ...].reshape(-1)
    missing = (C @ lost)[:, None] * last[None, :]
    late = y[BLOCK:, ...] - missing.reshape(-1, *u.shape[1:])
    return namespace(u).concat([y[:BLOCK, ...], late], axis=0)


def _narrow(A: Array, B: Array, C: Array, D: Any, u: Array, length: int) -> Array:
    """Everything rounded to half the digits first."""
    a, b, c, d, v = (np.asarray(to_numpy(x), dtype=np.float32) for x in (A, B, C, D, u))
    found = scan.blocked(a, b, c, d, v, block=BLOCK)
    return np.asarray(found, dtype=np.float64)


def _off(name: str, roundings: int) -> Way:
    """A way whose outputs are off by some roundings."""
    way = WAYS[name]

    def run(A: Array, B: Array, C: Array, D: Any, u: Array, length: int) -> Array:
        y = way(A, B, C, D, u, length)
        return y * (1 + roundings * namespace(u).finfo(u.dtype).eps / 2)

    return run


def _way(name: str, way: Way) -> dict[Rung, Check]:
    return {Rung.SAMPLED: sampled({name: way})}


@cache
def growth() -> Columns:
    """Errors and floors of the three ways for LegT with Tustin, theta/h = 64, against N; float64, numpy."""
    found: dict[str, list[float]] = {"N": []}
    for N in (2, 3, 4, 6, 8, 12, 16):
        parts = scan.standard(_legt(N, 64, lambda s, h: gbt(s, h, 0.5)))
        A, B, C, D = parts
        u = Entropy("floors").child(N).generator().uniform(-1, 1, SAMPLES)
        length = scan.kernel_length(A, B, C, LOST["float64"])
        allowed = floors(A, B, C, float(D), 1.0, SAMPLES, "float64", BLOCK, length)
        want = exact(A, B, C, float(D), u[:PREFIX])
        size = float(np.abs(want).max())
        found["N"].append(N)
        for kind in ("recurrence", "blocked", "convolution"):
            error = np.abs(WAYS[kind](A, B, C, D, u, length)[:PREFIX] - want).max()
            found.setdefault(f"{kind} error", []).append(float(error) / size)
            found.setdefault(f"{kind} floor", []).append(getattr(allowed, kind) / size)
    return found


CLAIM = Claim(
    __name__,
    title="The three ways of running a discrete state space stay within their rounding floors",
    kind=Kind.BOUND,
    statement=r"""For a discrete system held in float64 or float32, zero start and $|u_k| \le U$, the outputs computed by
the recurrence, block by block, and by FFT with a truncated or the full kernel differ from the exact outputs of the same
numbers by at most explicit floors, on NumPy, torch CPU and torch CUDA alike. For the recurrence the floor is

$$ R d + \gamma_{N+1} \left(|C| (X + E) + |D| U\right), \qquad d = \gamma_{N+1} \left(|A| (X + E) + |B| U\right), \qquad
E = T d , $$

entry by entry with $T = \sum_j |A^j|$, $R = \sum_j |C A^j|$, $X = U \sum_j |A^j B|$ and $\gamma_n = \frac{n\,e}{1 - n\,e}$
for the unit roundoff $e$: it does not grow with the number of samples. On integer systems whose sums stay below $1/e$ the
recurrence and the blocks are exact, and the FFT's root mean square error is at most $\norm{c}_1$ times the input's
times what its transforms may do; these are the sharp checks, for on LegT and LegS the floors of the blocks and of the FFT lie
$10^3$ to $10^4$ times above the errors ($N \le 8$). The kernel of length $L = r + 1$ drops at most
$U \norm{C A^r} \sum_{i<r} \norm{A^i B} / (1 - \norm{A^r})$.""",
    derivation=r"""Each step commits $\gamma_{N+1}(|A||x| + |B||u|)$ and the exact $A^j$ carry it on; in floats the
products' order is the library's. Computed powers, columns
and kernel entries are followed in the same way through the doubling; the block's products add theirs. For the FFT the
bound is Percival's, $|c|_2 |w|_2 ((1+e)^{3n} (1 + e\sqrt5)^{3n+1} (1+b)^{3n} - 1)$ for the size $2^n$. The tail is
a geometric series in $\norm{A^r}$.""",
    assumptions=(
        r"$\norm{A^r} < 1/2$ for some $r \le 2^{14}$: a system that forgets",
        "quick profile: drawn contractions; full profile: LegT and LegS as well",
        "no overflow or underflow; FFT sizes are powers of two, $w$ is the frame that is transformed",
    ),
    source="derived here; the FFT's bound from C. Percival, Math. Comp. 72 (2003), theorem 5.1",
    checks={Rung.SAMPLED: sampled()},
    mutants=(
        Mutant("late_kernel", "the convolution's kernel one power late", _way("convolution", _late)),
        Mutant(
            "no_feedthrough",
            "D dropped in the blocks",
            _way("blocked", lambda A, B, C, D, u, length: scan.blocked(A, B, C, 0 * D, u, block=BLOCK)),
        ),
        Mutant("stale_block", "a block's last input is not passed on to the next", _way("blocked", _stale)),
        Mutant(
            "short_kernel",
            "an eighth of the kernel",
            _way("convolution", lambda A, B, C, D, u, length: scan.convolution(A, B, C, D, u, length=length // 8)),
        ),
        Mutant("thousand", "the blocks' outputs off by a thousand roundings", _way("blocked", _off("blocked", 1000))),
        Mutant("four", "the recurrence's outputs off by four roundings", _way("recurrence", _off("recurrence", 4))),
        Mutant("fft", "the FFT's outputs off by a thousand roundings", _way("convolution", _off("convolution", 1000))),
        Mutant("narrow", "float32 inside, float64 outside", _way("blocked", _narrow)),
    ),
    figures=(
        Figure(
            "floors",
            r"""Running LegT (route (i), Tustin, $\theta/h = 64$) on 1024 samples in float64: largest error of each way against
ball arithmetic (dots) and its derived floor (lines), relative to the largest output.""",
            growth,
            one(
                "states $N$",
                "error / largest output",
                [Series(k, "N", f"{k} error", f"{k} floor") for k in ("recurrence", "blocked", "convolution")],
                "xy",
            ),
        ),
    ),
)
