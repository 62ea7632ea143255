r"""The three ways of running a discrete state space stay within their rounding floors.

For a discrete system held in float64 or float32, zero start and $|u_k| \le U$, the outputs computed by the recurrence,
block by block, and by FFT with a truncated or the full kernel differ from the exact outputs of the same numbers by at
most explicit floors, on NumPy, torch CPU and torch CUDA alike. For the recurrence the floor is

$$ R d + \gamma_{N+1} \left(|C| (X + E) + |D| U\right), \qquad d = \gamma_{N+1} \left(|A| (X + E) + |B| U\right), \qquad
   E = T d , $$

entry by entry with $T = \sum_j |A^j|$, $R = \sum_j |C A^j|$, $X = U \sum_j |A^j B|$ and
$\gamma_n = \frac{n\,e}{1 - n\,e}$ for the unit roundoff $e$: it does not grow with the number of samples. On integer
systems whose sums stay below $1/e$ the recurrence and the blocks are exact, and the FFT's root mean square error is at
most $\norm{c}_1$ times the input's times what its transforms may do; these are the sharp checks, for on LegT and LegS
the floors of the blocks and of the FFT lie $10^3$ to $10^4$ times above the errors ($N \le 8$). The kernel of length
$L = r + 1$ drops at most $U \norm{C A^r} \sum_{i<r} \norm{A^i B} / (1 - \norm{A^r})$.

Why.
Each step commits $\gamma_{N+1}(|A||x| + |B||u|)$ and the exact $A^j$ carry it on; in floats the products' order is the
library's. Computed powers, columns and kernel entries are followed in the same way through the doubling; the block's
products add theirs. For the FFT the bound is Percival's, $|c|_2 |w|_2 ((1+e)^{3n} (1 + e\sqrt5)^{3n+1} (1+b)^{3n} - 1)$
for the size $2^n$. The tail is a geometric series in $\norm{A^r}$.

Assumes.
- $\norm{A^r} < 1/2$ for some $r \le 2^{14}$: a system that forgets
- quick profile: drawn contractions; full profile: LegT and LegS as well
- no overflow or underflow; FFT sizes are powers of two, $w$ is the frame that is transformed

Source.
derived here; the FFT's bound from C. Percival, Math. Comp. 72 (2003), theorem 5.1
"""

# Over 120 lines: three ways to run a system on every backend, and a figure.

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from constructions import scan
from constructions.discretisation import gbt
from constructions.namespace import Array, namespace
from numeric.deciding.backends import to_numpy, unusable
from numeric.entropy import Entropy
from numeric.finding import Finding, Quantity, Verdict
from proofs.figure import Columns, Figure, Series, one
from proofs.forms import Kind, Mutant, Rung, Settings, both, checked, claim
from proofs.hippo._scan_cases import (
    BLOCK,
    CHANNELS,
    LOST,
    PREFIX,
    SAMPLES,
    SYSTEMS,
    WAYS,
    Way,
    backends_of,
    case,
    exact,
    on_legt,
    outputs,
    refuted,
    wrong_length,
)
from proofs.hippo._scan_floors import floors
from proofs.hippo._scan_integers import integers

VACUOUS = 1e-6
"""An error that is a smaller share of its floor than this says nothing about the floor."""


@checked(Rung.SAMPLED)
def floored(settings: Settings, change: Mapping[str, Way] | None = None) -> Finding:
    """Every way against the exact prefix, and against the recurrence over the whole length, channel by channel."""
    ways = {**WAYS, **(change or {})}
    backends = backends_of(settings)
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
                wrong = wrong_length(held, LOST[dtype])
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
                            return refuted(f"{name}, {kind}, {backend}, {dtype}", at, worst, bound, other, where)
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


def _way(id: str, description: str, name: str, way: Way) -> Mutant:
    return Mutant(id, description, {Rung.SAMPLED: both(integers({name: way}), floored.check(change={name: way}))})


@cache
def growth() -> Columns:
    """Errors and floors of the three ways for LegT with Tustin, theta/h = 64, against N; float64, numpy."""
    found: dict[str, list[float]] = {"N": []}
    for N in (2, 3, 4, 6, 8, 12, 16):
        parts = scan.standard(on_legt(N, 64, lambda s, h: gbt(s, h, 0.5)))
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


CLAIM = claim(
    __name__,
    {Rung.SAMPLED: both(integers(), floored.check())},
    _way("late_kernel", "the convolution's kernel one power late", "convolution", _late),
    _way(
        "no_feedthrough",
        "D dropped in the blocks",
        "blocked",
        lambda A, B, C, D, u, length: scan.blocked(A, B, C, 0 * D, u, block=BLOCK),
    ),
    _way("stale_block", "a block's last input is not passed on to the next", "blocked", _stale),
    _way(
        "short_kernel",
        "an eighth of the kernel",
        "convolution",
        lambda A, B, C, D, u, length: scan.convolution(A, B, C, D, u, length=length // 8),
    ),
    _way("thousand", "the blocks' outputs off by a thousand roundings", "blocked", _off("blocked", 1000)),
    _way("four", "the recurrence's outputs off by four roundings", "recurrence", _off("recurrence", 4)),
    _way("fft", "the FFT's outputs off by a thousand roundings", "convolution", _off("convolution", 1000)),
    _way("narrow", "float32 inside, float64 outside", "blocked", _narrow),
    kind=Kind.BOUND,
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
