"""Whose choice a test is: a size's, or the caller's alone, the type of what is given, or what was set before all calls.

Main definitions: `Known`, `option`, `options_of`.
"""

from __future__ import annotations

import ast
import dis
import inspect
import linecache
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import CodeType
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Known:
    """What no size decides in a function: arguments that are options, arguments that are as the target's caller gave
    them (so that only the caller makes them None), what was set before all calls, and variables made of options alone."""

    options: frozenset[str]
    given: frozenset[str]
    settled: frozenset[str]
    made: frozenset[str] = frozenset()


def arguments(code: CodeType) -> frozenset[str]:
    return frozenset(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])


def option(code: CodeType, instruction: dis.Instruction, text: str, known: Known) -> bool:
    try:
        return _settled(code, instruction, text, known)
    except RecursionError:  # a test too deep to be looked through
        return False


def _settled(code: CodeType, instruction: dis.Instruction, text: str, known: Known) -> bool:
    """Whether a test asks for no size: for types and numbers of axes, for what was set before all calls, for arguments
    that no call of the audit varies, or whether the caller gave one.
    """
    try:
        node = ast.parse(text, mode="eval").body
    except SyntaxError:
        return False
    asked = _Absent(known.given)
    given = _Existing(_existence("".join(linecache.getlines(code.co_filename))) - set(code.co_varnames)).visit(node)
    test = _Settled(known.settled - set(code.co_varnames)).visit(asked.visit(_sizeless(given)))
    names = {name.id for name in ast.walk(test) if isinstance(name, ast.Name)} - known.made
    if not names <= known.options & arguments(code):
        return False
    names |= asked.found
    stores = [i for i in dis.get_instructions(code) if i.opname.startswith("STORE_") and i.argval in names]
    loops = [i for i in dis.get_instructions(code) if "JUMP_BACKWARD" in i.opname]
    return all(store.offset > instruction.offset for store in stores) and not any(
        loop.argval <= instruction.offset <= loop.offset and any(store.offset <= loop.offset for store in stores)
        for loop in loops
    )


_RANKS = ("ndim", "dtype", "device", "is_cuda")
_TYPES = ("isinstance", "hasattr", "callable")


class _Sizeless(ast.NodeTransformer):
    """Takes out of a test what asks for types and numbers of axes."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """x.ndim, and constants of torch such as torch.float32."""
        of_torch = isinstance(node.value, ast.Name) and node.value.id == "torch"
        return ast.Constant(None) if node.attr in _RANKS or of_torch else self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """isinstance(x, ...), x.dim()."""
        typed = isinstance(node.func, ast.Name) and node.func.id in _TYPES
        ranked = isinstance(node.func, ast.Attribute) and node.func.attr == "dim" and not node.args
        return ast.Constant(None) if typed or ranked else self.generic_visit(node)


@cache
def _existence(text: str) -> frozenset[str]:
    """The functions of a file, each the only thing of its name there, that return whether their one argument is not None."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return frozenset()
    named = [n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    named += [n.name for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))]
    named += [
        a.asname or a.name for n in ast.walk(tree) if isinstance(n, (ast.Import, ast.ImportFrom)) for a in n.names
    ]
    found = {f.name for f in tree.body if isinstance(f, ast.FunctionDef) and not f.decorator_list and _tells(f)}
    return frozenset(name for name in found if named.count(name) == 1)


def _tells(function: ast.FunctionDef) -> bool:
    last, names = function.body[-1], [a.arg for a in function.args.args]
    if not isinstance(last, ast.Return) or len(function.body) != 1 or len(names) != 1:
        return False
    return ast.unparse(last) == f"return {names[0]} is not None" and not function.args.defaults


class _Existing(ast.NodeTransformer):
    """Writes exists(x), and the like, as x is not None."""

    def __init__(self, names: frozenset[str]) -> None:
        self.names = names

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """exists(x), of one argument."""
        named = isinstance(node.func, ast.Name) and node.func.id in self.names
        if not named or len(node.args) != 1 or node.keywords or isinstance(node.args[0], ast.Starred):
            return self.generic_visit(node)
        return ast.Compare(node.args[0], [ast.IsNot()], [ast.Constant(None)])


class _Absent(ast.NodeTransformer):
    """Takes out of a test what asks whether an argument was given. found: those arguments."""

    def __init__(self, names: frozenset[str]) -> None:
        self.names, self.found = names, set[str]()

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        """x is None, x is not None."""
        alone = isinstance(node.left, ast.Name) and node.left.id in self.names and len(node.ops) == 1
        if not (alone and isinstance(node.ops[0], (ast.Is, ast.IsNot)) and ast.unparse(node.comparators[0]) == "None"):
            return self.generic_visit(node)
        assert isinstance(node.left, ast.Name)
        self.found.add(node.left.id)
        return ast.Constant(None)


class _Settled(ast.NodeTransformer):
    """Takes out of a test what was set before all calls."""

    def __init__(self, names: frozenset[str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """A global, or what a function closes over."""
        return ast.Constant(None) if node.id in self.names else node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """self.x."""
        return ast.Constant(None) if ast.unparse(node) in self.names else self.generic_visit(node)


def _sizeless(node: ast.AST) -> ast.AST:
    found: ast.AST = _Sizeless().visit(node)
    return found


def options_of(call: Callable[..., Any], data: frozenset[str], tensors: frozenset[str]) -> frozenset[str]:
    """The names of a target's arguments that are no data and were given no tensor."""
    function = call.forward if isinstance(call, torch.nn.Module) else call
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return frozenset()
    plain = {p.name for p in parameters if p.default is not p.empty and not isinstance(p.default, Tensor)}
    return frozenset(plain - data - tensors)
