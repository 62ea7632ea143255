"""Arrays of any namespace: the few helpers every construction shares."""

from __future__ import annotations

from functools import cache
from typing import Any

from array_api_compat import array_namespace, device

from constructions.primitives import Structured

Array = Any
"""A numpy array, a torch tensor, an exact tensor, or any array of the array API standard."""


def namespace(*arrays: Array) -> Any:
    """The array namespace of the arguments, with the structured primitives (Python numbers are passed over).

    An arithmetic that brings primitives of its own keeps them.
    """
    plain = array_namespace(*(a for a in arrays if hasattr(a, "shape")))
    return plain if hasattr(plain, "fold") else _structured(plain)


@cache
def _structured(plain: Any) -> Structured:
    return Structured(plain)


def power_of_two(count: Any) -> Any:
    """2^count for a count of steps, a number or a symbol."""
    return 2**count


def zeros(shape: tuple[int, ...], like: Array) -> Array:
    """Zeros of `like`'s namespace, dtype and device."""
    return namespace(like).zeros(shape, dtype=like.dtype, device=device(like))


def filled(value: float, like: Array) -> Array:
    """`value` in every entry of `like`'s shape, by arithmetic alone: so that words, which have no dtype, take it too."""
    return like - like + value


def identity(size: int, like: Array) -> Array:
    """The identity matrix (size, size) of `like`'s namespace, dtype and device."""
    return namespace(like).eye(size, dtype=like.dtype, device=device(like))


def unit(index: int, size: int, like: Array) -> Array:
    """The unit vector e_index (counted from 0) of length `size`."""
    return identity(size, like)[index, :]


def each(rows: Array, count: int) -> Array:
    """Each of the rows (n, d) `count` times, one after the other: (n count, d)."""
    n, d = rows.shape
    return namespace(rows).reshape(zeros((n, count, d), rows) + rows[:, None, :], (n * count, d))


def again(rows: Array, count: int) -> Array:
    """All rows (n, d), `count` times over: (count n, d)."""
    n, d = rows.shape
    return namespace(rows).reshape(zeros((count, n, d), rows) + rows[None, :, :], (count * n, d))


def pad_last(array: Array, width: int) -> Array:
    """`array` with zeros appended along its last axis up to `width`. Raises ValueError if it is wider."""
    missing = width - array.shape[-1]
    if missing < 0:
        raise ValueError(f"an axis of length {array.shape[-1]} does not fit into width {width}; choose a larger width")
    if not missing:
        return array
    return namespace(array).concat([array, zeros((*array.shape[:-1], missing), array)], axis=-1)
