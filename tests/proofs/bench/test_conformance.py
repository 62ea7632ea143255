"""Replays against torch on a sample of PyTorch's own samples; the bench sees a wrong rule."""

from __future__ import annotations

from typing import Any

import pytest
import torch

pytest.importorskip("expecttest", reason="PyTorch's samples need expecttest, which the dev extra installs")

from numeric.tape import rules
from numeric.tape.rules import piecewise
from proofs.bench import conformance
from proofs.bench.conformance import Call, Layout, Sample, Verdict, Way, judged, run
from reports.conformance import lines


def test_a_sample_of_all_operators_conforms() -> None:
    found = run(share=0.04, seed=7)
    assert found.passed, [o for o in found.bad]
    assert found.samples > 100 and not found.unsampled
    assert {o.call for o in found.outcomes} == set(Call) and {o.layout for o in found.outcomes} == set(Layout)
    for way in Way:
        assert sum(o.way is way and o.verdict is Verdict.EQUAL for o in found.outcomes) > 20


@pytest.mark.parametrize("call", ["relu_", "relu"])
def test_a_wrong_rule_is_seen(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(piecewise.RULES, "relu", lambda m, a: m.numbers(a))
    outcomes = judged(sample(lambda x: getattr(x, call)()))
    assert {o.way for o in outcomes if o.verdict is Verdict.WRONG} >= {Way.RATIONALS, Way.BALLS}


def test_a_rule_that_breaks_is_an_internal_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(rules.TABLE, "mul", lambda m, a, b: 1 / 0 if isinstance(a, float) else [][0])
    outcomes = judged(sample(lambda x: x * x))
    assert {o.verdict for o in outcomes if o.way is Way.FIELD} == {Verdict.INTERNAL}


def test_a_kernel_that_differs_from_itself_is_not_a_wrong_replay(monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that reads memory which nothing wrote, and finds the same there in the first calls."""
    calls: list[int] = []

    def unsteady(x: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        return x * (1 if len(calls) < 6 else len(calls))

    monkeypatch.setattr(conformance, "replay", lambda tape, given: given["t0"].reshape(-1) + 1)
    assert judged(sample(lambda x: x * 1))[0].verdict is Verdict.WRONG
    assert {o.verdict for o in judged(sample(unsteady))} == {Verdict.REFUSED}


def test_the_table_says_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(piecewise.RULES, "clamp_min", lambda m, a, low: m.numbers(a))
    text = "\n".join(lines(run(operators="clamp")))
    assert "rationals" in text and "WRONG: clamp" in text and "NOT CONFORMING" in text


def sample(program: Any) -> Sample:
    value = torch.tensor([[0.5, -1.25], [2.0, -3.0]], dtype=torch.float64)
    return Sample("planted", Call.PLAIN, Layout.CONTIGUOUS, lambda t0: program(t0.clone()).reshape(-1), {"t0": value})
