"""Degree and height of a polynomial tape with one bound a storage: some microseconds an operation, no tensors.

Main definition: `storage_bounds`. The carriers `Degree`, `Constants` and `Height` bound each entry by itself; here all
entries of a storage share the largest bound, which is the same number for most programs and cannot be below. Tapes with
divisions by data, logarithms, complex numbers or an operation that has no line here are left to the carriers.
Derived here; the inequalities are those of `numeric.carriers.degree`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from torch import Tensor

from numeric.carriers.degree import Constants
from numeric.tape.moves import is_move
from numeric.tape.storage_tape import Constant, Operation, Tape, Window


@dataclass(slots=True, unsafe_hash=True)  # freezing triples the time of making one
class Size:
    """A bound for polynomials: degree in the inputs, degree in non-integer constants, log2(1 + 1-norm)."""

    degree: int
    constants: int
    height: float

    def __add__(self, other: Size) -> Size:
        low, high = self.height, other.height
        if low > high:
            low, high = high, low
        # infinite heights are no bound, and stay so
        height = high if math.isinf(high) else high + math.log2(1 + 2.0 ** (low - high)) + _SLACK
        return Size(max(self.degree, other.degree), max(self.constants, other.constants), height)

    def __mul__(self, other: Size) -> Size:
        return Size(
            self.degree + other.degree, self.constants + other.constants, (self.height + other.height) * (1 + _SLACK)
        )

    def __or__(self, other: Size) -> Size:
        return Size(
            max(self.degree, other.degree), max(self.constants, other.constants), max(self.height, other.height)
        )

    def times(self, count: int) -> Size:
        """A sum of `count` of these."""
        return Size(self.degree, self.constants, self.height + math.log2(max(1, count)) + _SLACK)

    def power(self, exponent: int) -> Size:
        """A product of `exponent` of these."""
        return Size(self.degree * exponent, self.constants * exponent, self.height * exponent * (1 + _SLACK))


_SLACK = 2.0**-40
"""A relative slack for the rounding of the heights themselves."""
Bound = Size | None
"""None: the zero polynomial."""


class _NoLine(Exception):
    """An operation is left to the carriers."""


def storage_bounds(tape: Tape) -> tuple[Size, float] | None:
    """The bound of the result, and log2 of what clears one constant's denominator; None if the carriers have to be asked."""
    try:
        return _Run(tape).result()
    except _NoLine:
        return None


class _Run:
    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.constants = Constants()
        self.held: dict[int, Bound] = {}
        self._known: dict[int, Bound] = {}

    def result(self) -> tuple[Size, float]:
        tape = self.tape
        for window in tape.inputs.values():
            self.held[window.storage] = Size(1, 0, 1.0)
        for operation in tape.operations:
            line = _move if is_move(operation) else _LINES.get(operation.base)
            if line is None or operation.outputs[0] is None:
                raise _NoLine
            found = line(self, operation)
            for out in operation.outputs:
                if out is None or not out.dtype.is_floating_point:
                    raise _NoLine
                storage = tape.storages[out.storage]
                if out.numel == storage.length and not operation.mutates:
                    self.held[out.storage] = found
                else:
                    self.held[out.storage] = _union(self.of(out), found)
        return self.of(tape.output) or Size(0, 0, 0.0), self.constants.denominator_log2

    def of(self, operand: Any) -> Bound:
        """The bound of an operand's entries."""
        if isinstance(operand, Window):
            if not operand.dtype.is_floating_point:
                raise _NoLine
            if operand.storage not in self.held:
                initial = self.tape.storages[operand.storage].initial
                self.held[operand.storage] = None if initial is None else self._values(initial)
            return self.held[operand.storage]
        if isinstance(operand, Constant):
            key = id(operand)
            if key not in self._known:
                self._known[key] = self._values(operand.value)
            return self._known[key]
        if isinstance(operand, (int, float)):
            return self._number(operand)
        raise _NoLine

    def _number(self, value: float) -> Bound:
        if isinstance(value, float) and not math.isfinite(value):
            raise _NoLine
        if value == 0:
            return None
        code = int(self.constants.constant(value)[0].max()) - 1
        return Size(0, code, math.log2(1 + abs(value)) * (1 + _SLACK) if abs(value) < 2.0**1000 else _big(value))

    def _values(self, values: Tensor) -> Bound:
        if values.dtype.is_complex or not bool(values.isfinite().all()):
            raise _NoLine
        wide = values.double()
        if wide.numel() == 0 or not bool(wide.any()):
            return None
        code = int(self.constants.lift(wide)[0].max()) - 1
        top = float(wide.abs().max())
        return Size(0, code, math.log2(1 + top) * (1 + _SLACK))

    def over(self, a: Bound, divisor: Any) -> Bound:
        """Divided by plain constants."""
        values = divisor.value.double() if isinstance(divisor, Constant) else None
        if values is None:
            import torch

            values = torch.tensor(float(divisor), dtype=torch.float64)
        if a is None or not bool((values != 0).all()):
            if a is None:
                return None
            raise _NoLine
        code = int(self.constants.divisor(values)[0].max()) - 1
        least = float(values.abs().min())
        return Size(a.degree, a.constants + code, (a.height + max(0.0, -math.log2(least))) * (1 + _SLACK))


def _big(value: float) -> float:
    return float(int(abs(value)).bit_length() + 1)


def _union(a: Bound, b: Bound) -> Bound:
    return b if a is None else a if b is None else a | b


def _sum(a: Bound, b: Bound) -> Bound:
    return b if a is None else a if b is None else a + b


def _product(a: Bound, b: Bound) -> Bound:
    return None if a is None or b is None else a * b


def _scaled(run: _Run, a: Bound, factor: Any) -> Bound:
    return a if isinstance(factor, (int, float)) and factor == 1 else _product(a, run.of(factor))


def _shape(operand: Any) -> tuple[int, ...]:
    if isinstance(operand, Window):
        return operand.size
    return tuple(operand.value.shape) if isinstance(operand, Constant) else ()


@cache
def _names(function: Any) -> tuple[str, ...]:
    return tuple(a.name for a in function._schema.arguments)


def _move(run: _Run, operation: Operation) -> Bound:
    found: Bound = None
    for name, value in (*zip(_names(operation.function), operation.args, strict=False), *operation.kwargs.items()):
        if name in ("index", "indices", "mask", "condition", "repeats"):
            if isinstance(value, Window):
                raise _NoLine
            continue
        for leaf in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(leaf, (Window, Constant)) or (
                name in ("value", "self", "other", "fill_value") and isinstance(leaf, (int, float))
            ):
                found = _union(found, run.of(leaf))
    return found


def _add(run: _Run, o: Operation) -> Bound:
    return _sum(run.of(o.args[0]), _scaled(run, run.of(o.args[1]), o.kwargs.get("alpha", 1)))


def _mul(run: _Run, o: Operation) -> Bound:
    return _product(run.of(o.args[0]), run.of(o.args[1]))


def _div(run: _Run, o: Operation) -> Bound:
    if isinstance(o.args[1], Window) or o.kwargs.get("rounding_mode") is not None:
        raise _NoLine
    return run.over(run.of(o.args[0]), o.args[1])


def _matmul(run: _Run, o: Operation, first: int = 0) -> Bound:
    a, b = o.args[first], o.args[first + 1]
    found = _product(run.of(a), run.of(b))
    return None if found is None else found.times(_shape(a)[-1] if _shape(a) else 1)


def _outer(run: _Run, o: Operation) -> Bound:
    return _product(run.of(o.args[0]), run.of(o.args[1]))


def _accumulated(run: _Run, o: Operation) -> Bound:
    product = _scaled(run, _matmul(run, o, 1), o.kwargs.get("alpha", 1))
    return _sum(_scaled(run, run.of(o.args[0]), o.kwargs.get("beta", 1)), product)


def _addcmul(run: _Run, o: Operation) -> Bound:
    product = _scaled(run, _product(run.of(o.args[1]), run.of(o.args[2])), o.kwargs.get("value", 1))
    return _sum(run.of(o.args[0]), product)


def _summed(run: _Run, o: Operation) -> Bound:
    found = run.of(o.args[0])
    return None if found is None else found.times(math.prod(_shape(o.args[0])))


def _mean(run: _Run, o: Operation) -> Bound:
    out = o.outputs[0]
    assert out is not None
    count = math.prod(_shape(o.args[0])) // max(1, out.numel)
    return run.over(_summed(run, o), float(count))


def _cumulated(run: _Run, o: Operation) -> Bound:
    found = run.of(o.args[0])
    return None if found is None else found.times(_shape(o.args[0])[o.args[1]] if _shape(o.args[0]) else 1)


def _products(run: _Run, o: Operation) -> Bound:
    found, shape = run.of(o.args[0]), _shape(o.args[0])
    length = shape[o.args[1]] if len(o.args) > 1 and shape else math.prod(shape)
    # a running product passes through the powers below, which are smaller
    return None if found is None else found.power(max(1, length))


def _power(run: _Run, o: Operation) -> Bound:
    exponent = 2 if o.base == "square" else o.args[1]
    if isinstance(exponent, float) and exponent.is_integer():
        exponent = int(exponent)
    if not isinstance(exponent, int) or exponent < 0 or not isinstance(o.args[0], Window):
        raise _NoLine
    found = run.of(o.args[0])
    return Size(0, 0, 1.0) if exponent == 0 else None if found is None else found.power(exponent)


def _triangular(run: _Run, o: Operation) -> Bound:
    if not o.kwargs.get("unitriangular"):
        raise _NoLine
    a, b, n = run.of(o.args[0]), run.of(o.args[1]), _shape(o.args[0])[-1]
    if b is None or a is None or n < 2:
        return b
    # a sum over the paths through the strict triangle: at most n^(n-1) of them, each of at most n - 1 factors
    steps = a.power(n - 1)
    return (steps * b).times(n ** (n - 1)) if n < 100 else _far(steps * b, n)


def _far(found: Size, n: int) -> Size:
    return Size(found.degree, found.constants, found.height + n * math.log2(n) + _SLACK)


def _kept(run: _Run, o: Operation) -> Bound:
    return run.of(o.args[0])


_LINES: dict[str, Callable[[_Run, Operation], Bound]] = {
    **dict.fromkeys(("add", "sub", "rsub", "subtract"), _add),
    **dict.fromkeys(("mul", "multiply"), _mul),
    **dict.fromkeys(("div", "true_divide"), _div),
    **dict.fromkeys(("neg", "negative", "_to_copy"), _kept),
    **dict.fromkeys(("mm", "bmm", "mv", "dot", "vdot"), _matmul),
    **dict.fromkeys(("addmm", "baddbmm", "addmv"), _accumulated),
    "ger": _outer,
    "addcmul": _addcmul,
    "sum": _summed,
    "trace": _summed,
    "mean": _mean,
    "cumsum": _cumulated,
    **dict.fromkeys(("prod", "cumprod"), _products),
    **dict.fromkeys(("pow", "square"), _power),
    "linalg_solve_triangular": _triangular,
}
