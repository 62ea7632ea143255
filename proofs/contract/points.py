"""Where an operator's formula has a value, its outputs are finite: gates at 0, equal keys, zero keys, many tokens.

At such a point plain calls are made. If outputs are not finite there, the formula is asked: points beside it, in two directions,
whose outputs agree, show that it has a limit; exact enclosures of the recorded code (Arb, whose exponents have no end) show
that numbers overflow on the way to a result that does not.
Main definition: `finite`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from constructions.learners import Domain
from numeric.deciding.programs import Sizes, text
from numeric.entropy import Entropy
from numeric.finding import Counterexample, Finding, Quantity, Verdict
from numeric.trust import Trust
from proofs.audit.longer import Counted, TooMany
from proofs.audit.rows import Check, Row
from proofs.contract.findings import At, NotFiniteAt, NoValue, TooLong
from proofs.contract.operator import Operator, drawn
from proofs.target.calling import raised

_BESIDE = 2.0**-40
"""How far from a special point its neighbours are."""
_NEAR = 2.0**-20
"""By which part outputs at two neighbours may differ, where they have a limit."""
_STRONG = 2.0**-20
"""A decay in one token."""
_OPERATIONS = 40_000
"""Of torch, that a long call may take."""
_LARGEST = 2.0**1000
"""Below float64's largest number."""
SIDES = ("operator", "beside")

Point = dict[str, np.ndarray]


@dataclass(frozen=True)
class _Special:
    """A point: which input is set, and how. value: None sets nothing; equal: all tokens get the first one's."""

    at: At
    name: str = ""
    value: float | None = None
    equal: bool = False

    def put(self, point: Mapping[str, np.ndarray], away: Point | None = None) -> Point:
        """This point, or beside it, in the direction `away`."""
        out = dict(point)
        if self.name:
            base = out[self.name]
            if self.equal:
                base = np.broadcast_to(base[:, :1], base.shape).copy()
            elif self.value is not None:
                base = np.full(base.shape, self.value)
            out[self.name] = base if away is None else base + _BESIDE * away[self.name]
        return out


def finite(operator: Operator, small: Sequence[Sizes], long: Sequence[Sizes], entropy: Entropy) -> list[Row]:
    """One row a special point. small: sizes of short calls, the first of which has to run; long: those of many tokens."""
    rows = [_row(operator, special, small, entropy) for special in _specials(operator)]
    for sizes in long:
        decays = _decays(operator)
        points = [_Special(At.LONG), *(_Special(At.STRONG_DECAY, name, _STRONG) for name in decays)]
        for special in points:
            rows.append(_row(operator, special, [sizes], entropy))
    return rows


def _decays(operator: Operator) -> list[str]:
    case = operator.case
    return [p.name for p in case.chosen.parameters if p.domain is Domain.UNIT and p.name in operator.shapes]


def _specials(operator: Operator) -> Iterator[_Special]:
    domains = {p.name: p.domain for p in operator.case.chosen.parameters}
    for name in operator.case.axes:
        if domains.get(name) is not Domain.POSITIVE:
            yield _Special(At.ZERO_GATE, name, 0.0)
    yield _Special(At.EQUAL_KEYS, "k", equal=True)
    yield _Special(At.ZERO_KEYS, "k", 0.0)
    yield _Special(At.ZERO_QUERIES, "q", 0.0)


def _row(operator: Operator, special: _Special, tried: Sequence[Sizes], entropy: Entropy) -> Row:
    """The row of this point."""
    sizes = tried[-1]
    point = drawn(operator.case, operator.shapes, sizes, entropy.child("point", special.at.value, special.name))
    variant = special.name if special.at is At.ZERO_GATE else ""
    name = special.at.value + (f": {variant}" if variant else "")
    try:
        out = _called(operator, special.put(point))
    except TooMany:
        return Row(Check.SAMPLED, sizes, Finding(Verdict.NOT_RUN, reason=TooLong(_OPERATIONS)), name)
    except Exception as error:  # the target is anybody's code
        valued = special.at in (At.LONG, At.STRONG_DECAY) or _formula(operator, special, point, entropy) is not None
        if valued:
            return Row(Check.SAMPLED, sizes, Finding(Verdict.UNDECIDED, reason=raised(error)), name)
        return Row(Check.SAMPLED, sizes, Finding(Verdict.NOT_RUN, reason=NoValue(special.at)), name)
    if bool(torch.isfinite(out).all()):
        figures: dict[str, Quantity] = {"outputs compared": out.numel()}
        return Row(Check.SAMPLED, sizes, Finding(Verdict.CONFIRMED, figures=figures, trust=(Trust.POINTS,)), name)
    size = _formula(operator, special, point, entropy)
    if size is None:
        return Row(Check.SAMPLED, sizes, Finding(Verdict.NOT_RUN, reason=NoValue(special.at)), name)
    found, here = _smallest(operator, special, tried, entropy)
    value = "nan" if bool(torch.isnan(found[1]).any()) else "inf"
    told = _told(found, here, size)
    reason = NotFiniteAt(special.at, variant, value, size)
    return Row(Check.SAMPLED, here, Finding(Verdict.REFUTED, reason=reason, counterexample=told), name)


def _called(operator: Operator, point: Mapping[str, np.ndarray]) -> Tensor:
    with torch.no_grad(), Counted(_OPERATIONS):
        found: Tensor = operator.full(**{n: torch.tensor(a) for n, a in point.items()})
    return found


def _formula(operator: Operator, special: _Special, point: Point, entropy: Entropy) -> float | None:
    """The size of the formula's largest output at a point where the code has none; None where nothing shows that it has one."""
    if special.name and special.at is not At.STRONG_DECAY:
        outs = []
        for salt in range(2):
            away = {n: np.abs(a) for n, a in _away(point, entropy.child("away", salt)).items()}
            try:
                outs.append(_called(operator, special.put(point, away)))
            except (Exception, TooMany):  # the target is anybody's code
                return None
        one, other = outs
        size = float(one.abs().max())
        near = bool(torch.isfinite(one).all() and torch.isfinite(other).all())
        return size if near and float((one - other).abs().max()) <= _NEAR * max(size, _NEAR) else None
    return _enclosed(operator, special.put(point))


def _away(point: Point, entropy: Entropy) -> Point:
    generator = np.random.default_rng(entropy.below(2**31))
    return {n: generator.standard_normal(a.shape) for n, a in point.items()}


def _enclosed(operator: Operator, point: Point) -> float | None:
    """The largest output of the recorded code in balls, where all are below float64's largest number."""
    from numeric.deciding.balls import evaluate

    exact = {n: np.vectorize(_fraction, otypes=[object])(a) for n, a in point.items()}
    try:
        out, _ = evaluate(operator.full, exact)
        sizes = [float(abs(ball).upper()) for ball in out.reshape(-1)]
    except Exception:  # no rule, or a comparison that no precision decides
        return None
    return max(sizes) if sizes and max(sizes) < _LARGEST else None


def _fraction(number: float) -> object:
    from fractions import Fraction

    return Fraction(float(number))


def _smallest(
    operator: Operator, special: _Special, tried: Sequence[Sizes], entropy: Entropy
) -> tuple[tuple[Point, Tensor], Sizes]:
    """The first of the sizes at which outputs are not finite, with the point and them."""
    last: tuple[tuple[Point, Tensor], Sizes] | None = None
    for sizes in tried:
        generator = np.random.default_rng(entropy.child("small").below(2**31))
        drawn_here = drawn(
            operator.case, operator.shapes, sizes, entropy.child("point", special.at.value, special.name)
        )
        rounded = {
            n: a if n in operator.case.positive else generator.integers(1, 3, a.shape).astype(float)
            for n, a in drawn_here.items()
        }
        rounded = {n: np.round(4 * a) / 4 if n in operator.case.positive else a for n, a in rounded.items()}
        rounded = {n: np.where(a == 0, 0.25, a) if n in operator.case.positive else a for n, a in rounded.items()}
        for base in (rounded, drawn_here):
            point = special.put(base)
            try:
                out = _called(operator, point)
            except (Exception, TooMany):  # the target is anybody's code
                continue
            last = last or ((point, out), sizes)
            if not bool(torch.isfinite(out).all()):
                return (point, out), sizes
    assert last is not None
    return last


def _told(found: tuple[Point, Tensor], sizes: Sizes, size: float) -> Counterexample:
    point, out = found
    shown = {n: text(np.vectorize(lambda v: f"{v:.12g}", otypes=[object])(a)) for n, a in point.items()}
    numbers = [f"{v:.6g}" for v in out.reshape(-1).tolist()]
    return Counterexample(dict(sizes), shown, numbers, f"{size:.3g}", *SIDES)
