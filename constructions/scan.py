"""Running a discrete state space on samples in three ways that compute the same outputs.

    x_{k+1} = A x_k + B u_k,   y_k = C x_k + D u_k,   k = 0, ..., T-1
A (N, N), B (N,), C (N,), D a number; u (T, ...) with any trailing axes (batch, channels); start: x_0 (N, ...) with the
same trailing axes, or None for zero. Any array namespace; everything runs in the arrays' own dtype and on their device.
    recurrence    one step a sample
    blocked       one step a block: inside a block all samples at once, the state passed on by A^block
    convolution   with the kernel c_0 = D, c_m = C A^(m-1) B, by FFT in overlapping frames
Powers of A come by doubling, so nothing but `recurrence` loops over samples.
Source: overlap-save and block state passing are standard (Blelloch 1990; Gu et al., arXiv 2111.00396, for the kernel).
"""

from __future__ import annotations

import math
from typing import Any

from constructions.discretisation import Discrete
from constructions.namespace import Array, namespace, zeros

BLOCK = 256
"""Samples a block takes unless told otherwise."""


def standard(discrete: Discrete) -> tuple[Array, Array, Array, Any]:
    """A, B, C, D of the form above for a scheme that may use the next sample too, by z_k = x_k - B_next u_k.

    Outputs are the same for the start z_0 = x_0 - B_next u_0; a zero start here is the start x_0 = B_next u_0 there.
    """
    d = discrete
    return d.A, d.B_now + d.A @ d.B_next, d.C, d.D + d.C @ d.B_next


def columns(A: Array, B: Array, length: int) -> Array:
    """B, A B, ..., A^(length-1) B as columns (N, length); length >= 1."""
    xp = namespace(A)
    found, power = B[:, None], A
    while found.shape[1] < length:
        found = xp.concat([found, power @ found], axis=1)
        power = power @ power if found.shape[1] < length else power
    return found[:, :length]


def kernel(A: Array, B: Array, C: Array, D: Any, length: int) -> Array:
    """c_0, ..., c_{length-1} (length,): y_k = sum_m c_m u_{k-m} from a zero start."""
    if length < 1:
        raise ValueError(f"length is {length}; expected at least one sample")
    first = (C[:1] * 0 + D)[:1]
    if length == 1:
        return first
    return namespace(A).concat([first, C @ columns(A, B, length - 1)])


def recurrence(A: Array, B: Array, C: Array, D: Any, u: Array, start: Array | None = None) -> Array:
    """Outputs (T, ...), a step a sample."""
    x, flat = _start(A, u, start), _flat(u)
    found = []
    for k in range(u.shape[0]):
        found.append(C @ x + D * flat[k, :])
        x = A @ x + B[:, None] * flat[k, :]
    return namespace(u).reshape(namespace(u).stack(found), u.shape)


def blocked(A: Array, B: Array, C: Array, D: Any, u: Array, start: Array | None = None, block: int = BLOCK) -> Array:
    """Outputs (T, ...), a step a block. block: a power of two. Raises ValueError for another."""
    if block < 1 or block & (block - 1):
        raise ValueError(f"block is {block}; expected a power of two")
    xp, T = namespace(u), u.shape[0]
    block = min(block, 1 << max(T - 1, 0).bit_length())
    blocks = -(-T // block)
    flat = _flat(u)
    width = flat.shape[1]
    padded = xp.concat([flat, zeros((blocks * block - T, width), flat)], axis=0)
    # one column a block and channel, so that each product below is one matrix product
    inside = xp.reshape(xp.permute_dims(xp.reshape(padded, (blocks, block, width)), (1, 0, 2)), (block, blocks * width))
    driven, seen = columns(A, B, block), columns(A.T, C, block).T
    local = _toeplitz(kernel(A, B, C, D, block)) @ inside
    pushed = xp.reshape(xp.flip(driven, axis=1) @ inside, (-1, blocks, width))
    power, x, starts = _power(A, block), _start(A, u, start), []
    for b in range(blocks):
        starts.append(x)
        x = power @ x + pushed[:, b, :]
    before = xp.reshape(xp.stack(starts, axis=1), (-1, blocks * width))
    y = xp.reshape(local + seen @ before, (block, blocks, width))
    return xp.reshape(xp.reshape(xp.permute_dims(y, (1, 0, 2)), (blocks * block, width))[:T, :], u.shape)


def convolution(
    A: Array, B: Array, C: Array, D: Any, u: Array, start: Array | None = None, length: int | None = None
) -> Array:
    """Outputs (T, ...) by FFT, with the first `length` kernel entries (None: all T, which truncates nothing)."""
    xp, T = namespace(u), u.shape[0]
    length = T if length is None else min(length, T)
    flat = _flat(u)
    size = frame(T, length)
    hop = size - length + 1
    frames = -(-T // hop)
    front, back = zeros((length - 1, flat.shape[1]), flat), zeros((frames * hop - T, flat.shape[1]), flat)
    padded = xp.concat([front, flat, back], axis=0)
    cut = xp.stack([padded[i * hop : i * hop + size, :] for i in range(frames)])
    response = xp.fft.rfft(kernel(A, B, C, D, length), n=size)
    found = xp.fft.irfft(xp.fft.rfft(cut, axis=1) * response[:, None], n=size, axis=1)
    y = xp.reshape(found[:, length - 1 :, :], (frames * hop, flat.shape[1]))[:T, :]
    if start is not None:
        free = columns(A.T, C, length).T @ _start(A, u, start)
        y = xp.concat([y[:length, :] + free, y[length:, :]], axis=0)
    return xp.reshape(y, u.shape)


def frame(samples: int, length: int) -> int:
    """The FFT size that `convolution` takes: a power of two, four times the kernel's length or the whole input."""
    whole = samples + length - 1
    return min(1 << (whole - 1).bit_length(), 1 << (4 * length - 1).bit_length())


def tail(A: Array, B: Array, C: Array, length: int) -> float:
    """A bound of sum_{m >= length} |c_m|: what a truncated kernel may lose, times the largest input. length >= 2.

    With r = length - 1: |C A^(r + qr + i) B| <= |C A^r| |A^r|^q |A^i B|, summed over q and i < r. Infinite unless
    |A^r| < 1. Norms are Euclidean, evaluated in the arrays' dtype.
    """
    xp, r = namespace(A), length - 1
    power = _power(A, r)
    norm = float(xp.linalg.matrix_norm(power, ord=2))
    if not norm < 1:
        return math.inf
    sums = float(xp.sum(xp.linalg.vector_norm(columns(A, B, r), axis=0)))
    return float(xp.linalg.vector_norm(C @ power)) * sums / (1 - norm)


def kernel_length(A: Array, B: Array, C: Array, tolerance: float, most: int = 1 << 20) -> int:
    """The shortest length 2^p + 1 whose `tail` is at most `tolerance`. Raises ValueError if none is up to `most`."""
    r = 1
    while r <= most:
        if tail(A, B, C, r + 1) <= tolerance:
            return r + 1
        r = 2 * r
    raise ValueError(f"no kernel of up to {most} samples is within {tolerance:g}; the system forgets too slowly")


def _start(A: Array, u: Array, start: Array | None) -> Array:
    """x_0 as (N, channels), zero if there is none."""
    width = math.prod(u.shape[1:])
    if start is None:
        return zeros((A.shape[0], width), u)
    return namespace(u).reshape(start, (A.shape[0], width))


def _flat(u: Array) -> Array:
    """u as (T, channels)."""
    return namespace(u).reshape(u, (u.shape[0], math.prod(u.shape[1:])))


def _toeplitz(c: Array) -> Array:
    """The lower triangular matrix with entry (i, j) = c_{i-j}."""
    xp, size = namespace(c), c.shape[0]
    turned = xp.flip(xp.concat([zeros((size - 1,), c), c]), axis=0)
    return xp.stack([turned[size - 1 - i : 2 * size - 1 - i] for i in range(size)])


def _power(A: Array, exponent: int) -> Array:
    """A^exponent by squaring, exponent >= 1."""
    result, square = None, A
    while exponent:
        if exponent & 1:
            result = square if result is None else result @ square
        exponent = exponent >> 1
        square = square @ square if exponent else square
    return result
