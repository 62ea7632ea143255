"""A target's functions with a note around every expression that computes something: what it computes is seen, and the same.

The notes do what the code says and keep, besides, the whole numbers and the outcomes of comparisons (see
`proofs.audit.computed`) and on which side of a bound each number is (see `proofs.audit.edges`).
Main definition: `noting`.
"""

from __future__ import annotations

import ast
import builtins
import collections
import itertools
import linecache
import math
import operator
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from types import BuiltinFunctionType, CodeType, FunctionType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from proofs.audit.edges import At, Edges, Site
from proofs.target.source.integers import whole

_NAME = "__ssmproof_noted__"
_FEW = 64
"""Entries of a list, a set or a table that are looked through."""
Place = tuple[Any, ...]
"""A file, the first line there, and the rest of an expression's place."""
Key = tuple[str, int, tuple[str, ...], tuple[str, ...], int]
_FRAMES = frozenset("super locals globals vars dir eval exec".split())
"""Functions that look at the frame that calls them."""
_ROUNDING = {builtins.int, builtins.round, math.floor, math.ceil, math.trunc, np.floor, np.ceil, np.trunc, np.round}
_COMPARED: Mapping[str, Callable[[Any, Any], Any]] = {
    "Lt": operator.lt,
    "LtE": operator.le,
    "Gt": operator.gt,
    "GtE": operator.ge,
    "Eq": operator.eq,
    "NotEq": operator.ne,
}
_BINARY: Mapping[str, Callable[[Any, Any], Any]] = {
    "FloorDiv": operator.floordiv,
    "Mod": operator.mod,
    "RShift": operator.rshift,
    "BitAnd": operator.and_,
}
_PIECES = ("chunk", "tensor_split", "array_split")


class Notes:
    """What each place of the code computed, by the sizes of the call. ran: of calls that ended; changed: how many functions
    note it."""

    slice = slice

    def __init__(self) -> None:
        self.found: dict[Site, set[int]] = {}
        self.ran: dict[At, dict[Site, set[int]]] = {}
        self.begun: set[At] = set()
        self._outcomes: dict[Place, dict[At, set[bool]]] = {}
        self.edges = Edges()
        self.changed = 0
        self._held: list[tuple[Place, collections.deque[Any]]] = []

    def begin(self, sizes: Mapping[str, int]) -> None:
        """A call at these sizes begins."""
        self.found, self._held = {}, []
        self.edges.begin(sizes)
        self.begun.add(self.edges.at)

    def end(self) -> None:
        """It has ended: were the queues ever full?"""
        for place, queue in self._held:
            assert queue.maxlen is not None
            self._edge(place, queue.maxlen > len(queue), queue.maxlen - len(queue), queue.maxlen)
        self.ran[self.edges.at] = self.found

    def constant(self, among: Collection[At]) -> dict[Place, bool]:
        """The comparisons that had one outcome in all these calls."""
        seen = {p: set().union(*(v for at, v in held.items() if at in among)) for p, held in self._outcomes.items()}
        return {place: values.pop() for place, values in seen.items() if len(values) == 1}

    def note(self, place: Place, value: Any) -> Any:
        """Keep the whole numbers of a value, and return it."""
        for entry, size in _wholes(value):
            self.found.setdefault((place, *entry), set()).add(size)
        return value

    def outcome(self, place: Place, value: Any) -> Any:
        """Keep the outcome of a comparison, and return it."""
        if isinstance(value, bool):
            self._outcomes.setdefault(place, {}).setdefault(self.edges.at, set()).add(value)
        return value

    def compare(self, place: Place, name: str, left: Any, right: Any) -> Any:
        """left < right, and the like."""
        value = _COMPARED[name](left, right)
        if isinstance(value, (bool, np.bool_)) and _number(left) and _number(right):
            self._edge((*place, "side"), bool(value), abs(left - right), left, right)
        elif isinstance(value, np.ndarray) and _counted(left) and _counted(right):
            gap = np.abs(np.subtract(left, right, dtype=float))
            sides = {bool(v) for v in (value.any(), value.all())}
            self._edges((*place, "side"), sides, gap.min(initial=math.inf), left, right)
        return self.outcome(place, value)

    def binary(self, place: Place, name: str, left: Any, right: Any) -> Any:
        """left // right, and the like."""
        value = _BINARY[name](left, right)
        if _number(left) and _number(right) and right:
            self._divided(place, name, left, right)
        elif isinstance(value, np.ndarray) and _counted(left) and _number(right) and right:
            for entry in np.unique(left)[[0, -1]] if np.size(left) else ():
                self._divided(place, name, float(entry), right)
        return self.note(place, value)

    def call(self, place: Place, function: Any, *args: Any, **kwargs: Any) -> Any:
        """function(*args, **kwargs)."""
        if function is zip:
            self._zipped(place, args)
        value = function(*args, **kwargs)
        with suppress(TypeError, ValueError, OverflowError):  # an unhashable callable; numbers that are none
            if function is itertools.islice:
                return self._sliced(place, value, args)
            self._called(place, function, args, kwargs, value)
        return self.note(place, value)

    def item(self, place: Place, value: Any, index: Any) -> Any:
        """value[index]."""
        if not isinstance(value, Tensor) and hasattr(type(value), "__len__") and not isinstance(value, Mapping):
            axes = index if isinstance(index, tuple) else (index,)
            lengths = getattr(value, "shape", None) or (len(value),)
            for k, (part, length) in enumerate(zip(axes, lengths, strict=False)):
                if isinstance(part, slice):
                    for which, bound in (("start", part.start), ("stop", part.stop)):
                        if whole(bound) is not None or bound in (1, -1):
                            cut(self.edges, (*place, k, which), bound, length)
                elif isinstance(part, int):
                    room = length - 1 - part if part >= 0 else length + part
                    self.edges.note((*place, k), (room > 0,), abs(room), rest=True)
        if isinstance(value, Tensor) and (cuts := _slices(index, value.ndim)):
            # made here, since torch leaves out what takes all there is, and a bound that is reached would not be seen
            for k, (start, stop, step) in enumerate(cuts):
                if (start, stop, step) != (None, None, 1):
                    value = torch.ops.aten.slice.Tensor(value, k, start, stop, step)
            return self.note(place, value)
        return self.note(place, value[index])

    def loop(self, place: Place, values: Any) -> Iterator[Any]:
        """for value in values: is it left before all are taken?"""
        count, length = 0, len(values) if isinstance(values, (range, tuple, list)) else None
        ended = False
        try:
            for value in values:
                count += 1
                yield value
            ended = True
        finally:
            if length is not None:
                self.edges.note((*place, "loop"), (ended,), length - count, (length,), rest=True)

    def _called(self, place: Place, function: Any, args: Any, kwargs: Any, value: Any) -> None:
        numbers = [a for a in _flat(args) if _number(a)]
        if function in _ROUNDING and len(args) == 1 and _number(args[0]) and math.isfinite(args[0]):
            shift = 0.5 if function in (builtins.round, np.round) else 0.0
            self._divided(place, "FloorDiv", args[0] + shift, 1)
        elif function is divmod:
            self._divided(place, "FloorDiv", *args)
        elif function in (abs, math.fabs) and numbers:
            self._edge(place, numbers[0] > 0, abs(numbers[0]))
        elif isinstance(value, collections.deque) and value.maxlen is not None:
            self._held.append((place, value))
        elif getattr(function, "__name__", "") == "get" and isinstance(getattr(function, "__self__", None), Mapping):
            self._looked(place, function.__self__, args[0])
        elif getattr(function, "__name__", "") in _PIECES:
            sized = getattr(function, "__self__", None)
            sized, count = (sized, args[0]) if isinstance(sized, Tensor) else args[:2]
            if _number(count):
                self._edge(place, count > len(sized), abs(count - len(sized)), count)
        elif function is sorted and len(numbers) > 1:
            gaps = [b - a for a, b in itertools.pairwise(value)]
            self._edge(place, tuple(np.argsort(numbers)), min(gaps), *numbers)
        elif len(numbers) > 1 and _number(value) and numbers.count(value) == 1:  # min, max, clip, median: one of them
            others = [abs(value - n) for n in numbers if n != value]
            self._edge(place, numbers.index(value), min(others), *numbers)
        elif len(args) == 1 and _number(args[0]) and _number(value) and isinstance(function, BuiltinFunctionType):
            self.edges.saturated(place, (float(value),), (float(args[0]),))

    def _divided(self, place: Place, name: str, left: float, right: float) -> None:
        if name == "RShift":
            right = 2.0**right
        if name == "BitAnd":
            self._edge((*place, "part"), int(left) & int(right), 1 / (1 + abs(left)), right)
            return
        part = left / right
        low = math.floor(part)
        self._edge((*place, "part"), low, (low + 1 - part) * abs(right), right)

    def _looked(self, place: Place, table: Mapping[Any, Any], key: Any) -> None:
        """A table of numbers that is asked for one: below all of those that it holds beyond, or not."""
        held = [k for k in list(table)[:_FEW] if _number(k)] if _number(key) else []
        if held:
            self._edge(place, key in table, min(abs(key - k) for k in held))

    def _zipped(self, place: Place, args: Sequence[Any]) -> None:
        lengths = {k: len(a) for k, a in enumerate(args) if hasattr(type(a), "__len__")}
        for k, length in lengths.items():
            least = min(lengths.values())
            self.edges.note((*place, k), (length > least,), length - least, (length,), rest=True)

    def _sliced(self, place: Place, values: Iterator[Any], args: Sequence[Any]) -> Iterator[Any]:
        stop = args[1] if len(args) == 2 else args[2]
        if not _number(stop):
            yield from values
            return
        count = args[1] if len(args) > 2 and args[1] else 0
        for value in values:
            count += 1
            yield value
        self._edge(place, count < stop, stop - count, stop)

    def _edge(self, place: Place, side: Any, distance: float, *constants: Any) -> None:
        self._edges(place, (side,), distance, *constants)

    def _edges(self, place: Place, sides: Any, distance: float, *constants: Any) -> None:
        self.edges.note(place, sides, float(distance), [float(c) for c in constants if _number(c)])


def _slices(index: Any, axes: int) -> list[tuple[int | None, int | None, int]]:
    """The start, stop and step of an index that is made of slices alone; nothing of another."""
    parts = index if isinstance(index, tuple) else (index,)
    if len(parts) > axes or not all(isinstance(part, slice) for part in parts):
        return []

    def number(bound: Any) -> int | None:
        return None if bound is None else operator.index(bound)

    with suppress(TypeError):  # torch says what it makes of it
        return [(number(part.start), number(part.stop), number(part.step) or 1) for part in parts]
    return []


def cut(edges: Edges, place: Place, bound: int, length: int) -> None:
    """Note whether a bound of a slice is past the end of what is sliced."""
    room = length - bound if bound >= 0 else length + bound
    edges.note(place, (room > 0,), abs(room), (float(bound),), rest=room > 0, end=length)


def _number(value: Any) -> bool:
    plain = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    return plain and abs(value) < 1e18


def _counted(value: Any) -> bool:
    """Whether it is numbers that no data decides, as far as a type says: whole ones."""
    return _number(value) or (isinstance(value, np.ndarray) and value.dtype.kind in "iu")


def _flat(args: Sequence[Any]) -> Iterator[Any]:
    for value in args:
        yield from value[:_FEW] if isinstance(value, (tuple, list)) else (value,)


def _wholes(value: Any) -> Iterator[tuple[Site, int]]:
    """The whole numbers of a value, with their places in it."""
    if isinstance(value, Tensor):
        plain = type(value) is Tensor and not value.is_meta and not value.is_complex()
        if plain and (value.ndim == 0 or (not value.is_floating_point() and value.numel() <= _FEW)):
            with suppress(RuntimeError):  # a wrapper of torch.func, which holds no numbers
                yield from _wholes(value.detach().tolist())
    elif isinstance(value, (tuple, list)) and len(value) <= _FEW:
        for k, item in enumerate(value):
            size = whole(item)
            yield from () if size is None else (((k,), size),)
    elif isinstance(value, (set, frozenset, dict)) and len(value) <= _FEW:
        for item in (*value, *(value.values() if isinstance(value, dict) else ())):
            size = whole(item)
            yield from () if size is None else (((size, "one of"), size),)
    else:
        size = whole(value)
        yield from () if size is None else (((), size),)


@contextmanager
def noting(own: Sequence[FunctionType], notes: Notes | None = None) -> Iterator[Notes]:
    """Inside the block these functions run code with notes; those whose source does not give their code stay. notes: earlier
    ones, to go on with."""
    notes = notes or Notes()
    before: list[tuple[FunctionType, CodeType]] = []
    spaces = {id(f.__globals__): f.__globals__ for f in own}
    try:
        for function in own:
            code = function.__code__
            other = _noted("".join(linecache.getlines(code.co_filename)), code.co_filename).get(_key(code))
            if other is None:
                continue
            with suppress(ValueError):  # other free variables
                function.__code__ = other
                before.append((function, code))
        notes.changed = len(before)
        for space in spaces.values():
            space[_NAME] = notes
        yield notes
    finally:
        for function, code in before:
            function.__code__ = code
        for space in spaces.values():
            space.pop(_NAME, None)


def _key(code: CodeType) -> Key:
    arguments = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    name: str = getattr(code, "co_qualname", code.co_name)
    return name, code.co_firstlineno, arguments, code.co_freevars, code.co_flags


@cache
def _noted(text: str, file: str) -> Mapping[Key, CodeType]:
    """The code of each function of a file, with notes; without those of which there are two at one place."""
    try:
        tree = _Noting(file).visit(ast.parse(text))
        whole_file = compile(ast.fix_missing_locations(tree), file, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError):
        return {}
    found: dict[Key, list[CodeType]] = {}
    for code in _inside(whole_file):
        found.setdefault(_key(code), []).append(code)
    return {key: codes[0] for key, codes in found.items() if len(codes) == 1}


def _inside(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _inside(constant)


class _Noting(ast.NodeTransformer):
    """Puts a note around every expression that computes something."""

    def __init__(self, file: str) -> None:
        self.file = file

    def visit_match_case(self, node: ast.match_case) -> ast.AST:
        """Patterns are no expressions."""
        node.body = [self.visit(statement) for statement in node.body]
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """f(x), with a named f as it is."""
        if isinstance(node.func, ast.Attribute):
            node.func.value = self.visit(node.func.value)
        elif not isinstance(node.func, ast.Name):
            node.func = self.visit(node.func)
        node.args = [self.visit(argument) for argument in node.args]
        node.keywords = [self.visit(keyword) for keyword in node.keywords]
        if isinstance(node.func, ast.Name) and node.func.id in _FRAMES:
            return self._noted(Notes.note, node, node)
        return self._noted(Notes.call, node, node.func, *node.args, keywords=node.keywords)

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        """a < b."""
        self.generic_visit(node)
        name = type(node.ops[0]).__name__
        if len(node.ops) == 1 and name in _COMPARED:
            return self._noted(Notes.compare, node, ast.Constant(name), node.left, node.comparators[0])
        return self._noted(Notes.outcome, node, node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        """a // b."""
        self.generic_visit(node)
        name = type(node.op).__name__
        if name in _BINARY:
            return self._noted(Notes.binary, node, ast.Constant(name), node.left, node.right)
        return self._noted(Notes.note, node, node)

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        """a[i]."""
        self.generic_visit(node)
        if not isinstance(node.ctx, ast.Load) or _starred(node.slice):
            return node
        return self._noted(Notes.item, node, node.value, _index(node.slice))

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """a.b."""
        self.generic_visit(node)
        return self._noted(Notes.note, node, node) if isinstance(node.ctx, ast.Load) else node

    def visit_For(self, node: ast.For) -> ast.AST:
        """for a in b."""
        self.generic_visit(node)
        node.iter = self._noted(Notes.loop, node.iter, node.iter)
        return node

    def _computed(self, node: Any) -> ast.AST:
        self.generic_visit(node)
        return self._noted(Notes.note, node, node)

    visit_UnaryOp = visit_IfExp = visit_ListComp = visit_SetComp = visit_DictComp = _computed

    def _noted(
        self, method: Callable[..., Any], at: Any, *args: ast.expr, keywords: Sequence[ast.keyword] = ()
    ) -> ast.expr:
        place = (self.file, at.lineno, at.col_offset, at.end_lineno, at.end_col_offset)
        where = ast.Tuple([ast.Constant(part) for part in place], ast.Load())
        function = ast.Attribute(ast.Name(_NAME, ast.Load()), method.__name__, ast.Load())
        return ast.copy_location(ast.Call(function, [where, *args], list(keywords)), at)


def _starred(node: ast.expr) -> bool:
    return isinstance(node, ast.Tuple) and any(isinstance(part, ast.Starred) for part in node.elts)


def _index(node: ast.expr) -> ast.expr:
    """An index as an expression: slices by their name."""
    if isinstance(node, ast.Tuple):
        return ast.Tuple([_index(part) for part in node.elts], ast.Load())
    if isinstance(node, ast.Slice):
        parts = [part or ast.Constant(None) for part in (node.lower, node.upper, node.step)]
        return ast.Call(ast.Attribute(ast.Name(_NAME, ast.Load()), "slice", ast.Load()), parts, [])
    return node
