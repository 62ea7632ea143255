"""Models: the learners of the library from W0 = 0 with their numbers open, in every variant that a fit tries.

Main definitions: `Slot`, `Model`, `models`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import combinations, product
from typing import Any

import numpy as np
import torch

from constructions.learners import Class, Domain, Each, Learner, Parameter, library
from numeric.deciding.programs import Program
from numeric.finding import Said, frozen

SCALE = "readout scale"
"""What the factor between a learner's prediction and a layer's is called among a model's numbers."""
COUNTS = (1, 2, 3, 4)
"""Values tried for a count (steps, tokens a batch)."""


@dataclass(frozen=True)
class Slot:
    """One open parameter and how many numbers it takes: one, or one a channel, or a matrix."""

    parameter: Parameter
    size: tuple[int, ...] = ()

    @property
    def count(self) -> int:
        """How many numbers."""
        return math.prod(self.size)

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each number."""
        if not self.size:
            return (self.parameter.name,)
        return tuple(self.parameter.name + "_" + "".join(str(i + 1) for i in index) for index in np.ndindex(self.size))

    def value(self, theta: Any, N: int) -> Any:
        """What the learner gets, from its numbers (count,)."""
        if not self.size:
            return theta[0]
        value = theta.reshape(self.size)
        return value.expand(N, -1) if self.parameter.each is Each.TOKEN_CHANNEL else value


@dataclass(frozen=True)
class Model(Said):
    """A learner from W0 = 0 whose open numbers are theta (p,).

    learner: with its counts filled in. pinned: parameters held at their neutral values. readout: the last number of
    theta multiplies the prediction. unit_inputs, unit_query: inputs, or the query, are divided by their norms first.
    """

    learner: Learner
    slots: tuple[Slot, ...]
    pinned: Mapping[str, int] = field(default_factory=dict)
    readout: bool = False
    unit_inputs: bool = False
    unit_query: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "pinned", frozen(self.pinned))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the numbers."""
        own = tuple(name for slot in self.slots for name in slot.names)
        return (*own, SCALE) if self.readout else own

    @property
    def domains(self) -> tuple[Domain, ...]:
        """Where each number lives."""
        own = tuple(slot.parameter.domain for slot in self.slots for _ in slot.names)
        return (*own, Domain.POSITIVE) if self.readout else own

    @property
    def family(self) -> str:
        """The library's id of the learner, without the counts that are filled in."""
        return self.learner.family

    @property
    def complexity(self) -> int:
        """How many numbers were chosen, counts included (a count that the bare id stands for is free)."""
        usual = {p.name: p.default for p in library()[self.family].parameters}
        counts = sum(usual.get(name) != value for name, value in self.learner.values)
        return len(self.names) + counts + self.unit_inputs + self.unit_query

    @property
    def wide(self) -> int:
        """How many of the open parameters are one number here and could be one for each channel."""
        vectors = (Each.CHANNEL, Each.TOKEN_CHANNEL, Each.MATRIX)
        return sum(s.parameter.each in vectors and not s.size for s in self.slots)

    def __call__(self, X: Any, Y: Any, x_q: Any, theta: Any, W0: Any = None) -> Any:
        """The prediction (m,)."""
        N = X.shape[0]
        if self.unit_inputs:
            X = X / (X * X).sum(1, keepdim=True) ** 0.5
        if self.unit_query:
            x_q = x_q / (x_q * x_q).sum() ** 0.5
        values: dict[str, Any] = {name: X.new_full((), value) for name, value in self.pinned.items()}
        at = 0
        for slot in self.slots:
            values[slot.parameter.name] = slot.value(theta[at : at + slot.count], N)
            at += slot.count
        start = X.new_zeros(Y.shape[1], X.shape[1]) if W0 is None else W0
        out = self.learner.call(X, Y, x_q, start, **values)
        return theta[at] * out if self.readout else out

    def at(self, numbers: Sequence[Fraction]) -> Program:
        """The program with its numbers filled in, in any arithmetic."""

        def run(X: Any, Y: Any, x_q: Any, W0: Any = None) -> Any:
            theta = torch.stack([lifted(v, X) for v in numbers]) if numbers else X.new_zeros(0)
            return self(X, Y, x_q, theta, W0)

        return run


def lifted(value: Fraction, like: Any) -> Any:
    """A rational number as a 0-d tensor of `like`'s arithmetic, exactly: by pieces that float64 holds."""
    top, bottom = value.numerator, value.denominator
    return _whole(top, like) / _whole(bottom, like) if bottom != 1 else _whole(top, like)


def _whole(value: int, like: Any) -> Any:
    total, sign, shift = None, (-1 if value < 0 else 1), 0
    rest = abs(value)
    while rest or total is None:
        piece = like.new_full((), float(sign * (rest & (2**52 - 1)))) * float(2**shift)
        total = piece if total is None else total + piece
        rest >>= 52
        shift += 52
    return total


def models(learners: Mapping[str, Learner], f: int, m: int, unit: tuple[bool, bool] = (False, False)) -> list[Model]:
    """Every variant of every learner, the ones with the fewest numbers first. unit: try norm 1 for inputs and query."""
    found = []
    for learner in learners.values():
        counts = [p.name for p in learner.parameters if p.domain is Domain.COUNT]
        for values in product(COUNTS, repeat=len(counts)):
            neutral = {p.name: p.neutral for p in learner.parameters}
            if any(neutral[n] == v for n, v in zip(counts, values, strict=True)):
                continue  # the simpler learner it becomes is in the library itself
            filled = learner.given(**dict(zip(counts, values, strict=True))) if counts else learner
            for slots, pinned in _open(filled, f, m):
                if pinned and not slots:
                    continue  # nothing is left of the learner
                for readout in (False, True):
                    found.append(Model(filled, slots, pinned, readout))
                    found += [Model(filled, slots, pinned, readout, *unit)] * any(unit)
    return sorted(found, key=simplicity)


def variant(model: Model) -> tuple[Any, ...]:
    """What tells models apart, hashable."""
    slots = tuple((s.parameter.name, s.size) for s in model.slots)
    pinned = tuple(sorted(model.pinned.items()))
    return (model.learner.id, slots, pinned, model.readout, model.unit_inputs, model.unit_query)


def simplicity(model: Model) -> tuple[Any, ...]:
    """Fewest numbers first; then plain before pinned, scaled or normalised, one number before one a channel."""
    values = sum(v for _, v in model.learner.values)
    changed = (len(model.pinned), model.wide, model.unit_inputs or model.unit_query, model.readout)
    return (model.complexity, *changed, model.learner.kind is not Class.POLYNOMIAL, not model.learner.start, values)


def _open(learner: Learner, f: int, m: int) -> Iterator[tuple[tuple[Slot, ...], dict[str, int]]]:
    """Which parameters are open, and in which shape; those with a neutral value may be pinned to it instead.

    At the neutral values that `simpler` names a learner is another one of the library, and need not be tried twice.
    """
    if any(p.each is Each.TOKEN_CHANNEL and p.neutral is None for p in learner.parameters):
        return  # needs data of its own for each token
    named = {name for name, _ in learner.simpler}
    pinnable = [p for p in learner.parameters if p.neutral is not None and p.name not in named]
    for count in range(len(pinnable), -1, -1):
        for chosen in combinations(pinnable, count):
            pinned = {p.name: p.neutral for p in chosen if p.neutral is not None}
            rest = [p for p in learner.parameters if p.name not in pinned]
            for sizes in product(*(_sizes(p, f, m) for p in rest)):
                yield tuple(Slot(p, s) for p, s in zip(rest, sizes, strict=True)), pinned


def _sizes(parameter: Parameter, f: int, m: int) -> list[tuple[int, ...]]:
    match parameter.each:
        case Each.CHANNEL | Each.TOKEN_CHANNEL:
            return [(), (f,)]
        case Each.MATRIX:
            return [(f, f)]
    return [()]


def gauge_fixed(model: Model) -> list[Model]:
    """The model with one of its numbers set to 1, for each: for learners whose numbers have a common factor."""
    found = []
    for slot in model.slots:
        if not slot.size and not model.readout:
            rest = tuple(s for s in model.slots if s is not slot)
            found.append(replace(model, slots=rest, pinned={**model.pinned, slot.parameter.name: 1}))
    return found
