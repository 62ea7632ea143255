"""proofs/hippo/_checks.py and `covering`: what a rate is called, and what a rung that settles a part says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from numeric.finding import Finding, Verdict
from numeric.rates import fit
from proofs.claim import covering
from proofs.evidence import Settings
from proofs.hippo._checks import Rate, orders


@pytest.mark.parametrize(("proved", "word"), [(True, "proved"), (False, "expected")])
def test_a_rate_says_whether_it_is_proved(proved: bool, word: str) -> None:
    def measure(settings: Settings) -> Iterator[Rate]:
        sizes = [8, 16, 32, 64, 128, 256]
        yield Rate("a", fit(sizes, [n**-2.0 * (1 + 1 / n) for n in sizes]), -2, proved)

    found = orders(measure)(Settings())
    assert found.verdict is Verdict.CONFIRMED
    assert str(found.figures["a"]).endswith(f"({word} -2)")


@pytest.mark.parametrize("verdict", Verdict)
def test_only_a_confirmation_names_its_part(verdict: Verdict) -> None:
    found = covering("x", lambda settings: Finding(verdict, "why", trust=("a",)))(Settings())
    assert found.part == ("x" if verdict is Verdict.CONFIRMED else "") and found.trust == ("a",)
    assert found.verdict is verdict
