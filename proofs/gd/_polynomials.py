"""Programs run on polynomials over Q: the one place of this folder that knows how an engine is asked for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import numpy as np

from constructions.namespace import Array
from numeric.carriers.handles import FlintPolynomials, Handles
from numeric.deciding.programs import recorded, run

Program = Callable[..., Array]
TRUST = ("FLINT's polynomial arithmetic", "the rules of the replay (numeric/tape/rules)")


def values(program: Program, ring: FlintPolynomials, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """The program's outputs, an object array of the ring's elements, for object arrays of such elements."""
    carrier = Handles(ring)
    parts = {name: carrier.put(array.reshape(-1).tolist(), array.shape) for name, array in inputs.items()}
    found: np.ndarray = carrier.get(run(recorded(program, own=True), carrier, parts))
    return found


def indeterminates(shapes: Mapping[str, tuple[int, ...]]) -> tuple[FlintPolynomials, dict[str, np.ndarray]]:
    """A ring with one indeterminate for every entry, and the arrays of them; its variables are called NAME_PLACE."""
    ring = FlintPolynomials([f"{name}_{i}" for name, shape in shapes.items() for i in range(prod(shape))])
    arrays = {}
    for name, shape in shapes.items():
        array = np.empty(prod(shape), dtype=object)
        array[:] = [ring.variables[f"{name}_{i}"] for i in range(prod(shape))]
        arrays[name] = array.reshape(shape)
    return ring, arrays


def expanded(program: Program, shapes: Mapping[str, tuple[int, ...]]) -> list[dict[tuple[str, ...], Any]]:
    """Every output as its terms: the coefficient by monomial, a tuple of the inputs' entries, repeated by their power."""
    ring, inputs = indeterminates(shapes)
    names = list(ring.variables)

    def monomial(powers: Any) -> tuple[str, ...]:
        return tuple(name for name, power in zip(names, powers, strict=True) for _ in range(int(power)))

    outputs = values(program, ring, inputs).reshape(-1)
    return [{monomial(powers): c for powers, c in value.terms()} for value in outputs]
