"""What stood before all calls in what a function reads: constants, flags of a configuration, attributes of its own object.

A test of such a thing is the caller's choice and no size's.
Main definitions: `plain`, `reached`, `unchanged`.
"""

from __future__ import annotations

import dis
import functools
import inspect
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from enum import Enum
from types import BuiltinMethodType, CodeType, FrameType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch

_UNNAMED = frozenset("setattr __setattr__ __dict__ vars globals locals exec".split())
"""What changes things without writing their names."""
_DEEP = 3
"""How far a test may look into what a function holds: self.model.config.bias."""
_MANY = 50_000
"""Objects that are looked at."""
_SIMPLE = (bool, int, float, str, type(None), Enum, torch.nn.Module, torch.dtype)


def plain(frame: FrameType, before: Mapping[int, Any]) -> frozenset[str]:
    """What a function finds set when it is called: plain globals, what it closes over, attributes of its own object, and
    of what these hold, such as `self.config.normalize`. before: objects that were there before all calls, by their id;
    what a call made has in it what that call has decided."""
    code = frame.f_code
    asked = frozenset(code.co_names)
    found = {name: frame.f_globals[name] for name in asked if name in frame.f_globals}
    found |= {name: frame.f_locals[name] for name in code.co_freevars if name in frame.f_locals}
    if code.co_argcount and code.co_varnames[0] == "self":
        found["self"] = frame.f_locals.get("self")
    for _ in range(_DEEP):
        held = {name: value for name, value in found.items() if id(value) in before}
        found |= {f"{name}.{part}": inner for name, value in held.items() for part, inner in _parts(value, asked)}
    return frozenset(name for name, value in found.items() if isinstance(value, _SIMPLE)) - {*code.co_varnames}


def _parts(value: Any, asked: frozenset[str]) -> Iterator[tuple[str, Any]]:
    """The attributes of these names that a thing, or its class, has: those that nothing computes."""
    kind = type(value)
    plain: tuple[Any, ...] = (object.__getattribute__, ModuleType.__getattribute__, type.__getattribute__)
    if kind.__getattribute__ not in plain:
        return
    held = dict(getattr(value, "__dict__", {}))
    held |= held.get("_modules") or {} if isinstance(value, torch.nn.Module) else {}
    for name in asked:
        shared = inspect.getattr_static(kind, name, None)
        if name in held and not hasattr(shared, "__set__"):
            yield name, held[name]
        elif isinstance(shared, _SIMPLE) and shared is not None:
            yield name, shared


def reached(frame: FrameType, own: Callable[[str], bool]) -> dict[int, Any]:
    """What the first of a target's functions that is called can reach, by its arguments, its globals, what it closes over."""
    found: dict[int, Any] = {}
    todo: list[Any] = [*frame.f_locals.values(), *frame.f_globals.values()]
    while todo and len(found) < _MANY:
        value = todo.pop()
        if id(value) in found or isinstance(value, (torch.Tensor, np.ndarray, str, int, float)):
            continue
        found[id(value)] = value
        if isinstance(value, Mapping):
            todo += value.values()
        elif isinstance(value, (list, tuple, set, frozenset)):
            todo += value
        elif not isinstance(value, ModuleType) or own(getattr(value, "__file__", None) or "<none>"):
            todo += _inside(value)
    return found


def _inside(value: Any) -> Iterator[Any]:
    """What a thing holds; no attribute is asked for that its type may compute."""
    with suppress(Exception):  # it has none, or says so in its own way
        yield from dict(vars(value)).values()
    if isinstance(value, FunctionType):
        yield from (cell.cell_contents for cell in value.__closure__ or () if _filled(cell))
    elif isinstance(value, (MethodType, BuiltinMethodType)):
        yield value.__self__
        yield from (value.__func__,) if isinstance(value, MethodType) else ()
    elif isinstance(value, functools.partial):
        yield from (value.func, *value.args, *value.keywords.values())


def _filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


def unchanged(settled: frozenset[str], codes: Collection[CodeType]) -> frozenset[str]:
    """Without what some of these functions sets: the name, or an attribute of that name of anything; without all of it if one
    may set what it does not name."""
    if any(_UNNAMED & set(code.co_names) for code in codes):
        return frozenset()
    changed = frozenset(name for code in codes for name in _changed(code))
    return frozenset(
        text
        for text in settled
        if text.split(".")[0] not in changed and not any(f"self.{part}" in changed for part in text.split(".")[1:])
    )


def _changed(code: CodeType) -> Iterator[str]:
    """Names that a function sets for others, or that are its own variables there."""
    yield from code.co_cellvars
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("STORE_GLOBAL", "STORE_DEREF", "STORE_NAME"):
            yield instruction.argval
        elif instruction.opname == "STORE_ATTR":
            yield f"self.{instruction.argval}"
