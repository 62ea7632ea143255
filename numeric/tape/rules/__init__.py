"""The meaning of torch's operations in a carrier's numbers: one rule an operation, found by its aten name.

arithmetic   sums, products, quotients, running sums; scattered sums
windows      convolutions, averages over windows
solving      linear systems
piecewise    comparisons and what chooses by them, where numbers have an order
logarithms   tensors that stand for logarithms
pairs        complex numbers as pairs
functions    exp, roots, norms, softmax, where numbers are real balls
expansion    operations as smaller ones, by torch's own decompositions
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from numeric.carriers.carrier import NoRule
from numeric.tape.moves import is_move, move
from numeric.tape.numbers import concatenated, stacked
from numeric.tape.refusals import RANDOMLY, WHY
from numeric.tape.rules import arithmetic, expansion, functions, logarithms, pairs, piecewise, solving, windows
from numeric.tape.steps import Kind
from numeric.tape.storage_tape import Operation, Window, given

TABLE: dict[str, Callable[..., Any]] = {**arithmetic.RULES, **solving.RULES, **windows.RULES}


def rule(
    operation: Operation, *, log: bool, index: bool, pair: bool, logarithms: bool, functions: bool
) -> Callable[..., Any] | None:
    """The rule of one operation, called as rule(machine, operation); None where there is none.

    log, index, pair: whether operands hold logarithms, results of comparisons, complex numbers. logarithms, functions:
    whether the carrier keeps logarithms as such, and has functions of real numbers. Raises NoRule with a reason.
    """
    base = operation.base
    if pair:
        return pairs.rule(operation, log)
    if index:
        return piecewise.of_indices(operation)
    if is_move(operation):
        return _moving(operation, log)
    if base in ("_to_copy", "to", "type_as"):
        return _cast
    if base == "as_strided_copy":
        return _by_strides
    if base == "as_strided_scatter":
        raise NoRule("writes by strides into a copy; write into a view by as_strided")
    if log:
        return _called(globals_logarithms(base), operation)
    if base in ("log", "log1p") and logarithms:
        return _called(logarithms_made(base), operation)
    if functions and (found := globals_functions(operation)) is not None:
        return _called(found, operation)
    if base in TABLE:
        return _called(TABLE[base], operation)
    if base in piecewise.RULES:
        return _called(piecewise.RULES[base], operation)
    if base in WHY and not functions:
        raise NoRule(WHY[base])
    if torch.Tag.nondeterministic_seeded in getattr(operation.function, "tags", ()):
        raise NoRule(RANDOMLY)
    return expansion.rule(operation)


def globals_logarithms(base: str) -> Callable[..., Any]:
    if base in logarithms.RULES:
        return logarithms.RULES[base]
    raise NoRule(
        WHY[base]
        if base in piecewise.RULES
        else "takes logarithms where it needs numbers; only sums, differences and whole multiples of logarithms have "
        "a rational exp"
    )


def logarithms_made(base: str) -> Callable[..., Any]:
    return logarithms.made_of(base)


def globals_functions(operation: Operation) -> Callable[..., Any] | None:
    return functions.found(operation)


def _called(found: Callable[..., Any], operation: Operation) -> Callable[..., Any]:
    """The rule with the operation's arguments; what the results are written into is no argument."""
    args, kwargs = operation.args, given(operation)

    def run(machine: Any, _: Operation) -> Any:
        return found(machine, *args, **kwargs)

    return run


def _cast(machine: Any, operation: Operation) -> Any:
    out = operation.outputs[0]
    assert out is not None
    if not out.dtype.is_floating_point:
        raise NoRule(f"data-dependent: a conversion to {out.dtype} cuts digits")
    source = operation.args[0]
    if machine.is_logarithm(source):
        return machine.logarithms(source)
    value = machine.numbers(source)
    return value.made(machine.carrier.cast(value.parts, out.dtype))


def _by_strides(machine: Any, operation: Operation) -> Any:
    """A copy of entries of the operand's storage, wherever the operand's own window lies."""
    source, size, stride, *rest = operation.args
    if not isinstance(source, Window):
        raise NoRule("takes a constant by strides")
    offset = rest[0] if rest else operation.kwargs.get("storage_offset")
    where = replace(source, size=tuple(size), stride=tuple(stride), offset=source.offset if offset is None else offset)
    return machine.logarithms(where) if machine.is_logarithm(where) else machine.numbers(where)


def _moving(operation: Operation, log: bool) -> Callable[..., Any]:
    base = operation.base
    if base in ("clone", "contiguous", "expand_copy", "lift_fresh_copy", "detach_copy", "alias_copy"):
        return lambda machine, op: machine.logarithms(op.args[0]) if log else machine.numbers(op.args[0])
    if base in ("copy", "fill") and operation.mutates:

        def write(machine: Any, op: Operation) -> Any:
            keeps = op.outputs[0] is not None and machine.kinds[op.outputs[0].storage] is Kind.LOGARITHM
            as_log = machine.is_logarithm(op.args[1]) or (keeps and not is_window(op.args[1]))
            return machine.logarithms(op.args[1]) if as_log else machine.numbers(op.args[1])

        return write
    if base in ("cat", "stack") and operation.base == base:

        def joined(machine: Any, op: Operation) -> Any:
            fetch = machine.logarithms if log else machine.numbers
            dim = op.args[1] if len(op.args) > 1 else op.kwargs.get("dim", 0)
            out = op.outputs[0]
            assert out is not None
            rows = [fetch(v) for v in op.args[0]]
            if base == "stack":
                return stacked(rows, dim % len(out.size))
            rows = [r for r in rows if tuple(r.shape) != (0,) or len(out.size) == 1]
            return concatenated(rows, dim % len(out.size))

        return joined
    index_map = move(operation)
    kind = Kind.LOGARITHM if log else Kind.NUMBER
    return lambda machine, op: machine.gathered(index_map, kind)


def is_window(value: Any) -> bool:
    return isinstance(value, Window)
