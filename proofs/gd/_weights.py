"""GD-SSM's weights as matrix words, read off the code that makes them: a derivation may not write them out again."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from constructions import gd_ssm
from numeric.words import Unsupported, Words, eye
from numeric.words.blocks import blocks


@dataclass(frozen=True)
class WordWeights:
    """Weights on matrix words: window weights (3, 3) and readout (3, 1) as blocks, C (d, d), one decay for all entries."""

    w_q: Any
    decay: Fraction
    C: Words
    D: Any


def published(scale: Words, width: str) -> WordWeights:
    """`gd_ssm.published(scale, width)` for symbolic scale and width.

    Raises Unsupported unless w_q, D and the decay are free of the scale and C is a multiple of scale times I.
    """
    one, two = (gd_ssm.published(np.asarray(float(s)), 2) for s in (1, 2))
    for name in ("w_q", "D", "decay"):
        if not np.array_equal(getattr(one, name), getattr(two, name)):
            raise Unsupported(f"the coded {name} depends on the scale")
    if not np.array_equal(two.C, 2 * one.C) or not np.all(one.decay == one.decay[0, 0]):
        raise Unsupported("the coded C is not linear in the scale, or the decays differ from entry to entry")
    return WordWeights(
        numbers(one.w_q), exact(one.decay[0, 0]), multiple(one.C) * scale * eye(width), numbers(one.D[:, None])
    )


def exact(value: float) -> Fraction:
    """A coded number as the rational that it is."""
    return Fraction(float(value))


def numbers(array: np.ndarray) -> Any:
    """A coded matrix of numbers as blocks."""
    return blocks([[exact(v) for v in row] for row in array])


def multiple(array: np.ndarray) -> Fraction:
    """The factor of a coded 2 x 2 multiple of the identity; Unsupported if it is none."""
    if not np.array_equal(array, array[0, 0] * np.eye(2)):
        raise Unsupported("a coded matrix is no multiple of the identity")
    return exact(array[0, 0])
