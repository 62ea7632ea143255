r"""Rounding floors of the three ways of running a discrete state space, derived here from the standard model.

All in Euclidean norms, for |u_k| <= U and unit roundoff e, gamma_n = n e/(1 - n e), with a_j = |A^j|, S = sum_j a_j,
X = U sum_j |A^j B| >= |x_k| (zero start), F the Frobenius norm. A product of n terms rounds n times, in any order:

    recurrence   states off by E with E = S gamma_{N+1} (F X + |B| U) / (1 - S gamma_{N+1} F),
                 outputs by |C| E + gamma_{N+1} (|C| (X + E) + |D| U)
    powers       the computed A^(2^i) is off by e_i: e_{i+1} = 2 a e_i + e_i^2 + gamma_N (F + e_i)^2, a = |A^(2^i)|;
                 a column A^(r+j) B = A^r (A^j B) by a d_j + e (|A^j B| + d_j) + gamma_N (F + e)(|A^j B| + d_j)
    blocked      the recurrence of the block states, plus the block's own products of the computed parts
    convolution  the kernel's error, what truncation drops, and the FFT's error |c| |frame| ((1+e)^{3n} (1+e sqrt 5)^{3n+1}
                 (1+b)^{3n} - 1), n = log2 of the size (C. Percival, Math. Comp. 72 (2003), theorem 5.1), b the error of the
                 roots of unity
Norms of the exact powers are evaluated in float64 and made larger by `SLACK`. Underflow is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log2, sqrt

import numpy as np

from constructions import scan

SLACK = 1 + 2.0**-20
"""Covers the float64 evaluation of the norms: 2^10 products of contractions of up to 2^6 states err by less."""

TWIDDLE = 2.0
"""The error of an FFT's roots of unity, in units of roundoff."""

LONGEST = 1 << 14
"""The largest power of A that is looked at; systems that forget more slowly have no floor."""


@dataclass(frozen=True)
class Floors:
    """Bounds of |computed y_k - exact y_k| for one system, largest input and dtype; zero start."""

    recurrence: float
    blocked: float
    convolution: float


@dataclass(frozen=True)
class _Powers:
    """norms (r,) of A^j, and `last` of A^r; frobenius: of A^(2^i); columns, rows, response (r,): |A^j B|, |C A^j|, |C A^j B|."""

    norms: np.ndarray
    last: float
    frobenius: np.ndarray
    columns: np.ndarray
    rows: np.ndarray
    response: np.ndarray


def floors(
    A: np.ndarray, B: np.ndarray, C: np.ndarray, D: float, U: float, samples: int, dtype: str, block: int, length: int
) -> Floors:
    """The floors for arrays that hold numbers of `dtype`, float64 or float32; U bounds the inputs' absolute values.

    length: the kernel's, as given to `scan.convolution`. Raises ValueError for a system that forgets too slowly.
    """
    A, B, C = (np.asarray(part, dtype=np.float64) for part in (A, B, C))
    e, N = float(np.finfo(dtype).eps) / 2, len(A)
    used = min(length, samples)
    p = _powers(A, B, C, max(block, used))
    left = 1 / (1 - p.last)  # sums over j < r, r <= j < 2r, ... are a geometric series
    S, X = SLACK * left * float(p.norms.sum()), SLACK * left * float(p.columns.sum()) * U
    F, b, c, d = (SLACK * float(np.linalg.norm(part)) for part in (A, B, C, np.asarray(D)))
    one = gamma(N + 1, e)
    E = S * one * (F * X + b * U) / _room(S * one * F)
    recurrence = c * E + one * (c * (X + E) + d * U)

    powers = _power_errors(p, N, e)
    dB, dC = (_column_errors(p, sizes, powers, N, e) for sizes in (p.columns, p.rows))
    read = gamma(N, e)
    dc = np.concatenate([[0.0], c * dB + read * c * (p.columns + dB)])
    kernel = np.concatenate([[d], p.response])
    K, i = block, int(log2(block))
    off, wide = powers[i], SLACK * float(p.frobenius[i]) + powers[i]
    inside = float(dB[:K].sum()) * U + gamma(K + 1, e) * float((p.columns + dB)[:K].sum()) * U
    passed = SLACK * left * float(p.norms[::K].sum())
    rate = off + gamma(N + 1, e) * wide
    EK = passed * (rate * X + inside) / _room(passed * rate)
    seen = float((p.rows + dC)[:K].max())
    blocked = (
        gamma(K + 1, e) * float((kernel[:K] + dc[:K]).sum()) * U
        + gamma(N + 1, e) * seen * (X + EK)
        + float(dc[:K].sum()) * U
        + float(dC[:K].max()) * (X + EK)
        + float(p.rows[:K].max()) * EK
    )
    size = scan.frame(samples, used)
    n = int(log2(size)) + 1  # one more for the packing of real numbers
    fft = (1 + e) ** (3 * n) * (1 + e * sqrt(5)) ** (3 * n + 1) * (1 + TWIDDLE * e) ** (3 * n) - 1
    lost = scan.tail(A, B, C, used) * U if used < samples else 0.0
    off = float(dc[:used].sum())
    found = sqrt(float((kernel[:used] ** 2).sum())) + off  # the Euclidean norm of the computed kernel
    convolution = found * sqrt(size) * U * fft + off * U + SLACK * lost
    return Floors(*(float(SLACK * bound) for bound in (recurrence, blocked, convolution)))


def gamma(n: int, e: float) -> float:
    """n e/(1 - n e)."""
    return n * e / (1 - n * e)


def _room(share: float) -> float:
    if not share < 0.5:
        raise ValueError(f"rounding feeds back by {share:.2g} of itself; there is no floor in this precision")
    return 1 - share


def _powers(A: np.ndarray, B: np.ndarray, C: np.ndarray, least: int) -> _Powers:
    """Powers up to an r, a power of two and at least `least`, where |A^r| < 1/2."""
    stack, power = np.eye(len(A))[None], A
    while len(stack) < LONGEST:
        stack = np.concatenate([stack, power @ stack])
        power = power @ power
        last = float(np.linalg.norm(power, 2))
        if len(stack) >= least and SLACK * last < 0.5:
            break
    else:
        raise ValueError(f"|A^{LONGEST}| is not below 1/2: the system forgets too slowly for a rounding floor")
    squares, found = A, []
    for _ in range(len(stack).bit_length()):
        found.append(float(np.linalg.norm(squares)))
        squares = squares @ squares
    return _Powers(
        SLACK * np.linalg.norm(stack, 2, axis=(1, 2)),
        SLACK * last,
        np.array(found),
        SLACK * np.linalg.norm(stack @ B, axis=1),
        SLACK * np.linalg.norm(C @ stack, axis=1),
        SLACK * np.abs(C @ stack @ B),
    )


def _power_errors(p: _Powers, N: int, e: float) -> list[float]:
    """e_i for A^(2^i)."""
    found = [0.0]
    for i, F in enumerate(p.frobenius[:-1]):
        a = p.norms[1 << i] if 1 << i < len(p.norms) else p.last
        found.append(2 * a * found[i] + found[i] ** 2 + gamma(N, e) * (SLACK * F + found[i]) ** 2)
    return found


def _column_errors(p: _Powers, sizes: np.ndarray, powers: list[float], N: int, e: float) -> np.ndarray:
    """d_j for the columns A^j B (or rows C A^j) of the norms `sizes`."""
    d = np.zeros(1)
    for i, off in enumerate(powers):
        if len(d) >= len(sizes):
            break
        with_error = sizes[: len(d)] + d
        a = p.norms[1 << i]
        new = a * d + off * with_error + gamma(N, e) * (SLACK * p.frobenius[i] + off) * with_error
        d = np.concatenate([d, new])
    return d[: len(sizes)]
