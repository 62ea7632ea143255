"""The next-state predictor with one set of weights, the systems it is tried on, and the bounds of its error.

Main definitions: `layer`, `predicted`, `draws`, `error_kernel`, `from_differences`, `rounding`, `gain`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from flint import arb, fmpq, fmpq_poly

from constructions import legt, scan
from constructions.discretisation import Discrete, gbt
from constructions.drawn_systems import FAMILIES, NUMBERS, member
from constructions.state_space import StateSpace, orthonormal
from numeric.analysis import peano
from numeric.analysis.rational_matrices import characteristic
from numeric.analysis.taylor import trajectory
from numeric.entropy import Entropy
from proofs.forms import Rung, Same, exactly
from proofs.hippo._scan_floors import floors

N, DIVISION = 8, 64
"""States, and samples a window: with these the weights are fixed numbers, whatever the system and its time scale."""

CONTEXT, ARC = 8, 2
"""Windows seen before the first prediction that counts, and windows predicted."""

SAMPLES = (CONTEXT + ARC) * DIVISION
_BITS = 300
"""Samples times 2^300 are integers: a float64 of size 2^-248 or more has no bit below."""


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


@exactly((0, 1), size="corner", rung=Rung.MEASURED)
def starts(corner: int) -> Iterator[Same]:
    """The families' starts at the corners of the unit cube."""
    for family, corners in STARTS.items():
        found = member(family, [float(corner)] * NUMBERS).start
        yield Same(f"starts of {family}", [str(v) for v in found], [str(float(v)) for v in corners[corner]])


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


ORDER_STATES = 3

SHRINK = tuple(2.0 ** (-j / 2) for j in range(2, 10))
"""theta over its largest value, for the measured order."""


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
