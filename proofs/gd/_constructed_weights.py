"""The weights on constructed tokens as matrix words, read off the code that makes them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from constructions import constructed_tokens
from numeric.words import Unsupported, Words, eye
from numeric.words.blocks import blocks
from proofs.gd._weights import exact, multiple


def constructed(scale: Words, width: str) -> tuple[Any, Fraction, Any]:
    """`constructed_tokens.weights(scale, width)` for symbolic scale and width: B, the decay, and D, as blocks.

    Raises Unsupported unless B is linear in the scale, D free of it, and both are made of multiples of I.
    """
    one, two = (constructed_tokens.weights(np.asarray(float(s)), 2) for s in (1, 2))
    if (
        not np.array_equal(two.B, 2 * one.B)
        or not np.array_equal(one.D, two.D)
        or not np.all(one.decay == one.decay[0])
    ):
        raise Unsupported("the coded B is not linear in the scale, or D depends on it, or the decays differ")
    B = blocks([[multiple(one.B[:, :2]) * scale * eye(width), multiple(one.B[:, 2:]) * scale * eye(width)]])
    D = blocks([[multiple(one.D[:, :2]) * eye(width), multiple(one.D[:, 2:]) * eye(width)]])
    return B, exact(one.decay[0]), D
