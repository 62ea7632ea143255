"""An array for numpy and array-API code in any carrier: numpy's own dispatch hands every operation to it.

`Array` wraps a tensor of the interpreter; numpy's functions find it by `__array_ufunc__` and `__array_function__`, and run
as torch operations, so there is one set of rules. What has no rule is refused with numpy's name, the line and the
reason. `numeric.numpy_programs` runs code on such arrays.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from numeric.tape.places import Places, shown
from numeric.tape.refusals import Refused
from numeric.tape.storage_tape import leaves
from numeric.numpy_indexing import torch_index

PLAIN: dict[str, Callable[..., Any]] = {
    name: getattr(np, name)
    for name in "zeros ones empty full eye identity array asarray asanyarray ascontiguousarray".split()
}
"""numpy's own constructors."""
_ROOTS = "algebraic (a root), not rational; give data that is normalised already"
_FACTORS = "factors a matrix by roots or decisions; write the solution as np.linalg.solve or inv of a square matrix"
_DECIDES = "data-dependent: a number of the data decides what the code does"
_REASONS = {
    **dict.fromkeys("norm sqrt cbrt hypot std".split(), _ROOTS),
    **dict.fromkeys("svd eig eigh eigvals eigvalsh qr cholesky lstsq pinv".split(), _FACTORS),
    **dict.fromkeys(
        "argmax argmin argsort sort unique nonzero searchsorted allclose isclose array_equal any all isnan isfinite "
        "isinf argwhere partition".split(),
        _DECIDES,
    ),
}
_FLOATS = (None, float, np.float64, np.float32, np.float16, "float", "float64", "float32", "d", "f")


def caller() -> str:
    return shown(Places()(2))


class Array:
    """An n-dimensional array over a tensor, with numpy's methods, operators and views."""

    __slots__ = ("tensor",)
    __array_priority__ = 1000

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor

    def __neg__(self) -> Array:
        return Array(-self.tensor)

    def __pos__(self) -> Array:
        return Array(self.tensor.clone())

    def __abs__(self) -> Any:
        return _wrapped(torch.abs(self.tensor))

    # what numpy asks an array

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.tensor.shape)

    @property
    def ndim(self) -> int:
        return self.tensor.ndim

    @property
    def size(self) -> int:
        return self.tensor.numel()

    @property
    def dtype(self) -> Any:
        return np.dtype(str(self.tensor.dtype).removeprefix("torch."))

    @property
    def device(self) -> str:
        return "cpu"

    @property
    def T(self) -> Array:
        return Array(self.tensor.permute(*reversed(range(self.ndim))))

    @property
    def mT(self) -> Array:
        return Array(self.tensor.mT)

    @property
    def flat(self) -> Array:
        return Array(self.tensor.reshape(-1))

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        return np

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len() of unsized object")
        return len(self.tensor)

    def __iter__(self) -> Iterator[Array]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, key: Any) -> Array:
        index, flips = torch_index(_plain(key), self.shape)
        out = self.tensor[index]
        return Array(out.flip(flips) if flips else out)

    def __setitem__(self, key: Any, value: Any) -> None:
        index, flips = torch_index(_plain(key), self.shape)
        new = tensor_of(value)
        new = new.clone() if isinstance(value, Array) else new  # numpy allows an array to be moved within itself
        if flips:
            new = new.expand(self.tensor[index].shape).flip(flips)
        if new.ndim > self.tensor[index].ndim:
            new = new.reshape(new.shape[new.ndim - self.tensor[index].ndim :])
        self.tensor[index] = new

    def __repr__(self) -> str:
        return f"Array(shape={self.shape})"

    __hash__ = None  # type: ignore[assignment]

    # ways out: what needs a plain number

    def _number(self, what: str) -> Any:
        return self.tensor

    def __float__(self) -> float:
        return float(self._number("float()"))

    def __int__(self) -> int:
        return int(self._number("int()"))

    def __bool__(self) -> bool:
        return bool(self._number("bool()"))

    __index__ = __int__

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.asarray(self._number("numpy.asarray").numpy(), dtype=dtype)

    def item(self, *index: int) -> Any:
        """The plain number, for constants."""
        return self._number("item()").item()

    def tolist(self) -> Any:
        """The plain numbers, for constants."""
        return self._number("tolist()").tolist()

    # numpy's dispatch

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        name = _ALIASES.get(ufunc.__name__, ufunc.__name__)
        out = kwargs.pop("out", None)
        if kwargs.pop("where", True) is not True:
            raise Refused(f"numpy.{name}", caller(), "no exact rule for where=")
        kwargs.pop("dtype", None), kwargs.pop("casting", None)
        if method == "__call__":
            if name not in _UFUNCS:
                raise _refusal(name)
            result = _UFUNCS[name](*(tensor_of(v, numbers=True) for v in inputs))
        elif method == "outer":
            a, b = (tensor_of(v) for v in inputs)
            result = _UFUNCS[name](a.reshape(*a.shape, *[1] * b.ndim), b)
        elif method in ("reduce", "accumulate") and (name, method) in _SCANS:
            axis = kwargs.get("axis", 0)
            keep = {"keepdims": kwargs.get("keepdims", False)} if method == "reduce" else {}
            return _SCANS[name, method](inputs[0], axis=axis, **keep)
        else:
            raise Refused(f"numpy.{name}.{method}", caller(), "no exact rule for it")
        made = _wrapped(result)
        return made if out is None else _put(out[0] if isinstance(out, tuple) else out, made)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        rule = _FUNCTIONS.get(func)
        if rule is None:
            raise _refusal(func.__name__)
        return rule(*args, **kwargs)


def _refusal(name: str) -> Refused:
    from numeric.tape.refusals import WHY

    return Refused(f"numpy.{name}", caller(), _REASONS.get(name) or WHY.get(name) or "no exact rule for it")


def tensor_of(value: Any, numbers: bool = False) -> Any:
    """The tensor of an array or of nested lists of them; numbers: Python numbers stay what they are."""
    if isinstance(value, Array):
        return value.tensor
    if isinstance(value, Tensor):
        return value
    if isinstance(value, (np.integer, np.floating)):
        value = value.item()
    if isinstance(value, (bool, int, float)):
        return value if numbers else torch.tensor(value, dtype=torch.float64)
    if isinstance(value, (list, tuple)) and any(isinstance(v, (Array, Tensor)) for v in leaves(value)):
        return torch.stack([tensor_of(v).double() for v in value])
    plain = PLAIN["asarray"](value)
    if plain.dtype == object:
        raise Refused("numpy.asarray", caller(), f"an array of {type(value).__name__} objects")
    return torch.as_tensor(plain.copy() if isinstance(plain, np.ndarray) else plain)


def _wrapped(result: Any) -> Any:
    if isinstance(result, Tensor):
        return Array(result) if result.dtype.is_floating_point else result.numpy()
    return result


def _plain(key: Any) -> Any:
    """An index with its arrays as plain numbers."""
    if isinstance(key, tuple):
        return tuple(_plain(k) for k in key)
    return key._number("an index").numpy() if isinstance(key, Array) else key


def _put(target: Any, value: Any) -> Any:
    if not isinstance(target, Array):
        raise Refused(
            "writing into a numpy array",
            caller(),
            "the array was made outside the call, or by a function that was not followed; make it with np.zeros",
        )
    target.tensor.copy_(tensor_of(value).clone())
    return target


# --- numpy's names -------------------------------------------------------------------------------------------------


def _axis(axis: Any) -> Any:
    return None if axis is None else int(axis) if np.ndim(axis) == 0 else tuple(int(a) for a in axis)


def _sum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, **more: Any) -> Any:
    _only(more, "sum")
    t, axis = tensor_of(a), _axis(axis)
    made = Array(t.sum() if axis is None and not keepdims else t.sum(axis, keepdim=bool(keepdims)))
    return made if out is None else _put(out, made)


def _mean(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, **more: Any) -> Any:
    _only(more, "mean")
    t, axis = tensor_of(a), _axis(axis)
    made = Array(t.mean() if axis is None and not keepdims else t.mean(axis, keepdim=bool(keepdims)))
    return made if out is None else _put(out, made)


def _prod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, **more: Any) -> Any:
    _only(more, "prod")
    t = tensor_of(a)
    made = Array(t.prod() if axis is None else t.prod(int(axis), keepdim=bool(keepdims)))
    return made if out is None else _put(out, made)


def _var(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0, keepdims: Any = False) -> Any:
    made = Array(tensor_of(a).var(_axis(axis), correction=ddof, keepdim=bool(keepdims)))
    return made if out is None else _put(out, made)


def _only(more: dict[str, Any], name: str) -> None:
    given = [k for k, v in more.items() if v is not np._NoValue]
    if given:
        raise Refused(f"numpy.{name}", caller(), f"no exact rule for {given[0]}=")


def _running(name: str) -> Callable[..., Any]:
    def scan(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        t = tensor_of(a)
        made = Array(getattr(t.reshape(-1) if axis is None else t, name)(0 if axis is None else int(axis)))
        return made if out is None else _put(out, made)

    return scan


def _dot(a: Any, b: Any, out: Any = None) -> Any:
    x, y = tensor_of(a), tensor_of(b)
    if not x.ndim or not y.ndim:
        made = x * y
    elif x.ndim > 2 and y.ndim > 1:
        made = torch.tensordot(x, y, dims=([-1], [-2]))
    else:
        x, y = _alike(x, y)
        made = torch.matmul(x, y)
    return Array(made) if out is None else _put(out, made)


def _alike(*tensors: Any) -> list[Any]:
    # torch multiplies matrices of one type only; integers are exact as floats
    return [t.double() if isinstance(t, Tensor) and not t.dtype.is_floating_point else t for t in tensors]


def _einsum(subscripts: str, *operands: Any, optimize: Any = None, **more: Any) -> Any:
    _only(more, "einsum")
    return Array(torch.einsum(subscripts, *_alike(*(tensor_of(o) for o in operands))))


def _joined(function: Callable[..., Tensor]) -> Callable[..., Any]:
    def join(arrays: Any, axis: Any = 0, out: Any = None, **more: Any) -> Any:
        made = [tensor_of(a) for a in arrays]
        if axis is None:
            made, axis = [t.reshape(-1) for t in made], 0
        whole = Array(function(_alike(*made), int(axis)))
        return whole if out is None else _put(out, whole)

    return join


def _append(array: Any, values: Any, axis: Any = None) -> Any:
    a, b = _alike(tensor_of(array), tensor_of(values))
    return Array(torch.cat([a.reshape(-1), b.reshape(-1)]) if axis is None else torch.cat([a, b], axis))


def _pad(array: Any, pad_width: Any, mode: str = "constant", constant_values: Any = 0) -> Any:
    if mode != "constant":
        raise Refused("numpy.pad", caller(), f"no exact rule for mode={mode!r}")
    t = tensor_of(array)
    pairs = np.broadcast_to(PLAIN["asarray"](pad_width), (t.ndim, 2)).tolist()
    return Array(torch.nn.functional.pad(t, [n for pair in reversed(pairs) for n in pair], value=constant_values))


def _where(condition: Any, *choices: Any) -> Any:
    if len(choices) != 2:
        raise Refused("numpy.where", caller(), _DECIDES)
    if isinstance(condition, Array):
        condition = condition._number("numpy.where").numpy().astype(bool)
    a, b = (tensor_of(c) for c in choices)
    return Array(torch.where(torch.as_tensor(condition), a, b))


def _diag(v: Any, k: int = 0) -> Any:
    return Array(torch.diag(tensor_of(v), k))


def _convolve(a: Any, v: Any, mode: str = "full") -> Any:
    x, w = _alike(tensor_of(a), tensor_of(v))
    if len(w) > len(x):
        x, w = w, x
    full = torch.nn.functional.conv1d(x[None, None], w.flip(0)[None, None], padding=len(w) - 1)[0, 0]
    cut = {"full": 0, "same": (len(w) - 1) // 2, "valid": len(w) - 1}[mode]
    size = {"full": len(full), "same": len(x), "valid": len(x) - len(w) + 1}[mode]
    return Array(full[cut : cut + size])


def _vector(function: Callable[..., Tensor]) -> Callable[..., Any]:
    """A function of tensors, for arguments that numpy calls by the same names in the same order."""

    def call(*args: Any, **kwargs: Any) -> Any:
        arrays = [tensor_of(a) if isinstance(a, (Array, np.ndarray)) else a for a in args]
        return _wrapped(function(*_alike(*arrays), **kwargs))

    return call


def _method(name: str) -> Callable[..., Any]:
    """numpy's function by the method of `Array` of the same name."""
    return lambda a, *args, **kwargs: getattr(Array(tensor_of(a)), name)(*args, **kwargs)


def _like(name: str) -> Callable[..., Any]:
    def make(a: Any, *args: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None) -> Any:
        if dtype is not None and dtype not in _FLOATS:
            return PLAIN[name.removesuffix("_like")](a.shape if shape is None else shape, *args, dtype=dtype)
        return Array(getattr(torch, name)(tensor_of(a), *args))

    return make


def _roll(a: Any, shift: Any, axis: Any = None) -> Any:
    t = tensor_of(a)
    return Array(t.reshape(-1).roll(shift, 0).reshape(t.shape) if axis is None else t.roll(shift, axis))


def _flip(m: Any, axis: Any = None) -> Any:
    t, axis = tensor_of(m), _axis(axis)
    return Array(t.flip(list(range(t.ndim)) if axis is None else [axis] if isinstance(axis, int) else list(axis)))


def _repeat(a: Any, repeats: Any, axis: Any = None) -> Any:
    t = tensor_of(a)
    return Array((t.reshape(-1) if axis is None else t).repeat_interleave(repeats, 0 if axis is None else axis))


def _tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    dims = axes if isinstance(axes, int) else [[int(i) for i in np.atleast_1d(PLAIN["asarray"](x))] for x in axes]
    x, y = _alike(tensor_of(a), tensor_of(b))
    return Array(torch.tensordot(x, y, dims=dims))


def _inner(a: Any, b: Any) -> Any:
    x, y = _alike(tensor_of(a), tensor_of(b))
    return Array(x * y if not x.ndim or not y.ndim else torch.tensordot(x, y, dims=([-1], [-1])))


def _delete(arr: Any, obj: Any, axis: Any = None) -> Any:
    t = tensor_of(arr)
    t, axis = (t.reshape(-1), 0) if axis is None else (t, axis)
    kept = np.delete(np.arange(t.shape[axis]), obj)
    return Array(t.index_select(axis, torch.as_tensor(kept)))


def _squeezed(tensor: Tensor, axis: Any) -> Tensor:
    return tensor.squeeze() if axis is None else tensor.squeeze(axis)


_METHODS: dict[str, Callable[..., Any]] = {
    "sum": _sum,
    "mean": _mean,
    "prod": _prod,
    "var": _var,
    "cumsum": _running("cumsum"),
    "cumprod": _running("cumprod"),
    "dot": _dot,
    "copy": lambda a, order="C", **more: Array(a.tensor.clone()),
    "reshape": lambda a, *shape, order="C", **more: Array(a.tensor.reshape(*_shape(shape))),
    "ravel": lambda a, order="C": Array(a.tensor.reshape(-1)),
    "flatten": lambda a, order="C": Array(a.tensor.reshape(-1).clone()),
    "squeeze": lambda a, axis=None: Array(_squeezed(a.tensor, axis)),
    "transpose": lambda a, *axes: a.T if not axes or axes[0] is None else Array(a.tensor.permute(*_shape(axes))),
    "swapaxes": lambda a, axis1, axis2: Array(a.tensor.transpose(axis1, axis2)),
    "diagonal": lambda a, offset=0, axis1=0, axis2=1: Array(a.tensor.diagonal(offset, axis1, axis2)),
    "trace": lambda a, offset=0, axis1=0, axis2=1: Array(a.tensor.diagonal(offset, axis1, axis2).sum(-1)),
    "take": lambda a, indices, axis=None: (
        a[(slice(None),) * (axis or 0) + (indices,)] if axis is not None else a.flat[indices]
    ),
    "repeat": _repeat,
    "fill": lambda a, value: a.tensor.fill_(tensor_of(value, numbers=True)) and None,
    "astype": lambda a, dtype, **more: astype(a, dtype),
}


def _shape(given: tuple[Any, ...]) -> tuple[int, ...]:
    inner = given[0] if len(given) == 1 and not isinstance(given[0], (int, np.integer)) else given
    return tuple(int(n) for n in inner)


def astype(a: Array, dtype: Any) -> Any:
    wanted = np.dtype(dtype)
    if wanted.kind != "f":
        return a._number(f"astype({wanted})").numpy().astype(wanted)
    return Array(a.tensor.to(getattr(torch, wanted.name)).clone())


for _name, _rule in _METHODS.items():
    setattr(Array, _name, _rule)

_ALIASES = {"true_divide": "divide", "conjugate": "positive", "arctan2": "atan2"}
_UFUNCS: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "negative": torch.neg,
    "positive": torch.clone,
    "reciprocal": torch.reciprocal,
    "square": torch.square,
    "power": operator.pow,
    "float_power": operator.pow,
    "matmul": lambda a, b: torch.matmul(*_alike(a, b)),
    "exp": torch.exp,
    "expm1": torch.expm1,
    "log": torch.log,
    "log1p": torch.log1p,
    "logaddexp": torch.logaddexp,
    "absolute": torch.abs,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "sign": torch.sign,
    "less": torch.lt,
    "less_equal": torch.le,
    "greater": torch.gt,
    "greater_equal": torch.ge,
    "equal": torch.eq,
    "not_equal": torch.ne,
}
_SCANS: dict[tuple[str, str], Callable[..., Any]] = {
    ("add", "reduce"): _sum,
    ("multiply", "reduce"): _prod,
    ("add", "accumulate"): _METHODS["cumsum"],
    ("multiply", "accumulate"): _METHODS["cumprod"],
}


def _operator(name: str, swapped: bool = False) -> Callable[[Array, Any], Any]:
    def apply(self: Array, other: Any) -> Any:
        if not isinstance(other, (Array, np.ndarray, np.generic, int, float, list, tuple, Tensor)):
            return NotImplemented
        a, b = tensor_of(self), tensor_of(other, numbers=True)
        return _wrapped(_UFUNCS[name](b, a) if swapped else _UFUNCS[name](a, b))

    return apply


def _in_place(name: str) -> Callable[[Array, Any], Array]:
    def apply(self: Array, other: Any) -> Array:
        self.tensor.copy_(_UFUNCS[name](self.tensor, tensor_of(other, numbers=True)))
        return self

    return apply


for _short, _name in {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "truediv": "divide",
    "matmul": "matmul",
    "pow": "power",
}.items():
    setattr(Array, f"__{_short}__", _operator(_name))
    setattr(Array, f"__r{_short}__", _operator(_name, swapped=True))
    setattr(Array, f"__i{_short}__", _in_place(_name))
for _short, _name in {
    "lt": "less",
    "le": "less_equal",
    "gt": "greater",
    "ge": "greater_equal",
    "eq": "equal",
    "ne": "not_equal",
}.items():
    setattr(Array, f"__{_short}__", _operator(_name))

_FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.sum: _sum,
    np.mean: _mean,
    np.prod: _prod,
    np.var: _var,
    np.cumsum: _METHODS["cumsum"],
    np.cumprod: _METHODS["cumprod"],
    np.dot: _dot,
    np.vdot: lambda a, b: _dot(Array(tensor_of(a).reshape(-1)), Array(tensor_of(b).reshape(-1))),
    np.inner: _inner,
    np.outer: lambda a, b, out=None: Array(torch.outer(*_alike(tensor_of(a).reshape(-1), tensor_of(b).reshape(-1)))),
    np.einsum: _einsum,
    np.tensordot: _tensordot,
    np.kron: _vector(torch.kron),
    np.trace: _method("trace"),
    np.concatenate: _joined(torch.cat),
    np.stack: _joined(torch.stack),
    np.vstack: lambda tup, **more: Array(torch.vstack(_alike(*(tensor_of(a) for a in tup)))),
    np.hstack: lambda tup, **more: Array(torch.hstack(_alike(*(tensor_of(a) for a in tup)))),
    np.column_stack: lambda tup: Array(torch.column_stack(_alike(*(tensor_of(a) for a in tup)))),
    np.append: _append,
    np.reshape: lambda a, shape, order="C", copy=None: Array(tensor_of(a).reshape(_shape((shape,)))),
    np.ravel: _method("ravel"),
    np.squeeze: _method("squeeze"),
    np.transpose: lambda a, axes=None: Array(tensor_of(a)).transpose(axes),  # type: ignore[attr-defined]
    np.matrix_transpose: lambda a: Array(tensor_of(a).mT),
    np.swapaxes: _method("swapaxes"),
    np.moveaxis: lambda a, source, destination: Array(torch.movedim(tensor_of(a), source, destination)),
    np.expand_dims: lambda a, axis: Array(tensor_of(a).unsqueeze(axis)),
    np.atleast_1d: lambda a: Array(t if (t := tensor_of(a)).ndim else t[None]),
    np.atleast_2d: lambda a: Array(t if (t := tensor_of(a)).ndim > 1 else t.reshape(1, -1)),
    np.broadcast_to: lambda array, shape, subok=False: Array(tensor_of(array).expand(_shape((shape,)))),
    np.tile: lambda A, reps: Array(torch.tile(tensor_of(A), _shape((reps,)) if np.ndim(reps) else (int(reps),))),
    np.repeat: _repeat,
    np.roll: _roll,
    np.flip: _flip,
    np.flipud: lambda m: _flip(m, 0),
    np.fliplr: lambda m: _flip(m, 1),
    np.pad: _pad,
    np.diag: _diag,
    np.diagonal: _method("diagonal"),
    np.tril: lambda m, k=0: Array(torch.tril(tensor_of(m), k)),
    np.triu: lambda m, k=0: Array(torch.triu(tensor_of(m), k)),
    np.where: _where,
    np.copy: _method("copy"),
    np.take: _method("take"),
    np.delete: _delete,
    np.convolve: _convolve,
    np.zeros_like: _like("zeros_like"),
    np.ones_like: _like("ones_like"),
    np.full_like: _like("full_like"),
    np.empty_like: _like("empty_like"),
    np.shape: lambda a: a.shape,
    np.ndim: lambda a: a.ndim,
    np.size: lambda a, axis=None: a.size if axis is None else a.shape[axis],
    np.isscalar: lambda a: False,
    np.iscomplexobj: lambda a: False,
    np.linalg.solve: _vector(torch.linalg.solve),
    np.linalg.inv: _vector(torch.linalg.inv),
    np.linalg.matrix_power: _vector(torch.linalg.matrix_power),
}
