"""One-state systems of SymPy symbols, on which derivations run the constructions' own discretisations.

A scheme's matrices are functions of A alone, so what holds for one eigenvalue as a rational function holds for every A.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from constructions.namespace import Array
from constructions.state_space import StateSpace


def system(a: sp.Expr, b: sp.Expr, c: sp.Expr, d: sp.Expr) -> StateSpace:
    """x' = a x + b u, y = c x + d u."""
    return StateSpace(np.array([[a]], dtype=object), np.array([b], dtype=object), np.array([c], dtype=object), d)


def solve(left: Array, right: Array) -> Array:
    """left^{-1} right for left (1, 1)."""
    return right / left[0, 0]


def exponential(E: sp.Symbol, m: Array) -> Array:
    """e^m of the holds' augmented matrices over one state, with E for e^X, X = m[0, 0] (not zero)."""
    X, p = m[0, 0], m[0, 1]
    size = len(m)
    out = np.array([[sp.Integer(int(i == j)) for j in range(size)] for i in range(size)], dtype=object)
    out[0, 0], out[0, 1] = E, p * (E - 1) / X
    if size == 3:
        q = m[1, 2]
        out[0, 2], out[1, 2] = p * q * (E - 1 - X) / X**2, q
    return out
