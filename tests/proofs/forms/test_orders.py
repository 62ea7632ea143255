"""Orders: what a rate is called, and which orders are refuted."""

from __future__ import annotations

from collections.abc import Iterator

from numeric.analysis.rates import fit
from numeric.finding import Verdict
from proofs.evidence import Rung, Settings
from proofs.forms.orders import Rate, orders


@orders("float64")
def measure(settings: Settings, order: float = -2) -> Iterator[Rate]:
    """n^-2 (1 + 1/n)."""
    sizes = [8, 16, 32, 64, 128, 256]
    yield Rate("a", fit(sizes, [n**-2.0 * (1 + 1 / n) for n in sizes]), order)


def test_a_measured_rate_is_not_called_proved() -> None:
    """The order beside it is the claimed one: "measured" and "proved" do not stand in one line."""
    found = measure.checks()[Rung.MEASURED](Settings())
    assert found.verdict is Verdict.CONFIRMED and found.trust[-1] == "float64"
    assert str(found.figures["a"]).endswith("(claimed -2)") and "proved" not in str(found)


def test_another_order_is_refuted() -> None:
    false = measure.mutant("third", "of order 3", order=-3)
    assert false.checks[Rung.MEASURED](Settings()).verdict is Verdict.REFUTED
