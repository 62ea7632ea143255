"""Numbers that Python makes of a length and that a few lengths do not show: digits, logarithms, truth values in arithmetic.

`1 + bin(T).count("1") // 6` is 1 up to 62 tokens; no recording of two lengths tells it from 1. So code that ran and could
make such numbers has no answer for every length. Read from the source; what it refuses too much only costs that answer.
Main definition: `hidden`.
"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from types import CodeType

from numeric.finding import Said

_NAMES = frozenset(
    "bin hex oct str repr hash format ord chr round divmod ascii bytes bit_count bit_length as_integer_ratio "
    "to_bytes gcd lcm isqrt comb perm factorial eval exec".split()
)
_PLAIN = ("sqrt", "exp", "pi", "e", "inf", "nan")
"""What of `math` is no step of a length, as 1 / math.sqrt(d)."""
_SHIFTS = (ast.LShift, ast.RShift, ast.BitXor)


@dataclass(frozen=True)
class MakesNumbers(Said):
    """A line that may make other numbers of other lengths."""

    line: int


def hidden(codes: Iterable[CodeType]) -> MakesNumbers | None:
    """The first such place in the functions that ran; None where there is none."""
    for code in codes:
        for node in _nodes("".join(linecache.getlines(code.co_filename)), code.co_firstlineno, _last(code)):
            if _makes(node):
                return MakesNumbers(getattr(node, "lineno", code.co_firstlineno))
    return None


def _last(code: CodeType) -> int:
    return max((line for _, _, line in code.co_lines() if line), default=code.co_firstlineno)


def _nodes(text: str, first: int, last: int) -> Iterator[ast.AST]:
    return (node for node in _tree(text) if first <= getattr(node, "lineno", 0) <= last)


def _makes(node: ast.AST) -> bool:
    if isinstance(node, ast.Name):
        return node.id in _NAMES
    if isinstance(node, ast.Attribute):
        own = isinstance(node.value, ast.Name) and node.value.id in ("math", "cmath")
        return node.attr in _NAMES or (own and node.attr not in _PLAIN)
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(value, ast.FormattedValue) for value in node.values)
    if isinstance(node, ast.BinOp):
        parts = (node.left, node.right)
        bits = isinstance(node.op, (ast.BitAnd, ast.BitOr)) and any(map(_whole, parts))
        return bits or isinstance(node.op, _SHIFTS) or any(isinstance(part, ast.Compare) for part in parts)
    if isinstance(node, ast.Subscript):
        return isinstance(node.slice, ast.Compare)
    if isinstance(node, ast.Call):
        named = isinstance(node.func, ast.Name) and node.func.id in ("int", "float", "bool", "sum", "min", "max")
        return named and any(isinstance(argument, ast.Compare) for argument in node.args)
    return isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Compare) and not isinstance(node.op, ast.Not)


def _whole(node: ast.AST) -> bool:
    """Whether an operand is a whole number, or one more or less than something: no mask of booleans is."""
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, (ast.Add, ast.Sub)) and any(map(_whole, (node.left, node.right)))
    return isinstance(node, ast.Constant) and type(node.value) is int


@cache
def _tree(text: str) -> tuple[ast.AST, ...]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return ()
    raised = {id(n) for r in ast.walk(tree) if isinstance(r, (ast.Raise, ast.Assert)) for n in ast.walk(r)}
    return tuple(node for node in ast.walk(tree) if id(node) not in raised)
