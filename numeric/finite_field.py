"""The carrier GF(p): residues mod a prime. Decides polynomial identities by evaluation at random points."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from numeric import modular
from numeric.carrier import Carrier, Parts, stride_sum


class FiniteField(Carrier):
    """Residues mod `p` (a prime below 2**61), one int64 part."""

    dtypes = (torch.int64,)

    def __init__(self, p: int) -> None:
        self.p = p
        self.name = f"GF({p})"

    def lift(self, values: Tensor) -> Parts:
        return (modular.lift(values, self.p),)

    def constant(self, value: float | int) -> Parts:
        if isinstance(value, int):
            return (torch.tensor(value % self.p, dtype=torch.int64),)
        return super().constant(value)

    def add(self, a: Parts, b: Parts) -> Parts:
        return ((a[0] + b[0]) % self.p,)

    def sub(self, a: Parts, b: Parts) -> Parts:
        return ((a[0] - b[0]) % self.p,)

    def neg(self, a: Parts) -> Parts:
        return ((-a[0]) % self.p,)

    def mul(self, a: Parts, b: Parts) -> Parts:
        return (modular.multiply(a[0], b[0], self.p),)

    def div(self, a: Parts, b: Parts) -> Parts:
        return (modular.multiply(a[0], modular.inverse(b[0], self.p), self.p),)

    def nonzero(self, a: Parts) -> Tensor:
        return a[0] != 0

    def matmul(self, a: Parts, b: Parts) -> Parts:
        return (modular.matmul(a[0], b[0], self.p),)

    def sum(self, a: Parts, dims: Sequence[int], keepdim: bool) -> Parts:
        if self.p < 1 << 31:
            return (stride_sum(a[0], dims, keepdim) % self.p,)
        # 61-bit residues: add the low and high halves apart, so that 2**31 terms fit
        low, high = a[0] & 0x7FFFFFFF, a[0] >> 31
        total = stride_sum(high, dims, keepdim) % self.p
        return ((modular.multiply(total, torch.tensor(1 << 31), self.p) + stride_sum(low, dims, keepdim)) % self.p,)

    def cumsum(self, a: Parts, dim: int) -> Parts:
        if self.p < 1 << 31:
            return (a[0].cumsum(dim) % self.p,)
        return super().cumsum(a, dim)

    def power(self, a: Parts, exponent: int) -> Parts:
        return (modular.power(a[0], exponent, self.p),)
