r"""Impulse responses row e^{At} column of exact systems in balls: values on a grid and rigorous L1 norms over [0, infinity).

The L1 norm is bracketed panel by panel: |int f| from below (the exact antiderivative) and, by Cauchy-Schwarz,
sqrt(h int f^2) from above, where int f^2 over a panel is x^T W x with one matrix W for all panels. The tail uses
|e^{A}|_W < 1. A, row, column are arrays of ints or Fractions at time scale 1. Source: derived here; W by Van Loan 1978.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from flint import arb, arb_mat, fmpq, fmpq_mat

from numeric.analysis.rational_matrices import matrix
from numeric.analysis.rational_matrices import row as row_matrix

Array = Any


def readouts(A: Array, row: Array, powers: int) -> list[fmpq_mat]:
    """row A^{-k} for k = 0, ..., powers, exactly."""
    a, found = matrix(A).transpose(), [row_matrix(row).transpose()]
    for _ in range(powers):
        found.append(a.solve(found[-1]))
    return [v.transpose() for v in found]


def states(A: Array, column: Array, step: Any, count: int) -> arb_mat:
    """e^{A step j} column for j < count, as the columns of an (N, count) ball matrix; log2(count) products."""
    power = (arb_mat(matrix(A)) * arb(step)).exp()
    found = arb_mat(matrix(column))
    while found.ncols() < count:
        found = _beside(found, power * found)
        power = power * power
    return arb_mat([r[:count] for r in found.tolist()])


def responses(row: fmpq_mat, states: arb_mat) -> Array:
    """row times each state, as an object array of arb."""
    return np.array((arb_mat(row) * states).entries(), dtype=object)


def _beside(left: arb_mat, right: arb_mat) -> arb_mat:
    return arb_mat([a + b for a, b in zip(left.tolist(), right.tolist(), strict=True)])


def l1_norms(A: Array, rows: list[fmpq_mat], column: Array, norms: Array, panels: int, length: int) -> list[arb]:
    """The integral of |row e^{At} column| over [0, infinity) for each row, as balls.

    norms (N,): squares of the weights in which A is dissipative (constructions' `norms`). panels: per unit of time;
    the balls' radius falls like 1/panels. length: whole units of time before the tail. Raises ValueError if e^A
    is no contraction in that norm: then no tail bound follows.
    """
    N = len(np.asarray(A))
    h = arb(1) / panels
    x = states(A, column, h, panels * length + 1)
    found = []
    weights = [arb(1) / int(v) for v in norms]
    jump = (arb_mat(matrix(A))).exp()
    scaled = [[jump[i, j] * (weights[i] / weights[j]).sqrt() for j in range(N)] for i in range(N)]
    shrink = sum((v * v for r in scaled for v in r), arb(0)).sqrt()
    if not shrink < 1:
        raise ValueError(f"|e^A| is {shrink.str(5)} in the weighted Frobenius norm; expected less than 1")
    last = sum((w * x[i, x.ncols() - 1] ** 2 for i, w in enumerate(weights)), arb(0)).sqrt()
    for row in rows:
        inverse = arb_mat(matrix(A).transpose().solve(row.transpose()).transpose())
        F = (inverse * x).entries()
        below = [abs(b - a) for a, b in zip(F, F[1:], strict=False)]
        W = _gramian(A, row, h)
        above = _quadratic(W, x)
        total = arb(0)
        for low, square in zip(below, above, strict=False):
            high = (h * square.nonnegative_part()).sqrt()
            total += low.union(high)
        size = sum(
            (w_inv * v * v for w_inv, v in zip((1 / w for w in weights), map(arb, row.entries()), strict=True)), arb(0)
        )
        # |f(t)| <= |row|_{1/W} |x(t)|_W, and |x| loses the factor |e^A| each unit
        rest = size.sqrt() * last / (1 - shrink)
        found.append(total + arb(0).union(rest))
    return found


def _gramian(A: Array, row: fmpq_mat, h: arb) -> arb_mat:
    """W = int_0^h e^{A^T s} row^T row e^{As} ds from the exponential of a block matrix of twice the size."""
    a, r = matrix(A), row
    N = a.nrows()
    square = (r.transpose() * r).tolist()
    minus = (-1 * a.transpose()).tolist()
    plain, empty = a.tolist(), [fmpq(0)] * N
    block = arb_mat([minus[i] + square[i] for i in range(N)] + [empty + plain[i] for i in range(N)])
    e = (block * h).exp().tolist()
    upper = arb_mat([v[N:] for v in e[:N]])
    lower = arb_mat([v[N:] for v in e[N:]])
    return lower.transpose() * upper


def _quadratic(W: arb_mat, x: arb_mat) -> list[arb]:
    """x_j^T W x_j for every column."""
    product, columns = (W * x).transpose().tolist(), x.transpose().tolist()
    return [sum((a * b for a, b in zip(p, c, strict=True)), arb(0)) for p, c in zip(product, columns, strict=True)]
