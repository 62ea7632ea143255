r"""Higher-order prediction on dynamical systems.

With Tustin's states of LegT ($N = 8$, no fitting) the next sample of a trajectory is predicted with these errors: the
held residual (hippo.residual_hold) $h |E|$, the projection's error times $h$, although Tustin's rule is of second
order; the window extrapolated to $t + h$, and $u_k + h y^{(1)} + \frac{h^2}{2} y^{(2)}$ with the readouts of
hippo.higher_readouts, of order $h^3$ as long as the projection's floor is below. Measured on a linear system, Lorenz's
and Van der Pol's; the full profile adds FitzHugh-Nagumo's and Roessler's.

Why.
Under Tustin's rule $s$ becomes $\sigma = s - h^2 s^3/12 + O(h^4)$, so a readout that is exact at $s$ errs by
$e^{\sigma h} - e^{sh} = O(h^3)$, and the two-term series by $h^3 s^3/6 + h\, O(h^2)$.

Assumes.
- one arc per system after a wait of ten windows; windows that resolve the system
- the projection's known floor and rounding widen the intervals

Source.
derived here
"""

# Over 120 lines: three predictors, each with its own error and floor.

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from functools import cache

import numpy as np

from constructions import legt, predictors
from constructions.discretisation import Discrete, gbt
from constructions.dynamics import SYSTEMS
from constructions.state_space import StateSpace, orthonormal
from numeric.analysis.rates import fit
from numeric.analysis.taylor import trajectory
from proofs.forms import Kind, Rate, Settings, claim, orders
from proofs.hippo.next_state import ARC, BURN, N, outputs

STEPS: Mapping[str, tuple[int, ...]] = {
    "residual held": (64, 96, 128, 192, 256, 384, 512, 768),
    "looking ahead": (12, 16, 20, 24, 32, 40, 48, 64),
    "two derivatives": (12, 16, 20, 24, 32, 40, 48, 64),
}
"""Steps theta/h: fine where the projection's floor is what is measured, coarse where it has to stay below the error."""

ORDERS: Mapping[str, float] = {"residual held": 1, "looking ahead": 3, "two derivatives": 3}
Ahead = Callable[[int, Fraction], StateSpace]
Slope = Callable[[int, int], StateSpace]


def tustin(readout: StateSpace, division: int) -> Discrete:
    """A LegT readout at theta = 1, in its coefficient basis, under Tustin's rule with h = 1/division."""
    return gbt(orthonormal(readout, np.ones(N)), 1 / division, 0.5)


def prediction(name: str, u: np.ndarray, burn: int, division: int, ahead: Ahead, slope: Slope) -> np.ndarray:
    """p_k for u_{k+1}, k >= burn; u (T, d). Time in windows, so derivatives carry powers of the division."""
    if name == "residual held":
        end = legt.ends(N)[0].astype(float)
        s = legt.system(N)
        driven = StateSpace(s.A, s.B, np.zeros(N), 0)  # the prediction brings its own readout
        held = predictors.residual_hold(orthonormal(driven, np.ones(N)), end, 1 / division, 0.5)
        return outputs(held, u, burn)
    if name == "looking ahead":
        return outputs(tustin(ahead(N, Fraction(1, division)), division), u, burn)
    first, second = (outputs(tustin(slope(N, m), division), u, burn) for m in (1, 2))
    found: np.ndarray = u[burn:] + first / division + second / (2 * division**2)
    return found


@cache
def errors(system: int, name: str, ahead: Ahead, slope: Slope) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """(largest errors, the projection's floor h |E| and rounding) at each of the steps; the held residual has no other
    error, and at coarse steps forward Euler, which has none either, would be unstable."""
    chosen = SYSTEMS[system]
    found, floors = [], []
    for division in STEPS[name]:
        burn = BURN * division
        u, _ = trajectory(chosen.right, chosen.start, chosen.theta / division, burn + ARC * division + 1)
        later = u[burn + 1 :]
        p = prediction(name, u[:-1], burn, division, ahead, slope)
        found.append(float(np.abs(p - later).max()))
        floor = np.abs(prediction("residual held", u[:-1], burn, division, ahead, slope) - later).max()
        floors.append(float(floor) + 2.0**-52 * float(np.abs(u).max()))
    return tuple(found), tuple(floors)


@orders("the Taylor reference (order 28, its last terms below the rounding error)", "float64 convolution")
def measure(
    settings: Settings,
    claimed: Mapping[str, float] = ORDERS,
    ahead: Ahead = predictors.ahead,
    slope: Slope = predictors.derivative,
) -> Iterator[Rate]:
    """Orders on each system."""
    for k in range(3 if settings.profile == "quick" else len(SYSTEMS)):
        for name, order in claimed.items():
            found, floors = errors(k, name, ahead, slope)
            # the held residual's error is the floor
            shares = None if name == "residual held" else [f / e for f, e in zip(floors, found, strict=True)]
            yield Rate(
                f"{SYSTEMS[k].name}: {name}",
                fit([1 / d for d in STEPS[name]], found, to_zero=True, uncertainty=shares),
                order,
            )


def _whole_second(states: int, m: int) -> StateSpace:
    """The second derivative without the window's factor 2^2."""
    s = predictors.derivative(states, m)
    return s if m == 1 else StateSpace(s.A, s.B, s.C / Fraction(4), s.D / Fraction(4))


CLAIM = claim(
    __name__,
    measure.checks(),
    measure.mutant("second_order", "looking ahead is of order h^2, like Tustin's rule", claimed={"looking ahead": 2}),
    measure.mutant("held_second", "the held residual is of order h^2", claimed={"residual held": 2}),
    measure.mutant(
        "second_derivative",
        "the second derivative without the window's factor",
        claimed={"two derivatives": 3},
        slope=_whole_second,
    ),
    kind=Kind.RATE,
)
