"""numeric/analysis/peano.py: the printed constants, and norms against an independent quadrature."""

from __future__ import annotations

import mpmath
import pytest

from numeric.analysis import peano

PRINTED = {
    "value": "0.00298037900131168993",
    "i": "0.0321926863076985658",
    "ii": "0.202427163231429235",
    "iii": "0.0372235234006604405",
    "true": "0.0541607339127703006",
}


@pytest.mark.parametrize("name", list(PRINTED))
def test_printed_constants(name: str) -> None:
    """Sharp constants at N = 8, K = 3 to all printed digits."""
    found = peano.l1_norm(peano.functional(name, 3, 8))
    digits = len(PRINTED[name].lstrip("0."))
    assert found.str(digits, radius=False) == PRINTED[name]


def test_printed_bound() -> None:
    """C_{3,8}."""
    with peano.precision(100):
        assert peano.bound("value", 3, 8).str(15, radius=False) == "0.00419960525565808"


def test_kernel_from_jacobi_by_mpmath() -> None:
    """The polynomial is the formula's, with mpmath's Jacobi function."""
    k, N, x = 2, 7, mpmath.mpf("0.3")
    want = mpmath.factorial(N - k) / (2**k * mpmath.factorial(N - 1)) * (1 - x) ** (k - 1) * (1 + x) ** k
    want *= mpmath.jacobi(N - k, k - 1, k, x)
    y = (1 - x) / 2
    found = mpmath.polyval([mpmath.mpf(int(c.p)) / int(c.q) for c in reversed(peano.kernel(k, N).coeffs())], y)
    assert mpmath.almosteq(found, want, rel_eps=mpmath.mpf(10) ** -12)


def test_precision_comes_back() -> None:
    """The working precision is restored, also after an error."""
    from flint import ctx

    before = ctx.prec
    with pytest.raises(RuntimeError), peano.precision(999):
        raise RuntimeError
    assert ctx.prec == before


def test_refusal() -> None:
    """k outside 1..N is refused."""
    with pytest.raises(ValueError, match="between 1 and"):
        peano.kernel(5, 4)
