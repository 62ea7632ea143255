"""Integers that a target's code computes and that no size or data decides: int("4" + "8"), comb(9, 3), an entry of a table.

Each expression of the target's functions is noted while the target is called at a few sizes, on code that is the target's
with a note around every expression; what has one and the same whole number at all of them is such an integer, as a literal
is; a comparison that has one and the same outcome, and is no test, is a branch that was taken one way, as `x[n > 40]` is.
These calls are looked at for that alone: no verdict rests on them.
Main definitions: `computed`, `Computed`.
"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cache
from types import CodeType, FunctionType
from typing import Any

import torch
from torch import Tensor

from numeric.deciding.programs import Sizes
from numeric.entropy import Entropy
from proofs.target.case import Case
from proofs.target.source.integers import functions, whole
from proofs.target.source.lines import Lines

_NAME = "__ssmproof_noted__"
_LONG, _LONGER = 33, 301
"""Contexts in which chunks and windows are under way, and past the integers that further calls pass."""
_NEAR = 3
"""Integers of the code that are run as lengths too."""
_FEW = 64
"""Entries of a list, a set or a table that are looked through."""
Site = tuple[Any, ...]
"""A place of the code, then the entry's place in what it computed; that and "one of" for what has no places."""
Place = tuple[Any, ...]
"""A file, and the first and last line and column of a comparison there."""
Key = tuple[str, int, tuple[str, ...], tuple[str, ...], int]


@dataclass(frozen=True)
class Computed:
    """integers: from 2 on, sorted. constant: comparisons that had one outcome, by their place."""

    integers: tuple[int, ...] = ()
    constant: Mapping[Place, bool] = field(default_factory=dict)


def computed(case: Case, call: Any, at: Sizes, mentioned: Sequence[int] = ()) -> Computed:
    """What the target's code computes; nothing where its source can't be read. mentioned: the integers of its code."""
    own = functions(call)
    seen: list[Mapping[Site, set[int]]] = []
    case = replace(case, lines=Lines(()))  # the lines that run here are none of the target's
    with _noting(own) as notes:
        if not notes.changed:
            return Computed()
        near = list(_sizes(at))
        for sizes in (*near, *_further(at, mentioned)):
            notes.found = {}
            with suppress(Exception), torch.no_grad():  # the target is anybody's code; other calls say what it raises
                case.layer(**case.draw(sizes, torch.Generator().manual_seed(Entropy(0).below(2**31))))
                seen += [notes.found] if sizes in near else []
    sites = {site for site in set().union(*seen) if len(site) < 3 or all(site in found for found in seen)}
    alike = [set().union(*(found[site] for found in seen if site in found)) for site in sites]
    integers = {size for values in alike if len(values) == 1 for size in values if size >= 2}
    constant = {place: held.pop() for place, held in notes.outcomes.items() if len(held) == 1}
    return Computed(tuple(sorted(integers)), constant)


def _sizes(at: Sizes) -> Iterator[dict[str, int]]:
    """The audit's, a long one, and such as differ in each, of which a target may raise at some."""
    yield dict(at)
    changes: Sequence[Mapping[str, int]] = (
        {"N": _LONG},
        {"N": at["N"] + 2},
        {"f": at["f"] + 1, "m": at["m"] + 2},
        {"f": at["f"] + 1},
        {"m": at["m"] + 2},
        {"f": at["f"] + 2, "m": at["f"] + 2},
    )
    for change in changes:
        yield {**at, **change}


def _further(at: Sizes, mentioned: Sequence[int]) -> Iterator[dict[str, int]]:
    """Sizes at which comparisons have their other outcome."""
    near = [c for c in mentioned if c < _LONGER][-_NEAR:]
    for change in ({"N": 1}, {"N": _LONGER}, *({"N": c} for c in near), {"f": 1}, {"m": 1}):
        yield {**at, **change}


class _Notes:
    """What each place of the code computed. changed: how many functions note it."""

    def __init__(self) -> None:
        self.found: dict[Site, set[int]] = {}
        self.outcomes: dict[Place, set[bool]] = {}
        self.changed = 0

    def note(self, site: int | Place, value: Any) -> Any:
        """Keep the whole numbers of a value, or the outcome of a comparison, and return it."""
        if isinstance(site, tuple):
            if isinstance(value, bool):
                self.outcomes.setdefault(site, set()).add(value)
            return value
        for entry, size in _wholes(value):
            self.found.setdefault((site, *entry), set()).add(size)
        return value


def _wholes(value: Any) -> Iterator[tuple[Site, int]]:
    """The whole numbers of a value, with their places in it."""
    if isinstance(value, Tensor):
        plain = type(value) is Tensor and not value.is_meta and not value.is_complex()
        if plain and (value.ndim == 0 or (not value.is_floating_point() and value.numel() <= _FEW)):
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
def _noting(own: Sequence[FunctionType]) -> Iterator[_Notes]:
    """Inside the block these functions run code with notes; those whose source does not give their code stay."""
    notes = _Notes()
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
            space[_NAME] = notes.note
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
        self.file, self.sites = file, 0

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
        return self._around(node)

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        """a < b."""
        self.generic_visit(node)
        return self._noted(node, (self.file, node.lineno, node.col_offset, node.end_lineno, node.end_col_offset))

    def _computed(self, node: Any) -> ast.AST:
        self.generic_visit(node)
        return self._around(node)

    def _read(self, node: Any) -> ast.AST:
        self.generic_visit(node)
        return self._around(node) if isinstance(node.ctx, ast.Load) else node

    visit_BinOp = visit_UnaryOp = visit_IfExp = visit_ListComp = visit_SetComp = visit_DictComp = _computed
    visit_Subscript = visit_Attribute = _read

    def _around(self, node: ast.expr) -> ast.expr:
        self.sites += 1
        return self._noted(node, self.sites)

    def _noted(self, node: ast.expr, site: int | Place) -> ast.expr:
        note, named = ast.Name(_NAME, ast.Load()), ast.Constant
        where = named(site) if isinstance(site, int) else ast.Tuple([named(part) for part in site], ast.Load())
        return ast.copy_location(ast.Call(note, [where, node], []), node)
