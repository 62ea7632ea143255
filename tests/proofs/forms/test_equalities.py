"""Equalities for each N listed, and at drawn numbers."""

from __future__ import annotations

from collections.abc import Iterator

from flint import fmpq

from numeric.finding import Verdict
from proofs.evidence import Rung, Settings
from proofs.forms.equalities import Draw, Same, at_points, exactly


@exactly(range(1, 4), range(1, 9), size="M", part="the sum")
def summed(M: int, extra: int = 0) -> Iterator[Same]:
    """1 + ... + M = M (M + 1)/2, and something that is seen from M = 3 on."""
    yield Same("sum", sum(range(1, M + 1)), M * (M + 1) // 2 + (extra if M >= 3 else 0), {"by": M})


def curve(change: fmpq | int = 0):
    """(x + 1)^2 - x^2 - 2x = 1 at a drawn x, and a term that vanishes at x = 1/7."""

    @at_points(lambda N: 2, [1, 2])
    def compare(N: int, draw: Draw) -> Iterator[Same]:
        x = draw(N)
        yield Same("square", (x + 1) ** 2 - x**2 - 2 * x, 1 + change * (7 * x - 1))

    return compare


def test_every_size_of_the_profile_is_compared() -> None:
    (check,) = summed.checks().values()
    found, full = check(Settings()), check(Settings(profile="full"))
    assert found.verdict is full.verdict is Verdict.CONFIRMED and found.part == "the sum"
    assert found.figures["comparisons"] == 3 and full.figures["comparisons"] == 8


def test_a_replaced_part_falls_at_the_smallest_size_that_shows_it() -> None:
    found = summed.mutant("more", "one more", extra=1).checks[Rung.EXACT](Settings())
    assert found.verdict is Verdict.REFUTED and found.counterexample is not None
    assert found.counterexample.sizes == {"M": 3}


def test_nothing_compared_confirms_nothing() -> None:
    assert exactly(range(1, 4))(lambda N: iter(())).check()(Settings()).verdict is Verdict.UNDECIDED


def test_a_drawn_point_decides() -> None:
    """Confirmed with its probability; a departure that is zero at one chosen point is seen."""
    found = curve().check()(Settings(seed=1))
    assert found.verdict is Verdict.CONFIRMED
    assert float(found.figures["log2 failure probability"] or 0) <= -100
    assert curve(1000).check()(Settings(seed=1)).verdict is Verdict.REFUTED
