"""Replaying a tape with torch's own kernels: the same operations on the same strided windows give the same bits.

Main definitions: `replay`, `differentiably`, `Floats`, `Several`. Storages are flat tensors of their recorded dtypes; each
operation runs on `as_strided` views of them, so what aliases in the program aliases here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from numeric.tape.places import shown
from numeric.tape.storage_tape import Constant, Operation, Tape, Window


class ReplayFailed(Exception):
    """The tape does not give what was recorded: other strides, other shapes, or an operation that raises."""


class Floats:
    """The storages of a tape in the course of a replay, as torch holds them."""

    def __init__(self, tape: Tape, inputs: Mapping[str, Tensor]) -> None:
        self.tape = tape
        self.held: dict[int, Tensor] = {
            number: storage.initial.clone()
            for number, storage in enumerate(tape.storages)
            if storage.initial is not None
        }
        for name, window in tape.inputs.items():
            storage = tape.storages[window.storage]
            flat = self.held[window.storage] = torch.zeros(storage.length, dtype=storage.dtype)
            _strided(flat, window).copy_(inputs[name])

    def read(self, window: Window) -> Tensor:
        """The tensor that a window is."""
        return _strided(self.held[window.storage], window)

    def operand(self, value: Any) -> Any:
        """An argument as torch takes it."""
        if isinstance(value, Window):
            return self.read(value)
        if isinstance(value, Constant):
            return value.value
        if type(value) in (list, tuple):
            return type(value)(self.operand(v) for v in value)
        return value

    def step(self, operation: Operation) -> None:
        """Run one operation. Raises ReplayFailed."""
        args = tuple(self.operand(a) for a in operation.args)
        kwargs = {name: self.operand(v) for name, v in operation.kwargs.items()}
        try:
            result = operation.function(*args, **kwargs)
        except Exception as error:
            raise ReplayFailed(f"{operation.name} at {shown(operation.place)} raises in a replay: {error}") from error
        results = result if isinstance(result, (tuple, list)) else (result,)
        outputs = operation.outputs
        if operation.mutates:
            written = sum(1 for w in outputs if w is not None and w.storage in self.held)
            results = (
                [r for r in results if isinstance(r, Tensor)][-(len(outputs) - written) :]
                if written < len(outputs)
                else ()
            )
            outputs = outputs[written:]
        for window, value in zip(outputs, results, strict=True):
            if window is None:
                continue
            self._keep(operation, window, value)

    def _keep(self, operation: Operation, window: Window, value: Tensor) -> None:
        stride, offset = value.stride(), value.storage_offset()
        if value.is_complex():
            stride, offset = tuple(2 * s for s in stride), 2 * offset
        if tuple(value.shape) != window.size or value.dtype != window.dtype:
            raise ReplayFailed(f"{operation.name} at {shown(operation.place)} returns another shape in a replay")
        if value.numel() and (stride != window.stride or offset != window.offset):
            raise ReplayFailed(f"{operation.name} at {shown(operation.place)} returns other strides in a replay")
        dtype = self.tape.storages[window.storage].dtype
        # windows are counted from the start of the storage, whatever view of it is held
        self.held[window.storage] = value if value.dtype == dtype and not value.is_neg() else _flat(value, dtype)

    def steps(self) -> Iterator[Operation]:
        """Run all operations, each yielded after it ran."""
        for operation in self.tape.operations:
            self.step(operation)
            yield operation

    def output(self) -> Tensor:
        """The result, after the last step."""
        out = self.tape.output
        return out.value if isinstance(out, Constant) else self.read(out)


class _Differentiable(Floats):
    """The storages as tensors of which torch takes derivatives: what is written to is copied first, since operations keep
    what they read for their derivatives."""

    def read(self, window: Window) -> Tensor:
        held = self.held[window.storage]
        same = tuple(held.shape) == window.size and held.stride() == window.stride and held.dtype == window.dtype
        if same and held.storage_offset() == window.offset and not window.negated:
            return held
        return super().read(window)

    def step(self, operation: Operation) -> None:
        if operation.mutates:
            for number in {w.storage for w in operation.outputs if w is not None and w.storage in self.held}:
                flat = self.held[number].as_strided((self.tape.storages[number].length,), (1,), 0)
                self.held[number] = flat.clone()
        super().step(operation)


class Several:
    """Replays of a tape at several points, in step: what is read has a leading axis of points, as parts have of trials."""

    def __init__(self, tape: Tape, inputs: Mapping[str, Tensor]) -> None:
        self.tape = tape
        points = max((len(value) for value in inputs.values()), default=1)
        self._each = [Floats(tape, {name: value[k] for name, value in inputs.items()}) for k in range(points)]

    def read(self, window: Window) -> Tensor:
        """What a window holds at each point: (points, *size)."""
        if len(self._each) == 1:
            return self._each[0].read(window)[None]
        return torch.stack([one.read(window) for one in self._each])

    def step(self, operation: Operation) -> None:
        """Run one operation at each point. Raises ReplayFailed."""
        for one in self._each:
            one.step(operation)


def _flat(held: Tensor, dtype: torch.dtype) -> Tensor:
    """The whole storage of a tensor, entry after entry."""
    return torch.empty(0, dtype=dtype).set_(held.untyped_storage())


def _strided(held: Tensor, window: Window) -> Tensor:
    if window.dtype.is_complex:
        pairs = held.as_strided((*window.size, 2), (*window.stride, 1), window.offset)
        made = torch.view_as_complex(pairs)
        made = made.conj() if window.conjugated else made
    else:
        made = held if held.dtype == window.dtype else _flat(held, held.dtype).view(window.dtype)
        made = made.as_strided(window.size, window.stride, window.offset)
    return torch._neg_view(made) if window.negated else made


def replay(tape: Tape, inputs: Mapping[str, Tensor]) -> Tensor:
    """The tape's result at other inputs of the same shapes, by torch's kernels. Raises ReplayFailed."""
    with torch.no_grad():
        floats = Floats(tape, inputs)
        for _ in floats.steps():
            pass
        return floats.output()


def differentiably(tape: Tape, inputs: Mapping[str, Tensor]) -> Tensor:
    """The tape's result as `replay` has it, with the derivatives of every operation on the way: none of the program's own
    backward passes, and of nothing that it detached. Raises ReplayFailed."""
    floats = _Differentiable(tape, inputs)
    for _ in floats.steps():
        pass
    return floats.output()
