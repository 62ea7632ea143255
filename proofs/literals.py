"""Arguments that a target's own code gives its helpers as literals: no size and no data decides what they are.

A call's place in the source says what was given, once the name that is called is known to be that very function. Tests of
such arguments alone have one outcome for every call that the same line makes.
Main definition: `literals`.
"""

from __future__ import annotations

import ast
import itertools
import linecache
from functools import cache
from types import CodeType, FrameType, FunctionType, MethodType, ModuleType
from typing import Any


def literals(frame: FrameType) -> frozenset[str]:
    """The arguments of a function that was just entered which its caller wrote as literals, or left to defaults."""
    caller, code = frame.f_back, frame.f_code
    if caller is None:
        return frozenset()
    node = _call(caller.f_code, caller.f_lasti)
    called = _resolved(node.func, caller) if node is not None else None
    bound = isinstance(called, MethodType)
    function = called.__func__ if isinstance(called, MethodType) else called
    if node is None or not isinstance(function, FunctionType) or function.__code__ is not code:
        return frozenset()
    return _given(node, code, bound, len(function.__defaults__ or ()), frozenset(function.__kwdefaults__ or ()))


def _given(node: ast.Call, code: CodeType, bound: bool, defaults: int, keywords: frozenset[str]) -> frozenset[str]:
    if any(isinstance(a, ast.Starred) for a in node.args) or any(k.arg is None for k in node.keywords):
        return frozenset()
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    positional = names[bound : code.co_argcount]
    given = dict(zip(positional, node.args, strict=False)) | {k.arg: k.value for k in node.keywords if k.arg}
    left = frozenset(names[code.co_argcount - defaults : code.co_argcount]) | keywords
    return frozenset(name for name, value in given.items() if isinstance(value, ast.Constant)) | (left - set(given))


def _resolved(node: ast.expr, frame: FrameType) -> Any:
    """What a name, a module's function or a method of an own object is in a frame; None for anything else."""
    if isinstance(node, ast.Name):
        return frame.f_locals.get(node.id, frame.f_globals.get(node.id))
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        base = _resolved(node.value, frame)
        if isinstance(base, ModuleType):
            return vars(base).get(node.attr)
        found = vars(type(base)).get(node.attr)
        if isinstance(found, FunctionType) and node.attr not in getattr(base, "__dict__", {}):
            return MethodType(found, base)
    return None


def _call(code: CodeType, last: int) -> ast.Call | None:
    """The call that an instruction makes."""
    place = next(itertools.islice(code.co_positions(), last // 2, None), None)
    if place is None or None in place:
        return None
    return _calls("".join(linecache.getlines(code.co_filename))).get(place)


@cache
def _calls(text: str) -> dict[tuple[int | None, ...], ast.Call]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return {}
    return {
        (node.lineno, node.end_lineno, node.col_offset, node.end_col_offset): node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    }
