"""proofs/hippo/_checks.py and `covering`: what a rate is called, and what a rung that settles a part says."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flint import fmpq

from numeric.analysis.rates import fit
from numeric.finding import Finding, Verdict
from proofs.claim import covering
from proofs.evidence import Settings
from proofs.hippo._checks import Draw, Rate, Same, at_points, orders


def test_a_measured_rate_is_not_called_proved() -> None:
    """The order beside it is the claimed one: "measured" and "proved" do not stand in one line."""

    def measure(settings: Settings) -> Iterator[Rate]:
        sizes = [8, 16, 32, 64, 128, 256]
        yield Rate("a", fit(sizes, [n**-2.0 * (1 + 1 / n) for n in sizes]), -2)

    found = orders(measure)(Settings())
    assert found.verdict is Verdict.CONFIRMED
    assert str(found.figures["a"]).endswith("(claimed -2)") and "proved" not in str(found)


def curve(change: fmpq | int = 0) -> Callable[[int, Draw], Iterator[Same]]:
    """(x + 1)^2 - x^2 - 2x = 1 at a drawn x, and a term that vanishes at x = 1/7."""

    def compare(N: int, draw: Draw) -> Iterator[Same]:
        x = draw(N)
        yield Same("square", (x + 1) ** 2 - x**2 - 2 * x, 1 + change * (7 * x - 1))

    return compare


def test_a_drawn_point_decides() -> None:
    """Confirmed with its probability; a departure that is zero at one chosen point is seen."""
    found = at_points(curve(), lambda N: 2, [1, 2])(Settings(seed=1))
    assert found.verdict is Verdict.CONFIRMED
    assert float(found.figures["log2 failure probability"] or 0) <= -100
    assert at_points(curve(1000), lambda N: 2, [1])(Settings(seed=1)).verdict is Verdict.REFUTED


@pytest.mark.parametrize("verdict", Verdict)
def test_only_a_confirmation_names_its_part(verdict: Verdict) -> None:
    found = covering("x", lambda settings: Finding(verdict, "why", trust=("a",)))(Settings())
    assert found.part == ("x" if verdict is Verdict.CONFIRMED else "") and found.trust == ("a",)
    assert found.verdict is verdict
