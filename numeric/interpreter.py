"""The one interpreter: torch code, unmodified, run in another arithmetic.

`Exact` is a tensor whose numbers live in a carrier (`numeric.carrier`); `Interpreter` is a dispatch mode that catches
every aten operation. Views and copies run on the carrier's parts by torch itself; arithmetic goes to the rules in
`numeric.operations`; all else is decomposed into those or refused, with the operation's name, the line that called it
and the reason. Nothing is approximated.
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from numeric.carrier import Carrier, NoRule, Parts

_HERE = str(Path(__file__).resolve().parent)
_PLAIN = 2**20
"""Integers up to this size are not worth a note when code reads them as constants."""
_PASSED = ("array_api_compat", "einops", "opt_einsum", "/numpy/", "functools.py", "contextlib.py")
"""Libraries that only pass operations on: the line that called them is named."""
_TORCH = str(Path(torch.__file__).resolve().parent)


class Refused(Exception):
    """The code does something that has no meaning in this arithmetic; the message names operation, line and reason."""

    def __init__(self, operation: str, where: str, reason: str) -> None:
        super().__init__(f"{operation} at {where}: {reason}")
        self.operation = operation
        self.where = where
        self.reason = reason


class Memory:
    """What the tensors that share memory have in common.

    log: its entries stand for the logarithms of the numbers held (`numeric.logarithms`). blank: nothing was written into
    it since it was made, by `zeros` or `empty`. owner: the name of the input that it is, if it is one.
    """

    __slots__ = ("blank", "log", "owner")

    def __init__(self, *, log: bool = False, blank: bool = False, owner: str | None = None) -> None:
        self.log, self.blank, self.owner = log, blank, owner


class Exact(Tensor):
    """A tensor of a carrier's numbers. It claims to be a float tensor, so that code treats it as data.

    plain: the same numbers as a plain tensor where they are constants of the code (masks, identity matrices), so that
    code may compare and convert them; None for data. Where data is written into it, its entries turn NaN.
    A complex tensor has twice the carrier's parts, real then imaginary, which lie in one storage, entry beside entry.
    """

    parts: Parts
    memory: Memory
    plain: Tensor | None = None
    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @staticmethod
    def __new__(cls, parts: Parts, dtype: torch.dtype = torch.float64, memory: Memory | None = None) -> Exact:
        head = parts[0]
        strides, offset = head.stride(), head.storage_offset()
        if dtype.is_complex:
            strides, offset = tuple(s // 2 for s in strides), offset // 2
        made: Exact = Tensor._make_wrapper_subclass(
            cls, head.shape, strides=strides, storage_offset=offset, dtype=dtype
        )
        made.parts = parts
        made.memory = memory or Memory()
        return made

    @property
    def data(self) -> Tensor:
        """The same numbers without a gradient, as for any tensor. Assigning takes over the numbers assigned."""
        return self.detach()

    @data.setter
    def data(self, value: Tensor) -> None:
        if not isinstance(value, Exact):
            raise Refused("assigning .data", caller(), "the new tensor is none that the interpreter made")
        if value.shape != self.shape or value.stride() != self.stride():
            raise Refused("assigning .data", caller(), "the new tensor is laid out in another way")
        self.parts = value.parts
        self.memory = value.memory
        self.plain = value.plain

    def constant(self) -> Tensor | None:
        """The plain numbers if all of them are constants of the code."""
        return None if self.plain is None or bool(torch.isnan(self.plain).any()) else self.plain

    def __repr__(self, *, tensor_contents: Any = None) -> str:  # type: ignore[override]
        return f"Exact(shape={tuple(self.shape)}, parts={self.parts})"

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # type: ignore[override]
        raise RuntimeError(f"{func} was called on an exact tensor outside its Interpreter")


@dataclass
class Record:
    """What a run did that its verdict must mention.

    operations: how often each aten operation ran. casts: lines that round to a narrower type.
    constants: floating-point constants read, with the line. writes: lines that write to an input.
    trace: a hash of the sequence of operations.
    """

    operations: Counter[str] = field(default_factory=Counter)
    casts: dict[str, None] = field(default_factory=dict)
    constants: dict[str, None] = field(default_factory=dict)
    writes: dict[str, None] = field(default_factory=dict)
    trace: int = 0

    def note(self, name: str) -> None:
        """Count one operation."""
        self.operations[name] += 1
        self.trace = hash((self.trace, name))

    def flags(self, side: str) -> tuple[str, ...]:
        """What an exact verdict does not cover, for `side` of a comparison."""
        casts = tuple(f"{side}: {cast}: exact arithmetic does not see its rounding" for cast in self.casts)
        constants = tuple(f"{side}: constant {c}, read as the dyadic number it is" for c in self.constants)
        return casts + constants + tuple(f"{side}: {write}; it was given a copy" for write in self.writes)


class Interpreter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Runs torch code on `carrier`'s numbers inside a `with` block; `record` says what the code did.

    Raises Refused for an operation the arithmetic has no meaning for, ZeroDivisionError for a divisor that is 0.
    """

    def __init__(self, carrier: Carrier) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.carrier = carrier
        self.record = Record()
        self.own: set[int] = {0}
        """Where the plain tensors lie that the code made inside the block."""
        self._lifted: dict[tuple[int, int], tuple[Tensor, Parts]] = {}

    def wrap(self, parts: Parts, memory: Memory | None = None) -> Exact:
        """The tensor that holds `parts`."""
        return Exact(parts, parts[0].dtype if self.carrier.follows_kernel else torch.float64, memory)

    def parts(self, value: Any) -> Parts:
        """The carrier's parts of an operand; floats, integers and plain tensors are lifted exactly."""
        if isinstance(value, Exact):
            if value.memory.log:
                raise NoRule("mixes a logarithm with numbers; only its exp is a rational function")
            if value.dtype.is_complex:
                raise NoRule("no rule for complex numbers")
            return value.parts
        if isinstance(value, Tensor):
            return self._lift(value)
        if isinstance(value, bool):
            value = int(value)
        if isinstance(value, int):
            return self.carrier.constant(value)
        if isinstance(value, float):
            if math.isinf(value) and not (value < 0 and self.carrier.follows_kernel):
                raise NoRule(
                    f"the constant {value} is not a number: it masks entries of a softmax or a maximum, which are no "
                    "rational functions, or of a logarithm that was given as a plain number (give it as a log gate)"
                )
            if value != value:
                raise NoRule(f"the constant {value} is not a number")
            if not value.is_integer() or abs(value) > _PLAIN:
                self._note_constant(repr(value))
            return self.carrier.constant(value)
        raise NoRule(f"an operand of type {type(value).__name__}")

    def _lift(self, value: Tensor) -> Parts:
        if value.dtype.is_complex:
            raise NoRule("a complex constant; pass real and imaginary parts")
        if not value.dtype.is_floating_point and self.carrier.follows_kernel:
            return self.carrier.lift(value.double())
        key = (id(value), value._version)
        if key not in self._lifted:
            plain = value.detach()
            if not bool((torch.isfinite(plain) | (torch.isneginf(plain) & self.carrier.follows_kernel)).all()):
                raise NoRule("a constant tensor with NaN or infinite entries")
            if plain.dtype.is_floating_point and not bool(((plain == plain.round()) & (plain.abs() <= _PLAIN)).all()):
                self._note_constant(f"a {tuple(plain.shape)} tensor")
            # holding on to the tensor keeps its id from being used again
            wide = plain if self.carrier.follows_kernel else plain.double()
            self._lifted[key] = (value, self.carrier.lift(wide))
        return self._lifted[key][1]

    def _note_constant(self, what: str) -> None:
        if what not in self.record.constants:
            self.record.constants[f"{what} at {caller()}"] = None

    def refuse(self, operation: str, reason: str) -> Refused:
        """The exception for `operation` at the line that is running."""
        return Refused(operation, caller(), reason)

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        from numeric import complex_pairs, logarithms, operations

        kwargs = kwargs or {}
        namespace, full, text = _named(func)
        exact = log = pair = infinite = False
        for leaf in leaves((args, kwargs)):
            if isinstance(leaf, Exact):
                exact, log, pair = True, log or leaf.memory.log, pair or leaf.dtype.is_complex
            elif isinstance(leaf, (Tensor, torch.dtype)):
                pair = pair or (leaf.dtype if isinstance(leaf, Tensor) else leaf).is_complex
            elif isinstance(leaf, float):
                infinite = infinite or math.isinf(leaf)
            elif isinstance(leaf, complex):
                pair = True
        if not exact:
            return operations.plain(self, func, full, args, kwargs)
        if namespace != "aten":
            if namespace == "profiler":
                return func(*args, **kwargs)
            raise self.refuse(f"{namespace}.{full}", "not an aten operation; its kernel can't be followed")
        self.record.note(text)
        try:
            if pair or full in complex_pairs.MAKERS:
                return complex_pairs.computed(self, func, full, args, kwargs)
            if infinite and not log:
                return operations.infinite(self, func, full, args, kwargs)
            if log:
                return logarithms.computed(self, func, full, args, kwargs)
            return operations.exact(self, func, full, args, kwargs)
        except NoRule as error:
            raise self.refuse(f"aten.{func.__name__}", str(error)) from None


@cache
def _named(func: Any) -> tuple[str, str, str]:
    namespace, name = func._schema.name.split("::")
    return namespace, name, str(func)


def leaves(value: Any) -> list[Any]:
    """The arguments in a nesting of tuples, lists and dictionaries (torch's own pytrees take most of a run's time)."""
    if isinstance(value, (tuple, list)):
        return [leaf for item in value for leaf in leaves(item)]
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in leaves(item)]
    return [value]


def mapped(function: Callable[[Any], Any], value: Any) -> Any:
    """`function` on each leaf, the nesting kept."""
    if isinstance(value, (tuple, list)):
        return (
            type(value)(mapped(function, item) for item in value) if type(value) in (tuple, list) else function(value)
        )
    if isinstance(value, dict):
        return {name: mapped(function, item) for name, item in value.items()}
    return function(value)


def map_parts(function: Callable[..., Any], part: int, interp: Interpreter, args: Any, kwargs: Any) -> Any:
    """`function` on part `part` of every operand; plain float tensors are lifted, indices and masks left alone."""

    def pick(value: Any) -> Any:
        if isinstance(value, Exact):
            return value.parts[part]
        if isinstance(value, Tensor) and value.dtype.is_floating_point:
            return interp.parts(value)[part]
        return value

    return function(*mapped(pick, args), **mapped(pick, kwargs))


def _shown(file: str) -> str:
    path = Path(file)
    for base in (Path.cwd(), Path(_HERE).parent):
        if path.is_relative_to(base):
            return str(path.relative_to(base))
    return file


def caller() -> str:
    """`file:line` of the innermost frame outside torch and this package."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith((_HERE, _TORCH, "<")) and not any(part in file for part in _PASSED):
            return f"{_shown(file)}:{frame.f_lineno}"
        frame = frame.f_back
    return "an unknown line"
