r"""One set of weights predicts the next state of systems it has never seen.

Fix LegT with $N = 8$, route (i), forward Euler at $\theta/h = 64$: one set of numbers. Fed any samples
$u_0, u_1, \dots$ (the first one taken to have lasted), without refitting, each prediction $\hat u_{k+1} = u_k + h y_k$
obeys for every $1 \le K \le N + 1$

$$ |u_{k+1} - \hat u_{k+1}| \le \sum_m |g^{(K)}_m| \, |(\nabla^K u)_{k+1-m}| \le \norm{g^{(K)}}_1 \max |\nabla^K u| , $$

with $g^{(K)}$ the impulse response of $h \sigma^{N+1}/q_N(\sigma)$ over $(1 - z^{-1})^K$, $\sigma = (z-1)/h$: a bound
from the samples' own differences. Noise of size at most $\eta$ adds at most $\norm{p}_1 \eta$, $\norm{p}_1 = 3.85$, to
the error against the noise-free state. At fixed $\theta/h$ the error is of order $\theta^{N+1}$. Checked on linear
systems, Van der Pol's, Lorenz's and FitzHugh-Nagumo's with drawn parameters and starts.

Why.
hippo.one_step_error gives the error's transfer function. Its numerator holds the factor $(z-1)^{N+1}$, so $\nabla^K$
can be split off for $K \le N+1$; the triangle inequality does the rest. As $h/\theta$ is fixed,
$\nabla^{N+1} u = O(\theta^{N+1})$.

Assumes.
- the bound holds for any samples; the order is measured on the first three families, for the fourth is stiff

Source.
derived here; arXiv 2407.09375 announces in-context prediction of dynamical systems
"""

# Over 120 lines: bounds on drawn systems with and without noise, an order, and two figures.

from collections.abc import Callable, Iterator

import numpy as np
from flint import arb

from constructions import legs, legt
from constructions.discretisation import Discrete
from constructions.drawn_systems import FAMILIES
from constructions.state_space import StateSpace, orthonormal
from numeric.analysis.rates import fit
from numeric.entropy import Entropy
from proofs.figure import Columns, Figure, Panel, Series, one, through_last, with_lines
from proofs.forms import Bound, Kind, Rate, Settings, claim, never_exceeded, orders, together
from proofs.hippo._window_predictor import (
    CONTEXT,
    DIVISION,
    ORDER_STATES,
    SAMPLES,
    SHRINK,
    Draw,
    N,
    draws,
    euler,
    from_differences,
    gain,
    layer,
    predicted,
    rounding,
    shrinking,
    starts,
)

ORDERED = ("linear", "Van der Pol", "Lorenz")
"""Families whose order is measured. FitzHugh-Nagumo's is stiff: no one range of theta is fine for its jumps and still
above rounding between them."""

SPARE = 3


Layer = Callable[[], Discrete]


@never_exceeded("the derivation of the rounding floor (proofs/hippo/_scan_floors.py)")
def bounds(
    settings: Settings, discrete: Layer = layer, shift: int = 0, noise_gain: Callable[[], float] = gain
) -> Iterator[Bound]:
    """On each draw and component, the prediction whose error comes nearest to its bound; then with bounded noise.

    shift: the bound takes differences of order K + shift, with the kernel of K (for a mutant).
    """
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


def _nearest(name: str, draw: Draw, error: np.ndarray, limit: np.ndarray) -> Iterator[Bound]:
    """The ratio is 1 where the start's jump alone is seen, so later predictions have a figure of their own."""
    split = CONTEXT * DIVISION
    for said, part in ((f"first {CONTEXT} windows", slice(0, split)), (name, slice(split, None))):
        for j in range(error.shape[1]):
            k = int((error[part, j] / limit[part, j]).argmax())
            where = {"family": draw.family, "draw": draw.number, "component": j, "sample": k + 1 + part.start}
            yield Bound(said, arb(float(error[part, j][k])), arb(float(limit[part, j][k])), where)


@orders("the Taylor reference (order 28, its last terms below the rounding error)")
def measure(settings: Settings, claimed: float = ORDER_STATES + 1) -> Iterator[Rate]:
    """The order of the RMS error over one arc in theta, theta/h fixed, N = 3, on members of each of `ORDERED`.

    A member whose interval is too wide to tell orders apart is passed over, whatever its slope, at most `SPARE` times.
    """
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


CLAIM = claim(
    __name__,
    together(bounds.checks(), measure.checks(), starts.checks()),
    bounds.mutant("negative_gain", "D with the wrong sign", discrete=_wrong(lambda s: StateSpace(s.A, s.B, s.C, -s.D))),
    bounds.mutant(
        "other_scale",
        "matrices of theta = 2 read as theta = 1",
        discrete=_wrong(lambda s: StateSpace(s.A / 2, s.B / 2, s.C / 2, s.D / 2)),
    ),
    bounds.mutant("legs", "LegS matrices with the same readout", discrete=_wrong(lambda s: s, legs)),
    bounds.mutant("one_order_more", "the kernel of K with differences of order K + 1", shift=1),
    bounds.mutant("no_noise_gain", "noise is not amplified at all", noise_gain=lambda: 0.0),
    measure.mutant("order_N", "the order theta^N", claimed=ORDER_STATES),
    kind=Kind.BOUND,
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
                with_lines("share", ORDERED),
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
