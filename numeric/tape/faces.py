"""Inputs that a code takes both as numbers and as logarithms: dt beside exp(-dt), log(decay) beside decay.

The logarithms of independent variables are algebraically independent over the rational functions of them (as x and exp(x)
are, entry by entry), so two codes are the same function exactly if they are the same rational function of both, taken as
indeterminates of their own. A tape is rewritten so: what is linear with whole factors in logarithms has two faces, a number
and a logarithm; exp takes the second, everything else the first, and the face that no input has is a further input.
Derived here.
Main definition: `opened`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import torch

from numeric.tape.moves import is_move
from numeric.tape.rules.logarithms import ENDING
from numeric.tape.storage_tape import Constant, Operation, Storage, Tape, Window

_LINEAR = frozenset("add sub rsub neg mul div sum cumsum _to_copy".split())
"""Operations with which logarithms stay logarithms, if all that meets is one; products only with constants."""


class _Closed(Exception):
    """The tape can't be rewritten, and says itself what is wrong with it."""


def opened(tape: Tape) -> Tape:
    """The tape with an input `log g` or `exp g` more for each g that is used as both; itself where none is, or where the
    code does more with logarithms than that."""
    if "opened" not in tape.plans:
        try:
            tape.plans["opened"] = _Opening(tape).result()
        except _Closed:
            tape.plans["opened"] = tape
    found: Tape = tape.plans["opened"]
    return found


@dataclass
class _Opening:
    tape: Tape
    numbers: set[int] = field(default_factory=set)
    """Storages that have a number's face, and (`logs`) those that have a logarithm's."""
    logs: set[int] = field(default_factory=set)
    natural: set[int] = field(default_factory=set)
    """Storages that are logarithms as they were recorded."""
    as_number: set[int] = field(default_factory=set)
    """Storages whose number's face is needed, and (`as_log`) whose logarithm's is."""
    as_log: set[int] = field(default_factory=set)
    storages: list[Storage] = field(default_factory=list)
    twins: dict[int, int] = field(default_factory=dict)
    extra: dict[str, Window] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.storages = list(self.tape.storages)
        self.inputs = {w.storage: name for name, w in self.tape.inputs.items()}
        self.changed = {o.storage for op in self.tape.operations if op.mutates for o in op.outputs if o is not None}

    def result(self) -> Tape:
        tape = self.tape
        if tape.faults or not any(o.base in ENDING or o.base == "log" for o in tape.operations):
            return tape
        self._faces()
        self._needs()
        begin: list[Operation] = []
        for number in sorted(self.as_log):
            if number in self.inputs:
                begin.append(self._logarithm(number))
        operations = [new for operation in tape.operations for new in self._written(operation)]
        if not self.extra:
            return tape
        return replace(
            tape,
            storages=tuple(self.storages),
            operations=(*begin, *operations),
            inputs={**tape.inputs, **self.extra},
            plans={},
        )

    # --- which faces there are, forwards; which are needed, backwards ------------------------------------------------

    def _faces(self) -> None:
        for number in self.inputs:
            self.numbers.add(number)
            if number not in self.changed:
                self.logs.add(number)
        for operation in self.tape.operations:
            windows = self._data(operation)
            logged = operation.base in ("log", "log1p") or any(
                w.storage in self.natural for w in (*windows, *_made(operation))
            )
            if (operation.mutates and logged) or any(w.negated or w.conjugated for w in (*windows, *_made(operation))):
                raise _Closed
            for out in _made(operation):
                if operation.base in ("log", "log1p"):
                    self.natural.add(out.storage)
                    self.logs.add(out.storage)
                    if self._of_input(operation):
                        self.numbers.add(out.storage)
                elif any(w.storage in self.natural for w in windows) and self._kept(operation):
                    self.natural.add(out.storage)
                    self.logs.add(out.storage)
                    if self._linear(operation) and all(w.storage in self.numbers for w in windows):
                        self.numbers.add(out.storage)
                else:
                    self.numbers.add(out.storage)
                    if out.storage not in self.changed and self._linear(operation):
                        self.logs |= {out.storage} if all(w.storage in self.logs for w in windows) else set()

    def _kept(self, operation: Operation) -> bool:
        """Whether an operation on logarithms has logarithms for a result."""
        from numeric.tape.rules.logarithms import KEEPING

        windows = self._data(operation)
        mixed = any(w.storage not in self.logs for w in windows) or (operation.base == "mul" and len(windows) > 1)
        return (is_move(operation) or operation.base in KEEPING) and not (mixed and self._linear_name(operation))

    def _linear_name(self, operation: Operation) -> bool:
        return operation.base in _LINEAR or is_move(operation)

    def _linear(self, operation: Operation) -> bool:
        windows = self._data(operation)
        alone = operation.base not in ("mul", "div") or len(windows) == 1
        return bool(windows) and self._linear_name(operation) and alone and not operation.mutates

    def _data(self, operation: Operation) -> list[Window]:
        """The operands that depend on inputs."""
        return [
            w
            for w in operation.operands()
            if isinstance(w, Window) and w.storage not in self.tape.folded and w.dtype.is_floating_point
        ]

    def _of_input(self, operation: Operation) -> bool:
        source = operation.args[0]
        whole = isinstance(source, Window) and source.storage in self.inputs and source.storage not in self.changed
        return operation.base == "log" and whole

    def _needs(self) -> None:
        out = self.tape.output
        if isinstance(out, Constant) or out.storage in self.natural:
            raise _Closed
        self.as_number.add(out.storage)
        for operation in reversed(self.tape.operations):
            windows, made = self._data(operation), [o.storage for o in _made(operation)]
            if any(n in self.as_number for n in made) or operation.mutates or not made:
                for window in windows:
                    if operation.base in ENDING and window.storage in self.logs and len(windows) == 1:
                        self.as_log.add(window.storage)
                    elif not (operation.base == "log" and self._of_input(operation)):
                        self.as_number.add(window.storage)
            if any(n in self.as_log for n in made):
                if operation.base == "log":
                    self.as_number |= {w.storage for w in windows}
                elif self._linear(operation):
                    self.as_log |= {w.storage for w in windows}
                else:  # a logarithm of another kind, such as a sum's
                    for window in windows:
                        (self.as_log if window.storage in self.natural else self.as_number).add(window.storage)
        if not (self.as_number <= self.numbers and self.as_log <= self.logs):
            raise _Closed

    # --- the operations ----------------------------------------------------------------------------------------------

    def _logarithm(self, number: int) -> Operation:
        """The logarithm's face of an input: the log of a further input."""
        name = self.inputs[number]
        whole = self._further(f"exp {name}", number)
        out = replace(self.tape.inputs[name], storage=self._twin(number))
        return Operation(torch.ops.aten.log.default, "log", (whole,), {}, (out,), False, ("", 0))

    def _further(self, name: str, like: int) -> Window:
        """The window of a further input, laid out as an input is."""
        if name not in self.extra:
            self.storages.append(self.tape.storages[like])
            self.extra[name] = replace(self.tape.inputs[self.inputs[like]], storage=len(self.storages) - 1)
        return self.extra[name]

    def _twin(self, number: int) -> int:
        """The storage of the face that was not recorded."""
        if number not in self.twins:
            old = self.tape.storages[number]
            self.storages.append(Storage(old.dtype, old.length))
            self.twins[number] = len(self.storages) - 1
        return self.twins[number]

    def _as(self, window: Window, log: bool) -> Window:
        if (window.storage in self.natural) == log or window.storage in self.tape.folded:
            return window
        if not window.dtype.is_floating_point:
            return window
        return replace(window, storage=self._twin(window.storage))

    def _written(self, operation: Operation) -> list[Operation]:
        """The operation for each face of its result that is needed."""
        made = [o.storage for o in _made(operation)]
        if any(n in self.tape.folded for n in made):
            return [operation]
        out: list[Operation] = []
        windows = self._data(operation)
        if any(n in self.as_number for n in made) or operation.mutates or not made:
            if operation.base == "log" and self._of_input(operation):
                out.append(self._number_of(operation))
            else:
                one = len(windows) == 1 and windows[0].storage in self.logs
                out.append(self._with(operation, log=operation.base in ENDING and one, result=False))
        if any(n in self.as_log for n in made):
            if operation.base == "log" or not self._linear(operation):
                out.append(operation)
            else:
                out.append(self._with(operation, log=True, result=True))
        return out

    def _number_of(self, operation: Operation) -> Operation:
        """The number's face of the log of an input: a further input."""
        source, (result,) = operation.args[0], operation.outputs
        assert result is not None
        whole = self._further(f"log {self.inputs[source.storage]}", source.storage)
        there = replace(source, storage=whole.storage)
        out = replace(result, storage=self._twin(result.storage))
        return Operation(torch.ops.aten.mul.Tensor, "mul", (there, 1.0), {}, (out,), False, operation.place)

    def _with(self, operation: Operation, log: bool, result: bool) -> Operation:
        def face(value: Any) -> Any:
            if isinstance(value, Window):
                return self._as(value, log)
            if isinstance(value, (list, tuple)):
                return type(value)(face(v) for v in value)
            return value

        return replace(
            operation,
            args=tuple(face(a) for a in operation.args),
            kwargs={name: face(a) for name, a in operation.kwargs.items()},
            outputs=tuple(None if o is None else self._as(o, result) for o in operation.outputs),
        )


def _made(operation: Operation) -> list[Window]:
    return [o for o in operation.outputs if o is not None]
