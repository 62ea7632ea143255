"""Arrays of any namespace: the few helpers every construction shares."""

from __future__ import annotations

from array_api_compat import device

from constructions.primitives import Array, namespace, power_of_two

__all__ = ("Array", "again", "each", "identity", "namespace", "power_of_two", "unit", "zeros")


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
