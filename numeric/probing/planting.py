"""Functions made to do something else for a while, wherever they are referred to, and their results perturbed.

It serves the measurement of what a check sees: run it with a function's result changed, and see whether it notices.
Main definitions: `functions`, `planted`; `noting`, `disturbing`, `withholding`, `at_a_point`; `changed`, `perturbed`;
`Unusable`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import importlib
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

HOOKS: dict[str, Callable[..., Any]] = {}
"""What stands in for each planted function while it is planted."""

Change = Callable[[Any, str], Any]
"""A new value for a field of a result, from the old one and the field's name."""

Hook = Callable[[str, Callable[..., Any]], Callable[..., Any]]
"""What stands in for a function, from its name and itself."""


# --------------------------------------------------------------------------------------------------------------------
# Results and their fields


def changed(value: Any, change: Change, field: str = "") -> Any:
    """`value` with `change` applied to every number, array or matrix of words in it.

    Fields are named by their way in: `.C`, `[1]`; the items of a list are one field, since their number is data; a
    function's result is the field `()`.
    """
    if value is None or isinstance(value, (str, bool, type, ModuleType)):
        return value
    if _of_engine(value):
        return change(value, field)
    if isinstance(value, tuple):
        named = getattr(value, "_fields", None)
        labels = [f".{name}" for name in named] if named else [f"[{k}]" for k in range(len(value))]
        items = [changed(item, change, field + label) for item, label in zip(value, labels, strict=True)]
        return type(value)(*items) if named else tuple(items)
    if isinstance(value, list):
        return [changed(item, change, f"{field}[]") for item in value]
    if isinstance(value, Mapping):
        return {key: changed(item, change, f"{field}[{key}]") for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = {
            f.name: changed(getattr(value, f.name), change, f"{field}.{f.name}") for f in dataclasses.fields(value)
        }
        return dataclasses.replace(value, **{name: part for name, part in parts.items() if name in _made_of(value)})
    if isinstance(value, (FunctionType, MethodType, partial)):  # polynomials are callable too, and are values
        return lambda *args, **kwargs: changed(value(*args, **kwargs), change, f"{field}()")
    return change(value, field)


def _of_engine(value: Any) -> bool:
    """Whether it is a value of one of the engine's arithmetics, which is one value, whatever it is made of.

    By the package of its class: no arithmetic is loaded to ask for its classes.
    """
    return type(value).__module__.partition(".")[0] == __name__.partition(".")[0]


def _made_of(value: Any) -> set[str]:
    return {f.name for f in dataclasses.fields(value) if f.init}


def perturbed(value: Any, key: str) -> Any:
    """Twice `value`, plus something fixed for this key and the value's shape times one plus its square.

    The fixed part is a letter of its own for matrix words, whole numbers elsewhere. A factor alone would miss what starts
    at zero or may be rescaled, a summand what may be shifted, and both together a statement that something is affine.
    Where the value has no square, or nothing can be added to it, as much of this as there is; what is only put together
    of values is perturbed in each of them.
    """
    refused = getattr(sys.modules.get("numeric.words.letters"), "latched", [])
    before = len(refused)
    for added in (lambda fixed, square: fixed * (1 + square()), lambda fixed, _: fixed, lambda *_: None):
        try:
            return _moved(value, key, added)
        except Exception:
            del refused[before:]  # what was tried here is no refusal of the code that runs
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        own = {n: perturbed(v, f"{key} {n}") for n, v in parts.items() if _of_engine(v)}
        if own:
            return dataclasses.replace(value, **own)
    raise TypeError(f"{type(value).__name__} can't be perturbed")


def _moved(value: Any, key: str, added: Callable[[Any, Callable[[], Any]], Any]) -> Any:
    import numpy as np  # none of these before there is something to perturb: listing claims should stay quick

    from numeric.words import Words, matrix, scalar, trace
    from numeric.words.blocks import Blocks, blocks

    numbers = [1 + digit % 9 for digit in hashlib.sha256(key.encode()).digest()]
    if isinstance(value, Blocks):
        rows = enumerate(value.entries)
        return blocks([[_moved(x, f"{key} {i} {j}", added) for j, x in enumerate(row)] for i, row in rows])
    if isinstance(value, Words):
        name = _letter(key, value.rows, value.cols, value.ndim)
        letter = matrix(name, value.rows, value.cols) if value.ndim else scalar(name)
        return _plus(value, added(letter, lambda: trace(value.mT @ value) if value.ndim else value * value))
    if isinstance(value, int):
        return 2 * value + numbers[0]  # a size squared would be work, not another place to look
    fixed: Any = numbers[0]
    if is_array(value) and value.ndim:
        flat = [numbers[k % len(numbers)] + k // len(numbers) % 5 for k in range(int(np.prod(value.shape)))]
        fixed = np.array(flat).reshape(tuple(value.shape))
        if not isinstance(value, np.ndarray):
            fixed = sys.modules["torch"].tensor(fixed, dtype=value.dtype, device=value.device)
    return _plus(value, added(fixed, lambda: value * value))


def _plus(value: Any, more: Any) -> Any:
    return value + value if more is None else value + value + more


def is_array(value: Any) -> bool:
    """Whether it is an array of numpy or a tensor of torch, of whatever elements."""
    return any(isinstance(value, kind) for kind in _kinds())


def _kinds() -> Iterator[type]:
    for module, name in (("numpy", "ndarray"), ("torch", "Tensor")):
        if module in sys.modules:
            yield getattr(sys.modules[module], name)


_LETTERS: dict[tuple[Any, ...], str] = {}


def _letter(*key: Any) -> str:
    return _LETTERS.setdefault(key, f"Planted_{len(_LETTERS)}")


# --------------------------------------------------------------------------------------------------------------------
# Planting


def _shim(*args: Any, **kwargs: Any) -> Any:
    from numeric.probing.planting import (
        HOOKS as hooks,  # the code runs with the globals of the function it is planted in
    )

    return hooks["NAME"](*args, **kwargs)


def _code(name: str, of: FunctionType) -> CodeType:
    consts = tuple(name if value == "NAME" else value for value in _shim.__code__.co_consts)
    return _shim.__code__.replace(co_consts=consts, co_name=of.__name__, co_qualname=of.__qualname__)


def functions(modules: Sequence[str], room: str) -> dict[str, FunctionType]:
    """The functions and methods that these modules of a package define, by `module.function` without the package."""
    found: dict[str, FunctionType] = {}
    for name in modules:
        module = importlib.import_module(name)
        for owner, held in [(module, ""), *((c, f"{c.__name__}.") for c in vars(module).values() if _own(c, module))]:
            for value in vars(owner).values():
                function = inspect.unwrap(getattr(value, "fget", getattr(value, "__func__", value)))
                if (
                    isinstance(function, FunctionType)
                    and function.__code__.co_filename == module.__file__
                    and not function.__code__.co_freevars
                ):
                    found[f"{name.removeprefix(f'{room}.')}.{held}{function.__name__}"] = function
    return found


def _own(value: Any, module: ModuleType) -> bool:
    return isinstance(value, type) and value.__module__ == module.__name__


@contextlib.contextmanager
def planted(table: Mapping[str, FunctionType], hook: Hook) -> Iterator[None]:
    """While it lasts, each function of the table does what `hook(name, the function)` does, wherever it is referred to.

    The code is exchanged inside the function objects, so that names imported elsewhere, default arguments and
    programs that hold the function see it too. It is for the whole process.
    """
    kept = [(f, f.__code__, f.__defaults__, f.__kwdefaults__) for f in table.values()]
    try:
        for name, function in table.items():
            signature = inspect.signature(function)
            whole = FunctionType(
                function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
            )
            whole.__kwdefaults__ = function.__kwdefaults__
            HOOKS[name] = hook(name, whole)
            function.__signature__ = signature  # type: ignore[attr-defined]
            function.__code__, function.__defaults__, function.__kwdefaults__ = _code(name, function), None, None
        yield
    finally:
        for function, code, defaults, keywords in kept:
            function.__code__, function.__defaults__, function.__kwdefaults__ = code, defaults, keywords
            function.__dict__.pop("__signature__", None)
        HOOKS.clear()


def noting(fields: dict[str, dict[str, None]]) -> Hook:
    """Functions as they are; `fields` gets the name of each that runs, and the fields of its results."""

    def hook(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            own = fields.setdefault(name, {})
            return changed(function(*args, **kwargs), lambda value, field: (own.setdefault(field), value)[1])

        return run

    return hook


_POINTS: list[bool] = []


@contextlib.contextmanager
def at_a_point() -> Iterator[None]:
    """Says that what runs here is a proof by one point: plain arrays are what it is about, for all sizes as it needs none."""
    _POINTS.append(True)
    try:
        yield
    finally:
        _POINTS.pop()


def disturbing(field: str, arrays: bool) -> Hook:
    """Functions with one field of their results perturbed; plain arrays only if `arrays`, or in a proof by one point.

    What can't be perturbed stays as it is: nobody can be said to see it.
    """

    def hook(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def wrong(value: Any, at: str) -> Any:
            if at != field or (is_array(value) and not (arrays or _POINTS)):
                return value
            with contextlib.suppress(TypeError):
                return perturbed(value, f"{name} {field}")
            return value

        return lambda *args, **kwargs: changed(function(*args, **kwargs), wrong)

    return hook


# --------------------------------------------------------------------------------------------------------------------
# What nobody looks at


class Unusable:
    """In place of a number: sums and products with it are unusable too; what else is done with it is noted in `looks`."""

    def __init__(self, looks: list[str]) -> None:
        self._looks = looks

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_"):  # private names are how libraries ask what kind of thing it is
            self._looks.append(name)
        raise AttributeError(name)

    def _same(self, *_: Any) -> Unusable:
        return self

    def _looked(self, *_: Any) -> Any:
        self._looks.append("its value")
        raise TypeError("the value is withheld")

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _same
    __matmul__ = __rmatmul__ = __pow__ = __rpow__ = __neg__ = __pos__ = __abs__ = _same
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __hash__ = __bool__ = __index__ = _looked
    __iter__ = __call__ = __str__ = __repr__ = __format__ = _looked
    __array_ufunc__ = None  # an array and it: its own sums and products


_NUMBERS = ("builtins", "fractions", "flint", "sympy", "numpy")
"""The packages of plain and exact numbers."""


def withholding(field: str, looks: list[str]) -> Hook:
    """Functions with one field of their results made unusable; `looks` notes whoever looks at it.

    Arrays of numpy and plain or exact numbers can be withheld; of anything else it is noted that it was looked at.
    """
    import numpy as np

    def hook(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def withheld(value: Any, at: str) -> Any:
            if at != field:
                return value
            if isinstance(value, np.ndarray):
                found = np.empty(value.shape, dtype=object)
                found.fill(Unusable(looks))
                return found
            if type(value).__module__.partition(".")[0] in _NUMBERS:
                return Unusable(looks)
            looks.append(type(value).__name__)
            return value

        return lambda *args, **kwargs: changed(function(*args, **kwargs), withheld)

    return hook
