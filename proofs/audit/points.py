"""Points that generic ones are not: zeros, every other entry zero, ones, repeated tokens, numbers of size 3 and 100, and
past those of the code, and tiny ones; large keys along the query, and against it, so that all scores are past a threshold of
one sign; gates that are drawn between 0 and 1 next to 0, at 1, and at 0 where they may be.

Code that clamps, compares or masks computes something else there. Exact and generic points never meet them.
Main definitions: `special`, `special_row`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np

from constructions.learners import Domain
from numeric.deciding.programs import Shapes, Sizes
from numeric.entropy import Entropy
from numeric.finding import Finding, Key, Verdict
from proofs.audit.compared import How, Question, enclosed, of_one_sequence, within_rounding
from proofs.audit.enclosures import point
from proofs.audit.rows import Row
from proofs.target.case import Case

_SMALL = (20, 100)
"""Numbers are made 2 to minus these times as large: a least norm or an epsilon is larger than they are."""
_TINY, _DEEP = 100, 300
"""Gates next to 0 are 2 to minus this, or past the exponential of minus an integer of the code up to the second."""
_LARGE, _FEW = 50, 2
"""Integers of the code that numbers of size 100 do not pass twice over; so many of them are passed."""


def special(
    shapes: Shapes, sizes: Sizes, positive: Sequence[str], beyond: Sequence[int] = (), nonzero: Sequence[str] = ()
) -> dict[str, dict[str, np.ndarray]]:
    """One point of each kind, by the kind. positive: inputs between 0 and 1, which have kinds of their own; nonzero: those
    of them that are never 0. beyond: numbers to pass, and in logarithms of what is positive.
    """
    generic = point(shapes, sizes, 9, positive)

    def each(change: Callable[[np.ndarray, str], np.ndarray]) -> dict[str, np.ndarray]:
        return {n: a if n in positive else change(a.copy(), n) for n, a in generic.items()}

    def gates(size: Fraction, left: Sequence[str] = ()) -> dict[str, np.ndarray]:
        moved = [n for n in generic if n in positive and n not in left]
        return generic | {n: np.full(generic[n].shape, size, dtype=object) for n in moved} if moved else {}

    def zeros(array: np.ndarray, name: str) -> np.ndarray:
        if array.ndim:
            array[0] = Fraction(0)  # the first token, or the first entry of the query
            array[..., -1] = Fraction(0) if name == "Y" else array[..., -1]
        return array

    def sparse(array: np.ndarray, name: str) -> np.ndarray:
        if array.ndim:
            array[np.indices(array.shape).sum(0) % 2 == 0] = Fraction(0)
        return array

    def repeats(array: np.ndarray, name: str) -> np.ndarray:
        if shapes[name][:1] == ("N",):
            array[:] = array[:1]
        return array

    def sized(size: int) -> dict[str, np.ndarray]:
        sign: Any = np.vectorize(lambda v: Fraction(size if v > 0 else -size), otypes=[object])
        return each(lambda array, name: sign(array))

    def turned(sign: int) -> dict[str, np.ndarray]:
        largest = max(sizes_of_numbers)
        factors = {"X": largest, "x_q": sign * largest}
        return each(lambda array, name: abs(array) * factors[name] if name in factors else array)

    sizes_of_numbers = (3, 100, *(2 * c for c in beyond))
    ones = each(lambda array, name: array * 0 + Fraction(1))
    found = {"zeros": each(zeros), "sparse": each(sparse), "ones": ones, "repeats": each(repeats)}
    found |= {str(n): sized(n) for n in sizes_of_numbers} | {"along": turned(1), "against": turned(-1)}
    found |= {f"2^-{k}": each(partial(_times, Fraction(1, 2**k))) for k in _SMALL}
    tiny = Fraction(1, 2 ** max([_TINY, *(3 * c for c in beyond if c <= _DEEP)]))
    found |= {"tiny gates": gates(tiny), "gates of 1": gates(Fraction(1)), "gates of 0": gates(Fraction(0), nonzero)}
    return {name: here for name, here in found.items() if here}


def _times(factor: Fraction, array: np.ndarray, name: str) -> np.ndarray:
    return array * factor


def special_row(
    case: Case,
    kinds: Sequence[How],
    sizes: Sizes,
    entropy: Entropy,
    mentioned: Sequence[int] = (),
    before: Sequence[int] | None = None,
) -> Row | None:
    """Both sides at the special points, named after those that were compared; None where no rung runs at any.

    mentioned: integers of the code, the largest of which may be thresholds of data. before: those for which points were
    compared.
    """
    asked = of_one_sequence(case, sizes)
    nonzero = [p.name for p in case.chosen.parameters if p.domain is Domain.POSITIVE]
    points = special(case.shapes, sizes, case.positive, _beyond(mentioned), nonzero)
    if before is not None:
        known = special(case.shapes, sizes, case.positive, _beyond(before), nonzero)
        points = {n: here for n, here in points.items() if n not in known or not _equal(here, known[n])}
        if not points:
            return None
    for kind in (How.FLOAT, How.LIFTED, How.BALLS):
        if kind not in kinds:
            continue
        together = _at(kind, asked, list(points.values()), entropy) if kind is not How.BALLS else None
        if together is not None and together.verdict is Verdict.CONFIRMED and not together.figures[Key.UNASSESSED]:
            return Row(kind.check, sizes, together, ", ".join(points))
        agreed: dict[str, Finding] = {}
        for name, here in points.items():
            found = _at(kind, asked, [here], entropy)
            if found is not None and found.verdict is Verdict.REFUTED:
                return Row(kind.check, sizes, found, name)
            if found is not None and found.verdict is Verdict.CONFIRMED:
                agreed[name] = found
        if agreed:
            return Row(kind.check, sizes, max(agreed.values(), key=_error), ", ".join(agreed))
    return None


def _beyond(mentioned: Sequence[int]) -> list[int]:
    return [c for c in sorted(mentioned) if c > _LARGE][-_FEW:]


def _equal(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> bool:
    return all(bool((one[name] == other[name]).all()) for name in one)


def _error(found: Finding) -> float:
    """The largest error of a float run, relative to its bound; 0 where there is none."""
    share = found.figures.get(Key.SHARE)
    return share if isinstance(share, float) else 0.0


def _at(kind: How, asked: Question, points: Sequence[Mapping[str, Any]], entropy: Entropy) -> Finding | None:
    """Both sides at these points; None where one of them raises."""
    try:
        if kind is How.BALLS:
            return enclosed(asked, points)
        draws = [{n: np.asarray(a, dtype=np.float64) for n, a in here.items()} for here in points]
        return within_rounding(kind, asked, draws, entropy, followed=())
    except Exception:  # the target is anybody's code, and may refuse such numbers
        return None
