"""One set of weights, never refitted, on systems drawn at random: a bound from the samples alone, the order in theta."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from flint import arb, fmpq, fmpq_poly

from constructions import legs, legt, scan
from constructions.discretisation import Discrete, gbt
from constructions.drawn_systems import FAMILIES, NUMBERS, member
from constructions.state_space import StateSpace, orthonormal
from numeric.analysis import peano
from numeric.analysis.rates import fit
from numeric.analysis.rational_matrices import characteristic
from numeric.analysis.taylor import trajectory
from numeric.entropy import Entropy
from numeric.finding import Finding, combine
from proofs.claim import Check, Claim, Kind, Mutant, both
from proofs.evidence import Rung, Settings
from proofs.figure import Columns, Figure, Panel, Series, one, through_last
from proofs.hippo._checks import Bound, Rate, Same, exactly, never_exceeded, orders
from proofs.hippo._scan_floors import floors

N, DIVISION = 8, 64
"""States, and samples a window: with these the weights are fixed numbers, whatever the system and its time scale."""

CONTEXT, ARC = 8, 2
"""Windows seen before the first prediction that counts, and windows predicted."""

SAMPLES = (CONTEXT + ARC) * DIVISION
ORDER_STATES = 3
ORDERED = ("linear", "Van der Pol", "Lorenz")
"""Families whose order is measured. FitzHugh-Nagumo's is stiff: no one range of theta is fine for its jumps and still
above rounding between them."""

SPARE = 3
_BITS = 300
"""Samples times 2^300 are integers: a float64 of size 2^-248 or more has no bit below."""

SHRINK = tuple(2.0 ** (-j / 2) for j in range(2, 10))
"""theta over its largest value, for the measured order."""

Layer = Callable[[], Discrete]


def layer() -> Discrete:
    """The predictor's weights: LegT, route (i), forward Euler at theta/h = 64. One step predicts u_k + h y_k.

    In the coefficient basis: outputs are the same in every basis.
    """
    return euler(orthonormal(legt.system(N), np.ones(N)))


def euler(system: StateSpace) -> Discrete:
    return gbt(system, 1 / DIVISION, 0)


def predicted(discrete: Discrete, u: np.ndarray) -> np.ndarray:
    """Predictions (T, d) of u_1, ..., u_T from u (T, d) by the layer itself, started as if the first sample had lasted."""
    v = u - u[0]
    return np.asarray(v + scan.blocked(*scan.standard(discrete), v) / DIVISION + u[0])


@dataclass(frozen=True)
class Draw:
    """A drawn system's samples (T + 1, d), h apart, and where they came from."""

    family: str
    number: int
    point: tuple[float, ...]
    u: np.ndarray

    @property
    def spread(self) -> np.ndarray:
        """Each component's standard deviation (d,)."""
        return np.asarray(self.u.std(axis=0))


def sample(family: str, number: int, point: Sequence[float]) -> Draw:
    """The trajectory of one member of a family."""
    system = member(family, point)
    u, _ = trajectory(system.right, system.start, system.theta / DIVISION, SAMPLES + 1)
    return Draw(family, number, tuple(point), u)


STARTS = {
    "linear": ((0.5, -1, -1), (1.5, 1, 1)),
    "Van der Pol": ((0.5, -2), (2, 2)),
    "Lorenz": ((4, 4, 18), (12, 12, 30)),
    "FitzHugh-Nagumo": ((-2, -0.5), (2, 1.5)),
}
"""The corners of the boxes that starts are drawn from."""


def starts(settings: Settings) -> Finding:
    """The families' starts at the corners of the unit cube."""

    def compare(corner: int) -> Iterator[Same]:
        for family, corners in STARTS.items():
            found = member(family, [float(corner)] * NUMBERS).start
            yield Same(f"starts of {family}", [str(v) for v in found], [str(float(v)) for v in corners[corner]])

    return exactly(compare, (0, 1), size="corner")(settings)


@cache
def draws(seed: int | str | None, count: int) -> tuple[Draw, ...]:
    """`count` members of each family."""
    entropy = Entropy(seed)
    return tuple(
        sample(family, k, entropy.child(family, k).generator().random(NUMBERS).tolist())
        for family in FAMILIES
        for k in range(count)
    )


@cache
def error_kernel(K: int) -> np.ndarray:
    """g (SAMPLES,) with u_{k+1} - (its prediction) = sum_m g_m (nabla^K u)_{k+1-m}, 0 <= K <= N + 1, computed in balls.

    Its transform is h sigma^{N+1}/q_N(sigma) with sigma = (z-1)/h (hippo.one_step_error), divided by (z-1)^K and shifted
    by the K - 1 samples that backward differences lag.
    """
    h = fmpq(1, DIVISION)
    q = characteristic(legt.system(N).A)
    shifted = q(fmpq_poly([-1, 1]) * (1 / h)) * h**N  # monic in z
    numerator = fmpq_poly([-1, 1]) ** (N + 1 - K) * (fmpq_poly([0, 1]) ** (K - 1) if K else fmpq_poly([1]))
    delay = 0 if K else 1
    b = [numerator[N + delay - j] for j in range(N + 1 + delay)]
    a = [shifted[N - j] for j in range(N + 1)]
    with peano.precision(2048):
        found: list[arb] = []
        for m in range(SAMPLES):
            value = arb(b[m]) if m < len(b) else arb(0)
            for j in range(1, min(m, N) + 1):
                value -= arb(a[j]) * found[m - j]
            found.append(value)
        assert all(v.rad() < arb(2) ** -100 for v in found)
        return np.array([float(v.mid()) for v in found])


def from_differences(K: int, u: np.ndarray, order: int | None = None) -> np.ndarray:
    """The bound sum_m |g_m| |nabla^K u| of each prediction's error (T, d), u (T + 1, d); the differences are exact.

    order: that of the differences, if not K (for a mutant). Raises ValueError for K = 0: without a difference the past
    before the first sample would count.
    """
    if K < 1:
        raise ValueError(f"K is {K}; expected at least one difference")
    steps = K if order is None else order
    whole = np.concatenate([np.repeat(u[:1], steps, axis=0), u]) * 2.0**_BITS
    exact = np.diff(np.vectorize(int, otypes=[object])(whole), n=steps, axis=0)  # integers: every sample is dyadic
    change = np.abs(exact.astype(float)) * 2.0**-_BITS
    g = np.abs(error_kernel(K))
    return np.stack([np.convolve(g, column)[1 : len(u)] for column in change.T], axis=1) * (1 + 2.0**-40)


@cache
def rounding() -> float:
    """The prediction's own rounding floor for inputs up to 1 in size, and that of the start's subtraction."""
    A, B, C, D = scan.standard(layer())
    found = floors(A, B, C, float(D), 1.0, SAMPLES, "float64", scan.BLOCK, SAMPLES)
    return found.blocked / DIVISION + 2.0**-50


@cache
def gain() -> float:
    """sum |p_m| of the predictor's kernel: what bounded noise can become. The error kernel at K = 0 is u - prediction."""
    return float(np.abs(error_kernel(0)[1:]).sum()) * (1 + 2.0**-40)


def bounds(
    discrete: Layer = layer, shift: int = 0, noise_gain: Callable[[], float] = gain
) -> Callable[[Settings], Iterator[Bound]]:
    """On each draw and component, the prediction whose error comes nearest to its bound; then with bounded noise.

    shift: the bound takes differences of order K + shift, with the kernel of K (for a mutant).
    """

    def run(settings: Settings) -> Iterator[Bound]:
        chosen = draws(settings.seed, 2 if settings.profile == "quick" else 10)
        weights = discrete()  # once: the same numbers for all systems
        for draw in chosen:
            u, size = draw.u, np.abs(draw.u - draw.u[0]).max(axis=0)
            error = np.abs(u[1:] - predicted(weights, u[:-1]))
            best = np.full_like(error, np.inf)
            for K in range(1, N + 2):
                limit = from_differences(K, u, K + shift) + rounding() * size
                best = np.minimum(best, limit)
                yield from _nearest(f"K = {K}", draw, error, limit)
            noise = 1e-3 * draw.spread * (2 * Entropy(settings.seed).child(draw.point).generator().random(u.shape) - 1)
            noisy = u + noise
            error = np.abs(u[1:] - predicted(weights, noisy[:-1]))
            # the predictor is linear, also in the noise, whose first sample lasts like theirs
            most = np.abs(noisy - u).max(axis=0)
            limit = best + noise_gain() * most + rounding() * (size + 2 * most)
            yield from _nearest("bounded noise", draw, error, limit)

    return run


def _nearest(name: str, draw: Draw, error: np.ndarray, limit: np.ndarray) -> Iterator[Bound]:
    """The ratio is 1 where the start's jump alone is seen, so later predictions have a figure of their own."""
    split = CONTEXT * DIVISION
    for said, part in ((f"first {CONTEXT} windows", slice(0, split)), (name, slice(split, None))):
        for j in range(error.shape[1]):
            k = int((error[part, j] / limit[part, j]).argmax())
            where = {"family": draw.family, "draw": draw.number, "component": j, "sample": k + 1 + part.start}
            yield Bound(said, arb(float(error[part, j][k])), arb(float(limit[part, j][k])), where)


def measure(claimed: float = ORDER_STATES + 1) -> Callable[[Settings], Iterator[Rate]]:
    """The order of the RMS error over one arc in theta, theta/h fixed, N = 3, on members of each of `ORDERED`.

    A member whose interval is too wide to tell orders apart is passed over, whatever its slope, at most `SPARE` times.
    """

    def run(settings: Settings) -> Iterator[Rate]:
        for family in ORDERED:
            wanted, spare, number = (1 if settings.profile == "quick" else 4), SPARE, 0
            while wanted:
                errors, floor = shrinking(settings.seed, family, number)
                order = fit(SHRINK, errors, to_zero=True, uncertainty=[floor / e for e in errors])
                if order.sharp_enough or not spare:
                    yield Rate(f"{family}, draw {number}", order, claimed)
                    wanted -= 1
                else:
                    spare -= 1
                number += 1

    return run


@cache
def shrinking(seed: int | str | None, family: str, number: int) -> tuple[list[float], float]:
    """RMS errors at each of `SHRINK`, over one arc of the family's own theta, and the size of rounding in them."""
    point = Entropy(seed).child("order", family, number).generator().random(NUMBERS).tolist()
    system = member(family, point)
    weights = euler(orthonormal(legt.system(ORDER_STATES), np.ones(ORDER_STATES)))
    found, size = [], 0.0
    for share in SHRINK:
        burn, arc = round(6 * DIVISION / share), round(DIVISION / share)
        u, _ = trajectory(system.right, system.start, system.theta * share / DIVISION, burn + arc + 1)
        spread = u.std(axis=0)
        miss = (u[1:] - predicted(weights, u[:-1]))[burn:] / spread
        found.append(float(np.sqrt(np.mean(miss**2))))
        size = max(size, float((np.abs(u).max(axis=0) / spread).max()))
    return found, 2.0**-52 * size


def measured(bound: Callable[[Settings], Iterator[Bound]] | None = None, claimed: float = ORDER_STATES + 1) -> Check:
    """The bound on every draw, then the order."""
    checks = (
        never_exceeded(
            bound or bounds(), trust=("the derivation of the rounding floor (proofs/hippo/_scan_floors.py)",)
        ),
        orders(measure(claimed), trust=("the Taylor reference (order 28, its last terms below the rounding error)",)),
    )
    return lambda settings: combine([check(settings) for check in checks])


def trajectory_columns() -> Columns:
    """First components of one member of each family over the whole run, and every twentieth prediction."""
    columns: dict[str, np.ndarray] = {}
    weights = layer()
    for draw in draws("trajectories", 1):
        time = np.arange(SAMPLES + 1) / DIVISION
        columns |= {f"{draw.family} t": time, f"{draw.family} u": draw.u[:, 0]}
        columns |= {
            f"{draw.family} at": time[20::20],
            f"{draw.family} predicted": predicted(weights, draw.u[:-1])[19::20, 0],
        }
    return columns


def order_columns() -> Columns:
    """The errors whose order is measured, and lines of order N + 1 through the last of each."""
    found: dict[str, list[float]] = {"share": list(SHRINK)}
    for family in ORDERED:
        found[family] = shrinking("trajectories", family, 0)[0]
        found[f"{family}, order"] = through_last(SHRINK, found[family], ORDER_STATES + 1)
    return found


def _wrong(change: Callable[[StateSpace], StateSpace], family: object = legt) -> Layer:
    source = legt if family is legt else legs
    return lambda: euler(change(orthonormal(source.system(N), source.norms(N))))


CLAIM = Claim(
    __name__,
    title="One set of weights predicts the next state of systems it has never seen",
    kind=Kind.BOUND,
    statement=r"""Fix LegT with $N = 8$, route (i), forward Euler at $\theta/h = 64$: one set of numbers. Fed any samples
$u_0, u_1, \dots$ (the first one taken to have lasted), without refitting, each prediction $\hat u_{k+1} = u_k + h y_k$
obeys for every $1 \le K \le N + 1$

$$ |u_{k+1} - \hat u_{k+1}| \le \sum_m |g^{(K)}_m| \, |(\nabla^K u)_{k+1-m}| \le \norm{g^{(K)}}_1 \max |\nabla^K u| , $$

with $g^{(K)}$ the impulse response of $h \sigma^{N+1}/q_N(\sigma)$ over $(1 - z^{-1})^K$, $\sigma = (z-1)/h$: a bound
from the samples' own differences. Noise of size at most $\eta$ adds at most $\norm{p}_1 \eta$, $\norm{p}_1 = 3.85$, to
the error against the noise-free state. At fixed $\theta/h$ the error is of order $\theta^{N+1}$. Checked on linear systems, Van der
Pol's, Lorenz's and FitzHugh-Nagumo's with drawn parameters and starts.""",
    derivation=r"""hippo.one_step_error gives the error's transfer function. Its numerator holds the factor $(z-1)^{N+1}$, so
$\nabla^K$ can be split off for $K \le N+1$; the triangle inequality does the rest. As $h/\theta$ is fixed, $\nabla^{N+1} u
= O(\theta^{N+1})$.""",
    assumptions=(
        "the bound holds for any samples; the order is measured on the first three families, for the fourth is stiff",
    ),
    source="derived here; arXiv 2407.09375 announces in-context prediction of dynamical systems",
    checks={Rung.MEASURED: both(measured(), starts)},
    mutants=(
        Mutant(
            "negative_gain",
            "D with the wrong sign",
            {Rung.MEASURED: measured(bounds(_wrong(lambda s: StateSpace(s.A, s.B, s.C, -s.D))))},
        ),
        Mutant(
            "other_scale",
            "matrices of theta = 2 read as theta = 1",
            {Rung.MEASURED: measured(bounds(_wrong(lambda s: StateSpace(s.A / 2, s.B / 2, s.C / 2, s.D / 2))))},
        ),
        Mutant(
            "legs", "LegS matrices with the same readout", {Rung.MEASURED: measured(bounds(_wrong(lambda s: s, legs)))}
        ),
        Mutant(
            "one_order_more",
            "the kernel of K with differences of order K + 1",
            {Rung.MEASURED: measured(bounds(shift=1))},
        ),
        Mutant(
            "no_noise_gain", "noise is not amplified at all", {Rung.MEASURED: measured(bounds(noise_gain=lambda: 0.0))}
        ),
        Mutant("order_N", "the order theta^N", {Rung.MEASURED: measured(claimed=ORDER_STATES)}),
    ),
    figures=(
        Figure(
            "windows",
            rf"""RMS error of the next state, in standard deviations, against the window $\theta$ at $\theta/h = {DIVISION}$,
$N = {ORDER_STATES}$, over one fixed arc of a drawn member of each family (dots), and lines of the order $N + 1$ through the
dots at the smallest window.""",
            order_columns,
            one(
                r"window $\theta$ / the family's own",
                "RMS error / standard deviation",
                [Series(family, "share", family, f"{family}, order") for family in ORDERED],
                "xy",
            ),
        ),
        Figure(
            "trajectories",
            r"""One drawn member of each family: the first component (line), and what the same weights predicted for every twentieth
sample from the samples before it (dots). The first sample is taken to have lasted; after two windows that is forgotten.""",
            trajectory_columns,
            tuple(
                Panel(
                    r"time / $\theta$",
                    "first component",
                    (
                        Series("trajectory", f"{family} t", theory=f"{family} u"),
                        Series("predicted one step before", f"{family} at", f"{family} predicted"),
                    ),
                    title=family,
                )
                for family in FAMILIES
            ),
        ),
    ),
)
