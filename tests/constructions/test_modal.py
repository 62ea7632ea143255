"""constructions/modal.py: forms that keep their digits, forms that are refused, with the figures that say why."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from flint import acb, acb_mat, arb

from constructions import fout, legs, legt
from constructions.modal import IllConditioned, companion, modal
from constructions.state_space import StateSpace, orthonormal
from numeric.analysis import peano
from numeric.analysis.rational_matrices import characteristic, objects


def most_digits(s: StateSpace) -> int:
    """The most digits that the form does not refuse."""
    digits = 0
    while True:
        try:
            modal(s, digits + 1)
        except IllConditioned:
            return digits
        digits += 1


def exact(array: np.ndarray) -> acb_mat:
    """A float64 or complex128 matrix as it is held."""
    return acb_mat([[acb(float(np.real(v)), float(np.imag(v))) for v in row] for row in array])


@pytest.mark.parametrize(("family", "N"), [(legt, 4), (legt, 8), (legt, 12), (legs, 8)])
def test_the_promised_digits_are_there(family: Any, N: int) -> None:
    """e^{At}, B and C from the form as it is held, in balls: as many digits as it allows to ask for, and not one in vain."""
    s = orthonormal(family.system(N), legt.norms(N))
    digits = most_digits(s)
    assert digits >= 6
    m = modal(s, digits)
    with peano.precision(300):
        V, most = exact(m.vectors), arb(10) ** -digits
        A, B, C = exact(s.A), exact(s.B[:, None]), exact(s.C[None, :])
        for t in (arb(1) / 64, arb(1)):
            modes = acb_mat(
                [[(exact(m.poles[None, :])[0, i] * t).exp() if i == j else 0 for j in range(N)] for i in range(N)]
            )
            wanted = (A * acb(t)).exp()
            assert norm(V * modes * V.inv() - wanted) <= most * norm(wanted)
        assert norm(V * exact(m.B[:, None]) - B) <= most * norm(B)
        assert norm(exact(m.C[None, :]) * V.inv() - C) <= most * norm(C)
    assert m.D == s.D


def norm(m: acb_mat) -> arb:
    """The sum of absolute values."""
    return sum((abs(v) for v in m.entries()), arb(0))


@pytest.mark.parametrize(("family", "N"), [(legt, 20), (legt, 32), (legs, 16), (legs, 64)])
def test_refused(family, N: int) -> None:
    """The message names N, the condition and what to use; the condition is what makes it so."""
    with pytest.raises(IllConditioned, match=rf"N = {N} .*condition of the eigenvectors.*discretisation"):
        modal(orthonormal(family.system(N), legt.norms(N)))


def test_digits_decide() -> None:
    """LegT at N = 12 has six digits and not twelve; FouT's eigenvectors stay harmless."""
    s = orthonormal(legt.system(12), legt.norms(12))
    assert modal(s, 6).condition > 1e5
    with pytest.raises(IllConditioned, match="of the 12 digits"):
        modal(s, 12)
    assert modal(orthonormal(fout.system(64, 2 * np.pi), fout.norms(64)), 10).condition < 100


def test_companion() -> None:
    """The companion matrix has q_6 for its characteristic polynomial; from N = 16 on q_N has coefficients that are no
    float64."""
    q = characteristic(legt.system(6).A)
    assert characteristic(objects(companion([int(v) for v in q.coeffs()[:-1]]))) == q
    with pytest.raises(IllConditioned, match="no float64"):
        companion([int(v) for v in characteristic(legt.system(16).A).coeffs()[:-1]])
    with pytest.raises(IllConditioned, match="no float64"):
        companion([10**400])
