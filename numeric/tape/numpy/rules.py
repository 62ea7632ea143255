"""numpy's functions as torch operations: each takes numpy's arguments with tensors for arrays, and returns a tensor.

A rule may raise on arguments that it does not take; numpy's result then stands alone (`numeric.tape.numpy.arrays`).
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

Rule = Callable[..., Any]


class NoRule(Exception):
    """Arguments that a rule does not take."""


def tensor(value: Any, numbers: bool = False) -> Any:
    """The tensor of an argument. numbers: Python's and numpy's scalars stay numbers."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, np.generic):
        if numbers and isinstance(value, np.float64 | np.integer | np.bool_):
            return value.item()
        return torch.as_tensor(value)
    if isinstance(value, (bool, int, float)):
        return value if numbers else torch.tensor(value, dtype=torch.float64)
    if isinstance(value, (list, tuple)) and any(isinstance(v, Tensor) for v in flat(value)):
        return torch.stack([tensor(v).double() for v in value])
    plain = np.array(value)
    if plain.dtype.kind not in "fbiu":
        raise NoRule(f"an array of {plain.dtype}")
    return torch.as_tensor(plain)


def flat(value: Any) -> list[Any]:
    """The values in a nesting of tuples and lists."""
    return [leaf for item in value for leaf in flat(item)] if isinstance(value, (tuple, list)) else [value]


def alike(*given: Any) -> list[Any]:
    """Tensors of one floating type, which torch wants for products of matrices; integers are exact as floats."""
    made = [tensor(v) for v in given]
    wide = torch.float64
    kinds = {t.dtype for t in made if t.dtype.is_floating_point}
    if len(kinds) == 1 and all(t.dtype.is_floating_point for t in made):
        wide = kinds.pop()
    return [t.to(wide) for t in made]


def _axis(axis: Any) -> Any:
    return None if axis is None else int(axis) if np.ndim(axis) == 0 else tuple(int(a) for a in axis)


def shape_of(given: tuple[Any, ...]) -> tuple[int, ...]:
    """A shape that was given as one tuple or as several numbers."""
    inner = given[0] if len(given) == 1 and not isinstance(given[0], (int, np.integer)) else given
    return tuple(int(n) for n in inner)


def _only(more: dict[str, Any], *taken: str) -> None:
    given = [k for k, v in more.items() if v is not np._NoValue and k not in taken]
    if given:
        raise NoRule(given[0])


def _in_order(order: Any) -> None:
    if order not in ("C", "K", "A", None):
        raise NoRule("order")


def _reduced(name: str, taken: tuple[str, ...] = ()) -> Rule:
    def reduce(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, **more: Any) -> Any:
        _only(more, *taken)
        if dtype is not None:
            raise NoRule("dtype")
        t, axis = tensor(a), _axis(axis)
        if name == "mean" and not t.dtype.is_floating_point:
            t = t.double()
        keep = keepdims is True
        if name in ("amax", "amin"):
            axes = tuple(range(t.ndim)) if axis is None else axis
            return getattr(t, name)(axes, keepdim=keep)
        if name == "prod" and axis is None:
            return t.prod().reshape([1] * t.ndim) if keep else t.prod()
        return getattr(t, name)(axis, keepdim=keep) if axis is not None or keep else getattr(t, name)()

    return reduce


def _first(rule: Rule) -> Rule:
    """The rule of a ufunc's reduction or scan, whose axis is 0 if it is not given."""
    return lambda a, axis=0, **more: rule(a, axis=axis, **more)


def _var(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0, keepdims: Any = False) -> Any:
    t, axis = alike(a)[0], _axis(axis)
    axes = tuple(range(t.ndim)) if axis is None else axis
    count = t.numel() if axis is None else int(np.prod([t.shape[i] for i in np.atleast_1d(axis)]))
    spread = t - t.mean(axes, keepdim=True)
    return (spread * spread).sum(axes, keepdim=bool(keepdims)) / (count - ddof)


def _running(name: str) -> Rule:
    def scan(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        t = tensor(a)
        return getattr(t.reshape(-1) if axis is None else t, name)(0 if axis is None else int(axis))

    return scan


def _dot(a: Any, b: Any, out: Any = None) -> Any:
    x, y = alike(a, b)
    if not x.ndim or not y.ndim:
        return x * y
    if x.ndim > 2 and y.ndim > 1:
        return torch.tensordot(x, y, dims=([-1], [-2]))
    return torch.matmul(x, y)


def _einsum(subscripts: str, *operands: Any, optimize: Any = None, **more: Any) -> Any:
    _only(more)
    return torch.einsum(subscripts, *alike(*operands))


def _joined(function: Callable[..., Tensor]) -> Rule:
    def join(arrays: Any, axis: Any = 0, out: Any = None, **more: Any) -> Any:
        _only(more)
        made = alike(*arrays)
        if axis is None:
            made, axis = [t.reshape(-1) for t in made], 0
        return function(made, int(axis))

    return join


def _append(arr: Any, values: Any, axis: Any = None) -> Any:
    a, b = alike(arr, values)
    return torch.cat([a.reshape(-1), b.reshape(-1)]) if axis is None else torch.cat([a, b], axis)


def _pad(array: Any, pad_width: Any, mode: str = "constant", constant_values: Any = 0) -> Any:
    if mode != "constant":
        raise NoRule("mode")
    t = tensor(array)
    pairs = np.broadcast_to(np.asarray(pad_width), (t.ndim, 2)).tolist()
    return torch.nn.functional.pad(t, [n for pair in reversed(pairs) for n in pair], value=constant_values)


def _where(condition: Any, *choices: Any) -> Any:
    a, b = choices
    mask = tensor(condition)
    return torch.where(mask if mask.dtype == torch.bool else mask != 0, *alike(a, b))


def _clip(a: Any, *bounds: Any, min: Any = None, max: Any = None, **more: Any) -> Any:
    _only(more, "a_min", "a_max")
    low = bounds[0] if bounds else None
    high = bounds[1] if len(bounds) > 1 else None
    low = more.get("a_min", min) if low is None else low
    high = more.get("a_max", max) if high is None else high
    given = [v if v is None else tensor(v, numbers=True) for v in (low, high)]
    if any(isinstance(v, Tensor) for v in given):
        given = [v if v is None else tensor(v) for v in given]
    return torch.clamp(tensor(a), *given)


def _convolve(a: Any, v: Any, mode: str = "full") -> Any:
    x, w = alike(a, v)
    if len(w) > len(x):
        x, w = w, x
    full = torch.nn.functional.conv1d(x[None, None], w.flip(0)[None, None], padding=len(w) - 1)[0, 0]
    cut = {"full": 0, "same": (len(w) - 1) // 2, "valid": len(w) - 1}[mode]
    size = {"full": len(full), "same": len(x), "valid": len(x) - len(w) + 1}[mode]
    return full[cut : cut + size]


def _vector(function: Callable[..., Tensor]) -> Rule:
    """A function of tensors, for arguments that numpy calls by the same names in the same order."""

    def call(*args: Any, **kwargs: Any) -> Any:
        given = alike(*(a for a in args if isinstance(a, (Tensor, np.ndarray))))
        rest = [a for a in args if not isinstance(a, (Tensor, np.ndarray))]
        return function(*given, *rest, **kwargs)

    return call


def _like(name: str) -> Rule:
    def make(a: Any, *args: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None) -> Any:
        if shape is not None:
            raise NoRule("shape")
        wanted = None if dtype is None else getattr(torch, np.dtype(dtype).name)
        return getattr(torch, name)(tensor(a), *args, dtype=wanted)

    return make


def _roll(a: Any, shift: Any, axis: Any = None) -> Any:
    t = tensor(a)
    return t.reshape(-1).roll(shift, 0).reshape(t.shape) if axis is None else t.roll(shift, axis)


def _flip(m: Any, axis: Any = None) -> Any:
    t, axis = tensor(m), _axis(axis)
    return t.flip(list(range(t.ndim)) if axis is None else [axis] if isinstance(axis, int) else list(axis))


def _repeat(a: Any, repeats: Any, axis: Any = None) -> Any:
    t = tensor(a)
    return (t.reshape(-1) if axis is None else t).repeat_interleave(repeats, 0 if axis is None else axis)


def _tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    dims = axes if isinstance(axes, int) else [[int(i) for i in np.atleast_1d(np.asarray(x))] for x in axes]
    x, y = alike(a, b)
    return torch.tensordot(x, y, dims=dims)


def _inner(a: Any, b: Any) -> Any:
    x, y = alike(a, b)
    if not x.ndim or not y.ndim:
        return x * y
    return torch.tensordot(x, y, dims=([-1], [-1]))


def _delete(arr: Any, obj: Any, axis: Any = None) -> Any:
    if any(isinstance(v, Tensor) for v in flat(obj)):
        raise NoRule("data decides what is deleted")
    t = tensor(arr)
    t, axis = (t.reshape(-1), 0) if axis is None else (t, axis)
    return t.index_select(axis, torch.as_tensor(np.delete(np.arange(t.shape[axis]), obj)))


def _split(ary: Any, indices_or_sections: Any, axis: int = 0) -> tuple[Tensor, ...]:
    if any(isinstance(v, Tensor) for v in flat(indices_or_sections)):
        raise NoRule("data decides where it is cut")
    cuts = indices_or_sections if isinstance(indices_or_sections, (int, np.integer)) else [*indices_or_sections]
    return torch.tensor_split(tensor(ary), int(cuts) if not isinstance(cuts, list) else [int(c) for c in cuts], axis)


def _split_along(axis: int) -> Rule:
    def rule(ary: Any, indices_or_sections: Any) -> tuple[Tensor, ...]:
        return _split(ary, indices_or_sections, min(axis, tensor(ary).ndim - 1))

    return rule


def _take(a: Any, indices: Any, axis: Any = None, **more: Any) -> Any:
    _only(more)
    if any(isinstance(v, Tensor) for v in flat(indices)):
        raise NoRule("data decides what is taken")
    t = tensor(a)
    t, axis = (t.reshape(-1), 0) if axis is None else (t, axis % t.ndim)
    return t[(slice(None),) * axis + (torch.as_tensor(np.array(indices)),)]


def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    if ord not in (None, 2) or (ord == 2 and x.ndim != 1 and not isinstance(axis, int)):
        raise NoRule("ord")
    return torch.linalg.vector_norm(tensor(x), dim=_axis(axis), keepdim=keepdims)


def _reshape(a: Any, *shape: Any, order: Any = "C", **more: Any) -> Any:
    _in_order(order if order != "A" else "F")
    _only(more)
    return tensor(a).reshape(shape_of(shape))


def _flattened(a: Any, order: Any = "C") -> Any:
    _in_order(order if order == "C" else "F")
    return tensor(a).reshape(-1)


def _astype(a: Any, dtype: Any, **more: Any) -> Any:
    _only(more, "copy")
    wanted = np.dtype(dtype)
    if wanted.kind != "f":
        raise NoRule("a cast to whole numbers reads the data")
    return a.to(getattr(torch, wanted.name)).clone()


def _copy(a: Any, order: Any = "K", **more: Any) -> Any:
    return tensor(a).clone()


def _squeeze(a: Any, axis: Any = None) -> Any:
    return tensor(a).squeeze() if axis is None else tensor(a).squeeze(_axis(axis))


def _transpose(a: Any, *axes: Any) -> Any:
    t = tensor(a)
    return t.permute(*(reversed(range(t.ndim)) if not axes or axes[0] is None else shape_of(axes)))


def _diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    return tensor(a).diagonal(offset, axis1, axis2)


def _trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    return tensor(a).diagonal(offset, axis1, axis2).sum(-1)


METHODS: dict[str, Rule] = {
    "sum": _reduced("sum"),
    "mean": _reduced("mean"),
    "prod": _reduced("prod"),
    "max": _reduced("amax"),
    "min": _reduced("amin"),
    "var": _var,
    "cumsum": _running("cumsum"),
    "cumprod": _running("cumprod"),
    "dot": _dot,
    "copy": _copy,
    "reshape": _reshape,
    "ravel": _flattened,
    "flatten": lambda a, order="C": _flattened(a, order).clone(),
    "squeeze": _squeeze,
    "transpose": _transpose,
    "swapaxes": lambda a, axis1, axis2: tensor(a).transpose(axis1, axis2),
    "diagonal": _diagonal,
    "trace": _trace,
    "take": _take,
    "repeat": _repeat,
    "astype": _astype,
    "clip": _clip,
    "conj": _copy,
}
"""By the method's name."""


def _bits(logical: Rule) -> Rule:
    def apply(a: Any, b: Any) -> Any:
        return logical(tensor(a), tensor(b))

    return apply


def _power(a: Any, b: Any) -> Any:
    return operator.pow(a, b)


OPERATORS: dict[str, Rule | None] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "truediv": operator.truediv,
    "matmul": lambda a, b: torch.matmul(*alike(a, b)),
    "pow": _power,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "eq": operator.eq,
    "ne": operator.ne,
    "and": _bits(torch.bitwise_and),
    "or": _bits(torch.bitwise_or),
    "xor": _bits(torch.bitwise_xor),
    "mod": None,
    "floordiv": None,
    "divmod": None,
    "lshift": None,
    "rshift": None,
    "neg": torch.neg,
    "pos": torch.clone,
    "abs": torch.abs,
    "invert": torch.bitwise_not,
}
"""By the operator's name in `operator`; None: numpy computes it alone."""
UFUNCS: dict[str, Rule] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "true_divide": operator.truediv,
    "negative": torch.neg,
    "positive": torch.clone,
    "conjugate": torch.clone,
    "reciprocal": torch.reciprocal,
    "square": torch.square,
    "power": _power,
    "float_power": _power,
    "matmul": lambda a, b: torch.matmul(*alike(a, b)),
    "absolute": torch.abs,
    "fabs": torch.abs,
    "maximum": lambda a, b: torch.maximum(*alike(a, b)),
    "minimum": lambda a, b: torch.minimum(*alike(a, b)),
    "arctan2": lambda a, b: torch.atan2(*alike(a, b)),
    "hypot": lambda a, b: torch.hypot(*alike(a, b)),
    "logaddexp": lambda a, b: torch.logaddexp(*alike(a, b)),
    "less": operator.lt,
    "less_equal": operator.le,
    "greater": operator.gt,
    "greater_equal": operator.ge,
    "equal": operator.eq,
    "not_equal": operator.ne,
    "logical_and": _bits(torch.logical_and),
    "logical_or": _bits(torch.logical_or),
    "bitwise_and": _bits(torch.bitwise_and),
    "bitwise_or": _bits(torch.bitwise_or),
    "logical_not": torch.logical_not,
    "invert": torch.bitwise_not,
    **{
        name: getattr(torch, name)
        for name in "exp expm1 exp2 log log1p log2 log10 sqrt tanh sinh cosh sin cos tan sign floor ceil trunc".split()
    },
}
SCANS: dict[tuple[str, str], Rule] = {
    ("add", "reduce"): _first(METHODS["sum"]),
    ("multiply", "reduce"): _first(METHODS["prod"]),
    ("maximum", "reduce"): _first(METHODS["max"]),
    ("minimum", "reduce"): _first(METHODS["min"]),
    ("add", "accumulate"): _first(METHODS["cumsum"]),
    ("multiply", "accumulate"): _first(METHODS["cumprod"]),
}
FUNCTIONS: dict[Any, Rule] = {
    **{getattr(np, name): rule for name, rule in METHODS.items() if name not in ("flatten", "astype", "conj")},
    np.vdot: lambda a, b: _dot(tensor(a).reshape(-1), tensor(b).reshape(-1)),
    np.inner: _inner,
    np.outer: lambda a, b, out=None: torch.outer(*(t.reshape(-1) for t in alike(a, b))),
    np.einsum: _einsum,
    np.tensordot: _tensordot,
    np.kron: _vector(torch.kron),
    np.concatenate: _joined(torch.cat),
    np.stack: _joined(torch.stack),
    np.vstack: lambda tup, **more: torch.vstack(alike(*tup)),
    np.hstack: lambda tup, **more: torch.hstack(alike(*tup)),
    np.column_stack: lambda tup: torch.column_stack(alike(*tup)),
    np.append: _append,
    np.reshape: lambda a, shape=None, order="C", **more: _reshape(a, shape, order=order, **more),
    np.matrix_transpose: lambda a: tensor(a).mT,
    np.moveaxis: lambda a, source, destination: torch.movedim(tensor(a), source, destination),
    np.expand_dims: lambda a, axis: tensor(a).unsqueeze(axis),
    np.atleast_1d: lambda a: t if (t := tensor(a)).ndim else t[None],
    np.atleast_2d: lambda a: t if (t := tensor(a)).ndim > 1 else t.reshape(1, -1),
    np.broadcast_to: lambda array, shape, subok=False: tensor(array).expand(shape_of((shape,))),
    np.tile: lambda A, reps: torch.tile(tensor(A), shape_of((reps,)) if np.ndim(reps) else (int(reps),)),
    np.roll: _roll,
    np.flip: _flip,
    np.flipud: lambda m: _flip(m, 0),
    np.fliplr: lambda m: _flip(m, 1),
    np.pad: _pad,
    np.diag: lambda v, k=0: torch.diag(tensor(v), k),
    np.tril: lambda m, k=0: torch.tril(tensor(m), k),
    np.triu: lambda m, k=0: torch.triu(tensor(m), k),
    np.where: _where,
    np.delete: _delete,
    np.split: _split,
    np.array_split: _split,
    np.vsplit: _split_along(0),
    np.hsplit: _split_along(1),
    np.dsplit: _split_along(2),
    np.convolve: _convolve,
    np.zeros_like: _like("zeros_like"),
    np.ones_like: _like("ones_like"),
    np.full_like: _like("full_like"),
    np.empty_like: _like("empty_like"),
    np.linalg.solve: _vector(torch.linalg.solve),
    np.linalg.inv: _vector(torch.linalg.inv),
    np.linalg.matrix_power: lambda a, n: torch.linalg.matrix_power(tensor(a), int(n)),
    np.linalg.norm: _norm,
}
"""By numpy's function."""
