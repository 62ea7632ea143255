"""Arithmetic of residues mod p on int64 tensors, safe from overflow for any p < 2**61.

Two sizes of prime are used: below 2**31 a product of residues fits in int64; below 2**61 products go through
a float64 quotient whose error is at most one, and matrix products through 21-bit limbs multiplied exactly in float64.
"""

from __future__ import annotations

import torch
from torch import Tensor

_LIMB = 21
_LIMB_MASK = (1 << _LIMB) - 1
_CHUNK = 1 << 10
"""Terms of a limb product summed at once: 2**(2*21) * 2**10 < 2**53, so float64 sums are exact."""


def multiply(a: Tensor, b: Tensor, p: int) -> Tensor:
    """a*b mod p, entrywise with broadcasting; a, b int64 in [0, p)."""
    if p < 1 << 31:
        return a * b % p
    high = _times_small(a >> 31, b, p)
    high = _times_small(torch.tensor(1 << 31), high, p) if p > 1 << 31 else high
    return (high + _times_small(a & 0x7FFFFFFF, b, p)) % p


def _times_small(small: Tensor, b: Tensor, p: int) -> Tensor:
    # small <= 2**31, b < p < 2**61: the float quotient is off by at most one, and int64 wrap-around cancels
    quotient = (small.double() * b.double() / p).long()
    rest = small * b - quotient * p
    return rest % p


def matmul(a: Tensor, b: Tensor, p: int) -> Tensor:
    """Matrix product mod p over the last two dimensions (both operands 2-d, or both 3-d with equal batch)."""
    if p < 1 << 31:
        return _matmul_31(a, b, p)
    return _matmul_61(a, b, p)


def _matmul_31(a: Tensor, b: Tensor, p: int) -> Tensor:
    if max(a.shape[-2], b.shape[-1]) >= 128:
        return _matmul_limbs(a, b, p, limbs=2)
    total: Tensor | None = None
    for k in range(0, max(1, a.shape[-1]), 1 << 15):
        left, right = a[..., k : k + (1 << 15)], b[..., k : k + (1 << 15), :]
        # 16-bit halves: 2**16 * 2**31 * 2**15 < 2**63
        part = ((((left >> 16) @ right) % p << 16) + (left & 0xFFFF) @ right) % p
        total = part if total is None else (total + part) % p
    assert total is not None
    return total


def _matmul_61(a: Tensor, b: Tensor, p: int) -> Tensor:
    return _matmul_limbs(a, b, p, limbs=3)


def _matmul_limbs(a: Tensor, b: Tensor, p: int, limbs: int) -> Tensor:
    total: Tensor | None = None
    for k in range(0, max(1, a.shape[-1]), _CHUNK):
        left = [((a[..., k : k + _CHUNK] >> (_LIMB * i)) & _LIMB_MASK).double() for i in range(limbs)]
        right = [((b[..., k : k + _CHUNK, :] >> (_LIMB * i)) & _LIMB_MASK).double() for i in range(limbs)]
        shift = torch.tensor(1 << _LIMB)
        acc: Tensor | None = None
        for s in reversed(range(2 * limbs - 1)):
            # at most three exact sums below 2**52 each
            coefficient = torch.stack(
                [(left[i] @ right[s - i]).long() for i in range(limbs) if 0 <= s - i < limbs]
            ).sum(0)
            acc = coefficient % p if acc is None else (_times_shift(shift, acc, p) + coefficient) % p
        assert acc is not None
        total = acc if total is None else (total + acc) % p
    assert total is not None
    return total


def _times_shift(shift: Tensor, acc: Tensor, p: int) -> Tensor:
    return acc * shift % p if p < 1 << 31 else _times_small(shift, acc, p)


def power(a: Tensor, exponent: int, p: int) -> Tensor:
    """a**exponent mod p by squaring, exponent >= 0."""
    result = torch.ones_like(a)
    base = a
    while exponent:
        if exponent & 1:
            result = multiply(result, base, p)
        exponent >>= 1
        if exponent:
            base = multiply(base, base, p)
    return result


def inverse(a: Tensor, p: int) -> Tensor:
    """1/a mod p. Raises ZeroDivisionError where an entry is 0: the caller draws another point."""
    if bool((a == 0).any()):
        raise ZeroDivisionError("a divisor is 0 mod p")
    flat = [pow(int(v), -1, p) for v in a.reshape(-1).tolist()] if a.numel() <= 64 else None
    if flat is not None:
        return torch.tensor(flat, dtype=torch.int64).reshape(a.shape)
    return power(a, p - 2, p)


def lift(values: Tensor, p: int) -> Tensor:
    """The residues of float64 numbers read as the exact dyadic rationals they are. Values must be finite."""
    mantissa, exponent = torch.frexp(values.double())
    whole = (mantissa * 2.0**53).long() % p
    shift = (exponent - 53).long()
    low = int(shift.min()) if shift.numel() else 0
    table = [pow(2, e, p) for e in range(low, (int(shift.max()) if shift.numel() else 0) + 1)]
    return multiply(whole, torch.tensor(table, dtype=torch.int64)[shift - low], p)
