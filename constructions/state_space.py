"""A continuous linear state space with one input and one output, and its change to an orthonormal basis and a time
scale.

x' = A x + B u, y = C x + D u. The HiPPO systems are defined in a *coefficient basis* at time scale 1, where all numbers
are rational: the reconstruction is sum_n a_n phi_n with phi_n(right end) = `end`[n]; the orthonormal state is
x_n = a_n / sqrt(norms[n]). Times theta restores the scale: A, B, C, D are divided by theta.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from constructions.namespace import Array


@dataclass(frozen=True)
class StateSpace:
    """A (N, N), B (N,), C (N,), D a number; int64, float64 or exact numbers as objects."""

    A: Array
    B: Array
    C: Array
    D: Any

    @property
    def order(self) -> int:
        """The number of states N."""
        count: int = self.A.shape[0]
        return count


def orthonormal(system: StateSpace, norms: Array, theta: float = 1.0) -> StateSpace:
    """The float64 system in the orthonormal basis at time scale theta (seconds), as published code writes it.

    norms (N,): squares r_n^2 of the basis functions' right-end values, integers. Stable for any N: every entry is one
    integer times the square root of a ratio of integers.
    """
    if not theta > 0:
        raise ValueError(f"theta is {theta}; expected a positive time scale")
    r = np.sqrt(np.asarray(norms, dtype=np.float64))
    A, B, C, D = (np.asarray(part, dtype=np.float64) for part in (system.A, system.B, system.C, system.D))
    ratio = r[None, :] / r[:, None]
    return StateSpace(A * ratio / theta, B / r / theta, C * r / theta, D / theta)
