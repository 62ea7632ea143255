"""Functions of a target's own that never ran although code that ran refers to them: through a table, a default, a partial.

`[small, big][n > 200](X)` has no test and no line that never ran, and `big` may never have been called. Read from the
instructions that ran and from the values that they load; what loads nothing reaches nothing.
Main definitions: `Held`, `Reference`, `references`, `loads`.
"""

from __future__ import annotations

import ast
import builtins
import dis
import functools
import linecache
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from types import CodeType, FrameType, FunctionType, MethodType, ModuleType
from typing import Any

import torch

_DEEP = 6
"""How far into a table of tables."""
_MANY = 200
"""Entries of a table that are looked at."""
_BY_NAME = frozenset("globals locals vars eval exec attrgetter methodcaller".split())
"""What reaches functions without writing their names."""
_ASKING = frozenset("isinstance issubclass super cast hasattr".split())
"""What takes a class and calls nothing of it."""
_PICKS = ("get", "pop", "setdefault", "__getitem__")
_CALLED = ("forward", "__call__", "__init__", "__new__")
_TABLES = (Mapping, tuple, list, set, frozenset)
_CONTAINERS = (torch.nn.ModuleList, torch.nn.ModuleDict, torch.nn.Sequential)
_LOADS = ("LOAD_FAST", "LOAD_FAST_CHECK", "LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_CLOSURE")


@dataclass(frozen=True)
class Held:
    """What names of a function stood for when it was first called: its globals, arguments and what it closes over."""

    spaces: Mapping[str, Any] = field(default_factory=dict)
    own: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, frame: FrameType) -> Held:
        """Of a function that is being called; no tensors are kept."""
        code = frame.f_code
        count = code.co_argcount + code.co_kwonlyargcount
        names = (*code.co_varnames[:count], *code.co_freevars)
        local = frame.f_locals
        kept = {n: local[n] for n in names if n in local and not isinstance(local[n], torch.Tensor)}
        return cls(frame.f_globals, kept)


@dataclass(frozen=True)
class Reference:
    """A function that never ran, named by an instruction that did. key: what picks it from a table, as text."""

    code: CodeType
    name: str
    at: dis.Instruction
    key: str = ""

    @property
    def lines(self) -> tuple[int, int]:
        """The first and the last line of the function."""
        found = [line for _, _, line in self.code.co_lines() if line]
        return min(found, default=self.code.co_firstlineno), max(found, default=self.code.co_firstlineno)


def references(
    code: CodeType,
    executed: frozenset[int],
    held: Held,
    ran: Callable[[CodeType], bool],
    own: Callable[[str], bool],
) -> Iterator[Reference]:
    """The functions that this code refers to, by instructions that ran, and that never ran.

    executed: the offsets that ran. ran: whether a function did. own: whether a file is the target's.
    """
    instructions = [i for i in dis.get_instructions(code) if i.opname != "EXTENDED_ARG"]
    uses = _uses("".join(linecache.getlines(code.co_filename)))
    loaded = {i.argval for i in instructions if i.offset in executed and i.opname in _LOADS}
    for k, instruction in enumerate(instructions):
        if instruction.offset not in executed:
            continue
        use = uses.get(_place(instruction), _Use())
        if use.asks:
            continue
        values = [v for v in _values(instructions, k, held, loaded, own, use) if not use.base or isinstance(v, _TABLES)]
        for made in _functions(values, own):
            if not ran(made):
                yield Reference(made, _said(made, instruction), instruction, use.key)
        typed = [part for v in values if _by_type(v) for part in v.registry.values()]
        for made in _functions(typed, own):
            if not ran(made):
                yield Reference(
                    made, _said(made, instruction), instruction, "None"
                )  # a type picks it, which no size does


@dataclass(frozen=True)
class Load:
    """Something that an instruction which ran loads. attribute: what is asked of it; by_attribute: whether it is one; place:
    its first and last line and column."""

    name: str
    value: Any
    line: int
    attribute: str = ""
    by_attribute: bool = False
    place: tuple[int | None, ...] = ()


def loads(code: CodeType, executed: frozenset[int], held: Held, own: Callable[[str], bool]) -> Iterator[Load]:
    """What the instructions that ran load by name."""
    uses = _uses("".join(linecache.getlines(code.co_filename)))
    instructions = [i for i in dis.get_instructions(code) if i.offset in executed]
    for k, instruction in enumerate(instructions):
        name, place = instruction.argval, _place(instruction)
        use = uses.get(place, _Use())
        line = (instruction.positions.lineno if instruction.positions else None) or code.co_firstlineno
        attribute = instruction.opname in ("LOAD_ATTR", "LOAD_METHOD")
        if attribute:
            yield Load(name, None, line, by_attribute=True, place=place)
        if attribute or instruction.opname in _LOADS:
            values = list(_values(instructions, k, held, set(), own, _Use()))
            if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME") and not values:
                values = [vars(builtins).get(name)]
            yield from (Load(name, v, line, use.attribute, attribute, place) for v in values if v is not None)


def _said(code: CodeType, at: dis.Instruction) -> str:
    return code.co_name if code.co_name != "<lambda>" else "a lambda"


def _values(
    instructions: Sequence[dis.Instruction],
    k: int,
    held: Held,
    loaded: set[Any],
    own: Callable[[str], bool],
    use: _Use,
) -> Iterator[Any]:
    """What an instruction loads or makes, where functions may be in it."""
    at = instructions[k]
    name, arg = at.opname, at.argval
    if isinstance(arg, CodeType) and name == "LOAD_CONST":
        stored = next((i for i in instructions[k + 1 : k + 4] if i.opname.startswith("STORE_")), None)
        if stored is None or stored.argval in loaded or stored.opname not in ("STORE_FAST", "STORE_DEREF"):
            yield arg
    elif name in ("LOAD_FAST", "LOAD_FAST_CHECK", "LOAD_DEREF", "LOAD_CLOSURE", "LOAD_CLASSDEREF"):
        yield held.own.get(arg)
    elif name in ("LOAD_GLOBAL", "LOAD_NAME"):
        if arg in held.spaces:
            yield held.spaces[arg]
        if arg in _BY_NAME or use.named is not None:
            yield from _by_name(held, use.named, own)
    elif name in ("LOAD_ATTR", "LOAD_METHOD"):
        yield from _attributes(held, arg, own, use.owner)


def _by_name(held: Held, base: str | None, own: Callable[[str], bool]) -> Iterator[Any]:
    """All that `getattr(base, ...)`, or `globals()`, may give."""
    thing = held.own.get(base or "", held.spaces.get(base or "")) if base else None
    if thing is None:
        yield from (v for v in list(held.spaces.values()) if isinstance(v, FunctionType))
        return
    spaces = [vars(c) for c in (thing if isinstance(thing, type) else type(thing)).__mro__ if _of_own(c, own)]
    spaces += [vars(thing)] if hasattr(thing, "__dict__") else []
    for space in spaces:
        yield from (value for name, value in list(space.items()) if not name.startswith("__"))


def _attributes(held: Held, name: str, own: Callable[[str], bool], owner: str) -> Iterator[Any]:
    """What `.name` may be: of the owner where that is an argument or a global, else of any class or module that is known."""
    known = held.own.get(owner, held.spaces.get(owner))
    things = [known] if known is not None else {id(v): v for v in (*held.own.values(), *held.spaces.values())}.values()
    for thing in things:
        if isinstance(thing, ModuleType):
            if own(getattr(thing, "__file__", None) or "<none>") and name in vars(thing):
                yield vars(thing)[name]
            continue
        if isinstance(thing, torch.nn.Module) and name in thing._modules:
            yield thing._modules[name]
        kind = thing if isinstance(thing, type) else type(thing)
        if not (_of_own(kind, own) or isinstance(thing, FunctionType)):
            continue
        if name in getattr(thing, "__dict__", {}):
            yield thing.__dict__[name]
        found = [vars(c)[name] for c in kind.__mro__ if name in vars(c)]
        yield from found[:1] if known is not None else found


def _of_own(kind: type, own: Callable[[str], bool]) -> bool:
    module = sys.modules.get(kind.__module__)
    return own(getattr(module, "__file__", None) or "<none>")


def _functions(values: Iterable[Any], own: Callable[[str], bool]) -> Iterator[CodeType]:
    """The code of the target's own functions in these values."""
    seen: set[int] = set()
    todo = [(value, _DEEP) for value in values]
    while todo:
        value, depth = todo.pop()
        if depth == 0 or id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, CodeType):
            yield value
        elif isinstance(value, FunctionType):
            if own(value.__code__.co_filename):
                yield value.__code__
        else:
            todo += [(part, depth - 1) for part in _parts(value, own)]


def _by_type(value: Any) -> bool:
    """Whether a function is one of functools.singledispatch."""
    return isinstance(value, FunctionType) and value.__code__.co_filename == functools.__file__


def _parts(value: Any, own: Callable[[str], bool]) -> Iterable[Any]:
    if isinstance(value, Mapping) and type(value).__module__ in ("builtins", "collections", "types"):
        return list(value.values())[:_MANY]
    if isinstance(value, (tuple, list, set, frozenset)):
        return list(value)[:_MANY]
    if isinstance(value, functools.partial):
        return (value.func, *value.args, *value.keywords.values())
    if isinstance(value, (MethodType, staticmethod, classmethod)):
        return (value.__func__,)
    if isinstance(value, property):
        return (value.fget,)
    if isinstance(value, _CONTAINERS):
        return list(value.children())
    if isinstance(value, functools._lru_cache_wrapper):
        return (value.__wrapped__,)
    kind = value if isinstance(value, type) else type(value)
    if _of_own(kind, own):
        names = _CALLED if isinstance(value, type) else _CALLED[:2]
        return [vars(c)[n] for n in names for c in kind.__mro__[:1] if n in vars(c)]
    return ()


# --- how the source uses a name --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Use:
    """How a name or an attribute is used. asks: only asked for its type; base: only for an attribute, which calls nothing
    of what is no table; key: what picks from the table that it is, or is in; named: of what `getattr` asks an attribute
    that is computed; attribute: the attribute; owner: the name of which it is one."""

    asks: bool = False
    base: bool = False
    attribute: str = ""
    owner: str = ""
    key: str = ""
    named: str | None = None


def _place(instruction: dis.Instruction) -> tuple[int | None, ...]:
    at = instruction.positions
    return (at.lineno, at.col_offset, at.end_lineno, at.end_col_offset) if at is not None else ()


@cache
def _uses(text: str) -> Mapping[tuple[int | None, ...], _Use]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return {}
    above = {id(child): node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    noted = {id(n) for part in _annotations(tree) for n in ast.walk(part)}
    found: dict[tuple[int | None, ...], _Use] = {}
    for node in ast.walk(tree):
        if isinstance(node, (ast.Name, ast.Attribute, ast.Lambda)):
            place = node.lineno, node.col_offset, node.end_lineno, node.end_col_offset
            use = _Use(True) if id(node) in noted else _use(node, above)
            owner = node.value.id if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) else ""
            found[place] = replace(use, owner=owner)
    return found


def _annotations(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        parts = [getattr(node, name, None) for name in ("annotation", "returns")]
        yield from (part for part in parts if isinstance(part, ast.AST))


def _use(node: ast.AST, above: Mapping[int, ast.AST]) -> _Use:
    parent = above.get(id(node))
    if isinstance(parent, ast.Call) and node is parent.func and isinstance(node, ast.Name) and node.id == "getattr":
        asked = parent.args[1] if len(parent.args) > 1 else None
        if isinstance(asked, ast.Constant) or asked is None:
            return _Use()
        return _Use(named=ast.unparse(parent.args[0]), key=ast.unparse(asked))
    if isinstance(parent, ast.Call) and node is not parent.func and ast.unparse(parent.func) in _ASKING:
        return _Use(asks=True)
    if isinstance(parent, ast.Attribute) and not parent.attr.startswith("__") and parent.attr not in _PICKS:
        return _Use(base=True, attribute=parent.attr)
    while isinstance(parent, (ast.Dict, ast.List, ast.Tuple, ast.Set)):
        node, parent = parent, above.get(id(parent))
    if isinstance(parent, ast.Subscript) and node is parent.value:
        return _Use(key=ast.unparse(parent.slice))
    if isinstance(parent, ast.Attribute) and parent.attr in _PICKS:
        call = above.get(id(parent))
        if isinstance(call, ast.Call) and call.args:
            return _Use(key=ast.unparse(call.args[0]))
    return _Use()
