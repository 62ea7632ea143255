"""The timings: every row keeps its limit, and a wrong identity is no fast success."""

import pytest

from numeric.entropy import Entropy
from numeric.finding import Verdict
from numeric.words.derivation import decide
from proofs.bench import timings as bench


def test_small_work_is_right():
    assert bench.stack(2, {"f": 2, "m": 1, "N": 3}, Entropy(1)).verdict is Verdict.CONFIRMED
    assert bench.naive({"f": 2, "m": 1, "N": 2})
    assert decide(lambda: bench.unrolled(3), second_opinion=False).verdict is Verdict.CONFIRMED


def test_the_cost_is_linear_in_the_tokens():
    row = bench.linear(Entropy(1), (16, 64, 256))
    assert row.passed, row.figures


def test_samples_keep_their_floors() -> None:
    """Small sizes: the errors are right and below the floors, whatever the clock says."""
    rows = list(bench.samples(Entropy(1), 3000, 6))
    assert [row.name for row in rows] == [
        "3,000 samples, N = 6, in blocks, against dlsim", "3,000 samples, N = 6, by FFT, against lfilter"
    ]  # fmt: skip
    for row in rows:
        assert 0 < float(row.figures["error"] or 0) <= float(row.figures["rounding floor"] or 0)
        assert row.baseline_seconds is not None and row.ratio is not None


@pytest.mark.slow
def test_every_limit_is_kept():
    rows = bench.run(seed=1)
    assert [row.name for row in rows if not row.passed] == []
    assert all(row.to_json()["name"] == row.name for row in rows)
