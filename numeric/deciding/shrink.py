"""Counterexamples that people can read: smallest sizes, most zeros, then the integers 1, 2, 3.

Where both sides are polynomials, their difference is one, and a point at which it isn't zero is found by putting numbers
into it: the code runs once a size. Elsewhere rational points are tried, and each runs the code.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import count, islice
from typing import Any, TypeGuard

import numpy as np

from numeric.carriers.carrier import NoRule, Parts
from numeric.carriers.handles import FlintPolynomials, Handles, as_fraction
from numeric.deciding.comparison import Comparison
from numeric.deciding.programs import (
    Program,
    WrongResult,
    concrete,
    fractions,
    rational,
    run,
    smaller,
    text,
)
from numeric.entropy import Entropy
from numeric.finding import Counterexample
from numeric.tape.refusals import Refused

Inputs = dict[str, np.ndarray]
_SIMPLE = (1, 2, 3, *(10**k for k in range(1, 10)))
_VARIABLES = 60
"""FLINT's dense exponents are quick up to about so many."""
_TERMS = 2000
"""A polynomial with more terms ends the search by polynomials at its size."""


class _Short(Handles):
    """Polynomials of at most `_TERMS` terms."""

    def stored(self, values: Iterable[Any], shape: Sequence[int]) -> Parts:
        kept = list(values)
        if any(len(value) > _TERMS for value in kept):
            raise NoRule(f"more than {_TERMS} terms")
        return super().stored(kept, shape)


Both = tuple[np.ndarray, np.ndarray]


def difference(left: Program, right: Program, shapes: Mapping[str, tuple[int, ...]]) -> tuple[Inputs, Both] | None:
    """A point at which two programs of polynomials differ, with both values; None if they are the same polynomials.

    Entries are 0 where they may be, else the smallest positive integers that will do, one entry after the other.
    Raises Refused where a side is no polynomial, or one of too many terms or variables.
    """
    names = [f"z{k}" for k in range(sum(math.prod(shape) for shape in shapes.values()))]
    if len(names) > _VARIABLES:
        raise Refused("a polynomial", "these sizes", f"more than {_VARIABLES} variables")
    ring = FlintPolynomials(names)
    results = []
    for program in (left, right):
        carrier, entries = _Short(ring), iter(names)
        parts = {
            name: carrier.put([ring.variables[next(entries)] for _ in range(math.prod(shape))], shape)
            for name, shape in shapes.items()
        }
        results.append(carrier.get(run(program, carrier, parts, searching=True)))
    a, b = results
    live: list[Any] = []
    if a.shape == b.shape:
        live = [d for d in (x - y for x, y in zip(a.reshape(-1), b.reshape(-1), strict=True)) if not d.is_zero()]
        if not live:
            return None
    chosen = {name: 0 for name in names}
    for name in names if live else ():
        for value in count():  # a polynomial that isn't zero has finitely many roots in one variable
            left_over = [e for e in (d.subs({name: value}) for d in live) if not e.is_zero()]
            if left_over:
                live, chosen[name] = left_over, value
                break
    numbers = iter(chosen.values())
    point = {name: fractions([next(numbers) for _ in range(math.prod(shape))], shape) for name, shape in shapes.items()}
    at = [*chosen.values()] or [0]
    first, second = (fractions([as_fraction(p(*at)) for p in side.reshape(-1)], side.shape) for side in (a, b))
    return point, (first, second)


def values(left: Program, right: Program, inputs: Mapping[str, np.ndarray]) -> Both | None:
    """Both sides at one rational point; None where one of them divides by zero there."""
    try:
        return rational(left, inputs, searching=True)[0], rational(right, inputs, searching=True)[0]
    except ZeroDivisionError:
        return None


def differs(left: Program, right: Program, inputs: Mapping[str, np.ndarray]) -> bool:
    """Whether both sides exist at the point and are not equal."""
    return _unequal(values(left, right, inputs))


def _unequal(both: Both | None) -> TypeGuard[Both]:
    return both is not None and (both[0].shape != both[1].shape or bool((both[0] != both[1]).any()))


def search(
    asked: Comparison, *, scales: tuple[int, ...] = (3, 30), draws: int = 2
) -> tuple[dict[str, int], Inputs, Both] | None:
    """The smallest sizes at which the sides differ, a simple point there, and both values; None if none is met.

    Where a side is no polynomial the point is drawn: integers up to the given scales, made simpler by `shrink`.
    Raises Refused if even rational numbers do not get through the code.
    """
    (left, right), entropy = asked.tapes, asked.entropy or Entropy(0)
    polynomials = True
    for candidate in smaller(asked.sizes):
        if not asked.admits(candidate):
            continue
        here = concrete(asked.shapes, candidate)
        if polynomials:
            try:
                found = difference(left, right, here)
            except Refused:
                polynomials = False
            except WrongResult:
                raise
            except Exception:  # the rational points below will tell whether the code supports this size
                pass
            else:
                if found is not None:
                    return candidate, *found
                continue
        for scale in scales:
            for _ in range(draws):
                point = _point(here, scale, entropy)
                try:
                    both = values(left, right, point)
                    if both is None:  # perhaps the logarithm of a negative number
                        point = {name: abs(array) for name, array in point.items()}
                        both = values(left, right, point)
                    if _unequal(both):
                        return candidate, *shrink(left, right, point, both)
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


def shrink(left: Program, right: Program, inputs: Inputs, both: Both) -> tuple[Inputs, Both]:
    """A simpler point at which the sides still differ, and their values there: blocks of entries zeroed by halving, the rest
    made small. both: the values at `inputs`."""
    places = [(name, index) for name, array in inputs.items() for index in np.ndindex(array.shape)]
    current = {name: array.copy() for name, array in inputs.items()}

    def attempt(changes: list[tuple[str, tuple[int, ...]]], value: Fraction) -> bool:
        nonlocal current, both
        trial = {name: array.copy() for name, array in current.items()}
        for name, index in changes:
            trial[name][index] = value
        found = values(left, right, trial)
        if _unequal(found):
            current, both = trial, found
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
    return current, both


def counterexample(asked: Comparison, *, scales: tuple[int, ...] = (3, 30)) -> Counterexample | None:
    """A shrunk counterexample, or None if no small one was met."""
    found = search(asked, scales=scales)
    return found and _shown(*found, asked.names)


def among_polynomials(asked: Comparison, tries: int = 6) -> Counterexample | None:
    """A counterexample at one of the `tries` smallest sizes, or None; also where the code is no polynomial."""
    left, right = asked.tapes
    for candidate in islice(filter(asked.admits, smaller(asked.sizes)), tries):
        try:
            found = difference(left, right, concrete(asked.shapes, candidate))
        except Exception:  # no polynomial, or a size the code does not support
            return None
        if found is not None:
            return _shown(candidate, *found, asked.names)
    return None


def _shown(sizes: dict[str, int], point: Inputs, both: Both, names: tuple[str, str]) -> Counterexample:
    return Counterexample(
        sizes=sizes,
        inputs={name: text(array) for name, array in point.items()},
        left=text(both[0]),
        right=text(both[1]),
        left_name=names[0],
        right_name=names[1],
    )
