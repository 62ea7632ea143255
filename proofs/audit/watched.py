"""Bounds that torch's operations meet: slices, clamps, comparisons of positions, tables that are read up to some row.

Seen at dispatch, whoever calls the operation. A length is of any tensor; a number is noted only where no data decides it.
Main definition: `Watched`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import Any

import torch
from torch import Tensor

from numeric.tape.dispatch import Dispatch
from proofs.audit.edges import Edges, Site
from proofs.audit.noting import cut

_MANY = 2**23
"""Entries of a tensor that are looked at."""
_FEW = 64
"""Entries of one that are put in order."""
_END = 2**62
_SHORT = {t: torch.iinfo(t).max for t in (torch.int8, torch.uint8, torch.int16)}
_SHORT |= {torch.float16: 2**11, torch.bfloat16: 2**8}
"""Types with whole numbers that a context may count past, and the last of these."""
_FRAMES = 60
"""How far the target's own code is above an operation."""


class Watched(Dispatch):  # type: ignore[no-untyped-call]
    """Notes the edges of what a call of a target does, made on these inputs. own: whether a file is the target's."""

    def __init__(self, edges: Edges, inputs: Mapping[str, Tensor], own: Callable[[str], bool]) -> None:
        super().__init__()
        self.edges, self.own = edges, own
        self.data: dict[int, Any] = {}  # storages are held, so that none has the address of another
        for tensor in inputs.values():
            self._mark(tensor)

    def _mark(self, tensor: Tensor) -> None:
        storage = _storage(tensor)
        if storage is not None:
            self.data[storage._cdata] = storage

    def _held(self, tensor: Tensor) -> bool:
        """Whether it is made of the inputs, as a wrapper of torch.func is taken to be."""
        storage = _storage(tensor)
        return storage is None or storage._cdata in self.data

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        name = _name(func)
        seen = any(map(self._held, _tensors((*args, *kwargs.values()))))
        meets = _SHAPES.get(name) or (None if seen else _VALUES.get(name))
        if meets is not None:
            site = self._site(name)
            if site is not None:
                with suppress(RuntimeError, TypeError, ValueError, IndexError):  # arguments of another form
                    meets(self.edges, site, args, kwargs, out)
        if not seen and isinstance(out, Tensor) and out.dtype in _SHORT and 0 < out.numel() <= _MANY:
            site, numbers = self._site("counted"), out.double()
            if site is not None and bool((numbers == numbers.round()).all()):
                most = _SHORT[out.dtype]
                self.edges.note(site, (True,), most - int(numbers.abs().max()), (float(most),))
        if seen:
            for tensor in _tensors((out, args[0] if args and func._schema.is_mutable else None, kwargs.get("out"))):
                self._mark(tensor)
        return out

    def _site(self, name: str) -> Site | None:
        """The line of the target's code, and the way from there to the operation."""
        frame, way = sys._getframe(2), []
        for _ in range(_FRAMES):
            if frame is None:
                return None
            way.append((frame.f_code, frame.f_lasti))
            if self.own(frame.f_code.co_filename):
                return (frame.f_code.co_filename, frame.f_lineno, name, *way)
            frame = frame.f_back  # type: ignore[assignment]
        return None


def _storage(tensor: Tensor) -> Any:
    """The tensor's storage; None where it has none."""
    try:
        return tensor.untyped_storage()
    except (RuntimeError, NotImplementedError):
        return None


@cache
def _name(func: Any) -> str:
    """The operation's, the same in place."""
    name = func.overloadpacket.__name__.rstrip("_") if hasattr(func, "overloadpacket") else ""
    return "_to_copy" if name == "to_copy" else name


def _tensors(values: Sequence[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (tuple, list)):
            yield from _tensors(value)


Meets = Callable[[Edges, Site, Sequence[Any], Mapping[str, Any], Any], None]


def _sides(edges: Edges, site: Site, left: Any, right: Any) -> None:
    """On which side of `right` the entries of `left` are."""
    left, right = (torch.as_tensor(v, dtype=torch.float64) for v in (left, right))
    if left.numel() * right.numel() == 0 or max(left.numel(), right.numel()) > _MANY:
        return
    gap = left - right
    constants = [float(v) for v in (left, right) if v.numel() == 1]
    edges.note(site, {bool((gap > 0).any()), bool((gap > 0).all())}, float(gap.abs().min()), constants)


def _compared(edges: Edges, site: Site, args: Sequence[Any], kwargs: Mapping[str, Any], out: Any) -> None:
    left, right = (torch.as_tensor(v, dtype=torch.float64) for v in args[:2])
    if out.numel() == 0 or out.numel() > _MANY:
        return
    constants = [float(v) for v in (left, right) if v.numel() == 1]
    edges.note(site, {bool(out.any()), bool(out.all())}, float((left - right).abs().min()), constants)


def _between(edges: Edges, site: Site, args: Sequence[Any], kwargs: Mapping[str, Any], out: Any) -> None:
    named = dict(zip(("self", "min", "max"), args, strict=False)) | dict(kwargs)
    for which in ("min", "max", "min_val", "max_val"):
        if named.get(which) is not None:
            _sides(edges, (*site, which), named["self"], named[which])


def _at_least(edges: Edges, site: Site, args: Sequence[Any], kwargs: Mapping[str, Any], out: Any) -> None:
    _sides(edges, site, *args[:2])


def _kinks(*at: float) -> Meets:
    def meets(edges: Edges, site: Site, args: Sequence[Any], kwargs: Mapping[str, Any], out: Any) -> None:
        for k in at:
            _sides(edges, (*site, k), args[0], k)

    return meets


def _bent(edges: Edges, site: Site, args: Sequence[Any], kwargs: Mapping[str, Any], out: Any) -> None:
    _sides(edges, site, args[0], args[1])


def _floored(edges: Edges, site: Site, part: Tensor, unit: float = 1.0, constants: Sequence[float] = ()) -> None:
    if part.numel() == 0 or part.numel() > _MANY:
        return
    least, most = float(part.min()), float(part.max())
    if math.isfinite(least) and math.isfinite(most):  # the ends on their own: differences of positions have two signs
        edges.note((*site, "least"), (math.floor(least),), (least - math.floor(least)) * unit, constants)
        edges.note((*site, "most"), (math.floor(most),), (math.floor(most) + 1 - most) * unit, constants)


def _divided(edges: Edges, site: Site, args: Sequence[Any], kwargs: Mapping[str, Any], out: Any) -> None:
    left, right = (torch.as_tensor(v, dtype=torch.float64) for v in args[:2])
    if site[2] == "div" and kwargs.get("rounding_mode") is None:
        return
    constant = [abs(float(right))] if right.numel() == 1 else []
    _floored(edges, site, left / right, constant[0] if constant else 1.0, constant)


def _rounded(edges: Edges, site: Site, args: Sequence[Any], kwargs: Mapping[str, Any], out: Any) -> None:
    _floored(edges, site, args[0].double() + (0.5 if site[2] == "round" else 0.0))


def _cast(edges: Edges, site: Site, args: Sequence[Any], kwargs: Mapping[str, Any], out: Any) -> None:
    if args[0].is_floating_point() and not out.is_floating_point() and out.dtype != torch.bool:
        _floored(edges, site, args[0].double())


def _placed(edges: Edges, site: Site, args: Sequence[Any], kwargs: Mapping[str, Any], out: Any) -> None:
    """searchsorted(bounds, values), bucketize(values, bounds)."""
    bounds, values = args[:2] if site[2] == "searchsorted" else args[1::-1]
    for k, bound in enumerate(bounds.flatten()[:_FEW].tolist()):
        _sides(edges, (*site, k), values, bound)


def _ordered(edges: Edges, site: Site, args: Sequence[Any], kwargs: Mapping[str, Any], out: Any) -> None:
    """Which of some numbers is the least, the largest, the next."""
    values = args[0].flatten().double()
    if 1 < values.numel() <= _FEW:
        order = values.argsort(stable=True)
        gaps = values[order].diff()
        edges.note(site, (tuple(order.tolist()),), float(gaps.min()), values.tolist())


def _saturated(edges: Edges, site: Site, args: Sequence[Any], kwargs: Mapping[str, Any], out: Any) -> None:
    """Functions that have ends, as tanh, or that a type of number can't follow far, as exp."""
    given = [torch.as_tensor(a, dtype=torch.float64) for a in args[:2] if isinstance(a, (Tensor, int, float))]
    if out.numel() and max(out.numel(), *(g.numel() for g in given)) <= _MANY:
        values = {float(out.min()), float(out.max())}
        edges.saturated(site, values, [v for g in given for v in (float(g.min()), float(g.max()))])


def _sliced(edges: Edges, site: Site, args: Sequence[Any], kwargs: Mapping[str, Any], out: Any) -> None:
    named = dict(zip(("self", "dim", "start", "end"), args, strict=False)) | dict(kwargs)
    length = named["self"].shape[named.get("dim", 0)]
    for which in ("start", "end"):
        bound = named.get(which)
        if isinstance(bound, int) and bound and abs(bound) < _END:
            cut(edges, (*site, which), bound, length)


def _split(edges: Edges, site: Site, args: Sequence[Any], kwargs: Mapping[str, Any], out: Any) -> None:
    sizes = args[1]
    dim = args[2] if len(args) > 2 else kwargs.get("dim", 0)
    if isinstance(sizes, int):
        cut(edges, site, sizes, args[0].shape[dim])


def _banded(edges: Edges, site: Site, args: Sequence[Any], kwargs: Mapping[str, Any], out: Any) -> None:
    """tril and triu: whether the diagonal is past a corner."""
    k = args[1] if len(args) > 1 else kwargs.get("diagonal", 0)
    R, C = args[0].shape[-2:]
    for corner, gap in (("top", C - 1 - k), ("bottom", R - 1 + k)):
        edges.note((*site, corner), (gap >= 0,), abs(gap), (float(k),))


def _padded(edges: Edges, site: Site, args: Sequence[Any], kwargs: Mapping[str, Any], out: Any) -> None:
    for k, amount in enumerate(args[1]):
        edges.note((*site, k), (amount >= 0,), abs(amount), (float(amount),))


def _convolved(edges: Edges, site: Site, args: Sequence[Any], kwargs: Mapping[str, Any], out: Any) -> None:
    for k, (taps, length) in enumerate(zip(args[1].shape[2:], args[0].shape[2:], strict=True)):
        edges.note((*site, k), (taps > length,), abs(taps - length), (float(taps),), rest=True)


def _rows(edges: Edges, site: Site, axis: Any, size: int, index: Any) -> None:
    """How many rows of a table were never read."""
    if isinstance(index, int):
        room = size - 1 - (index if index >= 0 else index + size)
        edges.note((*site, axis), (room > 0,), room, (float(size),), rest=True, end=size)
        return
    index = torch.as_tensor(index)
    if not index.numel() or index.dtype == torch.bool:
        return
    room = size - 1 - int(torch.where(index < 0, index + size, index).max())
    edges.note((*site, axis), (room > 0,), room, (float(size),), rest=True, end=size)


def _read(edges: Edges, site: Site, args: Sequence[Any], kwargs: Mapping[str, Any], out: Any) -> None:
    table, where = args[0], args[1:]
    if site[2] == "index":
        for k, index in enumerate(where[0]):
            if index is not None:
                _rows(edges, site, k, table.shape[k], index)
    elif site[2] in ("embedding", "take"):
        _rows(edges, site, 0, table.shape[0] if site[2] == "embedding" else table.numel(), where[0])
    elif table.ndim:  # gather, index_select, select
        _rows(edges, site, 0, table.shape[where[0]], where[1])


_COMPARISONS = dict.fromkeys("lt le gt ge eq ne".split(), _compared)
_ORDERS = dict.fromkeys("min max amin amax argmin argmax sort argsort topk median kthvalue".split(), _ordered)
_FLOORS = dict.fromkeys("floor_divide remainder fmod div".split(), _divided)
_ROUNDINGS = dict.fromkeys("floor ceil trunc round frac".split(), _rounded)
_SIGNS = dict.fromkeys("relu sign sgn abs signbit heaviside leaky_relu elu prelu".split(), _kinks(0.0))
_VALUES: Mapping[str, Meets] = {
    **_COMPARISONS,
    **_ORDERS,
    **_FLOORS,
    **_ROUNDINGS,
    **_SIGNS,
    **dict.fromkeys(("minimum", "maximum", "fmin", "fmax", "clamp_min", "clamp_max"), _at_least),
    **dict.fromkeys(("clamp", "hardtanh"), _between),
    **dict.fromkeys(("hardsigmoid", "hardswish"), _kinks(-3.0, 3.0)),
    "relu6": _kinks(0.0, 6.0),
    "hardshrink": _kinks(-0.5, 0.5),
    "softshrink": _kinks(-0.5, 0.5),
    "threshold": _bent,
    **dict.fromkeys("sigmoid tanh erf erfc exp exp2 expm1 softplus gelu silu log_sigmoid_forward".split(), _saturated),
    "pow": _saturated,
    "_to_copy": _cast,
    "searchsorted": _placed,
    "bucketize": _placed,
}
"""By operation: what it meets where no data decides its numbers."""
_SHAPES: Mapping[str, Meets] = {
    "slice": _sliced,
    "split": _split,
    **dict.fromkeys(("tril", "triu"), _banded),
    "constant_pad_nd": _padded,
    "convolution": _convolved,
    **dict.fromkeys(("index", "embedding", "take", "gather", "index_select", "select"), _read),
}
"""By operation: what its lengths meet."""
