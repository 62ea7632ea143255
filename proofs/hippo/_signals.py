"""Readouts of exact projections for signals given by their Legendre coefficients, with the constructions' own weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from constructions import legt

FUNCTIONALS = ("value", *legt.ROUTES)


def window_errors(a: Any, N: int, value: Any, slope: Any) -> dict[str, Any]:
    """The errors of the value and of theta times the derivative at x = 1, from a_0, ..., a_{N-1} (first axis), v(1) and
    v'(1); u' = 2 v'/theta. Balls, exact numbers or arrays of them."""
    found = {"value": value - sum(a[n] for n in range(N))}
    for route in legt.ROUTES:
        D = legt.gain(N, route)
        read = sum(int(legt.readout(n, D)) * a[n] for n in range(N))
        found[route] = 2 * slope - read - D * value
    return found


def root_mean_square(weights: np.ndarray, values: np.ndarray) -> float:
    """sqrt(sum w v^2 / sum w) in float64."""
    v = np.array([float(x) for x in values])
    return float(np.sqrt((weights * v * v).sum() / weights.sum()))
