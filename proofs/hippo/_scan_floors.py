r"""Rounding floors of the three ways of running a discrete state space, derived here from the standard model.

For |u_k| <= U and unit roundoff e, gamma_n = n e/(1 - n e). A product of n terms rounds n times, in any order. The
recurrence entry by entry, with abs M the matrix of absolute values, so that what cancels in the powers is not counted,
T = sum_j abs A^j, R = sum_j abs C A^j, X = U sum_j abs A^j B >= abs x_k (zero start):

    recurrence   a step commits d = gamma_{N+1} (abs A (X + E) + abs B U); states are off by E = T d, outputs by
                 R d + gamma_{N+1} (abs C (X + E) + abs D U)

The others in Euclidean norms, with a_j = |A^j|, S = sum_j a_j, X = U sum_j |A^j B|, F the Frobenius norm:

    powers       the computed A^(2^i) is off by e_i: e_{i+1} = 2 a e_i + e_i^2 + gamma_N (F + e_i)^2, a = |A^(2^i)|;
                 a column A^(r+j) B = A^r (A^j B) by a d_j + e (|A^j B| + d_j) + gamma_N (F + e)(|A^j B| + d_j)
    blocked      the recurrence of the block states, plus the block's own products of the computed parts
    convolution  the kernel's error, what truncation drops, and the FFT's error |c| |frame| ((1+e)^{3n} (1+e sqrt 5)^{3n+1}
                 (1+b)^{3n} - 1), n = log2 of the size (C. Percival, Math. Comp. 72 (2003), theorem 5.1), b the error of the
                 roots of unity; the root mean square over the outputs is `spread`'s, without the square root of the size
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

FORGOTTEN = 2.0**-10
"""|A^r| at the r where sums over the powers stop; what is left of them is a geometric series in it."""


@dataclass(frozen=True)
class Floors:
    """Bounds of |computed y_k - exact y_k| for one system, largest input and dtype; zero start."""

    recurrence: float
    blocked: float
    convolution: float


@dataclass(frozen=True)
class _Powers:
    """A^j (r, N, N), norms (r,) of them, and `last` of A^r; frobenius: of A^(2^i); columns, rows, response (r,): |A^j B|,
    |C A^j|, |C A^j B|."""

    stack: np.ndarray
    norms: np.ndarray
    last: float
    frobenius: np.ndarray
    columns: np.ndarray
    rows: np.ndarray
    response: np.ndarray

    def total(self, parts: np.ndarray) -> np.ndarray:
        """The sum over all j of absolute values, from those j < r (first axis): the rest has Euclidean norms that are a
        geometric series in `last`."""
        norms = np.sqrt((parts**2).sum(axis=tuple(range(1, parts.ndim))))
        return np.asarray(SLACK * (np.abs(parts).sum(axis=0) + self.last / (1 - self.last) * norms.sum()))


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
    X = SLACK * left * float(p.columns.sum()) * U
    c, d = (SLACK * float(np.linalg.norm(part)) for part in (C, np.asarray(D)))
    recurrence = _recurrence(A, B, C, float(D), p, U, gamma(N + 1, e))

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
    fft = transforms(n, e)
    lost = scan.tail(A, B, C, used) * U if used < samples else 0.0
    off = float(dc[:used].sum())
    found = sqrt(float((kernel[:used] ** 2).sum())) + off  # the Euclidean norm of the computed kernel
    convolution = found * sqrt(size) * U * fft + off * U + SLACK * lost
    return Floors(*(float(SLACK * bound) for bound in (recurrence, blocked, convolution)))


def transforms(n: int, e: float) -> float:
    """The relative error of two transforms of size 2^n, their product and its transform back."""
    return float((1 + e) ** (3 * n) * (1 + e * sqrt(5)) ** (3 * n + 1) * (1 + TWIDDLE * e) ** (3 * n) - 1)


def spread(c: np.ndarray, u: np.ndarray, e: float) -> float:
    """The root mean square error of `scan.convolution` of u (T,) with the whole kernel c (T,), both without an error.

    Each of the kernel's frequencies is a tree of sums, off by its depth times |c|_1 at most; the input's transform, the
    product and the transform back are off in the Euclidean norm by multiples of what passes through them, at most |c|_1 |u|.
    """
    n = int(log2(scan.frame(len(u), len(c)))) + 1  # one more for the packing of real numbers
    return float(SLACK * np.abs(c).sum() * np.linalg.norm(u) / sqrt(len(u)) * transforms(n, e))


def _recurrence(A: np.ndarray, B: np.ndarray, C: np.ndarray, D: float, p: _Powers, U: float, one: float) -> float:
    """The floor of the recurrence. E <= first + again max(E), and the largest entry's own inequality is solved first."""
    a, b, c = np.abs(A), np.abs(B), np.abs(C)
    T, R, X = (p.total(part) for part in (p.stack, C @ p.stack, p.stack @ B))
    first, again = one * T @ (a @ X + b) * U, one * (T @ a).sum(axis=1)
    held = X * U + first + again * float(first.max()) / _room(float(again.max()))  # of computed states
    return float(SLACK * (R @ (one * (a @ held + b * U)) + one * (c @ held + abs(D) * U)))


def gamma(n: int, e: float) -> float:
    """n e/(1 - n e)."""
    return n * e / (1 - n * e)


def _room(share: float) -> float:
    if not share < 0.5:
        raise ValueError(f"rounding feeds back by {share:.2g} of itself; there is no floor in this precision")
    return 1 - share


def _powers(A: np.ndarray, B: np.ndarray, C: np.ndarray, least: int) -> _Powers:
    """Powers up to an r, a power of two and at least `least`, where |A^r| < FORGOTTEN."""
    stack, power = np.eye(len(A))[None], A
    while len(stack) < LONGEST:
        stack = np.concatenate([stack, power @ stack])
        power = power @ power
        last = float(np.linalg.norm(power, 2))
        if len(stack) >= least and SLACK * last < FORGOTTEN:
            break
    else:
        raise ValueError(f"|A^{LONGEST}| is not below {FORGOTTEN}: the system forgets too slowly for a rounding floor")
    squares, found = A, []
    for _ in range(len(stack).bit_length()):
        found.append(float(np.linalg.norm(squares)))
        squares = squares @ squares
    return _Powers(
        stack,
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
