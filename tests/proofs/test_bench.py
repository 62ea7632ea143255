"""The timings: every row keeps its limit, and a wrong identity is no fast success."""

import pytest

from numeric.derivation import decide
from numeric.entropy import Entropy
from numeric.finding import Verdict
from proofs import bench


def test_small_work_is_right():
    assert bench.stack(2, {"f": 2, "m": 1, "N": 3}, Entropy(1)).verdict is Verdict.CONFIRMED
    assert bench.naive({"f": 2, "m": 1, "N": 2})
    assert decide(lambda: bench.unrolled(3), second_opinion=False).verdict is Verdict.CONFIRMED
    assert decide(bench.induction, second_opinion=False).verdict is Verdict.CONFIRMED


def test_the_cost_is_linear_in_the_tokens():
    row = bench.linear(Entropy(1), (16, 64, 256))
    assert row.passed, row.figures


@pytest.mark.slow
def test_every_limit_is_kept():
    rows = bench.run(seed=1)
    assert [row.name for row in rows if not row.passed] == []
    assert all(row.to_json()["name"] == row.name for row in rows)
