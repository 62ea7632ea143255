"""Running numpy and array-API code under the recorder: constructors that make recordable arrays, programs out of functions.

`Substituted` makes numpy's constructors return `numeric.tape.numpy.arrays.Array` while the code is recorded, so that
`w = np.zeros(n)` can hold data; integers and masks stay plain. `as_program` turns a function of arrays into a program of
tensors: recorded, it runs on such arrays; bare, on numpy's own. Which path it took goes to `numeric.tape.foreign`.
"""

from __future__ import annotations

import dis
import inspect
import sys
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import _disable_current_modes

from numeric.tape.foreign import followed
from numeric.tape.numpy.agreement import numbers, same_numbers
from numeric.tape.numpy.arrays import PLAIN, Array, _both, arrays, recorder
from numeric.tape.numpy.rules import FUNCTIONS, tensor
from numeric.tape.storage_tape import Escape

_OWN = tuple(
    f"{folder}/"
    for folder in (Path(__file__).resolve().parents[2], *(Path(str(m.__file__)).resolve().parent for m in (torch, np)))
)
_OF_LISTS = "sum mean prod var max min cumsum cumprod dot inner outer".split()
_MADE_OF = "made_of"
_ALONE = threading.RLock()
"""numpy has one set of names for all threads: one recorded call at a time changes them."""


class Substituted:
    """Inside the block, on this thread, numpy's constructors of floats return `Array`, and its sums take lists of arrays.

    names: a module's own names (`from numpy import zeros`), in which the same is done. All are put back at the end. Calls
    from other threads, from torch and from this package are left alone.
    """

    def __init__(self, names: dict[str, Any] | None = None) -> None:
        self._names = names if names is not None else {}

    def __enter__(self) -> Substituted:
        _ALONE.acquire()
        owner = threading.get_ident()
        known = {id(function): name for name, function in PLAIN.items()}
        own = {alias: known[id(held)] for alias, held in self._names.items() if id(held) in known}
        self._before: list[tuple[dict[str, Any], str, Any]] = []
        for space, names in ((vars(np), {n: n for n in PLAIN}), (self._names, own)):
            for alias, name in names.items():
                self._before.append((space, alias, space[alias]))
                space[alias] = _constructor(name, owner, alias)
        for name in _OF_LISTS:
            self._before.append((vars(np), name, vars(np)[name]))
            vars(np)[name] = _of_lists(vars(np)[name], owner)
        return self

    def __exit__(self, *error: Any) -> None:
        try:
            for space, name, function in reversed(self._before):
                space[name] = function
        finally:
            _ALONE.release()


def _of_lists(plain: Callable[..., Any], owner: int) -> Callable[..., Any]:
    """A function that numpy does not hand over when its arrays are in a list."""

    def call(*args: Any, **kwargs: Any) -> Any:
        listed = args and type(args[0]) in (list, tuple) and arrays(args[0])
        if not listed or threading.get_ident() != owner or "out" in kwargs:
            return plain(*args, **kwargs)
        return _both(plain.__name__, FUNCTIONS.get(plain), plain, args, kwargs)

    return call


def _constructor(name: str, owner: int, alias: str) -> Callable[..., Any]:
    plain = PLAIN[name]

    def call(*args: Any, **kwargs: Any) -> Any:
        caller = sys._getframe(1)
        if threading.get_ident() != owner or not _calls(caller.f_code, caller.f_lasti, alias):
            return plain(*args, **kwargs)
        if arrays((args, kwargs)):
            return _converted(name, args, kwargs)
        made = plain(*args, **kwargs)
        given = args[0] if args else None
        if made.dtype.kind != "f" or made is given or np.may_share_memory(made, _array(given)):
            return made
        return Array(_held(made, unwritten=name == "empty"), made)

    return call


@cache
def _calls(code: CodeType, position: int, name: str) -> bool:
    """Whether the call at this instruction is written as a call of `name`, outside torch and this package.

    Compiled code has no frame of its own: what it asks numpy for seems to come from the line that called it, and it has to
    get numpy's own arrays.
    """
    if code.co_filename.startswith(_OWN):
        return False
    instructions = list(dis.get_instructions(code))
    here = [made.positions for made in instructions if made.offset <= position][-1]  # caches follow an instruction
    if here is None or None in here:
        return False
    line, last, column, end = here
    called = [
        ((place.end_lineno, place.end_col_offset), made.argval)
        for made in instructions
        if made.opname.startswith("LOAD_")
        and (place := made.positions) is not None
        and None not in place
        and (place.lineno, place.col_offset) == (line, column)
        and (place.end_lineno, place.end_col_offset) < (last, end)
    ]  # what begins where the call begins: the longest is what is called
    return bool(called) and max(called, key=lambda item: item[0])[1] == name


def _array(value: Any) -> np.ndarray:
    return value if isinstance(value, np.ndarray) else np.empty(0)


def _converted(name: str, args: Any, kwargs: Any) -> Any:
    def rule(value: Any, dtype: Any = None, **more: Any) -> Any:
        made = tensor(value)
        if dtype is not None and np.dtype(dtype).kind == "f":
            made = made.to(getattr(torch, np.dtype(dtype).name))
        return made.clone() if name == "array" else made

    return _both(name, rule if name.endswith("array") and name != "full" else None, PLAIN[name], args, kwargs)


def _held(made: np.ndarray, unwritten: bool) -> Tensor:
    """A tensor of its own with these numbers. unwritten: they mean nothing, and become what the recorder chooses."""
    strides = [s // made.itemsize for s in made.strides]
    dtype: torch.dtype = getattr(torch, made.dtype.name)
    if unwritten:
        out = torch.empty_strided(made.shape, strides, dtype=dtype)
        np.copyto(made, numbers(out))
        return out
    with _disable_current_modes():
        return torch.empty_strided(made.shape, strides, dtype=dtype).copy_(torch.as_tensor(made))


def as_program(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` of numpy (or array-API) arrays as a program of tensors; other arguments pass through.

    It keeps `function`'s signature. Where a recorder watches, tensors reach it as `Array`, else as numpy arrays.
    """

    names = _names(function)

    def program(*args: Any, **kwargs: Any) -> Any:
        if not any(isinstance(v, Tensor) for v in (*args, *kwargs.values())):
            return function(*args, **kwargs)
        if recorder() is None:
            args, kwargs = tuple(map(_numbers, args)), {k: _numbers(v) for k, v in kwargs.items()}
            with np.errstate(all="ignore"), followed():
                result = function(*args, **kwargs)
            return result if isinstance(result, Tensor) else torch.as_tensor(np.asarray(result))
        memory: dict[int, np.ndarray] = {}
        args, kwargs = tuple(_given(v, memory) for v in args), {k: _given(v, memory) for k, v in kwargs.items()}
        with np.errstate(all="ignore"), Substituted(names), followed():
            result = function(*args, **kwargs)
        return _returned(result)

    program.__name__ = getattr(function, "__name__", type(function).__name__)
    program.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    program.__dict__[_MADE_OF] = function  # not `__wrapped__`, by which `inspect` would take one for the other
    return program


def made_of(call: Callable[..., Any]) -> Callable[..., Any]:
    """The function of which `as_program` made `call`; `call` itself if it did not."""
    found: Callable[..., Any] = getattr(call, "__dict__", {}).get(_MADE_OF, call)
    return found


def _names(function: Callable[..., Any]) -> dict[str, Any]:
    """The names of the module that a callable was written in."""
    found = inspect.unwrap(function if inspect.isroutine(function) else type(function).__call__)
    names: dict[str, Any] = getattr(getattr(found, "__func__", found), "__globals__", {})
    return names


def _numbers(value: Any) -> Any:
    if not isinstance(value, Tensor):
        return value
    array = value.detach().numpy()
    return array if array.ndim else array[()]


def _given(value: Any, memory: dict[int, np.ndarray]) -> Any:
    """A tensor as an array over it, with numpy's numbers in memory of their own that is laid out alike."""
    if not isinstance(value, Tensor):
        return value
    with torch._C.DisableTorchFunction(), _disable_current_modes():
        held = value.detach()
        mine = held.numpy()
        storage = held.untyped_storage()
        if storage._cdata not in memory:
            whole = torch.empty(0, dtype=held.dtype).set_(storage)
            memory[storage._cdata] = whole.numpy().copy()
        flat = memory[storage._cdata][held.storage_offset() :]
    copy = np.lib.stride_tricks.as_strided(flat, mine.shape, mine.strides)
    return Array(held, copy if copy.ndim else copy[()])


def _returned(result: Any) -> Any:
    """The tensor of what the function returned."""
    if isinstance(result, Tensor):
        return result
    if not arrays(result):
        return torch.as_tensor(np.asarray(result))
    if type(result) is not Array:
        result = _converted("asarray", (result,), {})
    if type(result) is not Array:
        return torch.as_tensor(result)
    watching = recorder()
    if watching is not None and not same_numbers(result.tensor, result.plain):
        watching.faults[Escape("numpy's memory was written behind the recording's back", watching.places(2))] = None
    return result.tensor
