"""Verdicts counted in forward passes: the programs compared are equal, and a wrong or dear verdict does not pass."""

from dataclasses import replace

import pytest

from numeric.deciding.comparison import Comparison
from numeric.deciding.exact_identity import decide
from numeric.entropy import Entropy
from numeric.finding import Verdict
from proofs.bench import forwards
from proofs.bench.forwards import Cost


def test_the_pairs_are_the_same_function_and_no_other() -> None:
    sizes = {"d": 3, "N": 5}
    for left, right in ((forwards.delta_rule, forwards.householder), (forwards.masked_product, forwards.einsum)):
        assert decide(Comparison(left, right, forwards.SHAPES, sizes, entropy=Entropy(1))).verdict is Verdict.CONFIRMED
    wrong = decide(
        Comparison(forwards.delta_rule, forwards.einsum, forwards.SHAPES, sizes, entropy=Entropy(1)), shrinking=False
    )
    assert wrong.verdict is Verdict.REFUTED


def test_costs_are_those_of_their_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = ("linear attention", forwards.masked_product, forwards.einsum, {"d": 4, "N": 16}, 1e9)
    monkeypatch.setattr(forwards, "_PAIRS", (pair,))
    (cost,) = forwards.costs(Entropy(1))
    assert cost.passed and cost.name == "linear attention, (d, N) = (4, 16)"
    assert cost.forward > 0 and cost.accepting > cost.recording > 1  # to accept is to record three times, and more
    assert not replace(cost, limit=cost.verdict / 2).passed
    assert not replace(cost, found=replace(cost.found, verdict=Verdict.REFUTED, reason="planted")).passed
    assert isinstance(cost, Cost) and cost.figures["forwards a verdict"] == round(cost.verdict, 1)
