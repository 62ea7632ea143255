"""Programs and their inputs: what every engine evaluates.

A program is a callable of named arrays; `Shapes` gives each name its shape in words (`{"X": ("N", "f"), "eta": ()}`),
and sizes turn the words into numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np

from numeric.handles import Handles, Rationals, as_fraction
from numeric.interpreter import Exact, Interpreter, Memory, Record

Program = Callable[..., Any]
Shapes = Mapping[str, tuple[str | int, ...]]
Sizes = Mapping[str, int]


class WrongResult(Exception):
    """A program returned something that is not one array of the expected shape."""


def concrete(shapes: Shapes, sizes: Sizes) -> dict[str, tuple[int, ...]]:
    """Each input's shape as numbers. Raises KeyError naming a size that `sizes` lacks."""
    return {
        name: tuple(word if isinstance(word, int) else sizes[word] for word in shape) for name, shape in shapes.items()
    }


def run(program: Program, interp: Interpreter, inputs: Mapping[str, Any]) -> Exact:
    """The program's result under the interpreter, from carrier parts by name. Each input is a copy.

    Raises WrongResult if it returns no tensor of real numbers; a result that does not depend on the inputs is lifted.
    """
    wrapped = {name: interp.wrap(tuple(p.clone() for p in parts), Memory(owner=name)) for name, parts in inputs.items()}
    with interp:
        result = program(**wrapped)
    if isinstance(result, Exact):
        if result.memory.log:
            raise WrongResult("returned a logarithm, which is no rational function; return its exp")
        if result.dtype.is_complex:
            raise WrongResult("returned complex numbers; return .real, or torch.view_as_real of them")
        return result
    try:
        return interp.wrap(interp.parts(result))
    except Exception:
        raise WrongResult(f"returned {type(result).__name__}, expected one tensor") from None


def rational(program: Program, inputs: Mapping[str, np.ndarray]) -> tuple[np.ndarray, Record]:
    """The program's value at rational inputs (object arrays of Fraction), exactly, and what it did on the way."""
    carrier = Handles(Rationals())
    interp = Interpreter(carrier)
    parts = {
        name: carrier.put(
            [carrier.ring.from_fraction(v.numerator, v.denominator) for v in array.reshape(-1)], array.shape
        )
        for name, array in inputs.items()
    }
    result = carrier.get(run(program, interp, parts).parts)
    out = np.empty(result.size, dtype=object)
    for i, value in enumerate(result.reshape(-1)):
        out[i] = as_fraction(value)
    return out.reshape(result.shape), interp.record


def smaller(sizes: Sizes, limit: int = 5, far: int = 64) -> Iterator[dict[str, int]]:
    """All sizes up to the given ones and at most `limit` each, smallest total first; then single ones up to `far`.

    Beyond the limit one size grows alone, the others being 1, and then again with the others at their limit.
    """
    names = list(sizes)
    ladder = product(*(range(1, min(limit, sizes[n]) + 1) for n in names))
    for values in sorted(ladder, key=lambda v: (sum(v), v)):
        yield dict(zip(names, values, strict=True))
    for name, others in product((n for n in names if limit < sizes[n]), (1, limit)):
        if others > 1 and all(sizes[n] == 1 for n in names if n != name):
            continue
        for value in range(limit + 1, min(sizes[name], far) + 1):
            yield {n: min(others, sizes[n]) for n in names} | {name: value}


def text(array: Any) -> Any:
    """Exact numbers as nested lists of text, for a counterexample."""
    nested = array.tolist() if isinstance(array, np.ndarray) else array
    return [text(item) for item in nested] if isinstance(nested, list) else str(nested)


def fractions(array: Any, shape: tuple[int, ...]) -> np.ndarray:
    """A flat sequence of numbers as an object array of Fraction."""
    flat = np.empty(len(array), dtype=object)
    for i, value in enumerate(array):
        flat[i] = Fraction(value)
    return flat.reshape(shape)
