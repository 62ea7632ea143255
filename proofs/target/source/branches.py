"""Where a file's code branches, refuses, or may swallow an exception, read from its source.

Main definitions: `Source`, `source_of`.
"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import CodeType

Branch = ast.If | ast.IfExp | ast.While


@dataclass(frozen=True)
class Source:
    """What a file's source says: the lines that raise or assert, branches by their place, and contexts that may swallow an
    exception, with their lines."""

    refusals: frozenset[int]
    branches: Mapping[tuple[int | None, ...], Branch]
    contexts: tuple[tuple[int, str], ...] = ()


_HARMLESS = frozenset("torch warnings np numpy".split())
"""Libraries whose contexts let an exception through."""
_NAMED = frozenset("nullcontext contextlib.nullcontext sdpa_kernel record_function profiler.record_function".split())


@cache
def _file(text: str) -> Source:
    refusals: set[int] = set()
    branches: dict[tuple[int | None, ...], Branch] = {}
    contexts: list[tuple[int, str]] = []
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return Source(frozenset(), {})
    for node in ast.walk(tree):
        if isinstance(node, (ast.Raise, ast.Assert)):
            refusals |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
        elif isinstance(node, (ast.If, ast.IfExp, ast.While)):
            branches[node.lineno, node.col_offset, node.end_lineno, node.end_col_offset] = node
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            made = [item.context_expr for item in node.items]
            contexts += [(node.lineno, ast.unparse(context)) for context in made if not _harmless(context)]
    return Source(frozenset(refusals), branches, tuple(contexts))


def _harmless(context: ast.expr) -> bool:
    name = ast.unparse(context.func if isinstance(context, ast.Call) else context)
    return name.partition(".")[0] in _HARMLESS or name in _NAMED


def source_of(code: CodeType) -> Source:
    """What the file says that a code object is from; nothing where there is no file, or none that parses."""
    return _file("".join(linecache.getlines(code.co_filename)))
