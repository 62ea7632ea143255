"""One question of a contract on the strongest rung that answers it, and a counterexample that plain calls show.

Exactly in GF(p) where the code records, with float runs beside it; else plain calls: the same bits, within derived rounding
bounds, in balls, or apart by far more than float32 is from float64. Main definitions: `Judge`, `small`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from torch import Tensor

from numeric.deciding.findings import NoExactMeaning
from numeric.deciding.programs import Sizes, concrete, text
from numeric.entropy import Entropy
from numeric.finding import Counterexample, Finding, Flag, Key, Quantity, Told, Verdict
from numeric.tape.notes import Cast
from numeric.trust import Trust
from proofs.audit.answer import Place
from proofs.audit.compared import How, compared, within_rounding
from proofs.audit.findings import FewDigits
from proofs.audit.longer import operations
from proofs.audit.parting import digits
from proofs.audit.rows import BEYOND, Check, Row
from proofs.audit.sweep import PART
from proofs.contract.findings import CutAfter, OnlyExactly, OtherNumbers, TooLong, Why
from proofs.contract.operator import Asked, Operator, drawn
from proofs.target.calling import raised

_DRAWS = 2
_OPERATIONS = 20_000
"""Of torch, that the plain calls of a question may take."""
_PASSES = 4
"""Rounds in which a counterexample of plain calls is made simpler."""
_TRIES = 400
"""Plain calls that this may cost."""

FLAT = "flat"
"""Axes of a result: see `small`."""
Point = dict[str, np.ndarray]


@dataclass
class Judge:
    """Decides questions of one target. exact: whether exact arithmetic is tried, which it is no more where the first question
    did not get through it; known: whether one did."""

    entropy: Entropy
    target_log2: float
    exact: bool = True
    known: bool = False

    def row(self, what: str, asked: Asked, variant: str = "") -> Row:
        """The answer with the rung that gave it. what: names the points that are drawn."""
        entropy = self.entropy.child(what, variant)
        draws = self._draws(asked, entropy)
        try:
            taken = operations(asked, draws[0], _OPERATIONS)
        except Exception as error:  # the target is anybody's code
            return Row(Check.SAMPLED, asked.sizes, Finding(Verdict.UNDECIDED, reason=raised(error)), variant)
        if taken > _OPERATIONS:
            why = TooLong(_OPERATIONS)
            return Row(Check.SAMPLED, asked.sizes, Finding(Verdict.UNDECIDED, reason=why), variant)
        if self.exact:
            found = compared(How.EXACT, asked, entropy, self.target_log2)
            self.known = self.known or found.verdict is not Verdict.UNDECIDED
            self.exact = self.known or not isinstance(found.reason, NoExactMeaning)
            if found.verdict is Verdict.REFUTED and not shows(asked, draws):
                found = Finding(Verdict.UNDECIDED, reason=Why.REPEATS_NOTHING)
            if found.verdict is Verdict.CONFIRMED:
                return run_too(asked, draws, entropy, Row(Check.EXACT, asked.sizes, found, variant))
            if found.verdict is not Verdict.UNDECIDED:
                return Row(Check.EXACT, asked.sizes, found, variant)
        return self._sampled(asked, draws, entropy, variant)

    def plain(self, what: str, asked: Asked, variant: str) -> Row:
        """The answer of plain calls alone, which is cheap in long ones: a small part of the numbers may differ by rounding."""
        draws = self._draws(asked, self.entropy.child(what, variant))
        try:
            taken = operations(asked, draws[0], _OPERATIONS)
            small = taken <= _OPERATIONS and all(_largest(*values(asked, draw)) <= PART for draw in draws)
        except Exception as error:  # the target is anybody's code
            return Row(Check.SAMPLED, asked.sizes, Finding(Verdict.UNDECIDED, reason=raised(error)), variant)
        if taken > _OPERATIONS:
            found = Finding(Verdict.UNDECIDED, reason=TooLong(_OPERATIONS))
        elif small:
            found = Finding(Verdict.CONFIRMED)  # on which nothing that is said to be kept rests
        else:
            found = by_precision(asked, draws)
        return Row(Check.SAMPLED, asked.sizes, found, variant)

    def _draws(self, asked: Asked, entropy: Entropy) -> list[Point]:
        """Points at which long calls have numbers: keys are short, decays near 1."""
        return [drawn(asked.case, asked.shapes, asked.sizes, entropy.child("draw", k)) for k in range(_DRAWS)]

    def _sampled(self, asked: Asked, draws: list[Point], entropy: Entropy, variant: str) -> Row:
        same = same_bits(asked, draws)
        if same is not None:
            return Row(Check.SAMPLED, asked.sizes, same, variant)
        for kind in (How.FLOAT, How.LIFTED, How.BALLS):
            balls = kind is How.BALLS
            found = compared(kind, asked, entropy, self.target_log2) if balls else bounded(kind, asked, draws, entropy)
            if found.verdict is Verdict.CONFIRMED or (found.verdict is Verdict.REFUTED and kind is not How.FLOAT):
                return Row(kind.check, asked.sizes, found, variant)
        return Row(Check.SAMPLED, asked.sizes, by_precision(asked, draws), variant)


def run_too(asked: Asked, draws: list[Point], entropy: Entropy, exact: Row) -> Row:
    """An exact row, if the float runs hold it too: within their rounding bounds, and but for a small part of the numbers.

    Where a cast to float32 explains a difference, the row of runs without it, with the cast among its flags; undecided where
    nothing does, or where rounding, as in a detour by huge numbers, is as large as that.
    """
    if same_bits(asked, draws) is not None:
        return exact
    try:
        apart = [_largest(*values(asked, draw)) for draw in draws]
        found = within_rounding(How.FLOAT, asked, draws, entropy, here=True)
    except Exception as error:  # the target is anybody's code
        found, apart = Finding(Verdict.UNDECIDED, reason=raised(error)), []
    small = all(part <= PART for part in apart)  # which no NaN is
    cast = any(isinstance(flag, Flag) and isinstance(flag.what, Cast) for flag in exact.finding.flags)
    if small and (found.verdict is Verdict.CONFIRMED or (found.verdict is Verdict.UNDECIDED and apart and not cast)):
        return exact
    if small:
        lifted = bounded(How.LIFTED, asked, draws, entropy)
        if lifted.verdict is Verdict.CONFIRMED:
            flags = (*exact.finding.flags, *found.flags, *lifted.flags)
            return replace(exact, check=How.LIFTED.check, finding=replace(lifted, flags=flags))
    why = OnlyExactly(max(apart)) if apart else found.reason
    open = Finding(Verdict.UNDECIDED, reason=why, flags=exact.finding.flags)
    return replace(exact, check=Check.FLOAT, finding=open)


def values(asked: Asked, draw: Mapping[str, np.ndarray], dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    """Both sides as plain calls."""
    with torch.no_grad():
        one, other = (
            side(**{n: torch.tensor(np.asarray(a, dtype=np.float64)).to(dtype) for n, a in draw.items()})
            for side in (asked.left, asked.right)
        )
    return one, other


def same_bits(asked: Asked, draws: list[Point]) -> Finding | None:
    """The finding of plain calls with the same bits; None where they have others, or raise."""
    count = 0
    for draw in draws:
        try:
            one, other = values(asked, draw)
        except Exception:  # the target is anybody's code
            return None
        if one.shape != other.shape or not torch.equal(one, other) or not bool(torch.isfinite(one).all()):
            return None
        count += one.numel()
    figures: dict[str, Quantity] = {"outputs compared": count, "draws": len(draws)}
    return Finding(Verdict.CONFIRMED, figures=figures, trust=(Trust.POINTS,))


def bounded(kind: How, asked: Asked, draws: list[Point], entropy: Entropy) -> Finding:
    """Whether plain calls agree within rounding bounds that leave a digit of the largest number."""
    try:
        found = within_rounding(kind, asked, draws, entropy, here=True)
        size = min(float(values(asked, draw)[1].abs().max()) for draw in draws)
    except Exception as error:  # the target is anybody's code
        return Finding(Verdict.UNDECIDED, reason=raised(error))
    bound = found.figures.get(Key.BOUND)
    if found.verdict is Verdict.CONFIRMED and not (isinstance(bound, (int, float)) and 10 * bound < size):
        return Finding(Verdict.UNDECIDED, reason=FewDigits(0))
    return found


def by_precision(asked: Asked, draws: list[Point]) -> Finding:
    """A refutation where the sides differ by far more than a run in float32 does from one in float64."""
    worst = 0.0
    for draw in draws:
        try:
            one, other = values(asked, draw)
            coarse, _ = values(asked, draw, torch.float32)
        except Exception as error:  # the target is anybody's code
            return Finding(Verdict.UNDECIDED, reason=raised(error))
        if one.shape != other.shape:
            return Finding(Verdict.UNDECIDED, reason=Why.NO_BOUND)
        part, change = _largest(one, other), _largest(coarse.double(), one)
        worst = max(worst, part)
        if part > BEYOND * max(change, torch.finfo(torch.float32).eps):
            return Finding(Verdict.REFUTED, reason=OtherNumbers("", part), trust=(Trust.COARSE,))
    return Finding(Verdict.UNDECIDED, reason=Why.NO_BOUND, figures={"largest difference": worst})


def _largest(one: Tensor, other: Tensor) -> float:
    """The largest difference, as a part of the largest number."""
    size = float(other.abs().max()) if other.numel() else 0.0
    return float((one - other).abs().max()) / size if size > 0 else 0.0


def shows(asked: Asked, draws: list[Point]) -> bool:
    """Whether plain calls differ at one of these points by more than rounding allows."""
    return any(differs(asked, draw) for draw in draws)


def differs(asked: Asked, draw: Mapping[str, np.ndarray]) -> bool:
    """Whether plain calls differ here by more than rounding allows."""
    try:
        one, other = values(asked, draw)
    except Exception:  # the target is anybody's code
        return False
    if one.shape != other.shape:
        return True
    if torch.equal(one, other) or not bool(torch.isfinite(one).all() and torch.isfinite(other).all()):
        return False
    if _largest(one, other) > PART:
        return True
    held = asked.lifting(True)
    try:
        found = within_rounding(How.LIFTED, held, [draw], Entropy(0), here=True)
    except Exception:  # the target is anybody's code
        return False
    return found.verdict is Verdict.REFUTED


# --------------------------------------------------------------------------------------------------------------------
# Counterexamples


@dataclass(frozen=True)
class Shown:
    """A counterexample as plain calls show it, and the first output that is wrong there."""

    counterexample: Counterexample | None
    reproduced: bool
    place: Place | None


def small(asked: Asked, row: Row, entropy: Entropy, axes: str) -> Shown:
    """The smallest counterexample that was found: that of exact arithmetic, if plain calls show it, else one that they find.

    axes: those of the programs' results, from the left: c for a cut, n, b, h; `FLAT`: a cut, then the outputs of all and the
    state after as one row.
    """
    told = row.finding.counterexample
    exact = _again(asked, told, axes) if told is not None and told.inputs else None
    if exact is not None and row.check is Check.EXACT:
        return exact
    point, sizes = _smaller(asked, entropy)
    if point is None:
        return exact or Shown(told, False, None)
    here = replace(asked, sizes=sizes)
    return Shown(_told(here, point, axes), True, _place(here, point, axes))


def _again(asked: Asked, told: Counterexample, axes: str) -> Shown | None:
    """An engine's counterexample with the values of plain calls, if these show it."""
    exact = {n: np.vectorize(Fraction, otypes=[object])(np.array(v, dtype=object)) for n, v in told.inputs.items()}
    draw = {n: np.asarray(a, dtype=np.float64) for n, a in exact.items()}
    here = replace(asked, sizes={**asked.sizes, **told.sizes})
    if not differs(here, draw):
        return None
    return Shown(_told(here, draw, axes), True, _place(here, draw, axes))


def _told(asked: Asked, draw: Mapping[str, np.ndarray], axes: str) -> Counterexample:
    one, other = values(asked, draw)
    note: Told = ""
    if (axes.startswith("c") or axes == FLAT) and one.shape == other.shape:  # the first cut that shows it is enough
        off = (one != other).flatten(1).any(1).nonzero()
        first = int(off[0]) if len(off) else 0
        one, other, note = one[first], other[first], CutAfter(asked.operator.cuts_of(asked.sizes["N"])[first])
    left, right = digits([side.reshape(-1).tolist() for side in (one, other)])
    shown = {n: text(np.vectorize(_short, otypes=[object])(a)) if np.size(a) else [] for n, a in draw.items()}
    return Counterexample(dict(asked.sizes), shown, left, right, *asked.names, note=note)


def _short(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else repr(float(number))


def _place(asked: Asked, draw: Mapping[str, np.ndarray], axes: str) -> Place | None:
    """The first output that differs, by position, entry and head, counted from 1; None where that is in the state."""
    one, other = values(asked, draw)
    if not axes or one.shape != other.shape:
        return None
    off = (one - other).abs() > PART * max(float(one.abs().max()), float(other.abs().max()))
    if axes == FLAT:
        shape = [asked.sizes[name] for name in ("B", "N", "H", "m")]
        off, axes = off[:, : math.prod(shape)].reshape(-1, *shape), "cbnh"
    where = off.nonzero().tolist()
    if not where:
        return None
    order = [axes.index(a) for a in "nbh" if a in axes]
    first = min(where, key=lambda index: [index[k] for k in order])
    at = {a: first[axes.index(a)] + 1 if a in axes else 0 for a in "nbh"}
    return Place(at["n"], at["b"], at["h"])


def _smaller(asked: Asked, entropy: Entropy) -> tuple[Point | None, Sizes]:
    """A point at which plain calls differ: at the first number of tokens, widths of 1 if they show it, and as many zeros as
    a few rounds of trying leave."""
    full = dict(asked.sizes)
    tokens = [N for N in range(1, full["N"] + 1) if N <= 9 or full["N"] == N or N in _near(asked.operator, full["N"])]
    for others in ({"f": 1, "m": 1}, {}):
        for cells in ({"B": 1, "H": 1}, {"B": min(full["B"], 2), "H": min(full["H"], 2)}):
            for N in tokens:
                sizes = {**full, **others, **cells, "N": N}
                here = replace(asked, sizes=sizes)
                if not asked.admits(sizes):
                    continue
                point = _integers(here, entropy)
                if differs(here, point):
                    return _zeroed(here, point), sizes
    return None, full


def _near(operator: Operator, N: int) -> set[int]:
    """Numbers of tokens around where a long call is cut."""
    return {t for c in operator.cuts for t in (c, c + 1, c + 2) if t <= N}


def _integers(asked: Asked, entropy: Entropy) -> Point:
    """A point of small integers, and of quarters where numbers have to be between 0 and 1."""
    generator = np.random.default_rng(entropy.child("point").below(2**31))
    found: Point = {}
    for name, shape in concrete(asked.shapes, asked.sizes).items():
        base = name.removesuffix("_other")
        if base in asked.positive:
            found[name] = generator.integers(1, 4, shape) / 4
        else:
            found[name] = generator.integers(-2, 3, shape).astype(np.float64)
            if base not in ("q", "k", "v", "S"):
                found[name] = np.where(found[name] == 0, 1.0, found[name])
    return found


def _zeroed(asked: Asked, point: Point) -> Point:
    """The point with zeros, then ones, where it differs all the same: in halves first, then by entries."""
    tries = 0
    for value in (0.0, 1.0):
        for _ in range(_PASSES):
            changed = False
            for name, array in point.items():
                if value == 0.0 and name.removesuffix("_other") in asked.positive:
                    continue
                for part in _parts(array):
                    if tries > _TRIES or not np.any((array[part] != value) & (array[part] != 0)):
                        continue
                    tries += 1
                    tried = {n: np.array(a) for n, a in point.items()}
                    tried[name][part] = np.where(tried[name][part] == 0, 0.0, value)
                    if differs(asked, tried):
                        point, array, changed = tried, tried[name], True
            if not changed:
                break
    return point


def _parts(array: np.ndarray) -> list[tuple[Any, ...]]:
    """All entries, each index of each axis, each entry."""
    found: list[tuple[Any, ...]] = [(Ellipsis,)]
    for axis, size in enumerate(array.shape):
        found += [(*[slice(None)] * axis, k) for k in range(size)] if size > 1 else []
    if array.size <= 32:
        found += list(np.ndindex(array.shape))
    return found
