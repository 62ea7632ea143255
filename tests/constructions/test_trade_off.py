"""constructions/trade_off.py: the closed-form optimum, units, the law, refusals."""

from __future__ import annotations

from math import factorial, lgamma, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructions.trade_off import LARGEST, law, recommend


def cost(N: int, y: float, share: float) -> float:
    """F over a W, from its definition."""
    return y**N * factorial(N - 1) / factorial(2 * N - 1) + share * N**2 / y


def slack(N: int, y: float, share: float) -> float:
    """The relative rounding of powers taken as exp(log): each logarithm is within 4 units, and exp turns its absolute
    error into a relative one; 16 more for the operations around it."""
    logarithms = abs(N * log(y)) + lgamma(N) + lgamma(2 * N) + abs(log(share * N))
    return 2.0**-53 * (4 * logarithms + 16)


@given(st.floats(1e-10, 0.3))
def test_no_neighbour_is_better(share: float) -> None:
    """Neither a longer or shorter window nor one state more or less lowers the predicted cost."""
    c = recommend(1.0, 1.0, share)
    least = cost(c.N, c.theta, share)
    for N in (c.N - 1, c.N, c.N + 1):
        for factor in (0.9, 1.0, 1.1):
            if N >= 1:
                assert cost(N, c.theta * factor, share) >= least * (1 - 2 * slack(c.N, c.theta, share))
    assert abs(c.truncation + c.noise - least) <= 2 * slack(c.N, c.theta, share) * least


@given(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_units(amplitude: float, bandwidth: float) -> None:
    """Scaling amplitude and time scales the choice: N stays, theta W and h W stay, errors carry a W."""
    one, other = recommend(1.0, 1.0, 1e-4), recommend(amplitude, bandwidth, 1e-4 * amplitude)
    assert other.N == one.N
    allowed = 4 * slack(one.N, one.theta, 1e-4)
    assert abs(other.theta * bandwidth - one.theta) <= allowed * one.theta
    assert abs(other.h * bandwidth - one.h) <= allowed * one.h
    assert abs(other.error - one.error * amplitude * bandwidth) <= allowed * other.error


def test_step() -> None:
    """A given step is kept, and its share of the error appears; the recommended one adds less than a tenth."""
    c = recommend(1.0, 1.0, 1e-3)
    assert c.error <= 1.1 * (c.truncation**2 / 2 + c.noise**2) ** 0.5
    assert c.h <= c.theta / c.N**2
    coarse = recommend(1.0, 1.0, 1e-3, step=0.5)
    assert coarse.h == 0.5 and coarse.sampling > c.sampling and coarse.error > c.error


def test_no_noise_is_rounding() -> None:
    """Without noise the samples' rounding takes its place, and N stays below the largest tried."""
    c = recommend(2.0, 5.0, 0.0)
    assert c.N == round(law(2.0**-52)[0]) < LARGEST


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((0.0, 1.0, 0.1), "amplitude"),
        ((1.0, float("inf"), 0.1), "bandwidth"),
        ((1.0, 1.0, -0.1), "noise"),
        ((1.0, 1.0, 2.0), "less than the amplitude"),
        ((1.0, 1.0, float("nan")), "noise"),
        ((1.0, 2.0, 0.1, 0.6), "below 1/bandwidth"),
    ],
)
def test_refusals(arguments: tuple[float, ...], words: str) -> None:
    """One message each, naming the argument."""
    with pytest.raises(ValueError, match=words):
        recommend(*arguments)
