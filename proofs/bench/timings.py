"""Time to verdict, with the naive baseline beside it: process CPU seconds in one run, and ratios.

The baseline is what a user would write: the same identity on explicit SymPy matrices, decided by `sympy.expand`.
"""

from __future__ import annotations

import math
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from constructions import autograd_descent, gd_ssm, gradient_descent, legt, residual_stack, scan
from constructions.discretisation import gbt
from constructions.state_space import orthonormal
from numeric.deciding import exact_identity
from numeric.deciding.comparison import Comparison
from numeric.deciding.programs import Sizes
from numeric.entropy import Entropy
from numeric.finding import Finding, Quantity, Verdict
from numeric.words import derivation, matrix, scalar
from numeric.words.derivation import Obligation
from proofs.bench.forwards import costs
from proofs.evidence import Settings
from proofs.gd import stacked_steps
from proofs.hippo._scan_cases import exact
from proofs.hippo._scan_floors import floors

START = {"X": ("N", "f"), "Y": ("N", "m"), "x_q": ("f",), "W0": ("m", "f"), "eta": ()}


@dataclass(frozen=True)
class BenchRow:
    """One timing. limit: the most CPU seconds (with a baseline the least ratio, for a verdict in forwards the most of
    them) that it has to keep.

    ratio: baseline / this, both in this run. passed: the verdict was right and the limit was kept.
    """

    name: str
    cpu_seconds: float
    baseline_seconds: float | None
    ratio: float | None
    limit: float | None
    passed: bool
    figures: Mapping[str, Quantity] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """One row of `ssmproof bench --json`."""
        return {
            "name": self.name,
            "cpu_seconds": round(self.cpu_seconds, 4),
            "baseline_seconds": None if self.baseline_seconds is None else round(self.baseline_seconds, 4),
            "ratio": None if self.ratio is None else round(self.ratio, 1),
            "limit": self.limit,
            "passed": self.passed,
            "figures": dict(self.figures),
        }


def run(progress: Callable[[str], None] = lambda name: None, seed: int | None = None) -> list[BenchRow]:
    """All timings, in the order in which they have to run (memory is measured before the baseline uses it)."""
    stack(
        1, {"f": 2, "m": 2, "N": 2}, Entropy(seed)
    )  # the first use of autograd on a tensor subclass imports torch._dynamo
    rows = []
    for row in _rows(Entropy(seed), progress):
        rows.append(row)
    return rows


def _rows(entropy: Entropy, progress: Callable[[str], None]) -> Iterator[BenchRow]:
    progress("exact rung, (f, m, N, k) = (10, 10, 20, 10)")
    seconds, found = _timed(lambda: stack(10, {"f": 10, "m": 10, "N": 20}, entropy))
    yield _row("exact rung, (f, m, N, k) = (10, 10, 20, 10)", seconds, found, limit=2.0)

    progress("exact rung, (64, 64, 1024, 16)")
    seconds, found = _timed(lambda: stack(16, {"f": 64, "m": 64, "N": 1024}, entropy))
    memory = peak_memory()
    yield _row(
        "exact rung, (64, 64, 1024, 16)",
        seconds,
        found,
        limit=60.0,
        extra={"peak memory, GiB": round(memory, 2)},
        also=memory <= 1.0,
    )

    progress("universal rung, k = 1..10 unrolled")
    seconds, found = _timed(lambda: derivation.decide(unrolled, second_opinion=False))
    yield _row("universal rung, k = 1..10 unrolled", seconds, found, limit=1.0)
    progress("universal rung, both programs whole, k by induction")
    seconds, found = _timed(lambda: stacked_steps.IDENTITY.universal(Settings(seed=1)))
    yield _row("universal rung, both programs whole, k by induction", seconds, found, limit=1.0)

    progress("exact rung, N = 64..4096")
    yield linear(entropy)

    progress("verdicts counted in forward passes")
    for cost in costs(entropy):
        name = f"exact rung in forwards, {cost.name}"
        yield BenchRow(name, cost.verdict * cost.forward, None, None, cost.limit, cost.passed, cost.figures)

    progress("10^6 samples through 64 states, against SciPy")
    yield from samples(entropy)

    progress("sympy.expand on explicit matrices, (10, 10, 10, 1): the baseline, some 10 s")
    sizes = {"f": 10, "m": 10, "N": 10}
    seconds, found = _timed(lambda: stack(1, sizes, entropy))
    baseline, equal = _timed(lambda: naive(sizes))
    ratio = baseline / max(seconds, 1e-9)
    yield BenchRow(
        "exact rung, (10, 10, 10, 1), against sympy.expand",
        seconds,
        baseline,
        ratio,
        100.0,
        bool(equal) and found.verdict is Verdict.CONFIRMED and ratio >= 100,
        dict(found.figures),
    )


def stack(layers: int, sizes: Sizes, entropy: Entropy) -> Finding:
    """k stacked layers against k autograd steps, every input an indeterminate."""

    def layer(X: Any, Y: Any, x_q: Any, W0: Any, eta: Any) -> Any:
        return residual_stack.predict(X, Y, x_q, W0, eta / X.shape[0], layers)

    def learner(X: Any, Y: Any, x_q: Any, W0: Any, eta: Any) -> Any:
        return autograd_descent.descend(W0, X, Y, eta=eta, steps=layers) @ x_q

    return exact_identity.decide(Comparison(layer, learner, START, sizes, entropy=entropy))


def unrolled(most: int = 10) -> Iterator[Obligation]:
    """For each k up to `most`: the layers' prediction and k gradient steps, both multiplied out."""
    X, Y, W0, query = matrix("X", "N", "f"), matrix("Y", "N", "m"), matrix("W_0", "m", "f"), matrix("q", "f", 1)
    eta = scalar("eta")
    residual, prediction, W = Y - X @ W0.mT, W0 @ query, W0
    for k in range(1, most + 1):
        residual, prediction = residual_stack.layer(X, residual, prediction, query, eta / scalar("N"))
        W = gradient_descent.step(W, X, Y, eta)
        yield Obligation(f"{k} steps", prediction, W @ query, "Both sides multiplied out.")


def linear(entropy: Entropy, lengths: tuple[int, ...] = (64, 256, 1024, 4096)) -> BenchRow:
    """CPU seconds of the exact rung on one GD-SSM layer, token by token, against the context length."""
    shapes = {"X": ("N", "f"), "Y": ("N", "m"), "x_q": ("f",), "eta": ()}

    def layer(X: Any, Y: Any, x_q: Any, eta: Any) -> Any:
        return gd_ssm.predictions(X, Y, x_q, eta / X.shape[0])[-1, :]

    def learner(X: Any, Y: Any, x_q: Any, eta: Any) -> Any:
        return autograd_descent.descend(X.new_zeros(Y.shape[1], X.shape[1]), X, Y, eta=eta) @ x_q

    seconds, right = [], True
    for length in lengths:
        sizes = {"f": 4, "m": 4, "N": length}
        spent, found = _timed(
            partial(exact_identity.decide, Comparison(layer, learner, shapes, sizes, entropy=entropy))
        )
        seconds.append(spent)
        right = right and found.verdict is Verdict.CONFIRMED
    exponent = float(np.polyfit(np.log(lengths[1:]), np.log(seconds[1:]), 1)[0])
    slope, _ = np.polyfit(lengths, seconds, 1)
    figures: dict[str, Quantity] = {f"CPU s at N={n}": round(s, 3) for n, s in zip(lengths, seconds, strict=True)}
    figures |= {"exponent of N, fitted": round(exponent, 3), "CPU ms a token": round(1000 * float(slope), 3)}
    # a log-log slope of at most 1 up to the clock's noise; a quadratic cost would show 2
    return BenchRow("exact rung, N = 64..4096", sum(seconds), None, None, None, right and exponent < 1.25, figures)


def samples(entropy: Entropy, count: int = 10**6, states: int = 64) -> Iterator[BenchRow]:
    """A discrete LegT (Tustin, theta/h = 256) on `count` samples: in blocks against scipy.signal.dlsim, by FFT against
    scipy.signal.lfilter on the same kernel. dlsim steps in Python, so it gets a prefix and its time is scaled.

    Errors are those of a prefix against balls; each way has to keep its derived rounding floor.
    """
    from scipy.signal import dlsim, lfilter, ss2tf

    A, B, C, D = scan.standard(gbt(orthonormal(legt.system(states), legt.norms(states)), 1 / 256, 0.5))
    u = entropy.generator().uniform(-1, 1, count)
    length, prefix = scan.kernel_length(A, B, C, 1e-12), min(count, 10**6 // 50)
    allowed = floors(A, B, C, float(D), 1.0, count, "float64", scan.BLOCK, length)
    want = exact(A, B, C, float(D), u[: min(count, 256)])

    def error(y: np.ndarray) -> float:
        return float(np.abs(y[: len(want)] - want).max())

    blocks, y = _timed(lambda: scan.blocked(A, B, C, D, u))
    slow, (_, stepped, _) = _timed(lambda: dlsim((A, B[:, None], C[None, :], [[D]], 1.0), u[:prefix]))
    scaled = slow * count / prefix
    figures: dict[str, Quantity] = {
        "error": error(y),
        "rounding floor": allowed.blocked,
        "dlsim's error": error(stepped[:, 0]),
        "dlsim's samples, its time scaled up": prefix,
    }
    ratio, right = scaled / max(blocks, 1e-9), error(y) <= allowed.blocked
    name = f"{count:,} samples, N = {states}"
    yield BenchRow(f"{name}, in blocks, against dlsim", blocks, scaled, ratio, 10.0, right and ratio >= 10, figures)

    fft, y = _timed(lambda: scan.convolution(A, B, C, D, u, length=length))
    kernel = scan.kernel(A, B, C, D, length)
    taps, filtered = _timed(lambda: lfilter(kernel, [1.0], u))
    with np.errstate(all="ignore"):
        b, a = ss2tf(A, B[:, None], C[None, :], [[D]])
        recursive, unstable = _timed(lambda: lfilter(b[0], a, u))
    figures = {
        "error": error(y),
        "rounding floor": allowed.convolution,
        "taps": length,
        "lfilter's error": error(filtered),
        "lfilter by polynomial coefficients, CPU s": round(recursive, 4),
        "its error": error(unstable) if np.isfinite(unstable[: len(want)]).all() else "not finite",
    }
    ratio, right = taps / max(fft, 1e-9), error(y) <= allowed.convolution
    yield BenchRow(f"{name}, by FFT, against lfilter", fft, taps, ratio, 1.0, right and ratio >= 1, figures)


def naive(sizes: Sizes) -> bool:
    """One step, layer and learner on explicit SymPy matrices; True if `sympy.expand` of every difference is 0."""
    import sympy as sp

    f, m, N = sizes["f"], sizes["m"], sizes["N"]
    X, Y, W = (
        sp.Matrix(r, c, lambda i, j, n=n: sp.Symbol(f"{n}{i}_{j}"))
        for n, r, c in (("x", N, f), ("y", N, m), ("w", m, f))
    )
    q, c = sp.Matrix(f, 1, lambda i, _: sp.Symbol(f"q{i}")), sp.Symbol("eta") / N
    learner = (W - c * ((W * X.T - Y.T) * X)) * q
    state = sp.zeros(m, f)
    for i in range(N):
        state += (Y[i, :].T - W * X[i, :].T) * X[i, :]
    return all(sp.expand(entry) == 0 for entry in W * q + c * (state * q) - learner)


def peak_memory() -> float:
    """This process's peak resident memory in GiB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


def _row(
    name: str,
    seconds: float,
    found: Finding,
    *,
    limit: float,
    extra: Mapping[str, Quantity] | None = None,
    also: bool = True,
) -> BenchRow:
    figures = dict(found.figures) | dict(extra or {})
    passed = found.verdict is Verdict.CONFIRMED and seconds <= limit and also and math.isfinite(seconds)
    return BenchRow(name, seconds, None, None, limit, passed, figures)


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    result = work()
    return time.process_time() - start, result
