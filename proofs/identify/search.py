"""The search for a learner that fits a layer: simplest first, those that a probe rules out left aside.

Main definitions: `search`, `Search`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from constructions.learners import Class, Domain, library
from numeric.probing.box import Arithmetic, Box
from numeric.probing.probes import Probe, broken
from proofs.fitting import fit
from proofs.fitting.fit import Cause, Data, Miss, Solution
from proofs.fitting.models import Model, gauge_fixed, models, simplicity, variant
from proofs.identify.subject import Subject

BIASED = 2.0**-10
"""Relative residual up to which the learner is named although it is not what the layer computes."""
_MOST = 4
_TRIED = {Domain.POSITIVE: 0.4, Domain.NONNEGATIVE: 0.4, Domain.UNIT: 0.7}
"""A number that each parameter may be, 0.3 for others."""
"""Largest number of fitted parameters, a vector or matrix counting once, that the search goes up to."""


@dataclass
class Search:
    """What the fits found: the simplest solution, others as simple, and the misses, nearest first."""

    solution: Solution | None = None
    equals: list[Solution] = field(default_factory=list)
    misses: list[Miss] = field(default_factory=list)
    excluded: dict[str, Probe] = field(default_factory=dict)


def search(subject: Subject) -> Search:
    """Models in order of simplicity, those that a probe rules out left aside, until one fits; then the ones as simple."""
    box, data, probes, slope = subject.box, subject.data, subject.probes, subject.slope
    by_id = {p.id: p for p in probes}
    unit = (_nearly(by_id.get("P7x")), _nearly(by_id.get("P7q")))
    candidates = [m for m in models(library(), box.f, box.m, unit) if _size(m) <= _MOST]
    found = Search()
    limit = math.inf
    for model in candidates:
        if model.complexity > limit:
            break
        reason = _ruled_out(model, box, probes)
        if reason is not None:
            found.excluded.setdefault(model.family, reason)
            continue
        result = _fitted(model, data, slope)
        if isinstance(result, Solution):
            found.equals.append(result)
            limit = model.complexity
        else:
            found.misses.append(result)
            if result.residual < BIASED and result.cause is not Cause.GAUGE:
                limit = min(limit, model.complexity + 1)  # the same learner with an epsilon of its own is tried too
    if found.equals:
        found.equals.sort(key=lambda solution: solution.rank)
        found.solution = found.equals.pop(0)
    elif not any(miss.residual < 1 for miss in found.misses):
        simplest = {m.family: m for m in reversed(candidates) if m.complexity <= 1 and not m.wide}
        for model in simplest.values():
            result = fit.fit(model, data, slope)
            if isinstance(result, Miss):
                found.misses.append(result)
    # a readout scale that can't be told from a step size leaves the learner without it, which has missed already
    lawless = {variant(m.model) for m in found.misses if m.cause is Cause.NO_LAW}
    gauges = [m for m in found.misses if m.cause is Cause.GAUGE and m.model.readout]
    settled = [m for m in gauges if variant(replace(m.model, readout=False)) in lawless]
    found.misses = [m for m in found.misses if m.residual < 1 and m not in settled]
    found.misses.sort(
        key=lambda m: (
            m.residual >= BIASED or m.cause is Cause.GAUGE,
            m.residual > fit.NEAR and m.N == fit.ONE,
            _rank(m),
            m.residual,
        )
    )
    return found


def _rank(miss: Miss) -> tuple[Any, ...]:
    """Of learners that are off by little the simplest is the nearest."""
    return simplicity(miss.model) if miss.residual < BIASED else ()


def _fitted(model: Model, data: Data, slope: float) -> Solution | Miss:
    """The fit; where its numbers can't be told apart, with one of them set to 1."""
    result = fit.fit(model, data, slope)
    if isinstance(result, Miss) and result.cause is Cause.GAUGE:
        for smaller in gauge_fixed(model):
            fixed = fit.fit(smaller, data, slope)
            if isinstance(fixed, Solution):
                return fixed
    return result


def _size(model: Model) -> int:
    """How many parameters are fitted, a vector or matrix counting once."""
    return len(model.slots) + model.readout + sum(v != 1 for _, v in model.learner.values)


def _nearly(probe: Probe | None) -> bool:
    if probe is None:
        return False
    gap = probe.figures.get("gap")
    return isinstance(gap, float) and gap < BIASED


def _ruled_out(model: Model, box: Box, probes: Sequence[Probe]) -> Probe | None:
    """A probe whose answer no numbers of the model can give."""
    degree = next((p for p in probes if p.id == "P8"), None)
    plain = not (model.unit_inputs or model.unit_query)
    if degree is not None and plain and degree.holds is not None:
        smooth = model.learner.kind is Class.POLYNOMIAL
        varies = bool(degree.figures.get("degree"))  # a polynomial of degree 0 may be a smoother whose scale is 0
        if smooth is not degree.holds and (varies or not degree.holds):
            near = box.arithmetic is Arithmetic.BALLS or model.learner.kind is Class.POLYNOMIAL
            if not (smooth and near and _maybe_epsilon(probes)):
                return degree
    numbers = [_TRIED.get(d, 0.3) + k / 16 for k, d in enumerate(model.domains)]
    theta = torch.tensor(numbers, dtype=torch.float64)

    def program(X: Any, Y: Any, x_q: Any) -> Any:
        return model(X, Y, x_q, theta)

    return broken(Box(program, box.f, box.m, Arithmetic.FLOAT), probes)


def _maybe_epsilon(probes: Sequence[Probe]) -> bool:
    """Whether an equality holds but for an epsilon, so that degrees say nothing about the family."""
    gaps = [p.figures.get("gap") for p in probes]
    return any(isinstance(gap, float) and 0 < gap < BIASED for gap in gaps)
