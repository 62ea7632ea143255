"""Bounds: exceeded, touched, overlapping, and none at all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flint import arb

from numeric.finding import Verdict
from proofs.evidence import Rung, Settings
from proofs.forms.bounds import Bound, never_exceeded


@never_exceeded("the derivation of it")
def measure(settings: Settings, share: arb = arb(1)) -> Iterator[Bound]:  # noqa: B008
    """n against 2n times the share."""
    for n in (1, 2):
        yield Bound("n", arb(n), 2 * n * share, {"n": n})


def test_the_ratios_are_figures() -> None:
    found = measure.checks()[Rung.MEASURED](Settings())
    assert found.verdict is Verdict.CONFIRMED and found.trust == ("Arb's ball arithmetic", "the derivation of it")
    assert found.figures["n: largest ratio to the bound"] == 0.5


@pytest.mark.parametrize(("share", "verdict"), [(arb(1) / 4, Verdict.REFUTED), (arb("0.5 +/- 0.1"), Verdict.UNDECIDED)])
def test_a_smaller_bound_falls_and_one_that_overlaps_decides_nothing(share: arb, verdict: Verdict) -> None:
    assert measure.mutant("smaller", "less of it", share=share).checks[Rung.MEASURED](Settings()).verdict is verdict


def test_nothing_measured_confirms_nothing() -> None:
    assert never_exceeded()(lambda settings: iter(())).check()(Settings()).verdict is Verdict.UNDECIDED
