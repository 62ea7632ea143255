"""Counterexamples that people can read: smallest sizes, most zeros, then the integers 1, 2, 3."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

import numpy as np

from numeric.entropy import Entropy
from numeric.finding import Counterexample
from numeric.interpreter import Refused
from numeric.programs import Program, Shapes, Sizes, WrongResult, concrete, fractions, rational, smaller, text

Inputs = dict[str, np.ndarray]
_SIMPLE = (1, 2, 3, *(10**k for k in range(1, 10)))


def values(left: Program, right: Program, inputs: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray] | None:
    """Both sides at one rational point; None where one of them divides by zero there."""
    try:
        return rational(left, inputs)[0], rational(right, inputs)[0]
    except ZeroDivisionError:
        return None


def differs(left: Program, right: Program, inputs: Mapping[str, np.ndarray]) -> bool:
    """Whether both sides exist at the point and are not equal."""
    both = values(left, right, inputs)
    return both is not None and (both[0].shape != both[1].shape or bool((both[0] != both[1]).any()))


def search(
    left: Program,
    right: Program,
    shapes: Shapes,
    sizes: Sizes,
    entropy: Entropy,
    *,
    scales: tuple[int, ...] = (3, 30),
    admits: Callable[[Sizes], bool] = lambda sizes: True,
    draws: int = 2,
) -> tuple[dict[str, int], Inputs] | None:
    """The smallest sizes, and integers up to the given scales there, at which the sides differ; None if none is met.

    Raises Refused if even rational numbers do not get through the code.
    """
    for candidate in smaller(sizes):
        if not admits(candidate):
            continue
        for scale in scales:
            for _ in range(draws):
                point = _point(concrete(shapes, candidate), scale, entropy)
                try:
                    if differs(left, right, point):
                        return candidate, point
                except (Refused, WrongResult):
                    raise
                except Exception:  # a size the code does not support, such as one token for a window of three
                    break
    return None


def _point(shapes: Mapping[str, tuple[int, ...]], scale: int, entropy: Entropy) -> Inputs:
    def draw() -> int:
        value = 1 + entropy.below(scale)
        return value if entropy.below(2) else -value

    return {name: fractions([draw() for _ in range(int(np.prod(shape)))], shape) for name, shape in shapes.items()}


def shrink(left: Program, right: Program, inputs: Inputs) -> Inputs:
    """A simpler point at which the sides still differ: blocks of entries zeroed by halving, the rest made small."""
    places = [(name, index) for name, array in inputs.items() for index in np.ndindex(array.shape)]
    current = {name: array.copy() for name, array in inputs.items()}

    def attempt(changes: list[tuple[str, tuple[int, ...]]], value: Fraction) -> bool:
        nonlocal current
        trial = {name: array.copy() for name, array in current.items()}
        for name, index in changes:
            trial[name][index] = value
        if differs(left, right, trial):
            current = trial
            return True
        return False

    block = len(places)
    while block:
        for start in range(0, len(places), block):
            live = [(n, i) for n, i in places[start : start + block] if current[n][i] != 0]
            if live:
                attempt(live, Fraction(0))
        block //= 2
    for name, index in places:
        if current[name][index] != 0:
            for simple in _SIMPLE:
                if current[name][index] == simple or attempt([(name, index)], Fraction(simple)):
                    break
    return current


def counterexample(
    left: Program,
    right: Program,
    shapes: Shapes,
    sizes: Sizes,
    entropy: Entropy,
    *,
    names: tuple[str, str],
    scales: tuple[int, ...] = (3, 30),
    admits: Callable[[Sizes], bool] = lambda sizes: True,
) -> Counterexample | None:
    """A shrunk counterexample, or None if no small one was met."""
    found = search(left, right, shapes, sizes, entropy, scales=scales, admits=admits)
    if found is None:
        return None
    at, point = found
    point = shrink(left, right, point)
    both = values(left, right, point)
    assert both is not None
    return Counterexample(
        sizes=at,
        inputs={name: text(array) for name, array in point.items()},
        left=text(both[0]),
        right=text(both[1]),
        left_name=names[0],
        right_name=names[1],
    )
