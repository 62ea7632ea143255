"""Claims of the form "this number never exceeds that one".

Main definitions: `Bound`, `Bounds`, `never_exceeded`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flint import arb

from numeric.finding import Counterexample, Finding, Quantity, Verdict
from proofs.evidence import Rung, Settings
from proofs.forms.form import Form


@dataclass(frozen=True)
class Bound:
    """A number and what it must not exceed, both as balls; `inputs` says where."""

    name: str
    value: arb
    bound: arb
    inputs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Bounds(Form):
    """No value exceeds its bound, decided by the balls' ends; the tightest and loosest ratios are figures.

    of: (settings, **parts) -> the values and their bounds. trust: what else a confirmation rests on.
    """

    trust: tuple[str, ...] = ()

    def find(self, settings: Settings, **parts: Any) -> Finding:
        """Every value against its bound."""
        largest: dict[str, float] = {}
        smallest: dict[str, float] = {}
        count = 0
        for item in self.of(settings, **parts):
            count += 1
            if item.value > item.bound:
                shown = Counterexample(
                    {},
                    {k: str(v) for k, v in item.inputs.items()},
                    _short(item.value),
                    _short(item.bound),
                    "found",
                    "bound",
                    item.name,
                )
                return Finding(Verdict.REFUTED, f"{item.name}: the bound is exceeded", counterexample=shown)
            if not item.value <= item.bound:
                return Finding(
                    Verdict.UNDECIDED,
                    f"{item.name} at {dict(item.inputs)}: {_short(item.value)} and {_short(item.bound)} overlap; "
                    "more digits are needed",
                )
            ratio = float((item.value / item.bound).mid()) if not item.bound.contains(0) else 0.0
            largest[item.name] = max(largest.get(item.name, 0.0), ratio)
            smallest[item.name] = min(smallest.get(item.name, 1.0), ratio)
        if not count:
            return Finding(Verdict.UNDECIDED, "nothing was measured, and an empty list confirms nothing")
        figures: dict[str, Quantity] = {"values compared": count}
        for name in largest:
            figures[f"{name}: largest ratio to the bound"] = round(largest[name], 6)
            figures[f"{name}: smallest ratio to the bound"] = round(smallest[name], 6)
        return Finding(
            Verdict.CONFIRMED,
            figures=figures,
            settings={"engine": "Arb balls"},
            trust=("Arb's ball arithmetic", *self.trust),
        )


def never_exceeded(*trust: str, part: str = "") -> Callable[[Callable[..., Iterable[Bound]]], Bounds]:
    """Makes bounds of `measure(settings, **parts)`."""
    return lambda of: Bounds(of, Rung.MEASURED, part, trust)


def _short(value: arb) -> str:
    return str(value.str(12))
