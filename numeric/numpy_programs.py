"""Running numpy and array-API code in any carrier: constructors that make exact arrays, and programs out of functions.

`Substituted` makes numpy's constructors return `numeric.numpy_arrays.Array` while the code runs, so that
`w = np.zeros(n)` can hold exact numbers; integers and masks stay plain. `as_program` turns a function of arrays into a
program of tensors.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

from numeric.numpy_arrays import PLAIN, Array, astype, caller, tensor_of
from numeric.tape.recorder import Recorder
from numeric.tape.refusals import Refused
from numeric.tape.storage_tape import leaves

_OWN = tuple(str(Path(file).resolve().parent) for file in (__file__, str(torch.__file__), np.__file__))
_RANDOM = (
    "rand randn random random_sample ranf sample uniform normal standard_normal randint choice permutation shuffle "
    "exponential multivariate_normal binomial poisson laplace"
).split()


class Substituted:
    """Inside the block numpy's constructors of floats return `Array`, and its random numbers are refused.

    The names are put back at the end. Calls from torch and from this package are left alone.
    """

    def __enter__(self) -> Substituted:
        self._before = {name: getattr(np, name) for name in PLAIN}
        self._random = {name: getattr(np.random, name) for name in _RANDOM}
        self._generator = np.random.default_rng
        for name in PLAIN:
            setattr(np, name, _constructor(name))
        for name in _RANDOM:
            setattr(np.random, name, _refused(name))
        np.random.default_rng = self._seeded
        return self

    def _seeded(self, seed: Any = None) -> Any:
        return self._generator(seed) if seed is not None else _refused("default_rng")()

    def __exit__(self, *error: Any) -> None:
        for name, function in self._before.items():
            setattr(np, name, function)
        for name, function in self._random.items():
            setattr(np.random, name, function)
        np.random.default_rng = self._generator


def _refused(name: str) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        raise Refused(
            f"numpy.random.{name}", caller(), "random: the result differs from call to call; give it as an input"
        )

    return call


def _constructor(name: str) -> Callable[..., Any]:
    plain = PLAIN[name]

    def call(*args: Any, **kwargs: Any) -> Any:
        frame = sys._getframe(1)
        if frame.f_code.co_filename.startswith(_OWN):
            return plain(*args, **kwargs)
        value = args[0] if args else None
        if name in ("array", "asarray", "asanyarray", "ascontiguousarray"):
            return _converted(name, plain, value, *args[1:], **kwargs)
        made = plain(*args, **kwargs)
        return Array(_exact(made, empty=name == "empty")) if made.dtype.kind == "f" else made

    return call


def _converted(name: str, plain: Callable[..., Any], value: Any, dtype: Any = None, **kwargs: Any) -> Any:
    if isinstance(value, (Array, Tensor)) or any(isinstance(v, (Array, Tensor)) for v in leaves(value)):
        if dtype is not None and np.dtype(dtype).kind != "f":
            return astype(Array(tensor_of(value)), dtype)
        made = tensor_of(value)
        return Array(made.clone() if name == "array" or not isinstance(value, Array) else made)
    made = plain(value, dtype=dtype, **kwargs)
    return Array(_exact(made)) if made.dtype.kind == "f" and name == "array" else made


def _exact(made: np.ndarray, empty: bool = False) -> Tensor:
    """A tensor of the interpreter's own with these numbers, which can hold computed ones."""
    shape = tuple(made.shape)
    if empty:
        return torch.empty(shape, dtype=torch.float64)
    out = torch.zeros(shape, dtype=torch.float64)
    if made.any():
        out += torch.as_tensor(made.copy())
    return out


def as_program(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` of numpy (or array-API) arrays as a program of tensors, exact or plain; other arguments pass through.

    It keeps `function`'s signature. Exact tensors reach it as `Array`, plain ones as numpy arrays.
    """

    def program(*args: Any, **kwargs: Any) -> Any:
        given = [*args, *kwargs.values()]
        if any(isinstance(m, Recorder) for m in _get_current_dispatch_mode_stack()):
            with Substituted(), _named():
                result = function(*map(_given, args), **{k: _given(v) for k, v in kwargs.items()})
                return _returned(result)
        if any(isinstance(v, Tensor) for v in given):
            result = function(*map(_numbers, args), **{k: _numbers(v) for k, v in kwargs.items()})
            return torch.as_tensor(np.asarray(result)) if not isinstance(result, Tensor) else result
        return function(*args, **kwargs)

    program.__name__ = getattr(function, "__name__", type(function).__name__)
    program.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    return program


@contextmanager
def _named() -> Iterator[None]:
    """Lets a refusal through that numpy, or an `except` of the code, turned into another error."""
    try:
        yield
    except Refused:
        raise
    except Exception as error:
        cause = error.__cause__ or error.__context__
        if isinstance(cause, Refused):
            raise cause from None
        raise


def _given(value: Any) -> Any:
    return Array(value) if isinstance(value, Tensor) else value


def _numbers(value: Any) -> Any:
    if not isinstance(value, Tensor):
        return value
    array = value.detach().numpy()
    return array if array.ndim else array[()]


def _returned(result: Any) -> Any:
    if isinstance(result, (list, tuple)) and not any(isinstance(v, (Array, Tensor)) for v in leaves(result)):
        return result
    return tensor_of(result) if isinstance(result, (Array, np.ndarray, list, tuple)) else result
