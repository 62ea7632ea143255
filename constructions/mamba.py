"""Mamba's selective state space (S6), one channel an output: key B, query C, value u, a decay tied to the step size.

    h_t = exp(Delta_t A) h_{t-1} + Delta_t u_t B_t^T,   y = h C   (entrywise decay), A < 0
Here decay (N, m, n) stands for exp(Delta_t A), given as a number. u (N, m), B (N, n), C (n,), Delta (N, m).
Source: arXiv 2312.00752, with its Euler form Delta B of the input matrix; without the skip D u.
"""

from __future__ import annotations

from constructions.gated_accumulator import gated_recurrence
from constructions.namespace import Array


def state(u: Array, B: Array, Delta: Array, decay: Array) -> Array:
    """The last state (m, n)."""
    writes = (Delta * u)[:, :, None] * B[:, None, :]
    return gated_recurrence(decay, writes, 0 * writes[0, ...])[-1, ...]


def read(u: Array, B: Array, C: Array, Delta: Array, decay: Array) -> Array:
    """The output (m,) at the last token."""
    return state(u, B, Delta, decay) @ C
