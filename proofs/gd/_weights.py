"""The layers' weights as matrix words, read off the code that makes them: a derivation may not write them out again."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from constructions import constructed_tokens, gd_ssm
from numeric.blocks import blocks
from numeric.words import Unsupported, Words, eye


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
        _numbers(one.w_q), _exact(one.decay[0, 0]), _multiple(one.C) * scale * eye(width), _numbers(one.D[:, None])
    )


def constructed(scale: Words, width: str) -> tuple[Any, Fraction, Any]:
    """`constructed_tokens.weights(scale, width)` for symbolic scale and width: B, the decay, and D, as blocks.

    Raises Unsupported unless B is linear in the scale, D free of it, and both are made of multiples of I.
    """
    one, two = (constructed_tokens.weights(np.asarray(float(s)), 2) for s in (1, 2))
    if not np.array_equal(two.B, 2 * one.B) or not np.array_equal(one.D, two.D) or not np.all(one.decay == one.decay[0]):
        raise Unsupported("the coded B is not linear in the scale, or D depends on it, or the decays differ")
    B = blocks([[_multiple(one.B[:, :2]) * scale * eye(width), _multiple(one.B[:, 2:]) * scale * eye(width)]])
    D = blocks([[_multiple(one.D[:, :2]) * eye(width), _multiple(one.D[:, 2:]) * eye(width)]])
    return B, _exact(one.decay[0]), D


def _exact(value: float) -> Fraction:
    return Fraction(float(value))


def _numbers(array: np.ndarray) -> Any:
    return blocks([[_exact(v) for v in row] for row in array])


def _multiple(array: np.ndarray) -> Fraction:
    if not np.array_equal(array, array[0, 0] * np.eye(2)):
        raise Unsupported("a coded matrix is no multiple of the identity")
    return _exact(array[0, 0])
