"""The programs whose derivatives are compared: outputs, and the state after, each times an indeterminate cotangent.

Main definitions: `Functional`, of calls on whole arrays; `of_one_sequence`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import torch

from numeric.deciding.gradients import Backward, Derivative
from numeric.deciding.programs import Program, Shapes, Sizes, recorded
from proofs.audit.calls import Calls
from proofs.audit.compared import Question
from proofs.audit.preflight import admits
from proofs.target.case import Case

OUTPUTS, AFTER = "cotangent", "state_cotangent"
"""The cotangents of the outputs and of the state after."""
Make = Callable[[Sizes, tuple[str, ...] | None], Question]
"""The question at these sizes, of the gradients by these inputs, or by all."""


@dataclass(frozen=True)
class Functional(Calls):
    """The programs: `number`, of the target's calls on whole arrays, and `of_learner`."""

    @property
    def shapes(self) -> Shapes:
        """The inputs' shapes, with the cotangents."""
        found: dict[str, tuple[str | int, ...]] = {**super().shapes, OUTPUTS: ("B", "N", "H", "m")}
        return found if self.state is None else found | {AFTER: ("B", "H", *self.state)}

    def _cell(self, inputs: Mapping[str, Any], b: int, h: int, part: slice = slice(None)) -> dict[str, Any]:
        return super()._cell(data(inputs), b, h, part)

    def number(self, **inputs: Any) -> Any:
        """The outputs at the positions compared and the state after, each times its cotangent."""
        N = inputs["k"].shape[1]
        if self.state is None:
            return (self.layer(**data(inputs)) * inputs[OUTPUTS][:, list(self.positions(N))]).sum()
        out, after = self._call(data(inputs), Fraction(N), state=inputs["S"])
        places = list(self._read_at(N))
        return (out[:, places] * inputs[OUTPUTS][:, places]).sum() + (after * inputs[AFTER]).sum()

    def of_learner(self, **inputs: Any) -> Any:
        """The learner's predictions and, where it starts from a state, its memory as the target holds it."""
        N, case = inputs["k"].shape[1], self.case
        if self.state is None:
            return (self.learner(**data(inputs)) * inputs[OUTPUTS][:, list(self.positions(N))]).sum()
        total = (inputs[OUTPUTS] * 0).sum()
        for b, h in np.ndindex(inputs["k"].shape[0], inputs["k"].shape[2]):
            for p in self._read_at(N):
                X, Y, cell, W0, _ = self._context(inputs, b, h, slice(0, p + 1))
                out = case.chosen.call(X, Y, inputs["q"][b, p, h], W0, **case.parameters(X, Y, cell))
                factor = case.factor(X, Y, cell)
                total = total + ((out if factor is None else factor * out) * inputs[OUTPUTS][b, p, h]).sum()
            X, Y, cell, W0, c = self._context(inputs, b, h, slice(0, N))
            values = case.parameters(X, Y, cell)
            W = torch.stack([case.chosen.call(X, Y, x, W0, **values) for x in torch.eye(X.shape[1]).to(X).unbind()], 1)
            assert self.memory is not None
            S = (W if c is None else W / c).mT if self.memory.transposed else W if c is None else W / c
            total = total + (S * inputs[AFTER][b, h]).sum()
        return total

    def _context(self, inputs: Mapping[str, Any], b: int, h: int, part: slice) -> tuple[Any, ...]:
        """The learner's data, variables and start, and the factor of the memory."""
        assert self.memory is not None
        X, Y, cell = inputs["k"][b, part, h], inputs["v"][b, part, h], self._cell(inputs, b, h, part)
        c = self.memory.number(self.case, X, Y, cell, Fraction(inputs["k"].shape[1]))
        return X, Y, cell, self.memory.weights(inputs["S"][b, h], c), c

    def _read_at(self, N: int) -> tuple[int, ...]:
        """The positions compared in a call from a state: the last one where an argument depends on N."""
        return (N - 1,) if self.by_length else self.positions(N)

    def question(self, sizes: Sizes, of: tuple[str, ...] | None = None) -> Question:
        """Whether both sides have the same derivatives by these inputs, or by all."""
        by = of or tuple(data(self.shapes))

        def sides(case: Case) -> tuple[Program, Program]:
            calls = replace(self, case=case)
            known = self.state is None or self.memory is not None
            other = calls.twin.number if calls.twin is not None else calls.of_learner if known else calls.number
            return Backward(calls.number, by, case.running), Derivative(
                recorded(other, case.positive), by, case.positive
            )

        return Question(self.case, sides, self.shapes, sizes, self.case.sides, self._admits)


def data(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs without cotangents."""
    return {name: value for name, value in inputs.items() if name not in (OUTPUTS, AFTER)}


def of_one_sequence(case: Case, sizes: Sizes, of: tuple[str, ...] | None = None) -> Question:
    """The same question of calls on one sequence, read at its end."""
    shapes = {**case.shapes, OUTPUTS: ("m",)}

    def sides(held: Case) -> tuple[Program, Program]:
        learner = held.smaller(held.learner)

        def number(**inputs: Any) -> Any:
            return (held.layer(**data(inputs)) * inputs[OUTPUTS]).sum()

        def wanted(**inputs: Any) -> Any:
            return (learner(**data(inputs)) * inputs[OUTPUTS]).sum()

        by = of or tuple(case.shapes)
        return Backward(number, by, held.running), Derivative(recorded(wanted, held.positive), by, held.positive)

    return Question(case, sides, shapes, sizes, case.sides, partial(admits, case))
