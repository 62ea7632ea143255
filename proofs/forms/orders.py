"""Claims of the form "this error is of that order".

Main definitions: `Rate`, `Orders`, `orders`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from numeric.analysis.rates import Order
from numeric.finding import Counterexample, Finding, Quantity, Verdict
from proofs.evidence import Rung, Settings
from proofs.forms.form import Form


@dataclass(frozen=True)
class Rate:
    """A measured order and the claimed one. Where the claimed one comes from is the derivation's to say: a measurement
    proves none."""

    name: str
    order: Order
    claimed: float


@dataclass(frozen=True)
class Orders(Form):
    """Every measured order's interval contains the claimed order and can tell neighbours apart.

    of: (settings, **parts) -> the orders. trust: what else a confirmation rests on.
    """

    trust: tuple[str, ...] = ()

    def find(self, settings: Settings, **parts: Any) -> Finding:
        """Every measured order against the claimed one."""
        figures: dict[str, Quantity] = {}
        for rate in self.of(settings, **parts):
            order = rate.order
            figures[rate.name] = f"{order} (claimed {rate.claimed:g})"
            if not order.sharp_enough:
                reason = f"{rate.name}: the interval {order} is too wide to tell orders apart; more or larger sizes are needed"
                return Finding(Verdict.UNDECIDED, reason, figures=figures)
            if not order.contains(rate.claimed):
                shown = Counterexample(
                    {},
                    {"from": f"{order.smallest:g}", "to": f"{order.largest:g}", "points": str(order.points)},
                    str(order),
                    f"{rate.claimed:g}",
                    "measured order",
                    "claimed order",
                    rate.name,
                )
                reason = f"{rate.name}: measured order {order}, claimed {rate.claimed:g}"
                return Finding(Verdict.REFUTED, reason, figures=figures, counterexample=shown)
        if not figures:
            return Finding(Verdict.UNDECIDED, "nothing was measured, and an empty list confirms nothing")
        return Finding(
            Verdict.CONFIRMED,
            figures=figures,
            settings={"engine": "least squares with two correction terms, 99 % intervals plus their model distance"},
            trust=("that the largest sizes are in the asymptotic range the interval allows for", *self.trust),
        )


def orders(*trust: str, part: str = "") -> Callable[[Callable[..., Iterable[Rate]]], Orders]:
    """Makes orders of `measure(settings, **parts)`."""
    return lambda of: Orders(of, Rung.MEASURED, part, trust)
