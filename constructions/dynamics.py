"""Dynamical systems with polynomial right-hand sides, written once for numbers and for truncated power series.

Each right-hand side takes and returns a list of components and uses only + - *, so the same function serves a Taylor
series.
Parameters are the usual ones of each system's source.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Vector = Sequence[Any]


@dataclass(frozen=True)
class System:
    """x' = right(x). start: a point near the attractor (or any). theta: a window length (in time units) that
    resolves it."""

    name: str
    right: Callable[[Vector], list[Any]]
    start: tuple[float, ...]
    theta: float


def linear(x: Vector) -> list[Any]:
    """A damped rotation coupled to a decay."""
    return [-0.1 * x[0] - 2.0 * x[1], 2.0 * x[0] - 0.1 * x[1] + 0.3 * x[2], -0.2 * x[2] + 0.1 * x[0]]


def van_der_pol(x: Vector) -> list[Any]:
    """Van der Pol's oscillator, mu = 1."""
    return [x[1], x[1] - x[0] * x[0] * x[1] - x[0]]


def lorenz(x: Vector) -> list[Any]:
    """Lorenz 1963: sigma = 10, rho = 28, beta = 8/3."""
    return [10.0 * (x[1] - x[0]), 28.0 * x[0] - x[0] * x[2] - x[1], x[0] * x[1] - (8.0 / 3.0) * x[2]]


def fitzhugh_nagumo(x: Vector) -> list[Any]:
    """FitzHugh-Nagumo: I = 0.5, epsilon = 0.08, a = 0.7, b = 0.8."""
    v, w = x
    return [v - v * v * v * (1.0 / 3.0) - w + 0.5, 0.08 * v - 0.064 * w + 0.056]


def roessler(x: Vector) -> list[Any]:
    """Roessler 1976: a = b = 0.2, c = 5.7."""
    return [-1.0 * x[1] - x[2], x[0] + 0.2 * x[1], x[0] * x[2] - 5.7 * x[2] + 0.2]


SYSTEMS = (
    System("linear", linear, (1.0, 0.0, 0.5), 0.5),
    System("Lorenz", lorenz, (-8.0, 8.0, 27.0), 0.04),
    System("Van der Pol", van_der_pol, (2.0, 0.0), 0.15),
    System("FitzHugh-Nagumo", fitzhugh_nagumo, (1.0, 1.4), 0.45),
    System("Roessler", roessler, (1.0, 1.0, 0.0), 0.5),
)
