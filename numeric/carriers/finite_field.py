"""The carrier GF(p): residues mod primes, one prime a trial. Decides polynomial identities by values at random points.

Safe from overflow for any odd primes below 2**61, in two sizes. Below 2**31 a product of residues fits in int64, and
`torch.remainder` costs as little as adding (a float Barrett step was measured slower at every size); a matrix product
goes through the 16-bit halves of one operand. Below 2**61 products go through a float64 quotient whose error is at most
one, and matrix products through 21-bit limbs multiplied exactly in float64; that costs 8 to 10 times as much.

A divisor that is 0 mod its prime kills its trial, not the others: `dead` says which trials say nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from numeric.carriers.carrier import Carrier, Parts, outer, products

_LIMB = 21
_LIMB_MASK = (1 << _LIMB) - 1
_LIMBS = 3
_LIMB_TERMS = 1 << 10
"""Terms of a limb product summed at once: 2**(2*21) * 2**10 < 2**53, so float64 sums are exact."""
_HALF_TERMS = 1 << 15
"""The same for 16-bit halves: 2**16 * 2**31 * 2**15 < 2**63."""
_FEW_PRODUCTS = 1 << 12
"""Up to so many products a matrix product is cheapest entry by entry: fewest calls (measured: from 4 to 16 thousand)."""
_MOST_PRODUCTS = 1 << 22
"""And so it is for more where one side is a vector, until the products fill too much memory."""
_FEW_INVERSES = 8
"""So many entries a trial are inverted by Python's integers; more are reduced to that by products."""


class FiniteField(Carrier):
    """Residues mod `primes` (int64, shape (K,), odd), one int64 part; trial k computes mod primes[k]."""

    dtypes = (torch.int64,)
    associative = True

    def __init__(self, primes: Tensor) -> None:
        if primes.dtype != torch.int64 or primes.ndim != 1 or not len(primes):
            raise ValueError(f"primes must be a non-empty int64 vector, not {primes.dtype} of {tuple(primes.shape)}")
        self.primes: list[int] = primes.tolist()
        if max(self.primes) >= 1 << 61 or min(self.primes) < 3:
            raise ValueError(f"primes must be odd and below 2**61: {self.primes}")
        self.name = f"GF(p), {len(self.primes)} primes of {max(self.primes).bit_length()} bits"
        self.dead = torch.zeros(len(primes), dtype=torch.bool)
        """Trials in which a divisor was 0."""
        self._short = max(self.primes) < 1 << 31
        self._columns = [primes]
        self._wide = [primes.double()]

    def _p(self, rank: int) -> Tensor:
        while len(self._columns) < rank:
            self._columns.append(self._columns[-1].unsqueeze(-1))
        return self._columns[rank - 1]

    def _p_wide(self, rank: int) -> Tensor:
        while len(self._wide) < rank:
            self._wide.append(self._wide[-1].unsqueeze(-1))
        return self._wide[rank - 1]

    def _reduced(self, fresh: Tensor) -> Tensor:
        # `fresh` was just made, so that it can be overwritten
        p = self._p(fresh.ndim)
        return fresh.remainder_(p) if fresh.shape[0] == len(self.primes) else fresh % p

    def _all(self, a: Tensor) -> Tensor:
        return a if a.shape[0] == len(self.primes) else a.expand(len(self.primes), *a.shape[1:])

    def _exactly(self, top: int, bottom: int) -> list[int]:
        return [top % p * pow(bottom, -1, p) % p for p in self.primes]

    def lift(self, values: Tensor) -> Parts:
        if bool(((values == values.round()) & (values.abs() <= 2.0**53)).all()):
            return (values.long() % self._p(values.ndim + 1),)
        mantissa, exponent = torch.frexp(values.double())
        powers, which = torch.unique(exponent.long() - 53, return_inverse=True)
        table = torch.tensor([[pow(2, e, p) for e in powers.tolist()] for p in self.primes], dtype=torch.int64)
        return (self._times((mantissa * 2.0**53).long() % self._p(values.ndim + 1), table[:, which]),)

    def constant(self, value: float | int) -> Parts:
        top, bottom = value.as_integer_ratio()
        return (torch.tensor(self._exactly(top, bottom), dtype=torch.int64),)

    def add(self, a: Parts, b: Parts) -> Parts:
        return (self._reduced(a[0] + b[0]),)

    def sub(self, a: Parts, b: Parts) -> Parts:
        return (self._reduced(a[0] - b[0]),)

    def neg(self, a: Parts) -> Parts:
        return (self._reduced(-a[0]),)

    def mul(self, a: Parts, b: Parts) -> Parts:
        return (self._times(a[0], b[0]),)

    def div(self, a: Parts, b: Parts) -> Parts:
        return (self._times(a[0], self.inverse(b[0])),)

    def nonzero(self, a: Parts) -> Tensor:
        return a[0] != 0

    def singular(self) -> None:
        """Nothing to say: dividing by the pivot 0 marks the trials."""

    def matmul(self, a: Parts, b: Parts) -> Parts:
        (x,), (y,) = a, b
        work = len(self.primes) * products(x[:1], y[:1])
        if work <= _FEW_PRODUCTS or (min(x.shape[-2], y.shape[-1]) == 1 and work <= _MOST_PRODUCTS):
            return self.sum(self.mul(*outer(a, b)), [-2], False)
        if self._short:
            return (self._by_halves(x, y),)
        return (self._by_limbs(x, y),)

    def sum(self, a: Parts, dims: Sequence[int], keepdim: bool) -> Parts:
        if self._short:
            return (self._reduced(a[0].sum(dim=tuple(dims), keepdim=keepdim)),)
        # 61-bit residues: add the low and high halves apart, so that 2**31 terms fit
        low = (a[0] & 0x7FFFFFFF).sum(dim=tuple(dims), keepdim=keepdim)
        high = self._reduced((a[0] >> 31).sum(dim=tuple(dims), keepdim=keepdim))
        return (self._reduced(self._shifted(high, 31) + low),)

    def cumsum(self, a: Parts, dim: int) -> Parts:
        if self._short:
            return (self._reduced(a[0].cumsum(dim)),)
        return super().cumsum(a, dim)

    def inverse(self, a: Tensor) -> Tensor:
        """1/a. Where an entry is 0 its trial is dead, and the entry's inverse 0."""
        a = self._all(a)
        none = a == 0
        zeros = bool(none.any())
        if zeros:
            self.dead |= none.flatten(1).any(1) if none.ndim > 1 else none
            a = a + none
        found = self._inverses(a.reshape(len(self.primes), -1)).reshape(a.shape)
        return found.masked_fill_(none, 0) if zeros else found

    def _inverses(self, a: Tensor) -> Tensor:
        # two inverses for one and three products, down to a few entries a trial
        n = a.shape[1]
        if n <= _FEW_INVERSES:
            rows = zip(a.tolist(), self.primes, strict=True)
            return torch.tensor([[pow(v, -1, p) for v in row] for row, p in rows], dtype=torch.int64).reshape(a.shape)
        left, right, rest = a.split([n // 2, n // 2, n % 2], 1)
        both = self._inverses(torch.cat([self._times(left, right), rest], 1))
        pair = both[:, : n // 2]
        return torch.cat([self._times(pair, right), self._times(pair, left), both[:, n // 2 :]], 1)

    def _times(self, a: Tensor, b: Tensor) -> Tensor:
        if self._short:
            return self._reduced(a * b)
        high = self._shifted(self._by_small(a >> 31, b), 31)
        return self._reduced(high + self._by_small(a & 0x7FFFFFFF, b))

    def _by_small(self, small: Tensor | int, b: Tensor) -> Tensor:
        # small <= 2**31, b < p < 2**61: the float quotient is off by at most one, and int64 wrap-around cancels
        product = small * b
        wide = (small.double() if isinstance(small, Tensor) else float(small)) * b.double()
        quotient = (wide / self._p_wide(product.ndim)).long()
        return self._reduced(product - quotient.mul_(self._p(product.ndim)))

    def _shifted(self, a: Tensor, bits: int) -> Tensor:
        return self._by_small(1 << bits, a)

    def _by_halves(self, a: Tensor, b: Tensor) -> Tensor:
        total: Tensor | None = None
        for k in range(0, max(1, a.shape[-1]), _HALF_TERMS):
            left, right = a[..., k : k + _HALF_TERMS], b[..., k : k + _HALF_TERMS, :]
            part = self._reduced((left >> 16) @ right)
            part = self._reduced((part << 16).add_((left & 0xFFFF) @ right))
            total = part if total is None else self._reduced(total + part)
        assert total is not None
        return total

    def _by_limbs(self, a: Tensor, b: Tensor) -> Tensor:
        total: Tensor | None = None
        for k in range(0, max(1, a.shape[-1]), _LIMB_TERMS):
            left, right = a[..., k : k + _LIMB_TERMS], b[..., k : k + _LIMB_TERMS, :]
            lefts, rights = ([((x >> (_LIMB * i)) & _LIMB_MASK).double() for i in range(_LIMBS)] for x in (left, right))
            part: Tensor | None = None
            for s in reversed(range(2 * _LIMBS - 1)):
                # at most three exact sums below 2**52 each
                pairs = [(i, s - i) for i in range(_LIMBS) if 0 <= s - i < _LIMBS]
                coefficient = torch.stack([(lefts[i] @ rights[j]).long() for i, j in pairs]).sum(0)
                part = self._reduced(coefficient if part is None else self._shifted(part, _LIMB) + coefficient)
            assert part is not None
            total = part if total is None else self._reduced(total + part)
        assert total is not None
        return total
