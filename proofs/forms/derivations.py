"""Claims of the form "this follows for all sizes, by equations between entries and telescoping sums".

Main definitions: `Derivation`, `derived`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from numeric.finding import Finding, Verdict, combine
from numeric.words import telescoping
from numeric.words.telescoping import Step
from proofs.claim import Check
from proofs.evidence import Rung, Settings
from proofs.forms.equalities import Equalities, Same
from proofs.forms.form import Form

SIZES = (*range(1, 9), 40)
"""At which arrays are held against the entries they are put together from."""


@dataclass(frozen=True)
class Derivation(Form):
    """A derivation for all sizes, step by step.

    of: (**parts) -> the steps. arrays: what it says of entries holds for the arrays that are put together from them,
    N -> comparisons; a mutant of the steps leaves them alone.
    """

    arrays: tuple[Callable[[int], Iterable[Same]], ...] = ()

    def find(self, settings: Settings, **parts: Any) -> Finding:
        """Every step, and without a part replaced the arrays."""
        found = telescoping.decide(partial(self.of, **parts))
        if parts or not self.arrays:
            return found
        tied: list[Check] = [Equalities(of=part, rung=self.rung, quick=SIZES).check() for part in self.arrays]
        found = combine([found, *(check(settings) for check in tied)])
        if found.verdict is not Verdict.CONFIRMED:
            return found
        return replace(
            found, trust=(*found.trust, "that the arrays are put together at every N as at the sizes listed")
        )


def derived(
    *arrays: Callable[[int], Iterable[Same]], part: str = ""
) -> Callable[[Callable[..., Iterable[Step]]], Derivation]:
    """Makes a derivation of `steps(**parts)`."""
    return lambda of: Derivation(of, Rung.UNIVERSAL, part, arrays)
