"""Recording a bare torch run: a dispatch mode that watches every operation and changes none.

Main definition: `record`. What depends on the inputs is followed by storage; an operation on such data is written down,
any other is the program's own business and shows as a constant where data meets it. Nothing is ever raised in the
program's code: what the tape can't hold becomes a fault or an escape, which others judge.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from types import FunctionType
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

from numeric.tape.dispatch import Dispatch
from numeric.tape.places import Places
from numeric.tape.refusals import NoTensor
from numeric.tape.storage_tape import (
    Constant,
    Escape,
    Operation,
    Place,
    Storage,
    Tape,
    Window,
    library_and_base,
    same_bits,
)
from numeric.tape.uncollected import uncollected

EMPTY = frozenset("empty empty_like new_empty empty_strided new_empty_strided empty_permuted".split())
LIKE = frozenset("zeros_like new_zeros ones_like new_ones full_like new_full rand_like randn_like randint_like".split())
"""Makers of tensors that read no more than another tensor's shape and type."""
SHAPELY = frozenset("is_same_size _has_same_storage_numel".split())
"""Operations that return to Python what shapes say."""
GUARDS = frozenset("_assert_async _assert_scalar _functional_assert_async _linalg_check_errors".split())
"""Operations that only raise."""
FOLDED = frozenset(
    "add sub rsub mul div true_divide neg reciprocal square sum mean mm mv dot bmm addmm ger addcmul cumsum cumprod".split()
)
"""Arithmetic on constants that is recorded too, so that exact arithmetic does not inherit its rounding (the 1/N that the
gradient of a mean begins with)."""
_OVERLOAD = torch._ops.OpOverload
JOINED = frozenset("stack cat".split())
"""What only puts tensors side by side: recorded where one of them is such arithmetic, whose rounding it would pass on."""


class _Signature(NamedTuple):
    """What the schema of an operator says."""

    base: str
    aten: bool
    writes: tuple[tuple[int, str], ...]
    relabels: bool
    grows: bool
    random: bool
    views: bool
    fixed: bool


@cache
def _signature(function: Any) -> _Signature:
    schema = function._schema
    library, base = library_and_base(function)
    written = tuple(
        (k, a.name) for k, a in enumerate(schema.arguments) if a.alias_info is not None and a.alias_info.is_write
    )
    return _Signature(
        base,
        library == "aten",
        written,
        torch.Tag.inplace_view in function.tags,
        base in ("resize", "resize_as"),
        torch.Tag.nondeterministic_seeded in function.tags,
        library == "aten" and not written and bool(schema.returns) and all(r.alias_info for r in schema.returns),
        torch.Tag.dynamic_output_shape not in function.tags,
    )


_SPREAD = 2**22
"""Entries over which those of a constant may lie."""


def _copied(value: Tensor) -> Tensor:
    """A copy with the strides of a part of something larger, which results of operations on it may take over."""
    if value.layout is not torch.strided or not value.numel() or value.is_contiguous():
        return value.clone()
    steps = list(zip(value.shape, value.stride(), strict=True))
    if sum((n - 1) * step for n, step in steps) >= _SPREAD:
        return value.clone()
    once = [1 if step == 0 else n for n, step in steps]
    held = torch.empty_strided(once, value.stride(), dtype=value.dtype)
    try:
        held.copy_(value[tuple(slice(n) for n in once)])
    except RuntimeError:  # entries of it share memory in another way
        return value.clone()
    return held.expand(value.shape)


class Recorder(Dispatch):
    """Writes down what torch does inside a `with` block, with `inputs` as the data."""

    supports_higher_order_operators = True

    def __init__(self, inputs: Mapping[str, Tensor], seed: int = 0) -> None:
        super().__init__()
        self.places = Places()
        self.operations: list[Operation] = []
        self.escapes: dict[Escape, None] = {}
        self.faults: dict[Escape, None] = {}
        self._storages: list[Storage] = []
        self._known: dict[int, int] = {}
        self._folded: dict[int, int] = {}
        self._results: dict[int, Tensor] = {}
        self._finite: dict[int, bool] = {}
        self._blank: dict[int, Tensor] = {}
        self.random = False
        self._alive: dict[int, StorageWeakRef] = {}
        self._memory: dict[int, int] = {}
        self._constants: dict[tuple[Any, ...], Constant] = {}
        self._empty: dict[int, StorageWeakRef] = {}
        self._seed = seed
        self._filled = 0
        self.inputs = {name: self._window(value, self._new(value)) for name, value in inputs.items()}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if not isinstance(func, _OVERLOAD):
            return self._higher_order(func, args, kwargs)
        known = self._known
        depends = False
        for value in (*args, *kwargs.values()) if kwargs else args:
            if isinstance(value, Tensor):
                if _key(value) in known:
                    depends = True
                    break
            elif isinstance(value, (list, tuple)) and any(isinstance(v, Tensor) and _key(v) in known for v in value):
                depends = True
                break
        signature = _signature(func)
        if not depends or signature.base in LIKE or signature.base in EMPTY:
            result = func(*args, **kwargs)
            self.random = self.random or signature.random
            if signature.base in EMPTY:
                self._garbage(result)
            elif signature.writes:
                self._forget(signature, args, kwargs)
            elif (
                signature.aten
                and type(result) is Tensor
                and (signature.base in FOLDED or (signature.base in JOINED and self._joins(args)))
            ):
                self._fold(func, signature, args, kwargs, result)
            return result
        place = self.places(2)
        if signature.relabels:
            if signature.grows:
                self.faults[Escape("resizes a tensor", place)] = None
            return func(*args, **kwargs)
        if signature.writes:
            return self._mutation(func, signature, args, kwargs, place)
        if signature.views:  # most are, and leave nothing to note; `reshape` may copy
            result = func(*args, **kwargs)
            if all(_key(r) in known for r in (result if isinstance(result, (tuple, list)) else (result,))):
                return result
            given = self._given(args, kwargs, place)
        else:
            given = self._given(args, kwargs, place)
            result = func(*args, **kwargs)
        self._note(func, signature, given, result, place)
        return result

    # --- constants ----------------------------------------------------------------------------------------------------

    def _fold(self, func: Any, signature: _Signature, args: Any, kwargs: Any, result: Tensor) -> None:
        """Record arithmetic on constants, to be kept if data meets its result."""
        key = _key(result)
        if not result.dtype.is_floating_point or result.is_meta or key in self._folded or not key:
            return
        if not any(isinstance(a, (Tensor, list, tuple)) for a in args):
            return
        place = self.places(3)
        given = self._given(args, kwargs, place)
        number = self._append(Storage(result.dtype, result.untyped_storage().nbytes() // result.dtype.itemsize))
        self._folded[key] = number
        self._alive[key] = _weak(result.untyped_storage())
        self._results[number] = result.detach()
        self.operations.append(Operation(func, signature.base, *given, (self._window(result, number),), False, place))

    def _joins(self, args: Any) -> bool:
        """Whether a list of tensors has one of folded arithmetic."""
        return any(isinstance(a, (list, tuple)) and any(_key(t) in self._folded for t in a) for a in args)

    def _forget(self, signature: _Signature, args: Any, kwargs: Any) -> None:
        """Constants that are written to are taken by value from now on."""
        for k, name in signature.writes:
            value = args[k] if k < len(args) else kwargs.get(name)
            for v in value if isinstance(value, (list, tuple)) else (value,):
                if isinstance(v, Tensor):
                    self._folded.pop(_key(v), None)

    # --- operations --------------------------------------------------------------------------------------------------

    def _note(self, func: Any, signature: _Signature, given: Any, result: Any, place: Place) -> None:
        if isinstance(result, Tensor) and signature.fixed and not result.is_meta:  # most are one tensor
            before = len(self._storages)
            number = self._new(result)
            if number == before:  # else a view
                output = self._window(result, number)
                self.operations.append(Operation(func, signature.base, given[0], given[1], (output,), False, place))
            return
        results = result if isinstance(result, (tuple, list)) else (result,)
        tensors = [r for r in results if isinstance(r, Tensor)]
        if not tensors:
            if results and signature.base not in SHAPELY:
                self.escapes[Escape(str(func), place, signature.base in GUARDS)] = None
            return
        if all(_key(t) in self._known for t in tensors) or any(t.is_meta for t in tensors):
            return  # views, and shapes alone
        if torch.Tag.dynamic_output_shape in func.tags and not self._shape_is_constant(signature, given):
            self.escapes[Escape(str(func), place)] = None
        outputs = tuple(self._window(r, self._new(r)) if isinstance(r, Tensor) else None for r in results)
        self.operations.append(Operation(func, signature.base, given[0], given[1], outputs, False, place))

    def _shape_is_constant(self, signature: _Signature, given: Any) -> bool:
        """Whether a shape that an index or a mask decides comes from a constant one."""
        if signature.base == "index":
            return not any(isinstance(i, Window) and i.dtype in (torch.bool, torch.uint8) for i in given[0][1])
        return signature.base in ("masked_select", "repeat_interleave") and not isinstance(given[0][-1], Window)

    def _mutation(self, func: Any, signature: _Signature, args: Any, kwargs: Any, place: Place) -> Any:
        written: list[Tensor] = []
        for k, name in signature.writes:
            value = args[k] if k < len(args) else kwargs.get(name)
            written += [v for v in (value if isinstance(value, (list, tuple)) else (value,)) if isinstance(v, Tensor)]
        for target in written:
            if _key(target) not in self._known:
                self._known_with(target)
        given = self._given(args, kwargs, place)
        targets = tuple(self._window(t) for t in written)
        result = func(*args, **kwargs)
        targets = tuple(self._resized(t, w, place) for t, w in zip(written, targets, strict=True))
        fresh = [r for r in (result if isinstance(result, (tuple, list)) else (result,)) if isinstance(r, Tensor)]
        others = tuple(self._window(r, self._new(r)) for r in fresh if _key(r) not in self._known)
        if signature.base.startswith("_foreach_") and len(written) == len(targets):
            self._apart(func, signature, given, targets, place)
        else:
            self.operations.append(Operation(func, signature.base, *given, targets + others, True, place))
        return result

    def _resized(self, target: Tensor, window: Window, place: Place) -> Window:
        """Where an operation wrote: what it gave another size (`out=torch.empty(0)`) is a storage of its own from then."""
        if tuple(target.shape) == window.size:
            return window
        storage = target.untyped_storage()
        real = target.dtype.to_real() if target.dtype.is_complex else target.dtype
        if target.storage_offset() or target.numel() * target.element_size() != storage.nbytes():
            self.faults[Escape("resizes a tensor", place)] = None
        self._known[storage._cdata] = self._append(Storage(real, storage.nbytes() // real.itemsize))
        if storage.nbytes():
            self._memory[storage.data_ptr()] = storage._cdata
        return self._window(target)

    def _apart(self, func: Any, signature: _Signature, given: Any, targets: Any, place: Place) -> None:
        """A fused operation on lists of tensors as one operation for each."""
        base = signature.base.removeprefix("_foreach_")
        packet = getattr(torch.ops.aten, base + "_", None)
        count = len(targets)
        for i, target in enumerate(targets):

            def pick(value: Any, i: int = i) -> Any:
                return value[i] if isinstance(value, (list, tuple)) and len(value) == count else value

            args = tuple(pick(a) for a in given[0])
            kwargs = {name: pick(v) for name, v in given[1].items()}
            self.operations.append(Operation(packet or func, base, args, kwargs, (target,), True, place))

    def _higher_order(self, func: Any, args: Any, kwargs: Any) -> Any:
        """`scan` and the like: torch's plain implementation runs, and its operations are recorded."""
        plain = func.py_kernels.get(torch._C.DispatchKey.CompositeExplicitAutograd)
        if plain is None:
            self.faults[Escape(f"the higher-order operator {func}", self.places(3))] = None
            return func(*args, **kwargs)
        # it asserts that no mode is on, though it can run under one
        names = plain.__globals__ | {"_get_current_dispatch_mode": lambda: None}
        unasserted = FunctionType(plain.__code__, names, plain.__name__, plain.__defaults__, plain.__closure__)
        with self:
            return unasserted(*args, **kwargs)

    # --- storages ------------------------------------------------------------------------------------------------------

    def _given(self, args: Any, kwargs: Any, place: Place) -> tuple[tuple[Any, ...], dict[str, Any]]:
        read = self._read
        return (
            tuple([read(value, place) for value in args]),
            {name: read(value, place) for name, value in kwargs.items()} if kwargs else {},
        )

    def _read(self, value: Any, place: Place) -> Any:
        if isinstance(value, Tensor):
            key = _key(value)
            number = self._known.get(key)
            if number is None and key in self._folded:
                number = self._folded[key]
                if number not in self._finite:
                    self._finite[number] = bool(torch.isfinite(self._results[number]).all())
                number = number if self._finite[number] else None
            return self._window(value, number) if number is not None else self._constant(value, place)
        if type(value) in (list, tuple):
            return type(value)([self._read(v, place) for v in value])
        return value

    def _window(self, value: Tensor, number: int | None = None) -> Window:
        if number is None:
            number = self._known[_key(value)]
        dtype = value.dtype
        stride, offset = value.stride(), int(value.storage_offset())
        if dtype.is_complex:
            stride, offset = tuple(2 * s for s in stride), 2 * offset
            return Window(number, tuple(value.shape), stride, offset, dtype, value.is_conj(), value.is_neg())
        if dtype != self._storages[number].dtype:
            self.faults[Escape(f"reads {self._storages[number].dtype} entries as {dtype}", self.places(4))] = None
        return Window(number, tuple(value.shape), stride, offset, dtype, False, value.is_neg())

    def _new(self, value: Tensor, initial: Tensor | None = None, unwritten: bool = False) -> int:
        """The number of a storage that holds data from now on."""
        try:
            storage = value.untyped_storage()
        except (NotImplementedError, RuntimeError):
            self.faults[Escape(f"a tensor without storage ({value.layout})", self.places(4))] = None
            return self._append(Storage(value.dtype, 0))
        key = storage._cdata
        if key in self._known:
            return self._known[key]
        real = value.dtype.to_real() if value.dtype.is_complex else value.dtype
        size = storage.nbytes()
        number = self._append(Storage(real, size // real.itemsize, initial, unwritten))
        self._known[key] = number
        self._alive[key] = _weak(storage)  # so that no other storage gets its address
        if size and storage.data_ptr():  # a zero of forward derivatives has no memory
            self._memory[storage.data_ptr()] = key
        return number

    def _append(self, storage: Storage) -> int:
        self._storages.append(storage)
        return len(self._storages) - 1

    def _known_with(self, target: Tensor) -> None:
        """Follow a storage of constants into which data is about to be written."""
        real = target.dtype.to_real() if target.dtype.is_complex else target.dtype
        if _shared(target):
            self.escapes[Escape("data in memory that numpy, or another library, shares", self.places(4))] = None
        try:
            content = torch.empty(0, dtype=real).set_(target.untyped_storage()).clone()
            blank = self._blank.pop(_key(target), None)
            if blank is not None:
                # what nothing wrote is 0 here; a program that reads it shows as different from its recording
                garbage = torch.view_as_real(blank).reshape(-1) if blank.dtype.is_complex else blank
                content[content == garbage.to(real)] = 0
        except (NotImplementedError, RuntimeError):
            content = None
            self.faults[
                Escape(f"writes into memory that can't be copied ({target.dtype}, {target.layout})", self.places(4))
            ] = None
        self._folded.pop(_key(target), None)
        self._new(target, content, unwritten=_key(target) in self._empty)

    def _constant(self, value: Tensor, place: Place) -> Constant:
        plain = value.detach()
        if plain._is_zerotensor():
            plain = torch.zeros(plain.shape, dtype=plain.dtype)
        try:
            storage = plain.untyped_storage()
            key: tuple[Any, ...] = (storage._cdata, plain.storage_offset(), plain.shape, plain.stride(), plain.dtype)
            shared = self._memory.get(storage.data_ptr()) if storage.nbytes() else None
            if shared is not None and shared != storage._cdata and not self._gone(shared):
                self.faults[Escape("reads memory that another tensor writes to behind torch's back", place)] = None
        except (NotImplementedError, RuntimeError):
            key = (id(value),)
        held = self._constants.get(key)
        if plain.is_conj():
            plain = plain.resolve_conj()
        if plain.is_neg():
            plain = plain.resolve_neg()
        if held is None or not same_bits(held.value, plain):
            held = self._constants[key] = Constant(_copied(plain), place)
        return held

    def _gone(self, key: int) -> bool:
        return bool(self._alive[key].expired())  # type: ignore[no-untyped-call]

    def _garbage(self, made: Any) -> None:
        """Fill what `empty` made with numbers that are others in each recording."""
        if not isinstance(made, Tensor) or made.numel() == 0:
            return
        self._filled += 1
        self._empty[_key(made)] = _weak(made.untyped_storage())
        generator = torch.Generator().manual_seed(hash((self._seed, self._filled)) & 0x7FFFFFFF)
        whole = not (made.dtype.is_floating_point or made.dtype.is_complex)
        if made.numel() > 2**16:  # a pattern will do
            short = torch.randn(2**12, generator=generator, dtype=torch.float64)
            noise = short.repeat(-(-made.numel() // 2**12))[: made.numel()].reshape(made.shape)
        else:
            noise = torch.randn(made.shape, generator=generator, dtype=torch.float64)
        made.copy_((noise > 0) if whole else noise)
        flat = torch.empty(0, dtype=made.dtype).set_(made.untyped_storage())
        self._blank[_key(made)] = flat.clone()
        self._alive[_key(made)] = self._empty[_key(made)]

    def tape(self, output: Window | Constant, written: Mapping[str, Place]) -> Tape:
        """What was recorded, without operations that the result does not depend on."""
        wanted = {output.storage} if isinstance(output, Window) else set()
        kept: list[Operation] = []
        for operation in reversed(self.operations):
            for o in operation.outputs:
                if o is not None and o.storage in wanted:
                    break
            else:
                continue
            kept.append(operation)
            for operand in operation.operands():
                if isinstance(operand, Window):
                    wanted.add(operand.storage)
        return Tape(
            tuple(self._storages),
            tuple(reversed(kept)),
            self.inputs,
            output,
            tuple(self.escapes),
            tuple(self.faults),
            written,
            {number: value for number, value in self._results.items() if number in wanted},
            self.random,
        )


def _weak(storage: Any) -> StorageWeakRef:
    return StorageWeakRef(storage)  # type: ignore[no-untyped-call]


def _shared(value: Tensor) -> bool:
    """Whether the memory is not torch's alone: it came from another library, or `numpy()` was taken of it."""
    try:
        return not value.untyped_storage().resizable()
    except (NotImplementedError, RuntimeError):
        return False


def _key(value: Tensor) -> int:
    try:
        return value.untyped_storage()._cdata
    except (NotImplementedError, RuntimeError):
        return 0


def record(program: Callable[..., Any], inputs: Mapping[str, Tensor], seed: int = 0) -> tuple[Tape, Any]:
    """The tape of `program(**inputs)`, and what it returned. The inputs are copied; gradients are off outside the program.

    seed: of what fresh memory holds. Raises what the program raises. A result that is no tensor has no tape: NoTensor.
    """
    copies = {name: value.detach().clone() for name, value in inputs.items()}
    versions = {name: value._version for name, value in copies.items()}
    with uncollected(), torch.no_grad(), Recorder(copies, seed) as recorder:
        result = program(**copies)
    if not isinstance(result, Tensor):
        raise NoTensor(f"returned {type(result).__name__}, expected one tensor")
    held = result.detach()
    output = recorder._read(held, ("", 0))
    written = {name: ("", 0) for name, value in copies.items() if value._version != versions[name]}
    return recorder.tape(output, written), held


def leave_alone(function: Any) -> None:
    """Keep torch.compile, and operators that compile themselves, from tracing a mode of ours; without loading them."""
    frames = torch._C._dynamo.eval_frame
    skip = frames._FrameAction.SKIP  # the function itself, and what it calls
    frames.set_code_exec_strategy(function.__code__, frames._FrameExecStrategy(skip, skip))


leave_alone(Recorder.__torch_dispatch__)
