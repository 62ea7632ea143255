"""Linear systems: elimination and substitution."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from numeric.carriers.carrier import NoRule, broadcast_shapes
from numeric.tape.numbers import Numbers, stacked


def triangular_solve(m: Any, a: Any, b: Any, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Numbers:
    """`linalg.solve_triangular`: substitution, row by row."""
    if m.carrier.any_order:
        raise NoRule("kernels may invert blocks of the matrix, which has no a-priori rounding bound")
    matrix, rhs = m.numbers(a), m.numbers(b)
    if not left:
        matrix, rhs, upper = matrix.mT, rhs.mT, not upper
    batch = broadcast_shapes(matrix.shape[:-2], rhs.shape[:-2])
    matrix, rhs = matrix.expand((*batch, *matrix.shape[-2:])), rhs.expand((*batch, *rhs.shape[-2:]))
    n = matrix.shape[-1]
    rows: dict[int, Numbers] = {}
    for i in reversed(range(n)) if upper else range(n):
        value = rhs.select(-2, i)
        for j, row in rows.items():
            factor = matrix.select(-2, i).select(-1, j).unsqueeze(-1)
            value = value - factor * row
        if not unitriangular:
            value = value / matrix.select(-2, i).select(-1, i).unsqueeze(-1)
        rows[i] = value
    out = stacked([rows[i] for i in range(n)], rhs.ndim - 2)
    return out if left else out.mT


def solve(m: Any, a: Any, b: Any, *, left: bool = True, check_errors: bool = False) -> tuple[Any, ...]:
    """`linalg.solve`: the solution; the factors beside it have no rule and are left alone."""
    matrix, rhs = m.numbers(a), m.numbers(b)
    # torch's own way to tell a batch of vectors from a matrix
    vector = rhs.ndim == 1 or (rhs.ndim + 1 == matrix.ndim and rhs.shape == matrix.shape[:-1])
    found = solved(m, matrix, rhs.unsqueeze(-1) if vector else rhs, left)
    return (found.squeeze(-1) if vector else found), None, None, None


def inverse(m: Any, a: Any, *, check_errors: bool = False) -> tuple[Any, ...]:
    """`linalg.inv`, likewise."""
    matrix = m.numbers(a)
    eye = Numbers(m.carrier, m.carrier.lift(torch.eye(matrix.shape[-1], dtype=torch.float64)))
    return solved(m, matrix, eye, True), None


def solved(m: Any, matrix: Numbers, rhs: Numbers, left: bool) -> Numbers:
    """X with matrix X = rhs (or X matrix = rhs), for matrices."""
    if m.carrier.follows_kernel or m.carrier.any_order:
        raise NoRule("no rounding bound for kernels that solve linear systems")
    if not left:
        matrix, rhs = matrix.mT, rhs.mT
    batch = broadcast_shapes(matrix.shape[:-2], rhs.shape[:-2])
    out: Any = matrix.expand((*batch, *matrix.shape[-2:])).solve(rhs.expand((*batch, *rhs.shape[-2:])))
    return out if left else out.mT


def cholesky_solve(m: Any, b: Any, factor: Any, upper: bool = False) -> Numbers:
    """The solution of L L^T X = b (or U^T U X = b) for a given factor."""
    held = m.numbers(factor)
    matrix = held.mT @ held if upper else held @ held.mT
    return solved(m, matrix, m.numbers(b), True)


def determinant(m: Any, a: Any) -> tuple[Any, ...]:
    """`linalg.det` without divisions: the last coefficient of the characteristic polynomial (Berkowitz)."""
    if m.carrier.follows_kernel or m.carrier.any_order:
        raise NoRule("no rounding bound for kernels that factor matrices")
    matrix = m.numbers(a)
    n = matrix.shape[-1]
    one = Numbers(m.carrier, m.carrier.lift(torch.ones(*matrix.shape[:-2], 1, 1, dtype=torch.float64)))
    coefficients: list[Any] = [one]
    for k in reversed(range(n)):
        here, later = slice(k, k + 1), slice(k + 1, n)
        corner, row, down, block = (
            matrix.moved(lambda p, i=i, j=j: p[..., i, j])
            for i, j in ((here, here), (here, later), (later, here), (later, later))
        )
        column = [one, -corner]
        for _ in range(n - k - 1):
            column.append(-(row @ down))
            down = block @ down
        together = []
        for i in range(n - k + 1):
            total = None
            for j in range(max(0, i - len(column) + 1), min(i + 1, len(coefficients))):
                term = column[i - j] * coefficients[j]
                total = term if total is None else total + term
            together.append(total)
        coefficients = together
    last = coefficients[-1] if n % 2 == 0 else -coefficients[-1]
    return last.squeeze(-1).squeeze(-1), None, None


RULES: dict[str, Callable[..., Any]] = {
    "linalg_solve_triangular": triangular_solve,
    "_linalg_solve_ex": solve,
    "linalg_inv_ex": inverse,
    "cholesky_solve": cholesky_solve,
    "_linalg_det": determinant,
}
