"""What a refuted audit can suggest: other ways to call the target, or a factor, with which the sides agree in floats.

A hint is looked for on a few float64 draws, and tried on exact numbers, where those run, before it is printed; the audit
that it suggests is the evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor

from numeric.deciding import exact_identity
from numeric.deciding.comparison import Comparison
from numeric.deciding.programs import Sizes
from numeric.entropy import Entropy
from numeric.finding import Told, Verdict
from proofs.audit.inference import infer
from proofs.audit.notes import Factor, Hint, OtherAdapter
from proofs.target.adapters import Adapter, adapt, library, named
from proofs.target.case import NAMES, READOUT, Case
from proofs.target.gates import Value, value
from proofs.target.loading import Target, TargetError

_EXPRESSIONS = (
    "N",
    "1/N",
    "f",
    "1/f",
    "m",
    "1/m",
    "N/(N+1)",
    "N/(N-1)",
    "N/f",
    "f/N",
    "N/m",
    "m/N",
    "f**-0.5",
    "f**0.5",
    "m**-0.5",
    "m**0.5",
)
_DRAWS = 3
_ALIKE = 2.0**-14
"""Relative difference that counts as agreement: a cast to float32 inside is not to hide a hint."""

_SHORT = 2.0**-40
"""Relative difference up to which a factor is taken for the fraction beside it, which is then tried."""

Pairs = Sequence[tuple[Tensor, Tensor]]


def hints(case: Case, target: Target, adapter: Any, gates: Mapping[str, str], sizes: Sizes) -> list[Told]:
    """Suggestions, the likeliest first; none if nothing agrees."""
    generator = torch.Generator().manual_seed(0)
    draws = [case.draw(sizes, generator) for _ in range(_DRAWS)]
    found: list[Told] = []
    pairs = _pairs(case.layer, case.learner, draws)
    if _agree(pairs):  # what parts them is not how one sequence is called
        return []
    factor = _factor(pairs)
    if factor is not None and READOUT not in case.gates:
        shown, general = _expression(case, factor, sizes)
        scaled = {**case.gates, READOUT: shown}
        if _tried(case.anew(scaled), sizes):
            found.append(Factor(shown, None if general else tuple(sizes.items())))
    if case.chosen.order and _agree(_pairs(case.layer, case.learner, draws, turned=True)):
        found.append(Hint.REVERSED)
    for name, convention in library().items():
        layouts = [named(name, variant) for variant in convention.layouts]
        if adapter in layouts:
            others = _others(case, target, adapter, layouts, gates, sizes)
            found += map(OtherAdapter, others)
            found += [convention.reminder] if convention.reminder and not found else []
    return found


def _expression(case: Case, factor: float, sizes: Sizes) -> tuple[str, bool]:
    """The factor as an expression in the sizes that holds at other sizes too, else as a number, and whether that does."""
    elsewhere = {"N": sizes["N"] + 2, "f": 2 * sizes["f"], "m": 2 * sizes["m"] + 1}
    draws = [case.draw(elsewhere, torch.Generator().manual_seed(k)) for k in range(_DRAWS)]
    other = _factor(_pairs(case.layer, case.learner, draws))
    for text in _EXPRESSIONS if other is not None else ():
        values = []
        for here in (sizes, elsewhere):
            held = value(text, {n: Value(Fraction(size)) for n, size in here.items()}).held
            values.append(float(held))
        if all(abs(v - seen) <= _ALIKE * abs(v) for v, seen in zip(values, (factor, other), strict=True) if seen):
            return text, True
    short = Fraction(factor).limit_denominator(1000)
    same = other is not None and abs(other - factor) <= _ALIKE * abs(factor)
    return str(short) if abs(float(short) - factor) <= _SHORT * abs(factor) else repr(factor), same


def _others(
    case: Case, target: Target, adapter: str, layouts: Sequence[str], gates: Mapping[str, str], sizes: Sizes
) -> list[str]:
    found = []
    for other in layouts:
        if other == adapter:
            continue
        try:
            changed: Adapter = adapt(target, other)
            twin = case.anew(gates, changed)
            infer(twin, sizes)
            draws = [twin.draw(sizes, torch.Generator().manual_seed(k)) for k in range(_DRAWS)]
            pairs = _pairs(twin.layer, twin.learner, draws)
        except TargetError:
            continue
        except Exception:  # the other layout does not fit the target
            continue
        scaled = [(left, right * sizes["f"] ** -0.5) for left, right in pairs]
        if (_agree(pairs) and _tried(twin, sizes)) or (
            _agree(scaled) and _tried(case.anew({**gates, READOUT: "f**-0.5"}, changed), sizes)
        ):
            found.append(other)
    return found


def _tried(case: Case, sizes: Sizes) -> bool:
    """Whether the case is not refuted on exact numbers: a difference too small for floats to show is one."""
    try:
        infer(case, sizes)
        found = exact_identity.decide(
            Comparison(case.layer, case.learner, case.shapes, sizes, entropy=Entropy(0), names=NAMES), shrinking=False
        )
    except Exception:  # anybody's code
        return False
    return found.verdict is not Verdict.REFUTED


def _pairs(
    left: Callable[..., Any], right: Callable[..., Any], draws: Sequence[Mapping[str, Tensor]], turned: bool = False
) -> Pairs:
    out = []
    for draw in draws:
        other = {n: t.flip(0) if turned and n in ("X", "Y") else t for n, t in draw.items()}
        try:
            with torch.no_grad():
                out.append((left(**draw).double(), right(**other).double()))
        except Exception:  # a side that does not run gives no hint
            return []
    return out


def _agree(pairs: Pairs) -> bool:
    return bool(pairs) and all(float((a - b).abs().max()) <= _ALIKE * float(b.abs().max()) for a, b in pairs)


def _factor(pairs: Pairs) -> float | None:
    """The number that all left sides are times the right ones, unless it is 1."""
    ratios = torch.cat([(a / b).reshape(-1) for a, b in pairs]) if pairs else torch.zeros(0)
    if not len(ratios) or not bool(torch.isfinite(ratios).all()) or float(ratios.abs().min()) == 0:
        return None
    middle = float(ratios.median())
    alike = bool(((ratios - middle).abs() <= _ALIKE * abs(middle)).all())
    return middle if alike and abs(middle - 1) > _ALIKE else None
