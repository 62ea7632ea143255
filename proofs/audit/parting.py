"""Where a refuted layer and its learner part: a small point run again as plain calls, the largest difference, the first N.

Main definition: `parting`. What is printed was seen in plain float64 calls; where rounding hides the difference, that is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from numeric.deciding import float_identity
from numeric.deciding.comparison import Comparison
from numeric.deciding.programs import Sizes, concrete, rational, smaller, text
from numeric.finding import Counterexample, Verdict
from proofs.audit.answer import Check, Parting, run_of
from proofs.audit.findings import Exactly
from proofs.audit.inference import infer
from proofs.audit.preflight import admits
from proofs.audit.reasons import Run
from proofs.audit.rows import CONTEXTS, FAR, Row
from proofs.target.case import Case

Point = dict[str, np.ndarray]
"""Object arrays of Fraction by name."""
_DRAWS = 4
_TRIES = 8
"""Points drawn at each size where a counterexample has to be looked for again."""
_SINGLE, _DISABLED = "float32", "no_grad"
"""Modes, by their names in the world."""
_SIZES = 12
"""Sizes tried for it, smallest first."""


def parting(case: Case, rows: Sequence[Row], at: Sizes) -> Parting | None:
    """What the refutation among `rows` looks like in plain calls; None where no point is known."""
    excused = (Check.FLOAT,) if run_of(rows)[0] is Run.LIFTED else ()  # off by its casts, which refutes nothing
    broken = [row for row in rows if row.finding.verdict is Verdict.REFUTED and not row.of(*excused)]
    row = next((row for row in broken if row.finding.counterexample is not None), None)
    found = row.finding.counterexample if row is not None else None
    far = max((row.sizes.get("N", at["N"]) for row in broken), default=at["N"])
    if row is None or found is None:
        return None
    if set(found.inputs) != set(case.shapes):  # of a call in another form, which its own check has made
        return Parting(found, reproduced=False)
    largest, sizes = _largest(case, at)
    first = _first(case, at, far)
    seen = _again(case, found)
    if seen is not None:
        return Parting(seen, True, largest, sizes, first, mode=_alone(case, seen))
    other = _other(case, found.sizes)
    if other is not None:
        return Parting(other, True, largest, sizes, first, mode=_alone(case, other))
    if row.check is not Check.MODE:
        return Parting(replace(found, note=Exactly.ONLY), False, largest, sizes, first)
    single = _plain(case, _point(found), dtype=np.float32) if row.variant == _SINGLE else None
    if single is None:
        return Parting(found, reproduced=False, mode=row.variant)  # plain calls say nothing of how much, or of where
    left, right = digits(single)
    return Parting(replace(found, left=left, right=right, note=""), mode=row.variant)


def _point(found: Counterexample) -> Point:
    return {
        name: np.vectorize(Fraction, otypes=[object])(np.array(value, dtype=object))
        for name, value in found.inputs.items()
    }


def _alone(case: Case, found: Counterexample) -> str:
    """The mode in which alone what was run again is seen: with gradients enabled the sides may have other values."""
    without, enabled = (_plain(case, _point(found), gradients) for gradients in (False, True))
    same = without is not None and enabled is not None and all(map(np.array_equal, without, enabled))
    return "" if same else _DISABLED


def _plain(
    case: Case, point: Mapping[str, np.ndarray], gradients: bool = False, dtype: type[np.floating[Any]] = np.float64
) -> tuple[np.ndarray, np.ndarray] | None:
    """Both sides as plain calls, with gradients disabled or enabled; None where one fails or is not finite."""
    data = {name: torch.tensor(np.asarray(array, dtype=dtype)) for name, array in point.items()}
    try:
        with torch.set_grad_enabled(gradients):
            left = case.layer(**data).detach().double().numpy()
            right = case.smaller(case.learner)(**data).detach().double().numpy()
    except Exception:  # anybody's code
        return None
    if left.shape != right.shape or not (np.isfinite(left).all() and np.isfinite(right).all()):
        return None
    return left, right


def _differs(case: Case, point: Point) -> tuple[np.ndarray, np.ndarray] | None:
    """The plain values, where both are finite and differ as the exact ones do (or, without those, beyond rounding)."""
    plain = _plain(case, point)
    if plain is None or not (plain[0] != plain[1]).any():
        return None
    try:
        exact = [rational(program, point)[0].reshape(-1) for program in (case.layer, case.smaller(case.learner))]
    except Exception:  # no rational value there, or none at all
        draw = {name: np.asarray(array, dtype=np.float64) for name, array in point.items()}
        try:
            judged = float_identity.decide(
                Comparison(case.layer, case.learner, names=case.sides), [draw], shrinking=False
            )
        except Exception:
            return None
        return plain if judged.verdict is Verdict.REFUTED else None
    return plain if _as_exact(plain, exact) else None


def _as_exact(plain: Sequence[np.ndarray], exact: Sequence[Any]) -> bool:
    """Whether the largest exact difference is there in the plain calls, but for less than half of it."""
    gaps = [Fraction(a) - Fraction(b) for a, b in zip(*exact, strict=True)]
    k = max(range(len(gaps)), key=lambda i: abs(gaps[i]))
    seen = Fraction(float(plain[0][k])) - Fraction(float(plain[1][k]))
    return gaps[k] != 0 and abs(seen - gaps[k]) * 2 <= abs(gaps[k])


def _again(case: Case, found: Counterexample) -> Counterexample | None:
    """The counterexample with the values of plain calls, if they show it."""
    point = _point(found)
    try:
        infer(case, dict(found.sizes))
    except Exception:
        return None
    values = _differs(case, point)
    if values is None:
        plain = _plain(case, point)
        if plain is None or not _as_exact(plain, (found.left, found.right)):
            return None
        values = plain
    return _shown(case, found.sizes, point, values)


def _shown(case: Case, sizes: Sizes, point: Point, values: Sequence[np.ndarray]) -> Counterexample:
    inputs = {name: text(array) for name, array in point.items()}
    left, right = digits(values)
    return Counterexample(sizes, inputs, left, right, *case.sides)


def digits(sides: Sequence[Sequence[Any] | np.ndarray]) -> list[list[str]]:
    """The numbers of both sides to 12 digits, or to all where those are the same."""
    short = [[f"{v:.12g}" for v in side] for side in sides]
    return short if short[0] != short[1] else [[repr(float(v)) for v in side] for side in sides]


def simplified(arrays: Iterable[np.ndarray], holds: Callable[[], bool]) -> None:
    """Put 0, or else 1, in place of each number of these arrays, one after the other, wherever `holds` stays true."""
    for array in arrays:
        for index in np.ndindex(array.shape):
            for simple in (Fraction(0), Fraction(1)):
                if array[index] == simple:
                    break
                before = array[index]
                array[index] = simple
                if holds():
                    break
                array[index] = before


def _points(case: Case, sizes: Sizes, salt: int) -> Iterator[Point]:
    """Small numbers: halves from 1/2 to 5/2, of both signs where the input may have one."""
    generator = np.random.default_rng(salt)
    for _ in range(_TRIES):
        point = {}
        for name, shape in concrete(case.shapes, sizes).items():
            halves = generator.integers(1, 6, size=shape)
            if name in case.positive:
                values = np.vectorize(lambda v: Fraction(int(v), 6), otypes=[object])(halves)
            else:
                signed = halves * generator.choice([1, 1, -1], size=shape)
                values = np.vectorize(lambda v: Fraction(int(v), 2), otypes=[object])(signed)
            point[name] = np.asarray(values, dtype=object).reshape(shape)
        yield point


def _other(case: Case, sizes: Sizes) -> Counterexample | None:
    """Another counterexample, at which plain calls are finite and differ: sizes from the smallest, entries then simpler."""
    for turn, here in enumerate(smaller({name: max(size, 3) for name, size in sizes.items()})):
        if turn >= _SIZES:
            return None
        if not admits(case, here):
            continue
        for point in _points(case, here, turn):
            values = _differs(case, point)
            if values is not None:
                return _simplest(case, here, point)
    return None


def _simplest(case: Case, sizes: Sizes, point: Point) -> Counterexample:
    simplified(point.values(), lambda: _differs(case, point) is not None)
    values = _differs(case, point)
    assert values is not None
    return _shown(case, sizes, point, values)


def _largest(case: Case, at: Sizes) -> tuple[float | None, dict[str, int]]:
    """The largest difference on Gaussian draws, relative to the largest output there, and at which sizes."""
    worst, sizes = None, dict(at)
    for N in dict.fromkeys((*CONTEXTS, at["N"], FAR)):
        here = {**at, "N": N}
        if not admits(case, here):
            continue
        for draw in range(_DRAWS):
            data = case.draw(here, torch.Generator().manual_seed(draw))
            values = _plain(case, {name: tensor.numpy() for name, tensor in data.items()})
            size = max((float(np.abs(side).max()) for side in values), default=0.0) if values is not None else 0.0
            if values is None or not size:
                continue
            gap = float(np.abs(values[0] - values[1]).max()) / size
            if worst is None or gap > worst:
                worst, sizes = gap, here
    return worst, sizes


def _first(case: Case, at: Sizes, far: int) -> int | None:
    """The first N at which the sides part by more than half of a float32's digits, at the audit's f and m, one point each."""
    for N in range(1, min(far, FAR) + 1):
        here = {**at, "N": N}
        if not admits(case, here):
            continue
        point = next(_points(case, here, N))
        plain = _plain(case, point)
        if plain is None or np.abs(plain[0] - plain[1]).max() <= 2.0**-12 * max(np.abs(side).max() for side in plain):
            continue  # exact numbers are asked where there is something to see
        if _differs(case, point) is not None:
            return N
    return None
