"""What a target keeps from call to call, and whether a call uses it: then no number of calls shows what a later one does.

Before and after calls everything that the target's files hold is looked at: globals, attributes of functions, classes and
instances, closures, defaults, tables and iterators in them. What changes when the same call is made again is a counter or
the like. It is used if a call does more with it than arithmetic that goes back into it: in its place a call gets a mark
that answers no question (`Mark`), and has to return the same bits. What only calls on other data or sizes change is a
memory, and is named.
Main definitions: `kept`, `Kept`.
"""

from __future__ import annotations

import ast
import collections
import contextvars
import functools
import linecache
import pickle
import random
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from types import BuiltinFunctionType, CellType, FunctionType, GeneratorType, MethodType, ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from numeric.deciding.programs import Sizes
from numeric.entropy import Entropy
from numeric.finding import Said
from proofs.audit.marks import WRITTEN, Mark, Outer, Reads
from proofs.target.case import Case
from proofs.target.loading import Stop
from proofs.target.source.integers import functions
from proofs.target.source.lines import Lines, own

_DEEP = 6
_MANY = 20_000
"""Places that are looked at."""
_CALLS = 4
"""How often the same call is made."""
_FURTHER = 13
"""So many more tokens, or channels, than the audit's: sizes that nothing else has."""
_LOOKED = 12
"""Places that are tried for their use; any more count as used."""
_PLAIN = (bool, int, float, complex, str, bytes, type(None))
_TABLES = (list, dict, set, collections.deque)
_SKIPPED = frozenset("__builtins__ __cached__ __loader__ __spec__ __warningregistry__ __ssmproof_noted__".split())


@dataclass(frozen=True)
class Kept(Said):
    """Something that a call leaves for the next. name: as in the code; counts: whether the same call made again changes
    it; used: whether calls do anything with it but put it back."""

    name: str
    file: str
    at: int
    counts: bool
    used: bool

    @property
    def doubt(self) -> bool:
        """Whether further calls may be another thing."""
        return self.counts and self.used


@dataclass(frozen=True)
class _Place:
    """One thing that is held, with its name, and how another is put there."""

    name: str
    value: Any
    mark: Any
    put: Callable[[Any], None] | None = None


Places = dict[tuple[Any, ...], _Place]


def kept(case: Case, call: Any, sizes: Sizes) -> tuple[Kept, ...]:
    """What the target keeps; it is called some times for that."""
    look = functools.partial(_places, call, case.lines.roots)
    told = functools.partial(_told, case)
    case = _unfollowed(case)
    first = look()
    data = _drawn(case, sizes, 0)
    try:
        plain = _called(case, data)
        seen = [look()]
        for _ in range(_CALLS - 1):
            _called(case, data)
            seen.append(look())
        counting = _changed(seen)
        others = [look()]
        for changes in ((), ("N",), ("f",), ("m",), ("f", "m")):
            with suppress(Exception):  # it may refuse them
                _called(case, _drawn(case, {**sizes, **{name: sizes[name] + _FURTHER for name in changes}}, 1))
            others.append(look())
    except Exception:  # the target is anybody's code, and what it raises is said elsewhere
        return ()
    inside = {key[:n] for key in counting for n in range(1, len(key) + 1)}
    held = _changed([first, *seen, *others])
    held = {k: p for k, p in held.items() if k[0] != "library" and k not in inside and not _within(k, counting)}
    found = []
    for counts, places in ((True, _outermost(counting)), (False, _outermost(held))):
        for number, place in enumerate(places.values()):
            used = number >= _LOOKED or _used(
                case, data, plain, place, {**sizes, "N": sizes["N"] + _FURTHER + number + 1}
            )
            found.append(told(place.name, counts, used))
    return tuple(dict.fromkeys(found))


def idle(case: Case, sizes: Sizes, space: Any, name: str) -> bool:
    """Whether a call does nothing with what it reads by this global, such as a clock: it gets marks in its place."""
    if name not in space:
        return False
    case = _unfollowed(case)
    data = _drawn(case, sizes, 0)
    place = _Place(name, space[name], None, _into(space)(name))
    try:
        plain = _called(case, data)
        with _put(place, Outer()):
            return _same(_called(case, data), plain) and not Mark.asked
    except (Exception, Stop):
        return False


def _unfollowed(case: Case) -> Case:
    """The case, its calls compared with nothing: a line that runs in them alone is not one that was seen."""
    return replace(case, lines=Lines(()))


def _within(key: tuple[Any, ...], places: Places) -> bool:
    return any(key[:n] in places for n in range(1, len(key)))


def _drawn(case: Case, sizes: Sizes, seed: int) -> dict[str, Tensor]:
    return case.draw(sizes, torch.Generator().manual_seed(Entropy(seed).below(2**31)))


def _called(case: Case, data: Mapping[str, Tensor]) -> Tensor:
    with torch.no_grad():
        out: Tensor = case.layer(**data)
    return out.detach().clone()


def _changed(seen: list[Places]) -> Places:
    """The places of which the marks differ, or that come and go."""
    keys = dict.fromkeys(key for places in seen for key in places)
    marks = {key: [places[key].mark if key in places else None for places in seen] for key in keys}
    return {
        key: next(p[key] for p in reversed(seen) if key in p)
        for key in keys
        if any(m != marks[key][0] for m in marks[key])
    }


def _outermost(places: Places) -> Places:
    """Without what is inside another of them."""
    return {key: p for key, p in places.items() if not _within(key, places)}


def _told(case: Case, name: str, counts: bool, used: bool) -> Kept:
    last = name.rpartition(".")[2].partition("[")[0]
    for code in case.lines.steps:
        line = _line("".join(linecache.getlines(code.co_filename)), last)
        if line:
            return Kept(name, code.co_filename, line, counts, used)
    code = next(iter(case.lines.steps))
    return Kept(name, code.co_filename, code.co_firstlineno, counts, used)


@cache
def _line(text: str, name: str) -> int:
    """Where something of this name is changed, or else first named; 0 for nowhere."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return 0
    inside = {id(n) for f in ast.walk(tree) if isinstance(f, ast.FunctionDef) for n in ast.walk(f)}
    ranked = []
    for node in ast.walk(tree):
        named = getattr(node, "attr", getattr(node, "id", getattr(node, "value", None)))
        if named == name and isinstance(node, (ast.Attribute, ast.Name, ast.Constant)):
            stored = isinstance(getattr(node, "ctx", None), ast.Store)
            ranked.append((id(node) not in inside, not stored, node.lineno))
    return min(ranked)[2] if ranked else 0


# --- what is held ----------------------------------------------------------------------------------------------------


def _places(call: Any, roots: tuple[str, ...]) -> Places:
    """Everything that the target's files hold, by where it is."""
    return _Look(roots).all(call)


class _Look:
    def __init__(self, roots: tuple[str, ...]) -> None:
        self.roots = roots
        self.found: Places = {}
        self.seen: set[int] = set()

    def all(self, call: Any) -> Places:
        held = functions(call)
        for function in held:
            space, name = function.__globals__, function.__name__
            if id(space) not in self.seen:
                self.seen.add(id(space))
                self.entries(space, (space.get("__name__"),), "", _into(space))
            self.entries(vars(function), (name, "attributes"), name, _into(vars(function)))
            for k, value in enumerate(function.__defaults__ or ()):
                self.visit(
                    value, (name, "default", k), f"the default {_default(function, k)}", _default_of(function, k)
                )
            for label, value in (function.__kwdefaults__ or {}).items():
                self.visit(
                    value, (name, "default", label), f"the default {label}", _into(function.__kwdefaults__)(label)
                )
            for label, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
                with suppress(ValueError):  # not filled yet
                    self.visit(cell.cell_contents, (name, "closure", label), label, _cell(cell))
        owner = call.__self__ if isinstance(call, MethodType) else call
        if not isinstance(owner, (FunctionType, BuiltinFunctionType)):
            self.visit(owner, ("target",), "self", None)
        return self.found

    def entries(
        self, space: Mapping[Any, Any], path: tuple[Any, ...], name: str, put: Callable[[Any], Callable[[Any], None]]
    ) -> None:
        for key, value in list(space.items()):
            if not (isinstance(key, str) and key in _SKIPPED):
                label = f"{name}.{key}" if name and isinstance(key, str) and key.isidentifier() else name or str(key)
                self.visit(value, (*path, key if isinstance(key, _PLAIN) else repr(type(key))), label, put(key))

    def visit(self, value: Any, path: tuple[Any, ...], name: str, put: Callable[[Any], None] | None) -> None:
        """Keep a place, and those in it."""
        if len(path) > _DEEP or len(self.found) > _MANY:
            return
        if isinstance(value, ModuleType):
            self.module(value)
            return
        self.found[path] = _Place(name, value, _mark(value), put)
        if isinstance(value, (*_PLAIN, Tensor, FunctionType)) or id(value) in self.seen:
            return
        self.seen.add(id(value))
        if isinstance(value, dict):
            self.entries(value, path, name, _into(value))
        elif isinstance(value, (list, tuple, collections.deque)):
            for k, item in enumerate(value):
                self.visit(item, (*path, k), name, _into(value)(k) if not isinstance(value, tuple) else None)
        elif isinstance(value, functools.partial):
            for k, item in enumerate((value.func, *value.args, *value.keywords.values())):
                self.visit(item, (*path, k), name, None)
        elif isinstance(value, MethodType):
            self.visit(value.__self__, (*path, "self"), name, None)
        elif isinstance(value, type):
            if self.of_own(value):
                for key, item in list(vars(value).items()):
                    if not key.startswith("__") and not isinstance(item, (FunctionType, staticmethod, classmethod)):
                        self.visit(
                            item, (*path, key), f"{value.__name__}.{key}", functools.partial(setattr, value, key)
                        )
        elif isinstance(value, (torch.nn.Module, SimpleNamespace)) or self.of_own(type(value)):
            space = getattr(value, "__dict__", {})
            self.entries(space, path, type(value).__name__, _into(space))
            for key in (k for c in type(value).__mro__ for k in _slots(c)):
                put = functools.partial(setattr, value, key)
                with suppress(Exception):  # not set yet
                    self.visit(getattr(value, key), (*path, key), f"{type(value).__name__}.{key}", put)

    def module(self, module: ModuleType) -> None:
        """All of one of the target's own; of a library the things that stand in it, which no target should change."""
        if id(module) in self.seen:
            return
        self.seen.add(id(module))
        if own(getattr(module, "__file__", None) or "<none>", self.roots):
            if id(vars(module)) not in self.seen:
                self.seen.add(id(vars(module)))
                self.entries(vars(module), (module.__name__,), "", _into(vars(module)))
            return
        for key, value in list(vars(module).items()):
            mark = _mark(value) if isinstance(value, _PLAIN) else id(value)
            self.found["library", module.__name__, key] = _Place(
                f"{module.__name__}.{key}", value, mark, functools.partial(setattr, module, key)
            )

    def of_own(self, kind: type) -> bool:
        module = sys.modules.get(kind.__module__)
        return own(getattr(module, "__file__", None) or "<none>", self.roots)


def _slots(kind: type) -> Iterable[str]:
    slots = vars(kind).get("__slots__", ())
    return (slots,) if isinstance(slots, str) else slots


def _into(space: Any) -> Callable[[Any], Callable[[Any], None]]:
    return lambda key: functools.partial(space.__setitem__, key)


def _cell(cell: CellType) -> Callable[[Any], None]:
    def put(value: Any) -> None:
        cell.cell_contents = value

    return put


def _default(function: FunctionType, k: int) -> str:
    code = function.__code__
    return code.co_varnames[code.co_argcount - len(function.__defaults__ or ()) + k]


def _default_of(function: FunctionType, k: int) -> Callable[[Any], None]:
    def put(value: Any) -> None:
        held = list(function.__defaults__ or ())
        held[k] = value
        function.__defaults__ = tuple(held)

    return put


def _mark(value: Any) -> Any:
    """What tells a thing from another: its value where that is plain, the state of an iterator or a generator."""
    if isinstance(value, _PLAIN):
        return type(value), repr(value)
    if isinstance(value, Tensor):
        return "tensor", tuple(value.shape), str(value.dtype), _bytes(value)
    if isinstance(value, np.ndarray):
        return "array", value.shape, value.tobytes() if value.dtype != object else repr(value)
    if isinstance(value, (set, frozenset)):
        return "set", len(value), hash(frozenset(repr(type(v)) + str(v)[:80] for v in value if isinstance(v, _PLAIN)))
    if isinstance(value, (list, dict, tuple, collections.deque)):
        return type(value).__name__, len(value)
    if isinstance(value, functools._lru_cache_wrapper):
        return "cache", value.cache_info().misses
    if isinstance(value, GeneratorType):
        frame = value.gi_frame
        return "generator", None if frame is None else (frame.f_lasti, repr(frame.f_locals))
    if isinstance(value, torch.Generator):
        return "generator", bytes(value.get_state().tolist())
    if isinstance(value, np.random.Generator):
        return "generator", repr(value.bit_generator.state)
    if isinstance(value, contextvars.ContextVar):
        return "context", _mark(value.get(None))
    with suppress(Exception):  # what does not say its state
        if isinstance(value, random.Random | np.random.RandomState) or hasattr(type(value), "__next__"):
            return "state", pickle.dumps(value)
        if type(value).__module__ in ("ctypes", "array", "builtins"):
            return "bytes", bytes(memoryview(value))
    held = {} if isinstance(value, (type, FunctionType, torch.nn.Module)) else getattr(value, "__dict__", {})
    plain = held.items() if isinstance(held, dict) else ()
    return type(value).__name__, tuple((name, _mark(part)) for name, part in plain if isinstance(part, _PLAIN))


def _bytes(value: Tensor) -> Any:
    with suppress(Exception):
        return value.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes() if value.ndim else value.item()
    return id(value), value._version


# --- whether it is used ----------------------------------------------------------------------------------------------


def _used(case: Case, data: Mapping[str, Tensor], plain: Tensor, place: _Place, elsewhere: Sizes) -> bool:
    """Whether a call does anything with what it finds there, but put something back. elsewhere: sizes that no call had,
    at which no cache hides that it does."""
    value = place.value
    if isinstance(value, Tensor):
        try:
            with Reads(value) as reads:
                out = _called(case, data)
        except Exception:
            return True
        return reads.read or not _same(out, plain)
    if place.put is None or not isinstance(value, (*_PLAIN, *_TABLES)):
        return True
    other = Mark() if isinstance(value, _PLAIN) else WRITTEN.get(type(value), lambda v: None)(value)
    if other is None:
        return True
    with _put(place, other):
        try:
            same = _same(_called(case, data), plain)
        except (Exception, Stop):
            return True
        with suppress(Exception, Stop):  # it may refuse these sizes
            _called(case, _drawn(case, elsewhere, 3))
    return bool(Mark.asked) or not same


@contextmanager
def _put(place: _Place, other: Any) -> Iterator[None]:
    assert place.put is not None
    Mark.asked.clear()
    place.put(other)
    try:
        yield
    finally:
        place.put(place.value)


def _same(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and bool(((a == b) | (a.isnan() & b.isnan())).all())
