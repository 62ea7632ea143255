"""A check whose parts have names, so that a mutant is the check with one of them replaced.

Main definitions: `Form`, `checked`, `together`, `joint`. The forms beside this file are forms of more special statements.
Each is made by a decorator from the function that says what is compared; that function's keywords, with the claim's own
as defaults, are the parts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from numeric.finding import Finding
from proofs.claim import Check, Mutant, both, covering
from proofs.evidence import Rung, Settings


@dataclass(frozen=True)
class Form:
    """What is looked at on one rung, and which part of the statement that settles.

    of: here the check itself, `of(settings, **parts)`; a more special form says what its function yields.
    part: what it settles of the statement; empty: all.
    """

    of: Callable[..., Any]
    rung: Rung
    part: str = ""

    def find(self, settings: Settings, **parts: Any) -> Finding:
        """What is found, with the given parts in place of the claim's own."""
        found: Finding = self.of(settings, **parts)
        return found

    def check(self, **parts: Any) -> Check:
        """The check alone, for claims that put several on one rung."""
        return partial(self.find, **parts)

    def checks(self, **parts: Any) -> dict[Rung, Check]:
        """The check on its rung; with `parts` a mutant's."""
        check = self.check(**parts)
        return {self.rung: covering(self.part, check) if self.part else check}

    def mutant(self, id: str, description: str, **parts: Any) -> Mutant:
        """The claim with parts replaced. Of several forms: `joint`."""
        return Mutant(id, description, self.checks(**parts))


def checked(rung: Rung, part: str = "") -> Callable[[Callable[..., Finding]], Form]:
    """Makes a form of a check that is written out."""
    return lambda of: Form(of, rung, part)


def joint(id: str, description: str, *forms: Form, **parts: Any) -> Mutant:
    """A mutant of several forms that have the same parts."""
    return Mutant(id, description, together(*(form.checks(**parts) for form in forms)))


def together(*several: Mapping[Rung, Check]) -> dict[Rung, Check]:
    """The checks of several forms by rung; where they share one, all have to confirm."""
    found: dict[Rung, list[Check]] = {}
    for checks in several:
        for rung, check in checks.items():
            found.setdefault(rung, []).append(check)
    return {rung: checks[0] if len(checks) == 1 else both(*checks) for rung, checks in found.items()}
