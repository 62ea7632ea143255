"""proofs/hippo/derivative_bound.py on signals drawn by Hypothesis: the K-th derivative jumps between -1 and 1."""

from __future__ import annotations

from fractions import Fraction

import pytest
from flint import arb
from hypothesis import given, settings
from hypothesis import strategies as st

from numeric.analysis import peano
from proofs.hippo.derivative_bound import signal_error

BREAKS = st.lists(st.fractions(-1, 1, max_denominator=50), min_size=1, max_size=6, unique=True)


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 10), st.integers(2, 5), BREAKS)
def test_bounds_hold(N: int, K: int, breaks: list[Fraction]) -> None:
    """Exact rational errors never exceed the explicit bounds, nor the sharp constants."""
    K = min(K, N)
    points = sorted(breaks)
    jumps = [(b, Fraction((-1) ** i * (1 if i == 0 else 2))) for i, b in enumerate(points)]
    with peano.precision(128):
        for name in ("value", "i", "ii", "iii"):
            error = abs(arb(signal_error(name, K, N, jumps)))
            # at K = N the value's bound is attained: compare the squares exactly
            if name == "value":
                assert signal_error(name, K, N, jumps) ** 2 <= peano.constant_squared(K, N)
            else:
                assert error <= peano.bound(name, K, N)
            assert not error > peano.l1_norm(peano.functional(name, K, N))


@pytest.mark.parametrize("N", [3, 5, 8])
def test_the_bound_of_route_i_is_not_route_ii_s(N: int) -> None:
    """The test above can fail: route (ii)'s largest error is beyond route (i)'s bound."""
    with peano.precision(128):
        assert peano.l1_norm(peano.functional("ii", 2, N)) > peano.bound("i", 2, N)
        assert peano.l1_norm(peano.functional("i", 2, N)) < peano.bound("i", 2, N)
