"""Comparisons, and what chooses by them: possible where numbers have an order, refused elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from numeric.carriers.carrier import NoRule
from numeric.tape.numbers import Numbers
from numeric.tape.refusals import WHY
from numeric.tape.rules.arithmetic import dims
from numeric.tape.storage_tape import Constant, Operation, Window, given

COMPARISONS = ("lt", "le", "gt", "ge", "eq", "ne")


def _comparison(name: str) -> Callable[..., Tensor]:
    def rule(m: Any, a: Any, b: Any) -> Tensor:
        return m.numbers(a).compare(name, m.numbers(b))

    return rule


def _ordered(m: Any, name: str) -> None:
    if not m.carrier.decides_order:
        raise NoRule(WHY.get(name, "piecewise"))


def _choose(a: Numbers, b: Numbers, greater: bool) -> Numbers:
    return a.chosen(a.compare("ge" if greater else "le", b), b)


def absolute(m: Any, a: Any) -> Numbers:
    _ordered(m, "abs")
    value = m.numbers(a)
    return _choose(value, -value, True)


def relu(m: Any, a: Any) -> Numbers:
    _ordered(m, "relu")
    return _choose(m.numbers(a), m.numbers(0), True)


def sign(m: Any, a: Any) -> Numbers:
    _ordered(m, "sign")
    value, zero = m.numbers(a), m.numbers(0)
    above, below = value.compare("gt", zero), value.compare("lt", zero)
    return Numbers(m.carrier, m.carrier.lift((above.double() - below.double())[0]))


def clamp(m: Any, a: Any, min: Any = None, max: Any = None) -> Numbers:
    _ordered(m, "clamp")
    value = m.numbers(a)
    for limit, greater in ((min, True), (max, False)):
        if limit is None or (
            isinstance(limit, float) and limit in (float("inf"), -float("inf")) and (limit < 0) == greater
        ):
            continue
        value = _choose(value, m.numbers(limit), greater)
    return value


def maximum(m: Any, a: Any, b: Any) -> Numbers:
    _ordered(m, "maximum")
    return _choose(m.numbers(a), m.numbers(b), True)


def minimum(m: Any, a: Any, b: Any) -> Numbers:
    _ordered(m, "minimum")
    return _choose(m.numbers(a), m.numbers(b), False)


def _extreme(greater: bool) -> Callable[..., Numbers]:
    def rule(m: Any, a: Any, dim: Any = None, keepdim: bool = False) -> Numbers:
        name = "amax" if greater else "amin"
        _ordered(m, name)
        if isinstance(dim, (Window, Constant)):
            return _choose(m.numbers(a), m.numbers(dim), greater)
        value = m.numbers(a)
        for d in sorted(dims(value, dim), reverse=True):
            best = value.select(d, 0)
            for i in range(1, value.shape[d]):
                best = _choose(best, value.select(d, i), greater)
            value = best.unsqueeze(d) if keepdim else best
        return value

    return rule


def _with_place(greater: bool) -> Callable[..., Any]:
    def rule(m: Any, a: Any, dim: Any = None, keepdim: bool = False) -> Any:
        if dim is None or isinstance(dim, (Window, Constant)):
            return _extreme(greater)(m, a, dim, keepdim)
        return _extreme(greater)(m, a, dim, keepdim), None  # its place has no rule, and is left alone

    return rule


def leaky_relu(m: Any, a: Any, negative_slope: Any = 0.01) -> Numbers:
    _ordered(m, "leaky_relu")
    value = m.numbers(a)
    return value.chosen(value.compare("gt", m.numbers(0)), value * m.numbers(negative_slope))


def threshold_backward(m: Any, grad: Any, a: Any, threshold: Any) -> Numbers:
    _ordered(m, "relu")
    above = m.numbers(a).compare("gt", m.numbers(threshold))
    return m.numbers(grad).chosen(above, m.numbers(0))


RULES: dict[str, Callable[..., Any]] = {name: _comparison(name) for name in COMPARISONS} | {
    "abs": absolute,
    "relu": relu,
    "sign": sign,
    "clamp": clamp,
    "clamp_min": lambda m, a, low: clamp(m, a, low, None),
    "clamp_max": lambda m, a, high: clamp(m, a, None, high),
    "hardtanh": lambda m, a, low=-1, high=1: clamp(m, a, low, high),
    "maximum": maximum,
    "minimum": minimum,
    "fmax": maximum,
    "fmin": minimum,
    "amax": _extreme(True),
    "amin": _extreme(False),
    "max": _with_place(True),
    "min": _with_place(False),
    "leaky_relu": leaky_relu,
    "threshold_backward": threshold_backward,
}


_BOOLEAN: dict[str, Callable[..., Tensor]] = {
    "logical_and": torch.logical_and,
    "logical_or": torch.logical_or,
    "logical_not": torch.logical_not,
    "bitwise_and": torch.bitwise_and,
    "bitwise_or": torch.bitwise_or,
    "bitwise_not": torch.bitwise_not,
}


def of_indices(operation: Operation) -> Callable[..., Any] | None:
    """The rule of an operation on results of comparisons."""
    base = operation.base
    if base == "where":
        return _where
    if base == "masked_fill":
        return lambda m, op: _select(m, op.args[1], op.args[2], op.args[0])
    if base in _BOOLEAN:
        return _boolean
    if base in ("_to_copy", "clone"):
        return _converted
    if base in ("mul", "add", "sub"):
        from numeric.tape.rules.arithmetic import RULES as computing

        return lambda m, op: computing[base](m, *op.args, **given(op))
    raise NoRule(WHY.get(base, "data-dependent: an index or a mask that is data"))


def _where(m: Any, operation: Operation) -> Any:
    if len(operation.args) < 3:
        raise NoRule("data-dependent: the result's shape depends on data")
    return _select(m, *operation.args[:3])


def _select(m: Any, condition: Any, a: Any, b: Any) -> Any:
    if not m.is_index(condition):
        raise NoRule("data-dependent: an index or a mask that is data")
    return m.numbers(a).chosen(m.read(condition).bool(), m.numbers(b))


def _plain(m: Any, value: Any) -> Tensor:
    if isinstance(value, Constant):
        return value.value[None]
    if not m.is_index(value):
        raise NoRule("data-dependent: numbers taken for truth values")
    return m.read(value)


def _boolean(m: Any, operation: Operation) -> Any:
    return _BOOLEAN[operation.base](*(_plain(m, a) for a in operation.args))


def _converted(m: Any, operation: Operation) -> Any:
    out = operation.outputs[0]
    assert out is not None
    held = _plain(m, operation.args[0])
    if not out.dtype.is_floating_point:
        return held.to(out.dtype)
    return m.numbers(operation.args[0])
