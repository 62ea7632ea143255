"""Programs run on polynomials over Q: the one place of this folder that knows how an engine is asked for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any, NamedTuple

import numpy as np

from constructions.namespace import Array
from numeric.carriers.handles import FlintPolynomials, Handles
from numeric.deciding.programs import recorded, run

Program = Callable[..., Array]
TRUST = ("FLINT's polynomial arithmetic", "the rules of the replay (numeric/tape/rules)")


class Entry(NamedTuple):
    """An input's entry, counted row by row."""

    name: str
    place: int

    def __str__(self) -> str:
        return f"{self.name}_{self.place}"


Monomial = tuple[Entry, ...]
"""Every entry as often as its power says."""


def values(program: Program, ring: FlintPolynomials, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """The program's outputs, an object array of the ring's elements, for object arrays of such elements."""
    carrier = Handles(ring)
    parts = {name: carrier.put(array.reshape(-1).tolist(), array.shape) for name, array in inputs.items()}
    found: np.ndarray = carrier.get(run(recorded(program, own=True), carrier, parts))
    return found


def entries_of(shapes: Mapping[str, tuple[int, ...]]) -> list[Entry]:
    """Every input's entries, one input after the other."""
    return [Entry(name, place) for name, shape in shapes.items() for place in range(prod(shape))]


def indeterminates(shapes: Mapping[str, tuple[int, ...]]) -> tuple[FlintPolynomials, dict[str, np.ndarray]]:
    """A ring with one indeterminate for every entry, in their order, and the arrays of them."""
    ring = FlintPolynomials([str(entry) for entry in entries_of(shapes)])
    arrays = {}
    for name, shape in shapes.items():
        array = np.empty(prod(shape), dtype=object)
        array[:] = [ring.variables[str(Entry(name, place))] for place in range(prod(shape))]
        arrays[name] = array.reshape(shape)
    return ring, arrays


def expanded(program: Program, shapes: Mapping[str, tuple[int, ...]]) -> list[dict[Monomial, Any]]:
    """Every output as its terms: the coefficient by monomial."""
    ring, inputs = indeterminates(shapes)
    entries = entries_of(shapes)

    def monomial(powers: Any) -> Monomial:
        return tuple(entry for entry, power in zip(entries, powers, strict=True) for _ in range(int(power)))

    outputs = values(program, ring, inputs).reshape(-1)
    return [{monomial(powers): c for powers, c in value.terms()} for value in outputs]
