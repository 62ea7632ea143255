"""Gradients as programs, which every engine takes as it takes others.

A program here returns one number, such as the product of its results with a cotangent that is an input too; what is asked
for are its derivatives by some inputs, one after the other in a flat tensor.
Main definitions: `Backward`, what the program's own backward pass gives; `Derivative`, those of what it computes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from numeric.deciding.programs import Program, Recorded
from numeric.tape.acceptance import POINTS
from numeric.tape.float_replay import differentiably
from numeric.tape.storage_tape import Tape


@dataclass(frozen=True)
class Backward:
    """The gradients that a program's own backward pass gives, by the inputs `of`; 0 where it gives none.

    running: how the backward pass is run, given one of the inputs.
    """

    program: Program
    of: tuple[str, ...]
    running: Callable[[Tensor], AbstractContextManager[None]] = lambda like: nullcontext()

    def paths(self, **inputs: Tensor) -> dict[str, Tensor | None]:
        """The gradients by name; None where no path leads to an input. Raises what the program and its passes raise."""
        try:
            return self._passed(inputs, alone=True)
        except RuntimeError:  # reentrant checkpoints take no pass to some leaves alone
            return self._passed(inputs, alone=False)

    def _passed(self, inputs: Mapping[str, Tensor], alone: bool) -> dict[str, Tensor | None]:
        with torch.enable_grad():
            given = {n: t.detach().requires_grad_() if n in self.of else t for n, t in inputs.items()}
            number = self.program(**given)
            leaves = [given[name] for name in self.of]
            if number.requires_grad:
                with self.running(leaves[0]):
                    torch.autograd.backward(number, inputs=leaves if alone else None)
        return {name: given[name].grad for name in self.of}

    def __call__(self, **inputs: Tensor) -> Tensor:
        found = self.paths(**inputs)
        parts = (torch.zeros_like(inputs[name]) if part is None else part for name, part in found.items())
        return torch.cat([part.reshape(-1) for part in parts])


class Derivative(Recorded):
    """The derivatives of what a program computes, by the inputs `of`: its recording is replayed with torch's derivative of
    each operation. A custom backward pass of the program, and what it detaches, have no part in them.
    """

    def __init__(self, forward: Recorded, of: Sequence[str], positive: Sequence[str] = ()) -> None:
        self.forward = forward
        super().__init__(Backward(self._replayed, tuple(of)), positive, own=True)

    def _replayed(self, **inputs: Any) -> Tensor:
        first: Tensor = next(iter(inputs.values()))
        return differentiably(self.forward.once(_shapes(inputs), first.dtype), inputs)

    def _accepted(self, shapes: Mapping[str, tuple[int, ...]], dtype: torch.dtype, points: int = POINTS) -> Tape:
        if points > 1:
            self.forward.at(shapes, dtype)  # the recording that is replayed counts as the program
        return super()._accepted(shapes, dtype, points)


def _shapes(inputs: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in inputs.items()}
