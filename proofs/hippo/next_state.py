r"""Next-state prediction on dynamical systems.

The same LegT weights ($N = 8$, no fitting), fed each component of a trajectory sampled at steps $h$, predict the next
state by $u_k + h y_k$ with errors of these orders in $h$ (for $h \ll \theta/N^2$, above the projection's floor
$h |E|$): forward Euler with route (i) $h |E|$, the projection's error times $h$, below Euler's step with the *exact*
derivative, which is of order $h^2$; Tustin with averaged samples and route (i), and the zero-order hold with route (i),
matched or not, $h^2$; the zero-order hold in convention S4 with route (ii) $h^3$. The derivative output is of order $h$
for forward Euler and for the unmatched zero-order hold. Measured on a linear system and on Lorenz's, Van der Pol's,
FitzHugh-Nagumo's and Roessler's.

Why.
hippo.one_step_error and hippo.hold_conventions give the leading errors $a N^2 h^2 u'/\theta + b h^2 u''$; they vanish
for forward Euler with route (i) at all orders, and for convention S4 with route (ii) to second order. References are
Taylor series of order 28.

Assumes.
- one arc per system after a wait of ten windows; windows that resolve the system
- the projection's known floor and rounding widen the intervals

Source.
derived here; arXiv 2407.09375 announces next-state prediction
"""

# Over 120 lines: schemes of prediction and of the derivative on a list of systems, and a figure.

from collections.abc import Callable, Iterator, Mapping
from functools import cache

import numpy as np

from constructions import legs, legt, scan
from constructions.discretisation import Discrete, gbt, matched, zoh
from constructions.dynamics import SYSTEMS
from constructions.state_space import StateSpace, orthonormal
from numeric.analysis.rates import Order, fit
from numeric.analysis.taylor import trajectory
from proofs.figure import Columns, Figure, Panel, through_last, with_lines
from proofs.forms import Kind, Rate, Settings, claim, orders

N = 8
BURN, ARC = 10, 4
"""Windows theta waited for, and windows measured. The transient is below 1e-19 after the first."""

DIVISIONS = (64, 96, 128, 192, 256, 384, 512, 768)
"""Steps theta/h that are measured."""

PREDICTION: Mapping[str, float] = {
    "Euler with the exact derivative": 2,
    "forward Euler, route i": 1,
    "Tustin, route i": 2,
    "ZOH P, route i": 2,
    "ZOH P, matched": 2,
    "ZOH S4, route ii": 3,
}
"""Order in h of |u_k + h y_k - u_{k+1}|. For forward Euler the error is h times the projection's, at any step."""

SECOND = ("forward Euler, route ii", "ZOH S4, route ii")
"""The systems whose readout is route (ii)."""
DERIVATIVE: Mapping[str, float] = {"forward Euler, route i": 1, "ZOH P, route i": 1}
"""Order in h of |y_k - u'_k|."""

Layer = Callable[[int, str, float], StateSpace]


def legt_layer(states: int, route: str, theta: float) -> StateSpace:
    """LegT in float64, in the coefficient basis: outputs are the same in every basis."""
    return orthonormal(legt.system(states, route), np.ones(states), theta)


def schemes(layer: Layer, theta: float, h: float) -> dict[str, Discrete]:
    """The discrete systems by name."""
    one, two = layer(N, "i", theta), layer(N, "ii", theta)
    end = legt.ends(N)[0].astype(float)
    return {
        "forward Euler, route i": gbt(one, h, 0),
        "forward Euler, route ii": gbt(two, h, 0),
        "Tustin, route i": gbt(one, h, 0.5),
        "ZOH P, route i": zoh(one, h, "P"),
        "ZOH P, matched": matched(zoh(one, h, "P"), end, h),
        "ZOH S4, route ii": zoh(two, h, "S4"),
    }


def outputs(discrete: Discrete, u: np.ndarray, burn: int) -> np.ndarray:
    """y_k for k >= burn by convolution over the last `burn` samples; u (T, d)."""
    from scipy.signal import fftconvolve

    c = scan.kernel(*scan.standard(discrete), burn + 1)
    return np.asarray(fftconvolve(u, c[:, None], mode="valid", axes=0))


@cache
def errors(system: int, layer: Layer) -> dict[str, list[float]]:
    """Largest prediction errors, and derivative errors under "d ...", at each of `DIVISIONS`."""
    chosen = SYSTEMS[system]
    found: dict[str, list[float]] = {}
    for division in DIVISIONS:
        h = chosen.theta / division
        burn = BURN * division
        u, slope = trajectory(chosen.right, chosen.start, h, burn + ARC * division + 1)
        now, later, true = u[burn:-1], u[burn + 1 :], slope[burn:-1]
        found.setdefault("rounding", []).append(2.0**-52 * float(np.abs(u).max()))
        found.setdefault("Euler with the exact derivative", []).append(float(np.abs(now + h * true - later).max()))
        for name, discrete in schemes(layer, chosen.theta, h).items():
            y = outputs(discrete, u[:-1], burn)
            found.setdefault(name, []).append(float(np.abs(now + h * y - later).max()))
            found.setdefault(f"d {name}", []).append(float(np.abs(y - true).max()))
    return found


@orders("the Taylor reference (order 28, its last terms below the rounding error)", "float64 convolution")
def measure(
    settings: Settings,
    prediction: Mapping[str, float] = PREDICTION,
    derivative: Mapping[str, float] = DERIVATIVE,
    layer: Layer = legt_layer,
) -> Iterator[Rate]:
    """Orders on each system."""
    for k in range(len(SYSTEMS)):
        found = errors(k, layer)
        for name, order in prediction.items():
            yield Rate(f"{SYSTEMS[k].name}: {name}", _order(k, found, name), order)
        for name, order in derivative.items():
            yield Rate(f"{SYSTEMS[k].name}: derivative, {name}", _order(k, found, name, derivative=True), order)


def _order(system: int, found: Mapping[str, list[float]], name: str, derivative: bool = False) -> Order:
    """The fitted order. What the projection's floor (forward Euler's error, with the true layer) and rounding may add
    widens its interval; a derivative's floor is that over h."""
    true = errors(system, legt_layer)
    floors = list(true["rounding"])
    if derivative or name not in ("forward Euler, route i", "Euler with the exact derivative"):
        route = "route ii" if name in SECOND else "route i"
        floors = [f + r for f, r in zip(true[f"forward Euler, {route}"], floors, strict=True)]
    if derivative:
        floors = [f * d / SYSTEMS[system].theta for f, d in zip(floors, DIVISIONS, strict=True)]
    measured = found[f"d {name}" if derivative else name]
    shares = [f / e for f, e in zip(floors, measured, strict=True)]
    return fit([1 / d for d in DIVISIONS], measured, to_zero=True, uncertainty=shares)


def columns() -> Columns:
    """Prediction errors on two systems, and lines of the orders through those at the smallest step."""
    found: dict[str, list[float]] = {"h": [1 / d for d in DIVISIONS]}
    for k in (0, 1):
        for name, order in PREDICTION.items():
            own = errors(k, legt_layer)[name]
            found[f"{SYSTEMS[k].name}: {name}"] = own
            found[f"{SYSTEMS[k].name}: {name}, order"] = through_last(found["h"], own, order)
    return found


def _negative(states: int, route: str, theta: float) -> StateSpace:
    s = legt_layer(states, route, theta)
    return StateSpace(s.A, s.B, s.C, -s.D)


def _legs(states: int, route: str, theta: float) -> StateSpace:
    return orthonormal(legs.system(states, route), np.ones(states), theta)


CLAIM = claim(
    __name__,
    measure.checks(),
    measure.mutant(
        "euler_order",
        "forward Euler with route (i) is of order h^2, like Euler's method",
        prediction={**PREDICTION, "forward Euler, route i": 2},
    ),
    measure.mutant(
        "tustin_third", "Tustin with route (i) is of order h^3", prediction={**PREDICTION, "Tustin, route i": 3}
    ),
    measure.mutant(
        "s4_second", "convention S4 with route (ii) is of order h^2", prediction={**PREDICTION, "ZOH S4, route ii": 2}
    ),
    measure.mutant("sign_of_gain", "the layer with D = -N^2/theta", layer=_negative),
    measure.mutant("legs_layer", "LegS's matrices with the same readouts", layer=_legs),
    kind=Kind.RATE,
    figures=(
        Figure(
            "steps",
            r"""Largest error of the next state against the step, on one arc of each system (dots), and lines of the orders in $h$
through the dots at the smallest step. $N = 8$; the errors are absolute, in the system's own units.""",
            columns,
            tuple(
                Panel(
                    r"step $h / \theta$",
                    "largest error of the next state",
                    with_lines("h", {f"{SYSTEMS[k].name}: {name}": name for name in PREDICTION}),
                    "xy",
                    SYSTEMS[k].name,
                )
                for k in (0, 1)
            ),
        ),
    ),
)
