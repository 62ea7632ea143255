"""Loading what a user names: a layer, a learner or an adapter, as `package.module:name` or `path/to/file.py:name`.

Foreign code is data: only the named module is imported, and errors come back as one message. Code written in numpy, or
for the array API, becomes a program of tensors like any other.
"""

from __future__ import annotations

import copy
import difflib
import functools
import hashlib
import importlib
import importlib.util
import inspect
import linecache
import os
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from numeric.finding import Said
from numeric.tape.numpy.programs import as_program
from proofs.mistake import UserMistake
from proofs.target.notes import Evaluated, ReadAsFloat64
from proofs.target.source.libraries import calls_numpy
from proofs.target.source.scripted import is_scripted, signature_of


class TargetError(UserMistake, ValueError):
    """A target, learner or adapter that can't be used as given; the message says what was found and what to do."""


_NUMBERS = (float, int, "float", "int")
"""Annotations of an argument that is one number."""
_seen: dict[str, str] = {}
"""Modules of the user's that a target was loaded from or has imported, by name, with the digest of their file."""
_inside: ContextVar[str] = ContextVar("inside", default="")
"""Whose code runs, while somebody else's does."""


def _guarded(ending: Callable[..., Any]) -> Callable[..., Any]:
    """A function of os that ends this process or puts another in its place: not while a target runs."""

    @functools.wraps(ending)
    def end(*arguments: Any, **options: Any) -> Any:
        if _inside.get():
            raise TargetError(
                f"{_inside.get()} ends the process: it calls os.{ending.__name__}; audit a part that returns"
            )
        return ending(*arguments, **options)

    return end


for _name in dir(os):
    if _name.startswith("exec") or _name in ("_exit", "abort"):
        setattr(os, _name, _guarded(getattr(os, _name)))


class Stop(BaseException):
    """An end that this package calls for; it goes through what a target catches."""


@contextmanager
def held(text: str) -> Iterator[None]:
    """What somebody else's code does inside ends no process: TargetError says what it called. Ctrl-C goes through."""
    token = _inside.set(text)
    try:
        yield
    except SystemExit as error:
        raise TargetError(
            f"{text} ends the process: it calls exit({error.code!r}); audit a part that returns"
        ) from None
    except (Exception, KeyboardInterrupt, Stop):
        raise
    except BaseException as error:
        raise TargetError(f"{text} raised {_short(error)}, which ends a program; audit a part that returns") from None
    finally:
        _inside.reset(token)


@dataclass(frozen=True)
class Target:
    """A loaded callable: its text, the callable, and the names of its parameters (with or without a default).

    notes: what a verdict about it has to mention, such as a module that was in training mode. numpy: whether it takes
    numpy arrays; `call` then hands it the numbers of tensors. defaults: those of its parameters, as code. numbers: the
    parameters that are annotated as one number.
    """

    text: str
    call: Callable[..., Any]
    required: tuple[str, ...]
    optional: tuple[str, ...]
    notes: tuple[Said, ...] = ()
    numpy: bool = False
    defaults: tuple[tuple[str, str], ...] = ()
    numbers: tuple[str, ...] = ()

    @property
    def parameters(self) -> tuple[str, ...]:
        """All parameter names."""
        return self.required + self.optional


def load(text: str | Callable[..., Any]) -> Target:
    """The callable that `text` names (or is): a function, an nn.Module class that builds without arguments, or an instance.

    A module is copied: the copy is in float64 and in evaluation mode, and its parameters are constants. Another class that
    needs arguments is handed to the adapter as it is.
    Raises TargetError: no colon, no such file or module, import failed, no such name, not callable.
    """
    if not isinstance(text, str):
        if not callable(text):
            raise TargetError(f"target {text!r}: expected text such as path/to/file.py:name, or a callable")
        return _callable(f"{text.__module__}:{getattr(text, '__qualname__', type(text).__name__)}", text)
    place, colon, name = text.rpartition(":")
    if not colon or not name or not place:
        raise TargetError(f"target {text!r}: expected package.module:name or path/to/file.py:name")
    linecache.checkcache()
    _forget_edited()
    with held(f"importing {place}"), _watched():
        module = _file(place) if place.endswith(".py") else _package(place)
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            public = [n for n in dir(module) if not n.startswith("_")]
            near = difflib.get_close_matches(name, public, n=4, cutoff=0.4) or public[:6]
            raise TargetError(f"{place} has no {name!r}; near names: {', '.join(near) or 'none'}")
        found = getattr(found, part)
    return _callable(text, found)


def _callable(text: str, found: Any) -> Target:
    notes: tuple[Said, ...] = ()
    numpy = False
    built = inspect.isclass(found) and (issubclass(found, torch.nn.Module) or not _required(found))
    if built:
        try:
            with held(f"building {text}"):
                found = found()
        except TargetError:
            raise
        except Exception as error:
            raise TargetError(
                f"{text} is a class that does not build without arguments ({_short(error)}); name an instance or a "
                "function that returns predictions"
            ) from None
    if not callable(found):
        raise TargetError(f"{text} has type {type(found).__name__}, expected a function or an nn.Module")
    if isinstance(found, torch.nn.Module):
        notes = tuple(_changes(found))
        found = copy.deepcopy(found).double().eval()  # the user's object stays as it is
        signature = _signature(found, found.forward)
    else:
        signature = _signature(found, found)
        numpy = not inspect.isclass(found) and _in_numpy(found)
        if numpy:
            found = as_program(found)
    required: list[str] = []
    optional: list[str] = []
    for parameter in signature.parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        (required if parameter.default is parameter.empty else optional).append(parameter.name)
    defaults = tuple((name, _default(signature.parameters[name].default)) for name in optional)
    numbers = tuple(n for n, p in signature.parameters.items() if p.annotation in _NUMBERS)
    return Target(text, found, tuple(required), tuple(optional), notes, numpy, defaults, numbers)


def _signature(found: Any, called: Any) -> inspect.Signature:
    return signature_of(found) if is_scripted(found) else inspect.signature(called)


def _default(value: Any) -> str:
    """A default as code, or what it is: a representation of anything else may be long, and other each time."""
    if isinstance(value, (bool, int, float, str, type(None), torch.dtype)):
        return textwrap.shorten(repr(value), 40)
    return f"a {type(value).__name__}"


def _required(found: type) -> list[str]:
    """The arguments that a class can't be built without."""
    try:
        parameters = inspect.signature(found).parameters.values()
    except ValueError:  # a class written in C says nothing
        return []
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [p.name for p in parameters if p.default is p.empty and p.kind not in kinds]


def _changes(module: torch.nn.Module) -> list[Said]:
    """What training mode would have done, and parameters that the copy holds in another type."""
    kinds = (torch.nn.modules.batchnorm._BatchNorm, torch.nn.modules.dropout._DropoutNd)
    lively = [type(m).__name__ for m in module.modules() if isinstance(m, kinds) and m.training]
    held = sorted({str(p.dtype) for p in module.state_dict().values() if p.is_floating_point()} - {"torch.float64"})
    notes: list[Said] = []
    if lively:
        notes.append(Evaluated(tuple(dict.fromkeys(lively))))
    if held:
        notes.append(ReadAsFloat64(tuple(held)))
    return notes


def _in_numpy(found: Any) -> bool:
    """Whether a callable computes with numpy, or asks its arrays for their namespace, and does not use torch; in a file that
    has both, what it calls says so."""
    function = inspect.unwrap(found if inspect.isroutine(found) else type(found).__call__)
    function = getattr(function, "__func__", function)
    names = getattr(function, "__globals__", {}).values()
    code = getattr(function, "__code__", None)
    asks = code is not None and "__array_namespace__" in code.co_names
    if any(value is torch for value in names):
        return calls_numpy(found)
    return asks or any(value is np for value in names) or calls_numpy(found)


def _digest(module: ModuleType) -> str:
    """Of the module's file; empty where it has none of its own."""
    try:
        return hashlib.sha256(Path(module.__file__ or "").read_bytes()).hexdigest()
    except (OSError, AttributeError, ValueError):
        return ""


@contextmanager
def _watched() -> Iterator[None]:
    """Remember the modules that are imported inside, those of installed packages left out, as their files are now."""
    before = set(sys.modules)
    try:
        yield
    finally:
        for name in set(sys.modules) - before:
            module = sys.modules[name]
            file = str(getattr(module, "__file__", None) or "")
            if file.endswith(".py") and not file.startswith((sys.base_prefix, sys.prefix)):
                _seen[name] = _digest(module)


def _forget_edited() -> None:
    """Drop all modules of the user's once one of them was edited: what is loaded next is what the files say now."""
    loaded = {name: sys.modules[name] for name in _seen if name in sys.modules}
    if any(_digest(module) != _seen[name] for name, module in loaded.items()):
        for name in loaded:
            del sys.modules[name], _seen[name]
        importlib.invalidate_caches()


def _file(place: str) -> ModuleType:
    path = next((p for p in (Path(base or ".") / place for base in ("", *sys.path)) if p.is_file()), None)
    if path is None:
        raise TargetError(f"no file {place!r} here or on the module path; give the path from the current folder")
    path = path.resolve()
    name = f"target_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickles of the target look themselves up there
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, (KeyboardInterrupt, SystemExit, TargetError)):
            raise
        raise TargetError(f"importing {place} failed: {_short(error)}") from None
    finally:
        sys.path.remove(str(path.parent))
    return module


def _package(place: str) -> ModuleType:
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        return importlib.import_module(place)
    except (KeyboardInterrupt, SystemExit, TargetError):
        raise
    except BaseException as error:
        hint = "; for a file write its path, ending in .py" if isinstance(error, ModuleNotFoundError) else ""
        raise TargetError(f"importing {place} failed: {_short(error)}{hint}") from None
    finally:
        sys.path.remove(here)


def _short(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
