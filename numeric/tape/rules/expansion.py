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
from numeric.tape.storage_tape import Constant, Operation, Tape, Window


def rule(operation: Operation) -> Callable[..., Any] | None:
    """The rule by decomposition; None where torch has none."""
    function = operation.function
    if not isinstance(function, torch._ops.OpOverload) or operation.mutates:
        function = _functional(operation)
    smaller = _decomposition(function) if function is not None else None
    if smaller is None:
        return None
    operands = [o for o in operation.operands() if isinstance(o, Window)]
    if any(not w.dtype.is_floating_point for w in operands):
        return None

    def run(machine: Any, op: Operation) -> Any:
        tapes = _expanded(smaller, op)
        values = {f"v{i}": machine.numbers(w) for i, w in enumerate(operands)}
        floats = None
        if machine.floats is not None:
            floats = {f"v{i}": machine.floats.read(w) for i, w in enumerate(operands)}
        return [None if tape is None else _run(machine, tape, values, floats) for tape in tapes]

    return run


def _functional(operation: Operation) -> Any:
    packet = getattr(torch.ops.aten, operation.base, None)
    if packet is None:
        return None
    overload = getattr(operation.function, "_overloadname", "default")
    for name in (overload, "Tensor", "default", "Scalar"):
        if name in packet.overloads():
            return getattr(packet, name)
    return None


@cache
def _decomposition(function: Any) -> Callable[..., Any] | None:
    if torch._C._dispatch_has_kernel_for_dispatch_key(function.name(), torch._C.DispatchKey.CompositeImplicitAutograd):
        return function.decompose  # type: ignore[no-any-return]
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
    outs = {n for n in operation.kwargs if n == "out"}

    def swapped(value: Any, given: dict[str, Tensor]) -> Any:
        if isinstance(value, Window):
            return given[names[id(value)]]
        if isinstance(value, Constant):
            return value.value
        if type(value) in (list, tuple):
            return type(value)(swapped(v, given) for v in value)
        return value

    def results(given: dict[str, Tensor]) -> list[Any]:
        args = tuple(swapped(a, given) for a in operation.args)
        kwargs = {n: swapped(v, given) for n, v in operation.kwargs.items() if n not in outs}
        found = smaller(*args, **kwargs)
        if found is NotImplemented:
            raise NoRule("no exact rule for it")
        return list(found) if isinstance(found, (tuple, list)) else [found]

    tapes: list[Tape | None] = []
    for k in range(len(operation.outputs)):

        def one(k: int = k, **given: Tensor) -> Any:
            return results(given)[k]

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
    from numeric.tape.refusals import Refused
    from numeric.tape.replay import Machine

    inner = Machine(tape, machine.carrier)
    try:
        return inner.run({n: values[n].parts for n in tape.inputs}, floats)
    except Refused as refusal:
        raise NoRule(f"{refusal.operation}: {refusal.reason}") from None
