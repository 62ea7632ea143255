"""Claims of the form "no layer of this class computes that target": what the class obeys, and a point where the target
breaks it.

Main definitions: `Witness`, `impossible`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from numeric.deciding.programs import Program, fractions, rational, recorded, text
from numeric.finding import Counterexample, Finding, Verdict
from numeric.probing.planting import at_a_point
from proofs.claim import Check, Mutant, both, covering
from proofs.evidence import Extent, Rung, Settings

Point = Mapping[str, Any]


@dataclass(frozen=True)
class Witness:
    """`program` is `value` at one point of exact numbers, and that isn't zero; itself a check. `meaning` says what it is.

    A defect that is only known not to vanish would stand with another target too.
    """

    program: Program
    point: Point
    value: Any
    meaning: str

    def __post_init__(self) -> None:
        # one recording serves all rungs
        object.__setattr__(self, "program", recorded(self.program, own=True))

    def __call__(self, settings: Settings) -> Finding:
        """The program run on fractions."""
        (wanted,) = point({"value": self.value}).values()
        found, _ = rational(self.program, point(self.point))
        figures = {self.meaning: str(text(found))}
        if found.shape == wanted.shape and (found == wanted).all() and (wanted != 0).any():
            return Finding(
                Verdict.CONFIRMED,
                figures=figures,
                settings={"engine": "rational arithmetic", "point": dict(self.point)},
                trust=("rational arithmetic (FLINT)",),
            )
        inputs = {name: text(array) for name, array in point(self.point).items()}
        return Finding(
            Verdict.REFUTED,
            reason=f"{self.meaning} is {text(found)} at the witness, not {text(wanted)}",
            figures=figures,
            counterexample=Counterexample({}, inputs, text(found), text(wanted)),
        )

    def checks(self) -> dict[Rung, Check]:
        """The check on the exact rung."""
        return {Rung.EXACT: self}

    def mutant(self, id: str, description: str, **changes: Any) -> Mutant:
        """The witness with another point, value or program."""
        return Mutant(id, description, replace(self, **changes).checks())


def impossible(checks: Mapping[Rung, Check], witness: Check, *runs: Check) -> dict[Rung, Check]:
    """The class's checks, each with the witness: what a class obeys and a target breaks is impossible for it.

    The witness is one point in exact arithmetic, which needs no sizes: with a derivation it settles the claim for all of
    them. Draws settle the class's half only, and say so. runs: of the class at some point, for checks at sizes.
    """
    rest = "what the class obeys, not the witness"
    found = {}
    for rung, check in checks.items():
        if rung.extent is Extent.POINTS:
            found[rung] = covering(rest, check)
        else:
            found[rung] = both(check, shown(witness), *(runs if rung.extent is Extent.LISTED else ()))
    return found


def shown(witness: Check) -> Check:
    """`witness`, which is a proof by one point."""

    def check(settings: Settings) -> Finding:
        with at_a_point():
            return witness(settings)

    return check


def point(values: Point) -> dict[str, np.ndarray]:
    """Nested lists of exact numbers as arrays of fractions."""
    arrays = {name: np.array(value, dtype=object) for name, value in values.items()}
    return {name: fractions(array.reshape(-1).tolist(), array.shape) for name, array in arrays.items()}
