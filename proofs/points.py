"""Points that generic ones are not: zeros, ones, repeated tokens, numbers of size 3 and 100.

Code that clamps, compares or masks computes something else there. Exact and generic points never meet them.
Main definitions: `special`, `special_row`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from numeric.entropy import Entropy
from numeric.finding import Finding, Verdict
from numeric.programs import Shapes, Sizes
from proofs.audit_rows import Row
from proofs.case import Case
from proofs.compared import How, Question, enclosed, within_rounding
from proofs.enclosures import point

NAME = "zeros, ones, repeats, 3, 100"


def special(shapes: Shapes, sizes: Sizes, positive: Sequence[str]) -> list[dict[str, np.ndarray]]:
    """One point of each kind; inputs that have to be positive stay as they are."""
    generic = point(shapes, sizes, 9, positive)

    def each(change: Callable[[np.ndarray, str], np.ndarray]) -> dict[str, np.ndarray]:
        return {n: a if n in positive else change(a.copy(), n) for n, a in generic.items()}

    def zeros(array: np.ndarray, name: str) -> np.ndarray:
        if array.ndim:
            array[0] = Fraction(0)  # the first token, or the first entry of the query
            array[..., -1] = Fraction(0) if name == "Y" else array[..., -1]
        return array

    def repeats(array: np.ndarray, name: str) -> np.ndarray:
        if shapes[name][:1] == ("N",):
            array[:] = array[:1]
        return array

    def sized(size: int) -> dict[str, np.ndarray]:
        sign: Any = np.vectorize(lambda v: Fraction(size if v > 0 else -size), otypes=[object])
        return each(lambda array, name: sign(array))

    ones = each(lambda array, name: array * 0 + Fraction(1))
    return [each(zeros), ones, each(repeats), sized(3), sized(100)]


def special_row(case: Case, kinds: Sequence[How], sizes: Sizes, entropy: Entropy) -> Row | None:
    """Both sides at the special points; None where no rung runs there."""
    asked = Question(case.layer, case.learner, case.shapes, sizes, case.positive)
    points = special(case.shapes, sizes, case.positive)
    for kind in (How.FLOAT, How.LIFTED, How.BALLS):
        if kind in kinds:
            found = _at(case, kind, asked, points, entropy)
            if found.verdict in (Verdict.CONFIRMED, Verdict.REFUTED):
                return Row(f"{kind}, {NAME}", sizes, found)
    return None


def _at(case: Case, kind: How, asked: Question, points: Sequence[Mapping[str, Any]], entropy: Entropy) -> Finding:
    """Points at which a side has no value are left out."""
    last = Finding(Verdict.UNDECIDED, reason="no side has a value at any of the points")
    for here in points:
        try:
            if kind is How.BALLS:
                found = enclosed(asked, [here])
            else:
                draw = {n: np.asarray(a, dtype=np.float64) for n, a in here.items()}
                found = within_rounding(case, kind, asked, [draw], entropy)
        except Exception:  # the target is anybody's code, and may refuse such numbers
            continue
        if found.verdict is Verdict.REFUTED:
            return found
        last = found if found.verdict is Verdict.CONFIRMED else last
    return last
