"""hippo.in_context as a property: the bound from the samples' own differences holds whatever the system."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from constructions.drawn_systems import FAMILIES, NUMBERS
from proofs.hippo._predictors_compared import FIT, LAST, LINE, ONE, comparison, methods
from proofs.hippo._window_predictor import (
    SAMPLES,
    N,
    error_kernel,
    from_differences,
    layer,
    predicted,
    rounding,
    sample,
)
from proofs.hippo.predictor_comparison import table

WEIGHTS = layer()


@settings(max_examples=15, deadline=None)
@given(
    family=st.sampled_from(tuple(FAMILIES)),
    point=st.lists(st.floats(0, 1, exclude_max=True), min_size=NUMBERS, max_size=NUMBERS),
)
def test_one_set_of_weights_on_any_system(family: str, point: list[float]) -> None:
    """Every next-state prediction of every component is within every bound, K = 1..N+1."""
    u = sample(family, 0, point).u
    error = np.abs(u[1:] - predicted(WEIGHTS, u[:-1]))
    size = np.abs(u - u[0]).max(axis=0)
    for K in range(1, N + 2):
        assert np.all(error <= from_differences(K, u) + rounding() * size)


@settings(max_examples=15, deadline=None)
@given(u=arrays(np.float64, (SAMPLES + 1, 1), elements=st.integers(-1000, 1000).map(float), fill=st.just(0.0)))
@example(u=np.eye(1, SAMPLES + 1, 7).T)
def test_even_on_sequences_of_no_system(u: np.ndarray) -> None:
    error = np.abs(u[1:] - predicted(WEIGHTS, u[:-1]))
    for K in (1, 5, N + 1):
        assert np.all(error <= from_differences(K, u) + rounding() * np.abs(u - u[0]).max())


def test_polynomials_are_predicted_exactly() -> None:
    """Once the start is forgotten: degree N has no (N+1)-st difference but the start's."""
    t = np.arange(SAMPLES + 1)[:, None] / SAMPLES
    for degree in range(N + 1):
        u = t**degree
        error = np.abs(u[1:] - predicted(WEIGHTS, u[:-1]))[-64:]
        assert np.all(error <= from_differences(N + 1, u)[-64:] + rounding())


def test_error_kernels_are_differences_of_each_other() -> None:
    """g^(K) is (1 - 1/z) g^(K+1): splitting off one more difference."""
    for K in range(1, N + 1):
        low, high = error_kernel(K), error_kernel(K + 1)
        found = np.diff(high, prepend=0.0)
        assert np.abs(found - low).max() <= 2.0**-51 * np.abs(high).max()


def test_the_table_says_where_the_weights_lose() -> None:
    text = table()
    rows = {line.split(" | ")[0].removeprefix("| "): line for line in text.splitlines() if line.startswith("| ")}
    assert set(methods()) < set(rows) and {LAST, LINE} < set(methods())
    assert "**" in rows[FIT] and "**" not in rows[ONE]
    found = comparison("in context", 6)
    assert all(len(values) == 8 and min(values) > 0 for values in found.values())


def test_no_bound_without_a_difference() -> None:
    with pytest.raises(ValueError, match="at least one difference"):
        from_differences(0, np.zeros((4, 1)))
