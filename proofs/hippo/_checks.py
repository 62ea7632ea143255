"""Checks shared by the claims of this folder: exact comparisons for a range of N, derivations about sums, bounds,
orders."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import ceil, log2
from typing import Any

from flint import arb, fmpq

from numeric.analysis.rates import Order
from numeric.analysis.rational_matrices import text
from numeric.entropy import Entropy
from numeric.finding import Counterexample, Finding, Quantity, Verdict
from numeric.words import telescoping
from numeric.words.telescoping import Step
from proofs.claim import Check
from proofs.evidence import Settings

EXACT_TRUST = (
    "FLINT's rational arithmetic; no probability is involved, every number is exact",
    "the sizes listed, and only those",
)


@dataclass(frozen=True)
class Same:
    """Two exact objects (numbers, lists, arrays, matrices, polynomials) that a claim says are equal."""

    name: str
    left: Any
    right: Any
    inputs: Mapping[str, Any] = field(default_factory=dict)


def exactly(
    compare: Callable[[int], Iterable[Same]], quick: Iterable[int], full: Iterable[int] | None = None, size: str = "N"
) -> Check:
    """The check that every comparison is an equality, for each size in order; the smallest failing one is shown."""

    def run(settings: Settings) -> Finding:
        sizes = list(full if full is not None and settings.profile == "full" else quick)
        count, names = 0, dict[str, None]()
        for N in sizes:
            for pair in compare(N):
                count += 1
                names[pair.name] = None
                left, right = text(pair.left), text(pair.right)
                if left != right:
                    where = _first_difference(left, right)
                    shown = Counterexample(
                        {size: N},
                        {k: text(v) for k, v in pair.inputs.items()},
                        where[1],
                        where[2],
                        "found",
                        "claimed",
                        pair.name + (f", entry {where[0]}" if where[0] else ""),
                    )
                    return Finding(
                        Verdict.REFUTED,
                        f"{pair.name} fails at {size} = {N}",
                        figures={"comparisons": count},
                        settings={"engine": "FLINT rationals", "sizes": {size: N}},
                        counterexample=shown,
                    )
        if not count:
            return Finding(Verdict.UNDECIDED, "nothing was compared, and an empty list confirms nothing")
        return Finding(
            Verdict.CONFIRMED,
            figures={"comparisons": count, "smallest size": sizes[0], "largest size": sizes[-1]},
            settings={
                "engine": "FLINT rationals",
                "sizes": {size: f"{sizes[0]}..{sizes[-1]}"},
                "compared": list(names),
            },
            trust=EXACT_TRUST,
        )

    return run


Draw = Callable[..., fmpq]
"""(names) -> a number in (0, 1], drawn at each call; with a seed it depends on the names alone."""


def at_points(
    compare: Callable[[int, Draw], Iterable[Same]],
    degree: Callable[[int], int],
    quick: Iterable[int],
    full: Iterable[int] | None = None,
    size: str = "N",
) -> Check:
    """`exactly`, for identities between rational functions of drawn numbers: one point decides, but for a probability.

    degree: bounds, at each size, the total degree in the drawn numbers of left - right over a common denominator. A
    numerator that is not zero vanishes at a uniform point of a set of size 2^bits with probability degree/2^bits at most
    (Schwartz, Zippel); bits follow from the settings' target.
    """

    def run(settings: Settings) -> Finding:
        sizes = list(full if full is not None and settings.profile == "full" else quick)
        entropy, most = Entropy(settings.seed), max(degree(N) for N in sizes)
        bits = ceil(-settings.target_log2) + most.bit_length()

        def draw(*names: object) -> fmpq:
            return fmpq(entropy.child("point", *names).below(1 << bits) + 1, 1 << bits)

        found = exactly(lambda N: compare(N, draw), sizes, size=size)(settings)
        if found.verdict is not Verdict.CONFIRMED:
            return found
        return replace(
            found,
            figures={**found.figures, "degree": most, "log2 failure probability": round(log2(most) - bits, 2)},
            settings={**found.settings, "seed": settings.seed},
            trust=(
                "FLINT's rational arithmetic",
                "Schwartz-Zippel at the stated degree",
                entropy.trust,
                EXACT_TRUST[1],
            ),
        )

    return run


def _first_difference(left: Any, right: Any) -> tuple[str, Any, Any]:
    """Where two nested lists first differ, for a counterexample that fits a line."""
    if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for k, (a, b) in enumerate(zip(left, right, strict=True)):
            if a != b:
                inner, found, wanted = _first_difference(a, b)
                return f"[{k}]{inner}", found, wanted
    return "", left, right


def derived(steps: Callable[[], Iterable[Step]]) -> Check:
    """The check of a derivation for all sizes, step by step."""
    return lambda settings: telescoping.decide(steps)


@dataclass(frozen=True)
class Bound:
    """A number and what it must not exceed, both as balls; `inputs` says where."""

    name: str
    value: arb
    bound: arb
    inputs: Mapping[str, Any] = field(default_factory=dict)


def never_exceeded(measure: Callable[[Settings], Iterable[Bound]], trust: Iterable[str] = ()) -> Check:
    """The check that no value exceeds its bound, decided by the balls' ends; the tightest and loosest ratios are
    figures."""

    def run(settings: Settings) -> Finding:
        largest: dict[str, float] = {}
        smallest: dict[str, float] = {}
        count = 0
        for item in measure(settings):
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
            trust=("Arb's ball arithmetic", *trust),
        )

    return run


def _short(value: arb) -> str:
    return str(value.str(12))


@dataclass(frozen=True)
class Rate:
    """A measured order and the claimed one. Where the claimed one comes from is the derivation's to say: a measurement
    proves none."""

    name: str
    order: Order
    claimed: float


def orders(measure: Callable[[Settings], Iterable[Rate]], trust: Iterable[str] = ()) -> Check:
    """The check that every measured order's interval contains the claimed order and can tell neighbours apart."""

    def run(settings: Settings) -> Finding:
        figures: dict[str, Quantity] = {}
        for rate in measure(settings):
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
            trust=("that the largest sizes are in the asymptotic range the interval allows for", *trust),
        )

    return run
