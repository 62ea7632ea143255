"""Claims of the form "these exact objects are equal, for each N listed".

Main definitions: `Same`, `Equalities`, `exactly`, `at_points`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from math import ceil, log2
from typing import Any

from flint import fmpq

from numeric.analysis.rational_matrices import text
from numeric.entropy import Entropy
from numeric.finding import Counterexample, Finding, Verdict
from proofs.evidence import Rung, Settings
from proofs.forms.form import Form

TRUST = (
    "FLINT's rational arithmetic; no probability is involved, every number is exact",
    "the sizes listed, and only those",
)

Draw = Callable[..., fmpq]
"""(names) -> a number in (0, 1], drawn at each call; with a seed it depends on the names alone."""


@dataclass(frozen=True)
class Same:
    """Two exact objects (numbers, lists, arrays, matrices, polynomials) that a claim says are equal."""

    name: str
    left: Any
    right: Any
    inputs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Equalities(Form):
    """Every comparison is an equality, for each size in order; the smallest failing one is shown.

    of: (N, **parts) -> what is compared at that size; with a degree (N, draw, **parts). full: the sizes of the full
    profile, if others. size: what they are called.
    degree: for identities between rational functions of drawn numbers, where one point decides but for a probability:
    bounds, at each size, the total degree in the drawn numbers of left - right over a common denominator. A numerator
    that is not zero vanishes at a uniform point of a set of size 2^bits with probability degree/2^bits at most
    (Schwartz, Zippel); bits follow from the settings' target.
    """

    quick: Iterable[int]
    full: Iterable[int] | None = None
    size: str = "N"
    degree: Callable[[int], int] | None = None

    def find(self, settings: Settings, **parts: Any) -> Finding:
        """All comparisons at the profile's sizes, at drawn numbers if there is a degree."""
        sizes = list(self.full if self.full is not None and settings.profile == "full" else self.quick)
        compare = partial(self.of, **parts)
        if self.degree is None:
            return self._compare(compare, sizes)
        entropy, most = Entropy(settings.seed), max(self.degree(N) for N in sizes)
        bits = ceil(-settings.target_log2) + most.bit_length()

        def draw(*names: object) -> fmpq:
            return fmpq(entropy.child("point", *names).below(1 << bits) + 1, 1 << bits)

        found = self._compare(lambda N: compare(N, draw), sizes)
        if found.verdict is not Verdict.CONFIRMED:
            return found
        return replace(
            found,
            figures={**found.figures, "degree": most, "log2 failure probability": round(log2(most) - bits, 2)},
            settings={**found.settings, "seed": settings.seed},
            trust=("FLINT's rational arithmetic", "Schwartz-Zippel at the stated degree", entropy.trust, TRUST[1]),
        )

    def _compare(self, compare: Callable[[int], Iterable[Same]], sizes: list[int]) -> Finding:
        count, names = 0, dict[str, None]()
        for N in sizes:
            for pair in compare(N):
                count += 1
                names[pair.name] = None
                left, right = text(pair.left), text(pair.right)
                if left != right:
                    where = _first_difference(left, right)
                    shown = Counterexample(
                        {self.size: N},
                        {k: text(v) for k, v in pair.inputs.items()},
                        where[1],
                        where[2],
                        "found",
                        "claimed",
                        pair.name + (f", entry {where[0]}" if where[0] else ""),
                    )
                    return Finding(
                        Verdict.REFUTED,
                        f"{pair.name} fails at {self.size} = {N}",
                        figures={"comparisons": count},
                        settings={"engine": "FLINT rationals", "sizes": {self.size: N}},
                        counterexample=shown,
                    )
        if not count:
            return Finding(Verdict.UNDECIDED, "nothing was compared, and an empty list confirms nothing")
        return Finding(
            Verdict.CONFIRMED,
            figures={"comparisons": count, "smallest size": sizes[0], "largest size": sizes[-1]},
            settings={
                "engine": "FLINT rationals",
                "sizes": {self.size: f"{sizes[0]}..{sizes[-1]}"},
                "compared": list(names),
            },
            trust=TRUST,
        )


def exactly(
    quick: Iterable[int], full: Iterable[int] | None = None, *, size: str = "N", rung: Rung = Rung.EXACT, part: str = ""
) -> Callable[[Callable[..., Iterable[Same]]], Equalities]:
    """Makes equalities of `compare(N, **parts)`."""
    return lambda of: Equalities(of=of, rung=rung, part=part, quick=quick, full=full, size=size)


def at_points(
    degree: Callable[[int], int],
    quick: Iterable[int],
    full: Iterable[int] | None = None,
    *,
    size: str = "N",
    part: str = "",
) -> Callable[[Callable[..., Iterable[Same]]], Equalities]:
    """Makes equalities at drawn numbers of `compare(N, draw, **parts)`."""
    return lambda of: Equalities(of=of, rung=Rung.EXACT, part=part, quick=quick, full=full, size=size, degree=degree)


def _first_difference(left: Any, right: Any) -> tuple[str, Any, Any]:
    """Where two nested lists first differ, for a counterexample that fits a line."""
    if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for k, (a, b) in enumerate(zip(left, right, strict=True)):
            if a != b:
                inner, found, wanted = _first_difference(a, b)
                return f"[{k}]{inner}", found, wanted
    return "", left, right
