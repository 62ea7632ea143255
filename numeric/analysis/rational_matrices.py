"""Exact linear systems over Q on FLINT: characteristic polynomials, transfer functions, moments, exact solves.

Systems are given as (A, B, C, D) arrays of ints or Fractions (numpy, any dtype that holds them exactly). A transfer
function
is a pair of fmpq_poly in s. Nothing here rounds.
"""

from __future__ import annotations

from fractions import Fraction
from math import factorial
from typing import Any

import numpy as np
from flint import fmpq, fmpq_mat, fmpq_poly

Array = Any


def number(value: Any) -> fmpq:
    """An int, Fraction, numpy integer or fmpq as fmpq. Raises TypeError for a float: it is not an exact statement."""
    if isinstance(value, fmpq):
        return value
    if isinstance(value, Fraction):
        return fmpq(value.numerator, value.denominator)
    if isinstance(value, (int, np.integer)):
        return fmpq(int(value))
    raise TypeError(f"{value!r} is a {type(value).__name__}; expected an int or a Fraction")


def matrix(array: Array) -> fmpq_mat:
    """A two-dimensional array as fmpq_mat; one-dimensional ones become a column."""
    table = np.asarray(array)
    rows = table[:, None] if table.ndim == 1 else table
    return fmpq_mat(rows.shape[0], rows.shape[1], [number(v) for v in rows.ravel().tolist()])


def row(array: Array) -> fmpq_mat:
    """A one-dimensional array as a row."""
    return fmpq_mat(1, len(array), [number(v) for v in np.asarray(array).tolist()])


def objects(array: Array) -> Array:
    """An array of ints, Fractions or floats as an object array of fmpq; floats are dyadic rationals, taken exactly."""
    out = np.empty(np.shape(array), dtype=object)
    for at, value in np.ndenumerate(np.asarray(array)):
        out[at] = number(Fraction(value) if isinstance(value, float) else value)
    return out


def solve(A: Array, B: Array) -> Array:
    """A^{-1} B exactly, for object arrays A (N, N), B (N,) or (N, M); an object array of fmpq like B."""
    found = matrix(A).solve(matrix(B))
    out = np.empty(np.shape(B), dtype=object)
    flat = [found[i, j] for i in range(found.nrows()) for j in range(found.ncols())]
    out[...] = np.array(flat, dtype=object).reshape(np.shape(B))
    return out


def identity(size: int) -> fmpq_mat:
    """The identity matrix."""
    return fmpq_mat(size, size, [int(i == j) for i in range(size) for j in range(size)])


def power(A: Array, x: Any) -> Array:
    """x^A for an object array A (N, N) with the eigenvalues -1, ..., -N (each once), exactly: Lagrange's interpolation
    of x^z at the eigenvalues. Raises ValueError for other eigenvalues."""
    a, N = matrix(A), len(A)
    if a.charpoly() != _product([fmpq_poly([j, 1]) for j in range(1, N + 1)]):
        raise ValueError(f"the eigenvalues are not -1, ..., -{N}; only then is x^A rational this way")
    found = fmpq_mat(N, N)
    for j in range(1, N + 1):
        part = identity(N)
        for i in range(1, N + 1):
            if i != j:
                part = part * (a + i * identity(N)) * fmpq(1, i - j)
        found += part * number(x) ** -j
    return np.array(found.tolist(), dtype=object)


def _product(factors: list[fmpq_poly]) -> fmpq_poly:
    value = fmpq_poly([1])
    for f in factors:
        value *= f
    return value


def is_zero(m: fmpq_mat) -> bool:
    """True for the zero matrix."""
    return all(v == 0 for v in m.entries())


def characteristic(A: Array) -> fmpq_poly:
    """det(s I - A), monic."""
    return matrix(A).charpoly()


def transfer(A: Array, B: Array, C: Array, D: Any) -> tuple[fmpq_poly, fmpq_poly]:
    """(p, q) with C (sI - A)^{-1} B + D = p/q, q = det(sI - A); not reduced.

    The determinant lemma gives det(sI - A + BC) = q (1 + C (sI - A)^{-1} B), so two characteristic polynomials do it.
    """
    a, b, c = matrix(A), matrix(B), row(C)
    q = a.charpoly()
    return (a - b * c).charpoly() - q + number(D) * q, q


def moments(A: Array, B: Array, C: Array, D: Any, count: int) -> list[fmpq]:
    """The first `count` Taylor coefficients at s = 0 of C (sI - A)^{-1} B + D; A has to be regular."""
    a, state, c = matrix(A), matrix(B), row(C)
    found = []
    for j in range(count):
        state = a.solve(state)
        found.append((number(D) if j == 0 else fmpq(0)) - (c * state)[0, 0])
    return found


def monomial(power: int, factor: Any = 1) -> fmpq_poly:
    """factor * s^power."""
    return fmpq_poly([0] * power + [number(factor)])


def exponential(power: int, factor: Any = 1) -> fmpq_poly:
    """The Taylor polynomial of e^{factor s} up to s^power."""
    f = number(factor)
    return fmpq_poly([f**j / factorial(j) for j in range(power + 1)])


def ball_value(p: fmpq_poly, x: Any) -> Any:
    """p at an arb or acb by Horner's rule."""
    total = x * 0
    for c in reversed(p.coeffs()):
        total = total * x + c
    return total


def text(array: Any) -> Any:
    """Exact numbers as nested lists of text, for counterexamples."""
    if isinstance(array, fmpq_mat):
        return [[str(v) for v in r] for r in array.tolist()]
    if isinstance(array, fmpq_poly):
        return [str(v) for v in array.coeffs()]
    if isinstance(array, (list, tuple)):
        return [text(v) for v in array]
    if isinstance(array, np.ndarray):
        return [text(v) for v in array.tolist()] if array.ndim else text(array.item())
    return str(array)
