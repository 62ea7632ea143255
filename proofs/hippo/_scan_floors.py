r"""Rounding floors of the three ways of running a discrete state space, derived here from the standard model.

For |u_k| <= U and unit roundoff e, gamma_n = n e/(1 - n e); a product of n terms rounds n times, in any order. Entry by
entry, with abs M the matrix of absolute values, so that what cancels in the powers of A is not counted: T = sum_j abs A^j,
R = sum_j abs C A^j, X = U sum_j abs A^j B >= abs x_k (zero start).

    recurrence   a step commits d = gamma_{N+1} (abs A (X + E) + abs B U); states are off by E = T d, outputs by
                 R d + gamma_{N+1} (abs C (X + E) + abs D U)
    products     squaring the computed P = A^m, or multiplying it with columns or rows, commits gamma_N abs P times what it
                 multiplies. Every result is a sum of exact powers to the left, one such rounding, and computed factors to
                 the right, whose exponents add up; the exponents on the left are multiples of 2m. So all of them together
                 reach the kernel with at most sum_m R_2m gamma_N (abs P abs P + abs P) Z, R_q = sum_j abs C A^(qj), Z >= X
                 for the computed factors, and the blocks' outputs at offset n with the same from A^n on
    blocked      the kernel, the rows and, twice, the states by their products, and each dot product's own rounding
    convolution  the kernel's products, what truncation drops, and the FFT's error |c| |frame| ((1+e)^{3n}
                 (1+e sqrt 5)^{3n+1} (1+b)^{3n} - 1), n = log2 of the size (C. Percival, Math. Comp. 72 (2003), theorem
                 5.1), b the error of the roots of unity; the root mean square over the outputs is `spread`'s, without the
                 square root of the size

How far Z is above X is found crudely, in Euclidean norms a = |A^j| and Frobenius norms F: A^(2^i) is off by e_i,
e_{i+1} = 2 a e_i + e_i^2 + gamma_N (F + e_i)^2, and a column A^(r+j) B = A^r (A^j B) by
a d_j + e (|A^j B| + d_j) + gamma_N (F + e)(|A^j B| + d_j).
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

    @property
    def most(self) -> float:
        """The largest |A^j|."""
        return float(self.norms.max())

    def apart(self, powers: list[float]) -> float:
        """How far a product of different computed powers, off by `powers`, is from the power of A."""
        share = self.most * sum(powers)
        return self.most * share / _room(share)

    def total(self, parts: np.ndarray) -> np.ndarray:
        """The sum over all j of absolute values, from those j < r (first axis): the rest has Euclidean norms that are a
        geometric series in `last`."""
        norms = np.sqrt((parts**2).sum(axis=tuple(range(1, parts.ndim))))
        return np.asarray(SLACK * (np.abs(parts).sum(axis=0) + self.last / (1 - self.last) * norms.sum()))


def frame(samples: int, length: int) -> int:
    """The FFT's size: the least power of two for four kernels, or for everything."""
    return 1 << (min(samples + length - 1, 4 * length - 1) - 1).bit_length()


def floors(
    A: np.ndarray, B: np.ndarray, C: np.ndarray, D: float, U: float, samples: int, dtype: str, block: int, length: int
) -> Floors:
    """The floors for arrays that hold numbers of `dtype`, float64 or float32; U bounds the inputs' absolute values.

    length: the kernel's, as given to `scan.convolution`. Raises ValueError for a system that forgets too slowly.
    """
    A, B, C = (np.asarray(part, dtype=np.float64) for part in (A, B, C))
    e, N = float(np.finfo(dtype).eps) / 2, len(A)
    used = min(length, samples)
    p = _powers(A, B, C, max(2 * block, used))
    left = 1 / (1 - p.last)  # sums over j < r, r <= j < 2r, ... are a geometric series
    X = SLACK * left * float(p.columns.sum()) * U
    d = SLACK * abs(D)
    recurrence = _recurrence(A, B, C, D, p, U, gamma(N + 1, e))

    powers = _power_errors(p, N, e)
    dB, dC = (_column_errors(p, sizes, powers, N, e) for sizes in (p.columns, p.rows))
    K, i = block, int(log2(block))
    # crude, in norms: how far computed products are off, for the second order below
    apart = p.apart(powers)
    column, row = (
        apart * float((sizes + d).max()) + p.most * float(d.max()) for sizes, d in ((p.columns, dB), (p.rows, dC))
    )
    inside = float(dB[:K].sum()) * U + gamma(K + 1, e) * float((p.columns + dB)[:K].sum()) * U
    passed = SLACK * left * float(p.norms[::K].sum())
    rate = powers[i] + gamma(N + 1, e) * (SLACK * float(p.frobenius[i]) + powers[i])
    EK = passed * (rate * X + inside) / _room(passed * rate)
    state = p.total(p.stack @ B) * U + max(used, K) * column * U + (p.most + apart) * EK + apart * X  # Z
    W = SLACK * np.abs(C @ p.stack) + row
    Q = [SLACK * np.abs(p.stack[1 << l]) + powers[l] for l in range(len(powers)) if 1 << l < len(p.stack)]
    made = [gamma(N, e) * (q @ q + q) @ state for q in Q]

    def reach(step: int, start: int = 0) -> np.ndarray:
        """sum over n of |C A^(start + n step)|, the computed rows' errors included."""
        return np.asarray(W[start::step].sum(axis=0) + SLACK * left * p.last * float(p.rows.sum()))

    def products(length: int, start: int = 0) -> float:
        """What the powers below `length` and their products with columns or rows do to outputs from `start` on."""
        return sum(float(reach(2 << l, start) @ L) for l, L in enumerate(made) if 1 << l < length)

    read = gamma(N, e) * float(np.abs(C) @ state)
    own = gamma(K + 1, e) * state + gamma(N + 1, e) * Q[i] @ state
    blocked = (
        2 * products(K)
        + read
        + gamma(K + 1, e) * (float(p.response[:K].sum()) * U + d * U + products(K) + read)
        + max(2 * products(K, n) + float(reach(K, n) @ own) + gamma(N + 1, e) * float(W[n] @ state) for n in range(K))
    )
    size = frame(samples, used)
    n = int(log2(size)) + 1  # one more for the packing of real numbers
    fft = transforms(n, e)
    lost = scan.tail(A, B, C, used) * U if used < samples else 0.0
    off = products(used) + read  # the sum of the kernel's errors, times U
    kernel = sqrt(d**2 + float((p.response[: used - 1] ** 2).sum())) * U + off  # the Euclidean norm of the computed one
    convolution = kernel * sqrt(size) * fft + off + SLACK * lost
    return Floors(*(float(SLACK * bound) for bound in (recurrence, blocked, convolution)))


def transforms(n: int, e: float) -> float:
    """The relative error of two transforms of size 2^n, their product and its transform back."""
    return float((1 + e) ** (3 * n) * (1 + e * sqrt(5)) ** (3 * n + 1) * (1 + TWIDDLE * e) ** (3 * n) - 1)


def spread(c: np.ndarray, u: np.ndarray, e: float) -> float:
    """The root mean square error of `scan.convolution` of u (T,) with the whole kernel c (T,), both without an error.

    Each of the kernel's frequencies is a tree of sums, off by its depth times |c|_1 at most; the input's transform, the
    product and the transform back are off in the Euclidean norm by multiples of what passes through them, at most |c|_1 |u|.
    """
    n = int(log2(frame(len(u), len(c)))) + 1  # one more for the packing of real numbers
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
