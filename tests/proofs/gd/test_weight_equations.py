"""The Groebner basis of the weights' equations, against SymPy's own of the equations as they are."""

from __future__ import annotations

import pytest
import sympy as sp

from proofs.gd._weight_equations import SCALE, basis, equations, unknowns

WEIGHTS = unknowns()
C, D, W = WEIGHTS.C[0, 0], WEIGHTS.D[2], WEIGHTS.w_q[0, 1]


@pytest.mark.parametrize(
    "found",
    [
        [e for e in equations(tokens=1, before=1) if e.has(WEIGHTS.w_q[2, 2]) or e.has(SCALE)],
        [C * D * W + SCALE, C**2 * W - 2 * SCALE * C, D * W - 3],
        [C * D + 2 * SCALE, SCALE**2 * W - C**2],
        [C - SCALE, C],
    ],
)
def test_it_is_the_one_over_the_field_of_the_scale(found: list[sp.Expr]) -> None:
    whole = sp.groebner(found, *WEIGHTS.all, domain=sp.QQ.frac_field(SCALE), order="lex")
    assert basis(found, WEIGHTS).exprs == whole.exprs


def test_a_scale_that_cant_be_taken_out_is_refused() -> None:
    with pytest.raises(ValueError, match="homogeneous"):
        basis([C * W + 1, D], WEIGHTS)
