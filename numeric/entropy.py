"""Where random numbers come from: the operating system's entropy pool, or a seed.

A proved failure probability needs uniform points, so residues and primes are drawn by rejection from raw bits.
With a seed the bits are SHAKE-256 of it: repeatable, and then uniform only as far as that hash is.
"""

from __future__ import annotations

import hashlib
import math
import os

import numpy as np
import torch
from flint import fmpz

from numeric.trust import Trust


class Entropy:
    """A stream of uniform bits. `seed=None` reads the operating system's pool."""

    def __init__(self, seed: int | str | None = None) -> None:
        self.seed = seed
        self._block = 0

    @property
    def trust(self) -> Trust:
        """What a reader has to believe about the draws."""
        return Trust.POOL if self.seed is None else Trust.HASH

    def child(self, *names: object) -> Entropy:
        """An independent stream for one unit of work; a seeded one depends only on the seed and `names`."""
        return self if self.seed is None else Entropy("/".join(map(str, (self.seed, *names))))

    def bytes(self, count: int) -> bytes:
        """`count` uniform bytes."""
        if self.seed is None:
            return os.urandom(count)
        self._block += 1
        return hashlib.shake_256(f"{self.seed}#{self._block}".encode()).digest(count)

    def below(self, bound: int) -> int:
        """A uniform integer in [0, bound), by rejection."""
        bits = max(1, (bound - 1).bit_length())
        while True:
            value = int.from_bytes(self.bytes((bits + 7) // 8), "little") & ((1 << bits) - 1)
            if value < bound:
                return value

    def residues(self, shape: tuple[int, ...], p: int) -> torch.Tensor:
        """Independent uniform residues mod p (p < 2**63), int64."""
        count = math.prod(shape)
        mask = (1 << p.bit_length()) - 1
        kept = np.empty(0, dtype=np.uint64)
        while kept.size < count:
            # fewer than half of the masked draws are rejected, since p has its top bit set
            raw = np.frombuffer(self.bytes(8 * (2 * (count - kept.size) + 8)), dtype=np.uint64) & np.uint64(mask)
            kept = np.concatenate([kept, raw[raw < p]])
        return torch.from_numpy(kept[:count].astype(np.int64).copy()).reshape(shape)

    def prime(self, bits: int) -> int:
        """A prime uniform among those of [2**(bits-1), 2**bits), by rejection; primality is proved below 2**64."""
        low = 1 << (bits - 1)
        while True:
            candidate = low + self.below(low)
            if candidate % 2 and fmpz(candidate).is_prime():
                return candidate

    def generator(self) -> np.random.Generator:
        """A numpy generator for sampled checks, seeded from this stream."""
        return np.random.Generator(np.random.PCG64(int.from_bytes(self.bytes(16), "little")))


def prime_count_below(bits: int) -> float:
    """A lower bound for the number of primes in [2**(bits-1), 2**bits), bits >= 17.

    x/(ln x - 1) < pi(x) for x >= 5393 and pi(x) < x/(ln x - 1.1) for x >= 60184 (Dusart, arXiv 1002.0442, th. 6.9).
    """
    high, low = 2.0**bits, 2.0 ** (bits - 1)
    return high / (math.log(high) - 1) - low / (math.log(low) - 1.1)
