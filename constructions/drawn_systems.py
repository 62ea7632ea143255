"""Families of dynamical systems with free parameters and starts: a point of the unit cube picks one member.

Right-hand sides are polynomials, as in `constructions.dynamics`, whose fixed systems are members of the same families.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from constructions.dynamics import System, Vector

NUMBERS = 15
"""How many coordinates of the unit cube `member` takes; a family uses the first few."""


def member(family: str, point: Sequence[float]) -> System:
    """The system and start of a family at `point` in [0, 1)^NUMBERS. Raises ValueError for an unknown family."""
    if family not in FAMILIES:
        raise ValueError(f"family is {family!r}; expected one of {', '.join(FAMILIES)}")
    if len(point) < NUMBERS:
        raise ValueError(f"{len(point)} coordinates; expected {NUMBERS}")
    return FAMILIES[family](point)


def linear(p: Sequence[float]) -> System:
    """x' = M x in three dimensions: a rotation of 0.5 to 2.5 rad/s, damped, and a decay, seen in a drawn basis."""
    w, damping, decay = _between(0.5, 2.5, p[0]), _between(0.0, 0.1, p[1]), _between(0.05, 0.5, p[2])
    core = np.array([[-damping, -w, 0.0], [w, -damping, 0.0], [0.0, 0.0, -decay]])
    drawn = np.array([[p[3], p[4], p[5]], [p[6], p[7], p[8]], [p[9], p[10], p[11]]])
    basis = np.eye(3) + _between(-0.3, 0.3, drawn)
    one, two, three = (basis @ core @ np.linalg.inv(basis)).astype(object)  # Python's numbers, which meet power series

    def right(x: Vector) -> list[Any]:
        return [row[0] * x[0] + row[1] * x[1] + row[2] * x[2] for row in (one, two, three)]

    return System("linear", right, (_between(0.5, 1.5, p[12]), _between(-1, 1, p[13]), _between(-1, 1, p[14])), 2.0)


def van_der_pol(p: Sequence[float]) -> System:
    """mu from 0.3 to 2, starts within 2 of the origin and at least 1/2 away."""
    mu = _between(0.3, 2.0, p[0])

    def right(x: Vector) -> list[Any]:
        return [x[1], mu * (x[1] - x[0] * x[0] * x[1]) - x[0]]

    return System("Van der Pol", right, (_between(0.5, 2.0, p[1]), _between(-2.0, 2.0, p[2])), 0.3)


def lorenz(p: Sequence[float]) -> System:
    """rho from 26 to 34, starts in the attractor's box; sigma = 10, beta = 8/3."""
    rho = _between(26.0, 34.0, p[0])

    def right(x: Vector) -> list[Any]:
        return [10.0 * (x[1] - x[0]), rho * x[0] - x[0] * x[2] - x[1], x[0] * x[1] - (8.0 / 3.0) * x[2]]

    return System("Lorenz", right, (_between(4, 12, p[1]), _between(4, 12, p[2]), _between(18, 30, p[3])), 0.1)


def fitzhugh_nagumo(p: Sequence[float]) -> System:
    """Input 0.4 to 0.8, epsilon 0.05 to 0.12."""
    current, epsilon = _between(0.4, 0.8, p[0]), _between(0.05, 0.12, p[1])

    def right(x: Vector) -> list[Any]:
        v, w = x
        return [v - v * v * v * (1.0 / 3.0) - w + current, epsilon * (v + 0.7 - 0.8 * w)]

    return System("FitzHugh-Nagumo", right, (_between(-2.0, 2.0, p[2]), _between(-0.5, 1.5, p[3])), 1.5)


FAMILIES: Mapping[str, Callable[[Sequence[float]], System]] = {
    "linear": linear,
    "Van der Pol": van_der_pol,
    "Lorenz": lorenz,
    "FitzHugh-Nagumo": fitzhugh_nagumo,
}


def _between(low: float, high: float, share: Any) -> Any:
    return low + (high - low) * share
