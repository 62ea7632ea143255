"""constructions/modal.py: forms that keep their digits, forms that are refused, with the figures that say why."""

from __future__ import annotations

import numpy as np
import pytest

from constructions import fout, legs, legt
from constructions.modal import IllConditioned, companion, modal
from constructions.state_space import orthonormal
from numeric.rational_matrices import characteristic


def test_modal_is_the_system() -> None:
    """At a frequency both have the same response, within the promised digits."""
    s = orthonormal(legt.system(8), legt.norms(8))
    m = modal(s)
    plain = s.C @ np.linalg.solve(2j * np.eye(8) - s.A, s.B) + s.D
    assert abs(m.C @ (m.B / (2j - m.poles)) + m.D - plain) <= 1e-6 * abs(plain)


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
    """The companion matrix of q_6 has LegT's poles; from N = 16 on q_N has coefficients that are no float64."""
    c = [int(v) for v in characteristic(legt.system(6).A).coeffs()[:-1]]
    found = np.sort_complex(np.linalg.eigvals(companion(c)))
    wanted = np.sort_complex(np.linalg.eigvals(legt.system(6).A))
    assert np.abs(found - wanted).max() <= 1e-9 * np.abs(wanted).max()
    with pytest.raises(IllConditioned, match="no float64"):
        companion([int(v) for v in characteristic(legt.system(16).A).coeffs()[:-1]])
    with pytest.raises(IllConditioned, match="no float64"):
        companion([10**400])
