"""A delay by one token on a finite horizon, made of diagonal linear recurrences: what the sliding window does at once.

    h_t = lam * h_{t-1} + u_t (one entry a mode),   o_t = c . h_t + c_0 u_t,   wanted: o_t = u_{t-1} for t < T
The skip c_0 is the mode lam = 0. With d_j = prod_{i != j} lam_i/(lam_i - lam_j), c_j = d_j/lam_j and c_0 = -sum_j c_j the
impulse response is 0, 1, 0, ..., 0 on T = (number of modes) + 1 tokens. lam (n,) different and not 0.
Source: derived here (Lagrange interpolation at 0).
"""

from __future__ import annotations

from constructions.gated_accumulator import recurrence
from constructions.namespace import Array, identity, namespace, unit


def readout(lam: Array) -> Array:
    """The weights c (n,)."""

    def factor(d: Array, one: Array, own: Array) -> Array:
        return d * (one * (1 - own) + own) / (one - lam + own)  # own: 1 at this mode, where the factor is 1

    return namespace(lam).fold(factor, 1 / lam, lam, identity(lam.shape[0], lam))


def outputs(u: Array, lam: Array, c: Array, skip: Array) -> Array:
    """The outputs (T,) of the modes `lam` with readout c (n,) and skip (0-d), for inputs u (T,)."""
    h = recurrence(lam, u[:, None] + 0 * lam[None, :], 0 * lam)
    return h @ c + skip * u


def annihilator(lam: Array) -> Array:
    """The coefficients (n + 1,) of prod_j (z - lam_j), the constant first."""
    xp = namespace(lam)

    def times(p: Array, root: Array) -> Array:
        return xp.concat([0 * root[None], xp.earlier(p)], axis=0) - root * p

    return xp.fold(times, unit(0, lam.shape[0] + 1, lam), lam)
