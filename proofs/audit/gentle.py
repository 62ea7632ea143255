"""Points at which long contexts stay of the size of short ones: keys are short, and decays near 1.

Else early tokens count for nothing at the end, or states grow past all bounds. Main definition: `gentle`.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from constructions.learners import Domain
from numeric.deciding.programs import Shapes, Sizes, concrete
from numeric.entropy import Entropy
from proofs.target.case import Case

_BITS = 32
"""Random bits of each number."""


def gentle(case: Case, shapes: Shapes, sizes: Sizes, entropy: Entropy) -> dict[str, np.ndarray]:
    """A random dyadic point: keys with squares that sum to about 1 over the context, decays within about 1/N of 1."""
    decays = {p.name for p in case.chosen.parameters if p.domain is Domain.UNIT}
    N = max(sizes["N"], 1)
    short = Fraction(1, math.isqrt(N * sizes["f"]) + 1)
    found = {}
    for name, shape in concrete(shapes, {"B": 1, "H": 1, **sizes}).items():
        values = _drawn(shape, entropy.child(name))
        if name in ("X", "k"):
            values = values * short
        elif name in decays:
            values = np.vectorize(lambda v: 1 - _unit(v) / N, otypes=[object])(values)
        elif name in case.positive:
            values = np.vectorize(lambda v: _unit(v), otypes=[object])(values)
        found[name] = values
    return found


def _drawn(shape: tuple[int, ...], entropy: Entropy) -> np.ndarray:
    """Numbers of random bits between -2 and 2: in no relation to each other that a token could vanish by."""
    raw = np.frombuffer(entropy.bytes(8 * math.prod(shape)), dtype=np.uint64)
    numbers = [Fraction(2 * int(n >> np.uint64(64 - _BITS)) + 1 - 2**_BITS, 2 ** (_BITS - 1)) for n in raw]
    out = np.empty(math.prod(shape), dtype=object)
    out[:] = numbers
    return out.reshape(shape)


def _unit(value: Fraction) -> Fraction:
    size = abs(value)
    return size / (1 + size)
