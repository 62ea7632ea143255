"""An array for numpy and array-API code under the recorder: numpy's own result beside a tensor whose tape is recorded.

`Array` holds both. numpy's functions find it by `__array_ufunc__` and `__array_function__`; each runs on the plain numpy
arrays, so the code sees numpy's own bits, shapes and errors, and as torch operations on the tensors, which the recorder
watches. Both results are compared on the spot (`numeric.tape.numpy.agreement`). What has no torch rule is computed by numpy
alone; if it depends on the data, that is an escape with its line. Nothing is raised that numpy would not raise.
`numeric.tape.numpy.programs` runs code on such arrays.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

from numeric.tape.foreign import apart, watched
from numeric.tape.numpy.agreement import agreed, numbers, same_numbers, storage_key, sync
from numeric.tape.numpy.indexing import torch_index
from numeric.tape.numpy.rules import FUNCTIONS, METHODS, OPERATORS, SCANS, UFUNCS
from numeric.tape.recorder import Recorder
from numeric.tape.refusals import UNHELD
from numeric.tape.storage_tape import Escape

PLAIN: dict[str, Callable[..., Any]] = {
    name: getattr(np, name)
    for name in "zeros ones empty full eye identity array asarray asanyarray ascontiguousarray".split()
}
"""numpy's own constructors."""
_ASKED = frozenset({np.shape, np.ndim, np.size, np.isscalar, np.iscomplexobj, np.result_type, np.can_cast})
_ASKED |= frozenset({np.diag_indices_from, np.tril_indices_from, np.triu_indices_from})
"""Functions that read no number of an array."""
_ATTRIBUTES = "shape ndim size dtype itemsize nbytes strides flags device".split()


class Array:
    """An n-dimensional array or numpy scalar: `plain` as numpy has it, `tensor` as it is recorded."""

    __slots__ = ("plain", "tensor")
    __array_priority__ = 1000

    def __init__(self, tensor: Tensor, plain: Any) -> None:
        self.tensor, self.plain = tensor, plain

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """What it stands for, so that `isinstance` answers as it does for numpy's own."""
        return type(self.plain)

    @property
    def T(self) -> Any:
        return _both("T", lambda t: t.permute(*reversed(range(t.ndim))), lambda a: a.T, (self,))

    @property
    def mT(self) -> Any:
        return _both("mT", lambda t: t.mT, lambda a: a.mT, (self,))

    @property
    def real(self) -> Array:
        return self

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        return np

    def __len__(self) -> int:
        return len(self.plain)

    def __iter__(self) -> Iterator[Any]:
        iter(self.plain)  # raises what numpy raises
        return (self[i] for i in range(len(self.plain)))

    def __getitem__(self, key: Any) -> Any:
        known = _escaped_index(key)

        def rule(tensor: Tensor) -> Tensor:
            index, flips = torch_index(known, tuple(tensor.shape))
            out = tensor[index]
            return out.flip(flips) if flips else out

        return _both("index", rule, lambda a: a[known], (self,))

    def __setitem__(self, key: Any, value: Any) -> None:
        known = _escaped_index(key)

        def rule(tensor: Tensor, new: Any) -> None:
            index, flips = torch_index(known, tuple(tensor.shape))
            target = tensor[index]
            new = new.to(tensor.dtype) if isinstance(new, Tensor) else torch.as_tensor(new, dtype=tensor.dtype)
            new = new.clone()  # numpy allows an array to be moved within itself
            if flips:
                new = new.expand(target.shape).flip(flips)
            if new.ndim > target.ndim:
                new = new.reshape(new.shape[new.ndim - target.ndim :])
            tensor[index] = new

        _written(self, "assignment", rule, lambda a, new: operator.setitem(a, known, new), value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = getattr(self.plain, name)  # raises what numpy raises
        if name in _ATTRIBUTES:
            return value
        if callable(value):
            return lambda *args, **kwargs: _method(name, None)(self, *args, **kwargs)
        _escape(name, self)
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        if name in Array.__slots__:
            object.__setattr__(self, name, value)
            return
        setattr(self.plain, name, value)  # raises what numpy raises
        _escape(f"setting .{name}", self)

    # ways out: what hands out plain numbers

    def _number(self, what: str) -> Any:
        _escape(what, self)
        return self.plain

    def __float__(self) -> float:
        return float(self._number("float()"))

    def __int__(self) -> int:
        return int(self._number("int()"))

    def __complex__(self) -> complex:
        return complex(self._number("complex()"))

    def __bool__(self) -> bool:
        return bool(self._number("bool()"))

    def __index__(self) -> int:
        return operator.index(self._number("index()"))

    def __round__(self, digits: int | None = None) -> Any:
        return round(self._number("round()"), digits) if digits is not None else round(self._number("round()"))

    def __contains__(self, value: Any) -> bool:
        return plainly(value) in self._number("in")

    def __repr__(self) -> str:
        return repr(self._number("repr()"))

    def __str__(self) -> str:
        return str(self._number("str()"))

    def __format__(self, form: str) -> str:
        return format(self._number("format()"), form)

    def __hash__(self) -> int:
        return hash(self._number("hash()"))

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        plain = self._number("numpy.asarray")
        return PLAIN["asarray"](plain, dtype=dtype) if copy is None else PLAIN["array"](plain, dtype=dtype, copy=copy)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self._number("pickle").__reduce_ex__(protocol)

    def __copy__(self) -> Any:
        return _both("copy", torch.clone, lambda a: a.copy(), (self,))

    def __deepcopy__(self, memo: Any) -> Any:
        return self.__copy__()

    # numpy's dispatch

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        name, call = ufunc.__name__, ufunc if method == "__call__" else getattr(ufunc, method)
        out = kwargs.pop("out", None)
        target = out[0] if isinstance(out, tuple) and len(out) == 1 else out
        rule: Callable[..., Any] | None = None
        if not set(kwargs) - {"axis", "keepdims", "dtype", "casting"}:
            if method == "__call__":
                rule = _typed(UFUNCS.get(name))
            elif method == "outer" and name in UFUNCS:
                rule = _outer(UFUNCS[name])
            elif (name, method) in SCANS:
                rule = SCANS[name, method]
        if method == "at":
            return _both(f"{name}.at", None, call, inputs, kwargs)
        label = name if method == "__call__" else f"{name}.{method}"
        if target is None:
            return _both(label, rule, call, inputs, kwargs)
        return _put(target, label, rule, call, inputs, kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func in _ASKED:
            return func(*plainly(args), **plainly(kwargs))
        given = dict(kwargs)
        out = given.pop("out", None)
        rule = FUNCTIONS.get(func)
        if out is None:
            return _both(func.__name__, rule, func, args, given)
        return _put(out, func.__name__, rule, func, args, given)


def recorder() -> Recorder | None:
    """The recorder that watches now."""
    for mode in reversed(_get_current_dispatch_mode_stack()):
        if isinstance(mode, Recorder):
            return mode
    return None


def arrays(value: Any) -> list[Array]:
    """The arrays in a nesting of arguments."""
    if type(value) is Array:
        return [value]
    if isinstance(value, (tuple, list)):
        return [a for item in value for a in arrays(item)]
    return [a for item in value.values() for a in arrays(item)] if isinstance(value, dict) else []


def plainly(value: Any) -> Any:
    """Arguments as numpy would have got them."""
    return _mapped(value, lambda a: a.plain)


def tensors(value: Any) -> Any:
    """Arguments as torch gets them: numpy's arrays as tensors of their own, its scalars as numbers."""
    return _mapped(value, lambda a: a.tensor)


def _mapped(value: Any, pick: Callable[[Array], Any]) -> Any:
    if type(value) is Array:
        return pick(value)
    if type(value) in (tuple, list):
        return type(value)(_mapped(v, pick) for v in value)
    if type(value) is dict:
        return {name: _mapped(v, pick) for name, v in value.items()}
    return value


def depends(given: list[Array]) -> bool:
    """Whether any of these holds data."""
    watching = recorder()
    return watching is not None and any(storage_key(a.tensor) in watching._known for a in given)


def _escape(what: str, *given: Any, why: str = "") -> None:
    watching = recorder()
    if watching is not None and depends(arrays(given)):
        watching.escapes[Escape(what, watching.places(2), why=why)] = None


def _escaped_index(key: Any) -> Any:
    """An index with its arrays as plain numbers."""
    _escape("an index", key)
    return plainly(key)


@apart
def _both(name: str, rule: Any, function: Callable[..., Any], args: Any, kwargs: Any = None) -> Any:
    """`function` by numpy and `rule` by torch, as one array; by numpy alone where there is no rule."""
    kwargs = kwargs or {}
    given = arrays((args, kwargs))
    plain = function(*plainly(args), **plainly(kwargs))
    if isinstance(plain, list):
        parts = _pieces(rule, args, kwargs, plain)
        if parts is not None:
            return [paired(m, p, name, function, given, args, kwargs) for m, p in zip(parts, plain, strict=True)]
    made = _ruled(rule, args, kwargs, plain)
    if made is None:
        return _alone(name, given, plain)
    return paired(made, plain, name, function, given, args, kwargs)


def _pieces(rule: Any, args: Any, kwargs: Any, plain: list[Any]) -> list[Tensor] | None:
    """The pieces into which a rule cuts an array, where they are numpy's in number, shape and kind."""
    try:
        parts = list(rule(*tensors(args), **tensors(kwargs)))
    except Exception:  # as for one result
        return None
    alike = len(parts) == len(plain) and all(
        isinstance(p, np.ndarray) and tuple(m.shape) == p.shape and _kind(m) == p.dtype
        for m, p in zip(parts, plain, strict=False)
    )
    return parts if alike else None


def _ruled(rule: Any, args: Any, kwargs: Any, plain: Any) -> Tensor | None:
    if rule is None or not isinstance(plain, (np.ndarray, np.generic)) or plain.dtype.kind not in "fbiu":
        return None
    try:
        made = rule(*tensors(args), **tensors(kwargs))
    except Exception:  # torch has another opinion, or the rule does not take these arguments: numpy's result counts
        return None
    fits = isinstance(made, Tensor) and tuple(made.shape) == plain.shape and _kind(made) == plain.dtype
    return made if fits else None


def _kind(tensor: Tensor) -> Any:
    return np.dtype(str(tensor.dtype).removeprefix("torch."))


def _alone(name: str, given: list[Array], plain: Any) -> Any:
    """What numpy computed without a rule; arguments that it wrote to are brought up to date."""
    held = (
        not isinstance(plain, (np.ndarray, np.generic)) or plain.dtype.kind != "f" or hasattr(torch, plain.dtype.name)
    )
    _escape(f"numpy.{name}", given, why="" if held else UNHELD.format(plain.dtype.name))
    watching = recorder()
    for array in given:
        if isinstance(array.plain, np.ndarray) and not same_numbers(array.tensor, array.plain):
            sync(array.tensor, array.plain)
            if watching is not None:
                watching._folded.pop(storage_key(array.tensor), None)
    for array in given:
        if plain is array.plain:
            return array
    return plain


def paired(
    made: Tensor, plain: Any, name: str, function: Callable[..., Any], given: list[Array], args: Any, kwargs: Any
) -> Any:
    """One array of both results, once they agree."""
    for array in given:
        if plain is array.plain and isinstance(plain, np.ndarray):
            return array
    shares = any(storage_key(made) == storage_key(a.tensor) for a in given)
    if shares and not any(np.may_share_memory(plain, a.plain) for a in given):
        made = made.clone()  # numpy copies where torch makes a view
    elif made.ndim == 0 and not isinstance(plain, np.ndarray) and made._is_view():
        made = made.clone()
    _compare(made, plain, name, function, args, kwargs)
    return Array(made, plain)


def _compare(made: Tensor, plain: Any, name: str, function: Any, args: Any, kwargs: Any) -> None:
    watching, watch = recorder(), watched()
    if name == "empty_like":
        np.copyto(plain, numbers(made))  # what it holds is the recorder's choice
        return
    if same_numbers(made, plain, signs=True):
        return
    if not agreed(name, made, plain, function, plainly(args), plainly(kwargs)) and watching is not None:
        watching.faults[Escape(f"numpy.{name} differs from its rule", watching.places(3))] = None
    key = storage_key(made)
    constant = watching is None or (key not in watching._known and key not in watching._folded)
    if watch is None or watch.own or constant:
        sync(made, plain)


@apart
def _written(target: Any, name: str, rule: Any, function: Callable[..., Any], value: Any) -> None:
    """A write into an array by numpy and by torch."""
    before = np.copy(target.plain) if name != "assignment" else None
    new = plainly(value)
    function(target.plain, new)
    made: Tensor | None = None
    try:
        rule(target.tensor, tensor_of(value, numbers=True))
        made = target.tensor
    except Exception:
        _escape(f"numpy.{name}", target, value)
    if made is None:
        sync(target.tensor, target.plain)
    else:
        _compare(made, target.plain, name, lambda a, b: _applied(function, a, b), (before, new), {})


def _applied(function: Callable[..., Any], a: Any, b: Any) -> Any:
    a = np.copy(a)
    function(a, b)
    return a


@apart
def _put(target: Any, name: str, rule: Any, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """A result that numpy writes into `out`."""
    inputs = plainly((args, kwargs))
    held = function(*inputs[0], **inputs[1]) if type(target) is Array else None
    function(*inputs[0], out=plainly(target), **inputs[1])
    if type(target) is not Array:
        _escape("writing into a numpy array", args, kwargs)
        return target
    made = _ruled(rule, args, kwargs, held)
    if made is None:
        _escape(f"numpy.{name}", args, kwargs, target)
        sync(target.tensor, target.plain)
    else:
        target.tensor.copy_(made.clone())
        _compare(target.tensor, target.plain, name, function, *inputs)
    return target


def _typed(rule: Callable[..., Any] | None) -> Callable[..., Any] | None:
    """A rule whose operands are cast first to the type in which numpy computes."""
    if rule is None:
        return None

    def call(*operands: Any, **kwargs: Any) -> Any:
        if kwargs:
            raise TypeError
        given = [tensor_of(v, numbers=True) for v in operands]
        kinds = {v.dtype for v in given if isinstance(v, Tensor) and v.dtype.is_floating_point}
        whole = all(isinstance(v, int) or (isinstance(v, Tensor) and not v.dtype.is_floating_point) for v in given)
        if len(kinds) > 1 or whole:
            held = [np.empty(0, _kind(v)) if isinstance(v, Tensor) else v for v in given]
            wide = torch.float64 if whole and rule is operator.truediv else _torch(np.result_type(*held))
            given = [v.to(wide) if isinstance(v, Tensor) else v for v in given]
        return rule(*given)

    return call


def _torch(kind: Any) -> torch.dtype:
    made: torch.dtype = getattr(torch, np.dtype(kind).name)
    return made


def _outer(rule: Callable[..., Any]) -> Callable[..., Any]:
    def call(a: Any, b: Any) -> Any:
        x, y = tensor_of(a), tensor_of(b)
        return rule(x.reshape(*x.shape, *[1] * y.ndim), y)

    return call


def tensor_of(value: Any, numbers: bool = False) -> Any:
    """The tensor of an argument. numbers: Python's and numpy's scalars stay numbers."""
    from numeric.tape.numpy.rules import tensor

    return tensor(tensors(value), numbers)


def _method(name: str, rule: Any) -> Callable[..., Any]:
    def call(self: Array, *args: Any, **kwargs: Any) -> Any:
        out = kwargs.pop("out", None)

        def function(a: Any, *more: Any, **named: Any) -> Any:
            return getattr(a, name)(*more, **named)

        if out is None:
            return _both(name, rule, function, (self, *args), kwargs)
        return _put(out, name, rule, function, (self, *args), kwargs)

    return call


def _operator(name: str, function: Callable[..., Any], rule: Any, swapped: bool) -> Callable[[Array, Any], Any]:
    kinds = (np.ndarray, np.generic, int, float, complex, list, tuple)

    def apply(self: Array, other: Any) -> Any:
        if type(other) is not Array and not isinstance(other, kinds):
            return NotImplemented
        return _both(name, _typed(rule), function, (other, self) if swapped else (self, other))

    return apply


def _in_place(name: str, function: Callable[..., Any], rule: Any) -> Callable[[Array, Any], Any]:
    whole = _typed(rule)

    def write(tensor: Tensor, other: Any) -> None:
        assert whole is not None
        tensor.copy_(whole(tensor, other))

    def apply(self: Array, other: Any) -> Any:
        if not isinstance(self.plain, np.ndarray):
            return getattr(self, f"__{name}__")(other)  # numpy's scalars are never written
        _written(self, name, write if rule else None, function, other)
        return self

    return apply


for _name, _rule in METHODS.items():
    setattr(Array, _name, _method(_name, _rule))
for _name, _known in OPERATORS.items():
    if _name in ("neg", "pos", "abs", "invert"):
        setattr(
            Array,
            f"__{_name}__",
            lambda self, name=_name, rule=_known: _both(name, rule, getattr(operator, name), (self,)),
        )
        continue
    _function: Callable[..., Any] = (
        divmod if _name == "divmod" else getattr(operator, f"{_name}_" if _name in ("and", "or") else _name)
    )
    setattr(Array, f"__{_name}__", _operator(_name, _function, _known, swapped=False))
    if _name not in ("lt", "le", "gt", "ge", "eq", "ne"):
        setattr(Array, f"__r{_name}__", _operator(_name, _function, _known, swapped=True))
        if _name != "divmod":
            setattr(Array, f"__i{_name}__", _in_place(_name, getattr(operator, f"i{_name}"), _known))
