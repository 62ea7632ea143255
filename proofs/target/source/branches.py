"""Where a file's code branches, refuses, or may swallow an exception, read from its source.

Main definitions: `Source`, `source_of`.
"""

from __future__ import annotations

import ast
import linecache
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from types import CodeType
from typing import TypeGuard

Branch = ast.If | ast.IfExp | ast.While


@dataclass(frozen=True)
class Source:
    """What a file's source says: the lines that raise, assert, or only warn or log, branches and chains of `and` and `or`
    by their place, and contexts that may swallow an exception, with their lines."""

    refusals: frozenset[int]
    branches: Mapping[tuple[int | None, ...], Branch]
    chains: Mapping[tuple[int | None, ...], ast.BoolOp] = field(default_factory=dict)
    contexts: tuple[tuple[int, str], ...] = ()


_HARMLESS = frozenset("torch warnings np numpy".split())
"""Libraries whose contexts let an exception through."""
_NAMED = frozenset("nullcontext contextlib.nullcontext sdpa_kernel record_function profiler.record_function".split())


_SAYING = frozenset("debug info warning warn error exception critical log".split())
_ASKED = frozenset("len str repr tuple list int float type".split())
"""What the arguments of a warning may call."""


def _only_said(tree: ast.Module) -> set[int]:
    """The lines of calls of `warnings.warn`, and of loggers of the standard library, that do nothing else."""
    loggers = {"logging"} | {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.value).startswith(("logging.getLogger(", "getLogger("))
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    statements = [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]
    set_again = {n.id for s in statements if s not in tree.body for n in ast.walk(s) if _stores(n)}
    begun = Counter(node.lineno for node in statements)
    found: set[int] = set()
    for node in statements:
        if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Call):
            continue
        call = node.value
        if not isinstance(call.func, ast.Attribute) or not isinstance(call.func.value, ast.Name):
            continue
        owner, name = call.func.value.id, call.func.attr
        says = (owner, name) == ("warnings", "warn") or (owner in loggers and name in _SAYING)
        lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
        inner = [n for part in (*call.args, *call.keywords) for n in ast.walk(part)]
        plain = all(not isinstance(n, ast.Call) or ast.unparse(n.func) in _ASKED for n in inner)
        plain &= not any(isinstance(n, (ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom)) for n in inner)
        alone = sum(begun[line] for line in lines) == 1
        if says and plain and alone and owner not in set_again:
            found |= set(lines)
    return found


def _stores(node: ast.AST) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


@cache
def _file(text: str) -> Source:
    refusals: set[int] = set()
    branches: dict[tuple[int | None, ...], Branch] = {}
    chains: dict[tuple[int | None, ...], ast.BoolOp] = {}
    contexts: list[tuple[int, str]] = []
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return Source(frozenset(), {})
    refusals |= _only_said(tree)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Raise, ast.Assert)):
            refusals |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
        elif isinstance(node, (ast.If, ast.IfExp, ast.While)):
            branches[node.lineno, node.col_offset, node.end_lineno, node.end_col_offset] = node
        elif isinstance(node, ast.BoolOp):
            chains[node.lineno, node.col_offset, node.end_lineno, node.end_col_offset] = node
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            made = [item.context_expr for item in node.items]
            contexts += [(node.lineno, ast.unparse(context)) for context in made if not _harmless(context)]
    return Source(frozenset(refusals), branches, chains, tuple(contexts))


def _harmless(context: ast.expr) -> bool:
    name = ast.unparse(context.func if isinstance(context, ast.Call) else context)
    return name.partition(".")[0] in _HARMLESS or name in _NAMED


def source_of(code: CodeType) -> Source:
    """What the file says that a code object is from; nothing where there is no file, or none that parses."""
    return _file("".join(linecache.getlines(code.co_filename)))


def refusing(file: str, line: int) -> bool:
    """Whether a line of a file only raises, asserts, or says something."""
    return line in _file("".join(linecache.getlines(file))).refusals
