"""Every integer that a target's code mentions: sizes have to go past them, since that is where code changes its ways.

Literals, defaults, closures, attributes of the module, and integers of the files it is written in, of everything that
it calls there. Found in the code objects, so no text is parsed.
"""

from __future__ import annotations

import dis
import functools
import inspect
from collections.abc import Iterator
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import torch

from proofs.lines import own

_DEPTH = 12


def integers(call: Any) -> tuple[int, ...]:
    """The integers from 2 on, sorted; minus signs are dropped, and 64.0 is 64."""
    found: set[int] = set()
    _visit(call, found, set(), _DEPTH)
    return tuple(sorted(found))


def of_code(code: CodeType) -> tuple[int, ...]:
    """Those of one code object and what is defined in it."""
    found: set[int] = set()
    for each in _codes(code):
        _literals(each, found)
    return tuple(sorted(found))


def _visit(thing: Any, found: set[int], seen: set[int], depth: int) -> None:
    if id(thing) in seen or depth == 0:
        return
    seen.add(id(thing))
    if isinstance(thing, (bool, int, float)):
        _number(thing, found)
    elif isinstance(thing, (tuple, list, frozenset, set)) and len(thing) < 100:
        for item in thing:
            _visit(item, found, seen, depth - 1)
    elif isinstance(thing, dict) and len(thing) < 100:
        for item in thing.values():
            _visit(item, found, seen, depth - 1)
    elif isinstance(thing, functools.partial):
        for item in (thing.func, *thing.args, *thing.keywords.values()):
            _visit(item, found, seen, depth - 1)
    elif isinstance(thing, MethodType):
        _visit(thing.__func__, found, seen, depth)
        _visit(thing.__self__, found, seen, depth - 1)
    elif isinstance(thing, FunctionType):
        _function(thing, found, seen, depth)
    elif isinstance(thing, type):
        _class(thing, found, seen, depth)
    elif isinstance(thing, torch.nn.Module) or own(_file(type(thing))):
        _class(type(thing), found, seen, depth)
        for value in list(getattr(thing, "__dict__", {}).values()):
            _visit(value, found, seen, depth - 1)
    elif hasattr(thing, "__wrapped__"):  # caches and the like
        _visit(thing.__wrapped__, found, seen, depth - 1)


def _function(function: FunctionType, found: set[int], seen: set[int], depth: int) -> None:
    inner = inspect.unwrap(function)
    if inner is not function:
        _visit(inner, found, seen, depth)
    if not own(function.__code__.co_filename):
        if getattr(function, "__closure__", None) and inner is function:
            for cell in _cells(function):  # a wrapper of ours around the target
                if isinstance(cell, (FunctionType, torch.nn.Module)):
                    _visit(cell, found, seen, depth - 1)
        return
    for value in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values(), *_cells(function)):
        _visit(value, found, seen, depth - 1)
    for code in _codes(function.__code__):
        _literals(code, found)
        for name in code.co_names:
            value = function.__globals__.get(name)
            if isinstance(value, ModuleType):
                if own(getattr(value, "__file__", None) or "<none>"):
                    for inside in code.co_names:
                        _visit(vars(value).get(inside), found, seen, depth - 1)
            else:
                _visit(value, found, seen, depth - 1)


def _class(thing: type, found: set[int], seen: set[int], depth: int) -> None:
    for each in thing.__mro__:
        if own(_file(each)):
            for value in list(vars(each).values()):
                if isinstance(value, (staticmethod, classmethod)):
                    value = value.__func__
                if isinstance(value, property):
                    value = value.fget
                _visit(value, found, seen, depth - 1)


def _file(thing: type) -> str:
    try:
        return inspect.getfile(thing)
    except (TypeError, OSError):
        return "<built in>"


def _cells(function: FunctionType) -> Iterator[Any]:
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not filled yet
            continue


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _literals(code: CodeType, found: set[int]) -> None:
    for instruction in dis.get_instructions(code):
        if instruction.opcode in dis.hasconst or instruction.opname == "LOAD_SMALL_INT":
            _constant(instruction.argval, found)


def _constant(value: Any, found: set[int]) -> None:
    if isinstance(value, (tuple, frozenset)):
        for item in value:
            _constant(item, found)
    elif isinstance(value, slice):
        for item in (value.start, value.stop, value.step):
            _constant(item, found)
    else:
        _number(value, found)


def _number(value: Any, found: set[int]) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return
    if isinstance(value, float) and not value.is_integer():
        return
    size = abs(int(value))
    if 2 <= size < 2**31:
        found.add(size)
