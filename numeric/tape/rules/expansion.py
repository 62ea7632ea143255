"""Operations as smaller ones: torch's own decomposition, recorded once on the shapes it is called with.

The decomposition is code of torch's, run on numbers of no meaning to see which operations it consists of; those have
rules. Its float results may differ from the kernel's by rounding, which the check of single operations shows.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor

from numeric.carriers.carrier import NoRule
from numeric.tape.numbers import Numbers
from numeric.tape.refusals import Refused
from numeric.tape.storage_tape import Constant, Operation, Tape, Window, functional, given


def rule(operation: Operation) -> Callable[..., Any] | None:
    """The rule by decomposition; None where torch has none."""
    if not isinstance(operation.function, torch._ops.OpOverload):
        return None
    function = functional(operation.function)
    smaller = _decomposition(function) if function is not None else None
    if smaller is None:
        return None
    operands = [o for o in operation.operands() if isinstance(o, Window)]
    if any(not w.dtype.is_floating_point for w in operands):
        return None
    expanded: list[list[Tape | None]] = []

    def run(machine: Any, op: Operation) -> Any:
        if not expanded:
            expanded.append(_expanded(smaller, op))
        values = {f"v{i}": machine.numbers(w) for i, w in enumerate(operands)}
        floats = None
        if machine.floats is not None:
            floats = {f"v{i}": machine.floats.read(w) for i, w in enumerate(operands)}
        return [None if tape is None else _run(machine, tape, values, floats) for tape in expanded[0]]

    return run


@cache
def _decomposition(function: Any) -> Callable[..., Any] | None:
    if torch._C._dispatch_has_kernel_for_dispatch_key(function.name(), torch._C.DispatchKey.CompositeImplicitAutograd):
        return function.decompose
    from torch._decomp import decomposition_table  # a second's import, only for rare operations

    return decomposition_table.get(function)


def _expanded(smaller: Callable[..., Any], operation: Operation) -> list[Tape | None]:
    """A tape for each result."""
    from numeric.tape.recorder import record

    operands = [o for o in operation.operands() if isinstance(o, Window)]
    names = {id(w): f"v{i}" for i, w in enumerate(operands)}
    generator = torch.Generator().manual_seed(1)
    values = {
        f"v{i}": (torch.rand(w.size, generator=generator, dtype=torch.float64) + 0.25).to(w.dtype)
        for i, w in enumerate(operands)
    }

    def swapped(value: Any, inputs: dict[str, Tensor]) -> Any:
        if isinstance(value, Window):
            return inputs[names[id(value)]]
        if isinstance(value, Constant):
            return value.value
        if type(value) in (list, tuple):
            return type(value)(swapped(v, inputs) for v in value)
        return value

    def results(inputs: dict[str, Tensor]) -> list[Any]:
        args = tuple(swapped(a, inputs) for a in operation.args)
        kwargs = {n: swapped(v, inputs) for n, v in given(operation).items()}
        found = smaller(*args, **kwargs)
        if found is NotImplemented:
            raise NoRule("no exact rule for it")
        listed = list(found) if isinstance(found, (tuple, list)) else [found]
        if len(listed) != len(operation.outputs):
            raise NoRule("no exact rule for it")
        return listed

    tapes: list[Tape | None] = []
    for k in range(len(operation.outputs)):

        def one(k: int = k, **inputs: Tensor) -> Any:
            return results(inputs)[k]

        try:
            tape, _ = record(one, values)
        except TypeError:
            tapes.append(None)
            continue
        if tape.escapes or tape.faults:
            raise NoRule("no exact rule for it: its decomposition depends on the data")
        if any(o.function is operation.function for o in tape.operations):
            raise NoRule("no exact rule for it")
        tapes.append(tape)
    return tapes


def _run(machine: Any, tape: Tape, values: dict[str, Numbers], floats: Any) -> Any:
    try:
        return machine.inner(tape).run({n: values[n].parts for n in tape.inputs}, floats)
    except Refused as refusal:
        raise NoRule(f"{refusal.operation}: {refusal.reason}") from None
