"""The storage tape: a recording of one call as operations on strided windows of flat storages.

Main definitions: `Tape`, `Operation`, `Window`, `Constant`, `Storage`. Views are resolved when a call is recorded: a
window is (storage, size, stride, offset), so aliasing, writes through views and `as_strided` are right by construction
and no arithmetic needs to know of them. Constants are what does not depend on the inputs, by value.
A complex number is two real entries of its storage, one after the other; strides and offsets count real entries.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

import torch
from torch import Tensor

Place = tuple[str, int]
"""File and line."""


@dataclass(slots=True, unsafe_hash=True)  # nobody changes one; freezing triples the time of making one
class Window:
    """A tensor as a place: entries of one storage. `conjugated` and `negated` are torch's lazy bits."""

    storage: int
    size: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int
    dtype: torch.dtype
    conjugated: bool = False
    negated: bool = False

    @property
    def numel(self) -> int:
        """How many entries it has."""
        return math.prod(self.size)


class Constant:
    """A tensor that does not depend on the inputs, by value. Equal where the bits are."""

    __slots__ = ("place", "value")

    def __init__(self, value: Tensor, place: Place) -> None:
        self.value, self.place = value, place

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Constant) and same_bits(self.value, other.value)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Constant({tuple(self.value.shape)}, {self.value.dtype})"


@dataclass(slots=True, unsafe_hash=True)
class Storage:
    """Flat memory: `length` real entries of one dtype. initial: its content before data was first written, if any.

    unwritten: it was made by `empty`, so that parts of the initial content mean nothing.
    """

    dtype: torch.dtype
    length: int
    initial: Tensor | None = None
    unwritten: bool = False


@dataclass(slots=True, unsafe_hash=True)
class Operation:
    """One call of an operator.

    args, kwargs: windows, constants and plain values, nested as they were given. outputs: where results went (None for
    a result that is no tensor). mutates: the outputs are windows among the arguments, written in place.
    """

    function: Any
    base: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    outputs: tuple[Window | None, ...]
    mutates: bool
    place: Place

    @property
    def name(self) -> str:
        """As torch prints it: `aten.add.Tensor`."""
        return str(self.function)

    def operands(self) -> list[Any]:
        """The windows, constants and plain values among its arguments."""
        given = [*self.args, *self.kwargs.values()] if self.kwargs else self.args
        for value in given:
            if isinstance(value, (tuple, list, dict)):
                return leaves(given)
        return list(given)


def given(operation: Operation) -> dict[str, Any]:
    """Its keywords, without the tensors that results are written into."""
    if not operation.kwargs:
        return {}
    outs = _written_into(operation.function)
    return {name: value for name, value in operation.kwargs.items() if name not in outs}


@cache
def _written_into(function: Any) -> frozenset[str]:
    """The keywords of an operator that name tensors for its results."""
    schema = getattr(function, "_schema", None)
    return (
        frozenset(a.name for a in schema.arguments if a.kwarg_only and a.alias_info is not None)
        if schema
        else frozenset()
    )


def library_and_base(function: Any) -> tuple[str, str]:
    """An operator's library, such as `aten`, and its name, the same whether it writes in place or not."""
    library, name = function._schema.name.split("::")
    return library, name[:-1] if name.endswith("_") and not name.endswith("__") else name


@cache
def functional(function: Any) -> Any:
    """The operator that returns what `function` writes: itself where it writes nothing, None where there is none."""
    schema = function._schema
    if not schema.is_mutable:
        return function
    writes = [a for a in schema.arguments if a.alias_info is not None and a.alias_info.is_write]
    if len(writes) != 1 and not all(a.kwarg_only for a in writes):
        return None  # results and what is written beside them have no common order
    taken = [(a.name, str(a.type)) for a in schema.arguments if a not in writes or not a.kwarg_only]
    library, base = library_and_base(function)
    packet = getattr(getattr(torch.ops, library), base, None)
    for overload in packet.overloads() if packet is not None else ():
        other = getattr(packet, overload)
        arguments = [(a.name, str(a.type)) for a in other._schema.arguments]
        if not other._schema.is_mutable and arguments == taken:
            return other
    return None


@dataclass(frozen=True, slots=True)
class Escape:
    """A way in which data left the tape: what it did, and where. guard: it can only raise. why: why no recording holds it,
    where that is known of this very call."""

    what: str
    place: Place
    guard: bool = False
    why: str = ""


@dataclass(frozen=True)
class Tape:
    """One recorded call.

    inputs: the window of each by name. output: a window, or a constant that depends on no input. faults: what the
    recording can't hold (bits read as another type, memory shared behind torch's back). written: inputs written to.
    folded: storages whose content is computed from constants alone, with that content. random: random numbers were drawn.
    """

    storages: tuple[Storage, ...]
    operations: tuple[Operation, ...]
    inputs: Mapping[str, Window]
    output: Window | Constant
    escapes: tuple[Escape, ...] = ()
    faults: tuple[Escape, ...] = ()
    written: Mapping[str, Place] = field(default_factory=dict)
    folded: Mapping[int, Tensor] = field(default_factory=dict)
    random: bool = False
    plans: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def digest(self) -> str:
        """A canonical hash: equal for recordings of the same operations on the same windows with the same constants."""
        held = hashlib.blake2b(digest_size=16)
        for storage in self.storages:
            held.update(f"{storage.dtype} {storage.length}".encode())
            if storage.initial is not None and not storage.unwritten:
                held.update(_bytes(storage.initial))
        for operation in self.operations:
            held.update(str(operation.function).encode())
            for operand in (*leaves(operation.args), *leaves(operation.kwargs), *operation.outputs):
                _add(held, operand)
        for name, window in self.inputs.items():
            held.update(name.encode())
            _add(held, window)
        _add(held, self.output)
        return held.hexdigest()


def leaves(value: Any) -> list[Any]:
    """The values in a nesting of tuples, lists and dictionaries (torch's own pytrees take most of a run's time)."""
    if isinstance(value, (tuple, list)):
        return [leaf for item in value for leaf in leaves(item)]
    if isinstance(value, dict):
        return [leaf for name, item in value.items() for leaf in (name, *leaves(item))]
    return [value]


def same_bits(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors have one shape, one dtype and the same bits; NaN counts as equal to NaN."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if a.dtype.is_complex:
        a, b = torch.view_as_real(a.resolve_conj()), torch.view_as_real(b.resolve_conj())
    if torch.equal(a, b):
        # 0 and -0 are equal numbers with other bits
        return not a.dtype.is_floating_point or torch.equal(torch.signbit(a), torch.signbit(b))
    if not a.dtype.is_floating_point:
        return False
    nan = a.isnan()
    if not bool(nan.any()) or not torch.equal(nan, b.isnan()):
        return False
    a, b = a.masked_fill(nan, 0), b.masked_fill(nan, 0)
    return torch.equal(a, b) and torch.equal(torch.signbit(a), torch.signbit(b))


def _add(held: Any, operand: Any) -> None:
    if isinstance(operand, Constant):
        value = operand.value
        held.update(f"{tuple(value.shape)}{value.dtype}".encode())
        held.update(_bytes(value))
    elif isinstance(operand, Window):
        o = operand
        held.update(f"W{o.storage},{o.size},{o.stride},{o.offset},{o.dtype},{o.conjugated},{o.negated}".encode())
    else:
        held.update(repr(operand).encode())


def _bytes(value: Tensor) -> bytes:
    flat = value.detach().reshape(-1).clone(memory_format=torch.contiguous_format)
    return b"" if flat.numel() == 0 else flat.view(torch.uint8).numpy().tobytes()
