"""Reference trajectories by Taylor series of high order: the right-hand side is run on truncated power series.

Each step sums the series to rounding error; samples inside a step are values of the step's polynomial, so the grid
does not
decide the accuracy. Source: the classical Taylor series method (automatic differentiation of the right-hand side).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from flint import arb, arb_series, ctx

ORDER = 28
Array = Any


class Series:
    """A power series in time, truncated after `coefficients` (length at most the order in use); + - * with numbers
    and series."""

    __slots__ = ("coefficients",)

    def __init__(self, coefficients: Array) -> None:
        self.coefficients = coefficients

    def __add__(self, other: Any) -> Series:
        if isinstance(other, Series):
            return Series(self.coefficients + other.coefficients)
        shifted = self.coefficients.copy()
        shifted[0] += other
        return Series(shifted)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Series:
        return self + -1.0 * other

    def __rsub__(self, other: Any) -> Series:
        return -1.0 * self + other

    def __mul__(self, other: Any) -> Series:
        if isinstance(other, Series):
            size = len(self.coefficients)
            return Series(np.convolve(self.coefficients, other.coefficients)[:size])
        return Series(self.coefficients * other)

    __rmul__ = __mul__


def coefficients(right: Callable[[Sequence[Any]], list[Any]], state: Array, order: int = ORDER) -> Array:
    """The Taylor coefficients (order + 1, d) of the solution through `state` (d,)."""
    table = np.zeros((order + 1, len(state)))
    table[0] = state
    for k in range(order):
        slopes = right([Series(table[: k + 1, i].copy()) for i in range(len(state))])
        table[k + 1] = [s.coefficients[k] / (k + 1) for s in slopes]
    return table


def ball_coefficients(
    right: Callable[[Sequence[Any]], list[Any]], state: Sequence[float], order: int
) -> list[list[arb]]:
    """The Taylor coefficients of each component in balls at Arb's working precision; `state` is taken exactly.

    Numbers in `right` (0.1, 8/3) are the floats they are, so the series is that of the system as written.
    """
    table = [[arb(float(v))] for v in state]
    cap, ctx.cap = ctx.cap, order + 2
    try:
        for k in range(order):
            slopes = right([arb_series(row, prec=k + 1) for row in table])
            for row, slope in zip(table, slopes, strict=True):
                row.append(slope[k] / (k + 1))
    finally:
        ctx.cap = cap
    return table


def trajectory(
    right: Callable[[Sequence[Any]], list[Any]], start: Sequence[float], step: float, count: int
) -> tuple[Array, Array]:
    """Samples (count, d) at times 0, step, 2 step, ..., and the exact derivative (count, d) at the same times.

    Steps of the series are chosen so that its last two terms are below the rounding error of the state.
    """
    states = np.empty((count, len(start)))
    done, state = 0, np.asarray(start, dtype=float)
    while done < count:
        table = coefficients(right, state)
        scale = max(float(np.abs(state).max()), 1e-3) * 2.0**-54
        reach = min((scale / max(float(np.abs(table[j]).max()), 1e-300)) ** (1.0 / j) for j in (ORDER - 1, ORDER))
        samples = int(min(max(int(reach / step), 0), count - done))
        if samples == 0:
            raise ValueError(
                f"a sample spacing of {step} is too wide for the series of order {ORDER}; use a smaller one"
            )
        times = step * np.arange(samples + 1)
        values = np.zeros((samples + 1, len(start)))
        for row in table[::-1]:
            values = values * times[:, None] + row
        states[done : done + samples] = values[:samples]
        state, done = values[samples], done + samples
    return states, np.stack(np.broadcast_arrays(*right(list(states.T))), axis=1)
