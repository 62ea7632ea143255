"""What each entry of a tape stands for, and which rule each operation has, found once for a tape and a kind of carrier."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch

from numeric.carriers.carrier import Carrier, NoRule
from numeric.tape import rules
from numeric.tape.moves import is_move, move
from numeric.tape.refusals import WHY
from numeric.tape.rules.logarithms import KEEPING
from numeric.tape.steps import Kind, Plan, Step
from numeric.tape.storage_tape import Constant, Operation, Tape, Window


def plan(tape: Tape, carrier: Carrier) -> Plan:
    """The plan of `tape` for carriers like this one; kept with the tape."""
    key = (carrier.keeps_logarithms, hasattr(carrier, "apply") and not carrier.keeps_logarithms)
    if key not in tape.plans:
        tape.plans[key] = _made(tape, *key)
    found: Plan = tape.plans[key]
    return found


def _made(tape: Tape, logarithms: bool, functions: bool) -> Plan:
    kinds: dict[int, Kind] = {}
    written: set[int] = set()
    for number, storage in enumerate(tape.storages):
        kinds[number] = Kind.NUMBER if storage.dtype.is_floating_point else Kind.INDEX
    now = dict(kinds)
    first: dict[int, Kind] = {}
    steps = []
    for operation, frees in zip(tape.operations, _freeing(tape), strict=True):
        windows = [o for o in operation.operands() if isinstance(o, Window)]
        log = any(now[w.storage] is Kind.LOGARITHM for w in windows)
        index = any(now[w.storage] is Kind.INDEX for w in windows)
        pair = _complex(operation)
        target = Kind.LOGARITHM if _makes_logarithms(operation, log, now) and logarithms else Kind.NUMBER
        out_kinds = tuple(
            Kind.INDEX if w is not None and not (w.dtype.is_floating_point or w.dtype.is_complex) else target
            for w in operation.outputs
        )
        rule, why = _chosen(rules, operation, log, index, pair, logarithms, functions)
        anew = []
        for window, kind in zip(operation.outputs, out_kinds, strict=True):
            if window is None:
                continue
            number = window.storage
            if now[number] is not kind:
                storage = tape.storages[number]
                covers = window.numel == storage.length
                blank = number not in written and storage.initial is not None and not bool(storage.initial.any())
                masked = number not in written and storage.initial is not None and _log_constants(storage.initial)
                if (number not in written and storage.initial is None) or (
                    kind is Kind.LOGARITHM and (blank or masked)
                ):
                    first[number] = now[number] = kind
                elif covers:
                    anew.append(number)
                    now[number] = kind
                else:
                    rule, why = None, "puts logarithms and numbers into one tensor; keep them apart"
            written.add(number)
        whole = tuple(
            w is not None and not w.dtype.is_complex and _fills(w, tape.storages[w.storage].length)
            for w in operation.outputs
        )
        steps.append(Step(operation, rule, why, out_kinds, tuple(anew), whole, frees))
    return Plan(kinds | first, tuple(steps))


def _fills(window: Window, length: int) -> bool:
    """Whether a window is its storage, entry after entry."""
    expected = 1
    for n, s in zip(reversed(window.size), reversed(window.stride), strict=True):
        if n != 1 and s != expected:
            return False
        expected *= n
    return window.offset == 0 and expected == length


def _freeing(tape: Tape) -> list[tuple[int, ...]]:
    """For each operation the storages that are not needed after it."""
    needed = {tape.output.storage} if isinstance(tape.output, Window) else set()
    out = []
    for operation in reversed(tape.operations):
        touched = {o.storage for o in operation.operands() if isinstance(o, Window)}
        touched |= {o.storage for o in operation.outputs if o is not None}
        out.append(tuple(touched - needed))
        needed |= touched
    return out[::-1]


def real_rule(operation: Operation, *, anyway: bool) -> Callable[..., Any] | None:
    """An operation's rule in real arithmetic, where logarithms are numbers; None where it is the exact one.

    anyway: even then.
    """
    if not anyway and rules.globals_functions(operation) is None:
        return None
    windows = [o for o in operation.operands() if isinstance(o, Window)]
    index = any(not (w.dtype.is_floating_point or w.dtype.is_complex) for w in windows)
    return _chosen(rules, operation, False, index, _complex(operation), False, True)[0]


def _complex(operation: Operation) -> bool:
    windows = (o for o in (*operation.operands(), *operation.outputs) if isinstance(o, Window))
    return any(w.dtype.is_complex for w in windows) or any(
        isinstance(o, Constant) and o.value.dtype.is_complex for o in operation.operands()
    )


def _log_constants(initial: Any) -> bool:
    return bool((torch.isneginf(initial) | (initial == 0)).all())


def _makes_logarithms(operation: Operation, log: bool, now: dict[int, Kind]) -> bool:
    if operation.base in ("log", "log1p"):
        return True
    if not log:
        return False
    if operation.base in ("copy", "fill", "zero") and operation.mutates:
        source = operation.args[1] if len(operation.args) > 1 else None
        if isinstance(source, Window):
            return now[source.storage] is Kind.LOGARITHM
        return True
    return is_move(operation) or operation.base in KEEPING


def _chosen(
    rules: Any, operation: Operation, log: bool, index: bool, pair: bool, logarithms: bool, functions: bool
) -> tuple[Callable[..., Any] | None, str]:
    """The rule and, where there is none, why."""
    base = operation.base
    if not _of_torch(operation.function):
        return None, "not an aten operation; its kernel can't be followed"
    try:
        found = rules.rule(operation, log=log, index=index, pair=pair, logarithms=logarithms, functions=functions)
    except NoRule as error:
        return None, str(error)
    if found is not None:
        return found, ""
    return None, WHY.get(base, "no exact rule for it")


@cache
def _of_torch(function: Any) -> bool:
    """Whether an operator, or what has several overloads, is one of torch's own."""
    overload = function if hasattr(function, "namespace") else getattr(function, function.overloads()[0])
    return bool(overload.namespace == "aten")


def moving(operation: Operation) -> Any:
    """The index map of a move."""
    return move(operation)
