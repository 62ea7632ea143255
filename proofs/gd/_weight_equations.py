"""The layer's weights as unknowns, and the equations that one gradient-descent step makes of them.

Main definitions: `equations` (from the code that runs), `basis` (a Groebner basis), `solution` (that of the equations).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import flint
import numpy as np
import sympy as sp
from sympy.polys.rings import ring as sp_ring

from constructions import gd_ssm
from constructions.gradient_descent import step

WIDTH, TOKENS = 2, 2
SCALE = sp.Symbol("c")


@dataclass(frozen=True)
class Unknowns:
    """The layer's weights as unknowns: w_q (3, 3), C (d, d), D (3), decay (d, d)."""

    w_q: sp.Matrix
    C: sp.Matrix
    D: sp.Matrix
    decay: sp.Matrix

    @property
    def all(self) -> list[sp.Symbol]:
        """Every unknown, in the order of elimination."""
        return [*self.w_q, *self.C, *self.D, *self.decay]


def unknowns(width: int = WIDTH) -> Unknowns:
    """Fresh symbols, counted from 1 as in the paper."""

    def square(name: str, rows: int, cols: int) -> sp.Matrix:
        return sp.Matrix(rows, cols, lambda i, j: sp.Symbol(f"{name}_{i + 1}{j + 1}"))

    return Unknowns(
        square("w", 3, 3),
        square("C", width, width),
        sp.Matrix(3, 1, lambda i, _: sp.Symbol(f"D_{i + 1}")),
        square("a", width, width),
    )


@cache
def equations(width: int = WIDTH, tokens: int = TOKENS, before: int = 0) -> frozenset[sp.Expr]:
    """The coefficients, in the data, of (layer's last output) + (one step of size cN from 0): all have to vanish.

    `before` pairs of zeros precede the `tokens` pairs, N counts both. Both sides are the code that runs,
    `gd_ssm.layer` and `gradient_descent.step`, on arrays of SymPy symbols.
    """
    weights = unknowns(width)

    def symbols(name: str, rows: int) -> np.ndarray:
        return np.array([[sp.Symbol(f"{name}{t}_{i}") for i in range(width)] for t in range(rows)], dtype=object)

    X, Y, x_q = symbols("x", tokens), symbols("y", tokens), symbols("q", 1)[0]
    data = [*X.reshape(-1), *Y.reshape(-1), *x_q]
    X, Y = (np.concatenate([0 * x_q[None, :]] * before + [rows]) for rows in (X, Y))
    w_q, C, decay = (np.array(m.tolist(), dtype=object) for m in (weights.w_q, weights.C, weights.decay))
    D = np.array(list(weights.D), dtype=object)
    output = gd_ssm.layer(gd_ssm.tokens(X, Y, x_q), gd_ssm.Parameters(w_q, decay, C, D))[-1]
    stepped = step(np.zeros((width, width), dtype=object), X, Y, SCALE * len(X)) @ x_q
    found: set[sp.Expr] = set()
    for entry in output + stepped:
        found.update(sp.Poly(sp.expand(entry), *data).coeffs())
    return frozenset(found)


@cache
def solution(width: int = WIDTH, tokens: int = TOKENS) -> tuple[sp.Expr, ...]:
    """The reduced Groebner basis of the equations over Q(c): the weights solved for, everything else forced."""
    return tuple(basis(equations(width, tokens), unknowns(width)).exprs)


def basis(found: Iterable[sp.Expr], weights: Unknowns) -> sp.GroebnerBasis:
    """The reduced lexicographic Groebner basis over Q(c) of equations that are homogeneous in the entries of C and c.

    With C = c C' they are powers of c times equations over Q; FLINT finds a basis of those, and SymPy reduces it at
    C' = C/c. Raises ValueError for an equation that is not homogeneous.
    """
    names = [*weights.all, SCALE]
    places = [names.index(name) for name in (*weights.C, SCALE)]
    ring = sp_ring(names, sp.ZZ)[0]
    over_q = flint.fmpz_mpoly_ctx.get([str(name) for name in weights.all], flint.Ordering.lex)
    polynomials = []
    for equation in sorted(found, key=str):
        terms = ring.from_expr(equation)
        if len({sum(powers[i] for i in places) for powers in terms}) > 1:
            raise ValueError(f"{equation} is not homogeneous in C and c")
        polynomials.append(over_q.from_dict({powers[:-1]: int(k) for powers, k in terms.items()}))
    generators = flint.fmpz_mpoly_vec(polynomials, over_q).autoreduction().buchberger_naive().autoreduction()
    exprs = []
    for generator in generators:
        own = {powers: sum(powers[i] for i in places[:-1]) for powers in generator.monoms()}
        top = max(own.values())
        terms = {(*powers, top - own[powers]): ring.domain(int(k)) for powers, k in generator.terms()}
        exprs.append(ring.from_dict(terms).as_expr())
    return sp.groebner(exprs, *weights.all, domain=sp.QQ.frac_field(SCALE), order="lex")
