"""The carrier GF(p): residues mod primes, one prime a trial. Decides polynomial identities by values at random points.

Safe from overflow for any odd primes below 2**61, in two sizes.
Below 2**31 a product of residues fits in int64, and `torch.remainder` costs little more than adding (a Barrett step
with a float quotient was measured slower at every size); a matrix product goes through the 16-bit halves of one operand.
Below 2**61 a product or a sum x of more than 64 bits is known in two ways: int64 arithmetic wraps around and keeps it
mod 2**64; float64 gives x / p with an error far below 1. Then x - trunc(x / p) p is less than 2p in size, so that its
value mod 2**64 is its value. Products x = small * b have x / p < 2**33; sums of n residues x / p < n, with n below
2**26 even where they are added one by one. Matrix products go through 21-bit limbs multiplied exactly in float64.

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
"""The same for 16-bit halves in int64: 2**16 * 2**31 * 2**15 < 2**63, with room for what is carried."""
_FEW_PRODUCTS = {True: 1 << 12, False: 1 << 14}
"""Up to so many products a matrix product is cheapest entry by entry, since that takes the fewest calls (measured for
primes below 2**31 or not)."""
_MOST_PRODUCTS = {True: 1 << 22, False: 1 << 18}
"""And so it is for more where one side is a vector, until the products fill too much memory."""
_FEW_INVERSES = 8
"""So many entries a trial are inverted by Python's integers; more are reduced to that by products."""


_TWO_21, _TWO_31 = torch.tensor(1 << _LIMB), torch.tensor(1 << 31)


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
        self._parts = [1 / primes.double()]

    def _p(self, rank: int) -> Tensor:
        while len(self._columns) < rank:
            self._columns.append(self._columns[-1].unsqueeze(-1))
        return self._columns[rank - 1]  # one view a rank, made once

    def _part(self, rank: int) -> Tensor:
        while len(self._parts) < rank:
            self._parts.append(self._parts[-1].unsqueeze(-1))
        return self._parts[rank - 1]

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
        work = products(x, y)
        vector = min(x.shape[-2], y.shape[-1]) == 1
        if work <= (_MOST_PRODUCTS if vector else _FEW_PRODUCTS)[self._short]:
            return self.sum(self.mul(*outer(a, b)), [-2], False)
        if self._short:
            return (self._by_halves(x, y),)
        return (self._by_limbs(x, y),)

    def mm(self, a: Parts, b: Parts) -> Parts:
        (x,), (y,) = a, b
        few = max(x.shape[0], y.shape[0]) * x.shape[1] * x.shape[2] * y.shape[2] <= _FEW_PRODUCTS[self._short]
        return self.sum(self.mul(*outer(a, b)), [-2], False) if few else super().mm(a, b)

    def mv(self, a: Parts, v: Parts) -> Parts:
        (x,), (y,) = a, v
        if max(x.shape[0], y.shape[0]) * x.shape[1] * x.shape[2] > _MOST_PRODUCTS[self._short]:
            return super().mv(a, v)
        return self.sum((self._times(x, y.unsqueeze(1)),), [-1], False)

    def sum(self, a: Parts, dims: Sequence[int], keepdim: bool) -> Parts:
        total = a[0].sum(dim=tuple(dims), keepdim=keepdim)
        if self._short:
            return (self._reduced(total),)
        return (self._folded(total, self._ratio(a[0]).sum(dim=tuple(dims), keepdim=keepdim)),)

    def cumsum(self, a: Parts, dim: int) -> Parts:
        total = a[0].cumsum(dim)
        if self._short:
            return (self._reduced(total),)
        return (self._folded(total, self._ratio(a[0]).cumsum(dim)),)

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
        left, right = a[:, : n // 2], a[:, n // 2 : n - n % 2]
        both = self._inverses(torch.cat([self._times(left, right), a[:, n - n % 2 :]], 1))
        pair = both[:, : n // 2]
        return torch.cat([self._times(pair, right), self._times(pair, left), both[:, n // 2 :]], 1)

    def _times(self, a: Tensor, b: Tensor) -> Tensor:
        if self._short:
            return self._reduced(a * b)
        ratio = self._ratio(b)
        high = self._near(a >> 31, b, ratio)
        low = self._near(a & 0x7FFFFFFF, b, ratio)
        return self._reduced(self._near(_TWO_31, high, self._ratio(high)).add_(low))

    def _ratio(self, a: Tensor) -> Tensor:
        """a / p in float64."""
        return a * self._part(a.ndim)

    def _near(self, small: Tensor, b: Tensor, ratio: Tensor) -> Tensor:
        """A number in (-2p, 2p) that is small * b mod p; 0 <= small <= 2**31, b in (-2p, 2p), ratio = b / p."""
        return torch.addcmul(small * b, (small * ratio).long(), self._p(b.ndim), value=-1)

    def _folded(self, total: Tensor, quotient: Tensor) -> Tensor:
        return self._reduced(torch.addcmul(total, quotient.long(), self._p(total.ndim), value=-1))

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
                part = self._reduced(
                    coefficient if part is None else self._near(_TWO_21, part, self._ratio(part)) + coefficient
                )
            assert part is not None
            total = part if total is None else self._reduced(total + part)
        assert total is not None
        return total
