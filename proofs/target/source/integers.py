"""Every integer that a target's code mentions: sizes have to go past them, since that is where code changes its ways.

Literals, defaults, closures, attributes of the module, and integers of the files it is written in, of everything that
it calls there. Found in the code objects, so no text is parsed.
"""

from __future__ import annotations

import dis
import functools
import inspect
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import torch

from proofs.target.source.lines import homes, own
from proofs.target.source.scripted import Scripted, is_scripted, scripted

_DEPTH = 12
_LAST = {"float16": 2048, "half": 2048, "int16": 32767, "short": 32767}
"""The integers up to which these types count by ones; those of fewer bits are passed whatever the code says."""


def integers(call: Any) -> tuple[int, ...]:
    """The integers from 2 on, sorted; minus signs are dropped, and 64.0 is 64."""
    search = _Search(homes(call))
    search.visit(call, _DEPTH)
    return tuple(sorted(search.found))


def functions(call: Any) -> tuple[FunctionType, ...]:
    """The functions of the target's own files that it is, or refers to."""
    search = _Search(homes(call))
    search.visit(call, _DEPTH)
    return tuple(search.functions)


def scripts(call: Any) -> tuple[Scripted, ...]:
    """The code of torch.jit that it is, or refers to, and that decides anything."""
    search = _Search(homes(call))
    search.visit(call, _DEPTH)
    return tuple(s for s in search.scripts if s.decisions)


@dataclass
class _Search:
    roots: tuple[str, ...]
    found: set[int] = field(default_factory=set)
    seen: set[int] = field(default_factory=set)
    functions: list[FunctionType] = field(default_factory=list)
    scripts: list[Scripted] = field(default_factory=list)

    def visit(self, thing: Any, depth: int) -> None:
        """Collect from a value, and from what it refers to in the target's own files."""
        if id(thing) in self.seen or depth == 0:
            return
        self.seen.add(id(thing))
        if isinstance(thing, (bool, int, float)):
            _number(thing, self.found)
        elif is_scripted(thing):
            told, numbers = scripted(thing)
            self.scripts.append(told)
            for number in numbers:
                _number(number, self.found)
        elif isinstance(thing, (tuple, list, frozenset, set)) and len(thing) < 100:
            for item in thing:
                self.visit(item, depth - 1)
        elif isinstance(thing, dict) and len(thing) < 100:
            for item in (*thing, *thing.values()):
                self.visit(item, depth - 1)
        elif isinstance(thing, functools.partial):
            for item in (thing.func, *thing.args, *thing.keywords.values()):
                self.visit(item, depth - 1)
        elif isinstance(thing, MethodType):
            self.visit(thing.__func__, depth)
            self.visit(thing.__self__, depth - 1)
        elif isinstance(thing, FunctionType):
            self._function(thing, depth)
        elif isinstance(thing, type):
            self._class(thing, depth)
        elif isinstance(thing, torch.nn.Module) or own(_file(type(thing)), self.roots):
            self._class(type(thing), depth)
            for value in list(getattr(thing, "__dict__", {}).values()):
                self.visit(value, depth - 1)
        else:
            with suppress(Exception):  # a cache, say; an object of the target's may answer anything
                self.visit(getattr(thing, "__wrapped__", None), depth - 1)

    def _function(self, function: FunctionType, depth: int) -> None:
        inner = inspect.unwrap(function)
        if inner is not function:
            self.visit(inner, depth)
        if not own(function.__code__.co_filename, self.roots):
            if getattr(function, "__closure__", None) and inner is function:
                for cell in _cells(function):  # a wrapper of ours around the target
                    if isinstance(cell, (FunctionType, torch.nn.Module)):
                        self.visit(cell, depth - 1)
            return
        self.functions.append(function)
        for value in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values(), *_cells(function)):
            self.visit(value, depth - 1)
        for code in codes(function.__code__):
            _literals(code, self.found)
            self.found |= {_LAST[name] for name in code.co_names if name in _LAST}
            for name in code.co_names:
                value = function.__globals__.get(name)
                if isinstance(value, ModuleType):
                    if own(getattr(value, "__file__", None) or "<none>", self.roots):
                        for inside in code.co_names:
                            self.visit(vars(value).get(inside), depth - 1)
                else:
                    self.visit(value, depth - 1)

    def _class(self, thing: type, depth: int) -> None:
        for each in thing.__mro__:
            if own(_file(each), self.roots):
                for value in list(vars(each).values()):
                    if isinstance(value, (staticmethod, classmethod)):
                        value = value.__func__
                    if isinstance(value, property):
                        value = value.fget
                    self.visit(value, depth - 1)


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


def codes(code: CodeType) -> Iterator[CodeType]:
    """A code object and those inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes(constant)


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
    elif isinstance(value, str):
        if value.isascii() and value.isdigit() and len(value) < 11:
            _number(int(value), found)
    else:
        _number(value, found)


def _number(value: Any, found: set[int]) -> None:
    if isinstance(value, float) and 0.01 <= abs(value) <= 0.1:  # 0.02 N is 1 at N = 50
        value = float(round(1 / abs(value)))
    size = whole(value)
    if size is not None:
        found.add(size)


def whole(value: Any) -> int | None:
    """The size of a number that is whole and may be one of an array; None for any other."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if isinstance(value, float) and not value.is_integer():
        return None
    size = abs(int(value))
    return size if 2 <= size < 2**31 else None
