"""Arguments and variables of a target's own functions that hold nothing but literals and options, however long the call is.

A test of such an argument asks for no size: `helper(q, k, v, scale=1.0)` settles `if scale is None` inside. Read from
the source: every place that can call the function has to be a plain call, and to give a literal, nothing, or an argument
of its caller that is settled itself. Where a function is handed around, nothing is settled. Calls in functions that nothing
that ran can reach are none.
Main definition: `CallSites`.
"""

from __future__ import annotations

import ast
import linecache
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from types import CodeType

Function = ast.FunctionDef | ast.AsyncFunctionDef
Place = tuple[str, int, str]
"""File, first line and name of a function."""
_BY_NAME = frozenset("getattr globals locals vars eval exec __import__ attrgetter methodcaller import_module".split())
"""What may reach a function without writing its name; files that use one settle nothing."""
_MODULES = ("torch.nn.Module", "nn.Module", "Module")
"""Bases that call no method of a class but `forward`."""


class CallSites:
    """All calls in the files of the code that ran.

    options: for what is called from outside, the arguments that no such call varies.
    through: a user's adapter, by whose first argument alone that is called.
    """

    def __init__(
        self,
        codes: Iterable[CodeType],
        options: Mapping[CodeType, frozenset[str]],
        through: CodeType | None = None,
    ) -> None:
        self.options = {_place_of(code): names for code, names in options.items()}
        self.through = _place_of(through) if through is not None else None
        self._parents: dict[int, ast.AST] = {}
        self._functions: dict[Place, Function] = {}
        self._uses: dict[str, list[ast.AST]] = {}
        self.readable = True
        ran = [*codes, *([through] if through else [])]
        for file in {code.co_filename for code in ran}:
            self._read(file)
        places = {_place_of(code) for code in ran}
        self._ran = {id(node) for place, node in self._functions.items() if place in places}

    def _read(self, file: str) -> None:
        tree = _tree("".join(linecache.getlines(file)))
        if tree is None:
            self.readable = False
            return
        for node in ast.walk(tree):
            self._parents |= {id(child): node for child in ast.iter_child_nodes(node)}
            if isinstance(node, Function):
                first = min((node.lineno, *(d.lineno for d in node.decorator_list)))
                self._functions[file, first, node.name] = node
            names = [node.id] if isinstance(node, ast.Name) else [node.attr] if isinstance(node, ast.Attribute) else []
            if isinstance(node, ast.alias) and node.asname not in (None, node.name):
                names = [node.name]
                self.readable = self.readable and node.name != "builtins"
            for name in names:
                asked = self._asked(node) if name == "getattr" else None
                self._uses.setdefault(asked or name, []).append(node)
                self.readable = self.readable and (asked is not None or not _by_name(node, name))

    def _asked(self, node: ast.AST) -> str | None:
        """The attribute that `getattr(x, "name")` asks for, where it is a literal."""
        call = self._parents.get(id(node))
        if not isinstance(call, ast.Call) or call.func is not node or len(call.args) < 2:
            return None
        held = call.args[1].value if isinstance(call.args[1], ast.Constant) else None
        return held if isinstance(held, str) else None

    def settled(self, code: CodeType) -> frozenset[str]:
        """The arguments of this function that no size decides."""
        place = _place_of(code)
        node = self._functions.get(place)
        if node is None or not self.readable:
            return self.options.get(place, frozenset()) if self.readable or node is None else frozenset()
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        try:
            return frozenset(name for name in names if self._settled(place, node, name, frozenset()))
        except RecursionError:  # calls too deep to be followed
            return frozenset()

    def made(self, code: CodeType, given: frozenset[str] = frozenset()) -> frozenset[str]:
        """The variables of this function that are bound to literals and settled arguments alone, and to whether arguments
        among `given` are None, under tests of such."""
        node = self._functions.get(_place_of(code))
        arguments = self.settled(code)
        if node is None or not self.readable:
            return frozenset()
        bound = Counter(_bound(node))
        found = known = arguments - {*bound}
        while True:
            values = self._bindings(node, known, given - {*bound})
            new = {n for n, held in values.items() if len(held) == bound[n] and all(held)} - {*code.co_cellvars}
            known = found | new
            if known == found:
                return known - arguments
            found = known

    def _bindings(self, node: Function, known: frozenset[str], given: frozenset[str]) -> dict[str, list[bool]]:
        """For each variable that plain assignments outside of loops bind, whether each gives it a known value."""
        values: dict[str, list[bool]] = {}
        todo: list[tuple[ast.stmt, bool]] = [(statement, True) for statement in node.body]
        while todo:
            statement, sure = todo.pop()
            if isinstance(statement, ast.If):
                under = sure and _known(statement.test, known, given)
                todo += [(inner, under) for inner in (*statement.body, *statement.orelse)]
            elif isinstance(statement, ast.Assign):
                for target in statement.targets:
                    for name, value in _pairs(target, statement.value):
                        values.setdefault(name, []).append(sure and _known(value, known, given))
        return values

    def _settled(self, place: Place, node: Function, name: str, asked: frozenset[tuple[int, str]]) -> bool:
        outside = self.options.get(place)
        if outside is not None and name not in outside:
            return False
        calls = self._calls(node, outside is not None)
        if calls is None or (outside is None and not calls):
            return False
        return all(self._given(call, node, name, asked | {(id(node), name)}) for call in calls)

    def _calls(self, node: Function, outside: bool) -> list[ast.Call] | None:
        """The calls of a function; None where others may be."""
        above = self._parents.get(id(node))
        method = isinstance(above, ast.ClassDef)
        if not outside:
            hidden = node.name.startswith("__") or node.name == "forward" or bool(node.decorator_list)
            if hidden or (isinstance(above, ast.ClassDef) and any(ast.unparse(b) not in _MODULES for b in above.bases)):
                return None
        calls = self._through() if outside and self.through else []
        if calls is None:
            return None
        for use in self._uses.get(node.name, []):
            if self._dead(self._around(use), frozenset()):
                continue
            call = self._call(use)
            if call is None:
                return None
            if method and not (isinstance(use, ast.Attribute) and ast.unparse(use.value) == "self"):
                return None
            calls.append(call)
        return calls

    def _call(self, use: ast.AST) -> ast.Call | None:
        """The plain call that a use of a function's name is; None where it is handed around."""
        call = self._parents.get(id(use))
        named = not (isinstance(use, ast.Name) and use.id == "getattr")
        return call if named and isinstance(call, ast.Call) and call.func is use else None

    def _dead(self, node: Function | None, asked: frozenset[int]) -> bool:
        """Whether a function did not run, and nothing that ran can call it."""
        if node is None or id(node) in self._ran or node.name.startswith("__") or node.name == "forward":
            return False
        if node.decorator_list or isinstance(self._parents.get(id(node)), ast.ClassDef):
            return False
        for use in self._uses.get(node.name, []):
            call = self._call(use)
            if call is None:
                return False
            caller = self._around(call)
            if caller is None or (id(caller) not in asked and not self._dead(caller, asked | {id(node)})):
                return False
        return True

    def _through(self) -> list[ast.Call] | None:
        """The calls that an adapter makes of its first argument."""
        node = self._functions.get(self.through) if self.through else None
        if node is None or not node.args.args or node.args.args[0].arg in _bound(node):
            return None
        name = node.args.args[0].arg
        uses = [n for n in ast.walk(node) if isinstance(n, ast.Name) and n.id == name]
        calls = [call for use in uses if isinstance(call := self._parents.get(id(use)), ast.Call) and call.func is use]
        return calls if len(calls) == len(uses) else None

    def _given(self, call: ast.Call, node: Function, name: str, asked: frozenset[tuple[int, str]]) -> bool:
        """Whether the call gives a settled value for an argument."""
        if any(isinstance(a, ast.Starred) for a in call.args) or any(k.arg is None for k in call.keywords):
            return False
        positional = [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
        with_default = positional[len(positional) - len(node.args.defaults) :]
        with_default += [
            a.arg for a, d in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True) if d is not None
        ]
        if isinstance(self._parents.get(id(node)), ast.ClassDef):
            positional = positional[1:]
        value = next((k.value for k in call.keywords if k.arg == name), None)
        if value is None and name in positional[: len(call.args)]:
            value = call.args[positional.index(name)]
        return name in with_default if value is None else self._constant(value, call, asked)

    def _constant(self, value: ast.expr, call: ast.Call, asked: frozenset[tuple[int, str]]) -> bool:
        if isinstance(value, ast.UnaryOp):
            return self._constant(value.operand, call, asked)
        if isinstance(value, (ast.Compare, ast.BoolOp)):
            parts = value.values if isinstance(value, ast.BoolOp) else [value.left, *value.comparators]
            return all(self._constant(part, call, asked) for part in parts)
        if isinstance(value, ast.Constant):
            return True
        caller = self._around(call)
        if not isinstance(value, ast.Name) or caller is None:
            return False
        arguments = [a.arg for a in (*caller.args.posonlyargs, *caller.args.args, *caller.args.kwonlyargs)]
        if value.id not in arguments or (value.id in _bound(caller) and not self._replaced(value, caller)):
            return False
        place = next(p for p, node in self._functions.items() if node is caller)
        return (id(caller), value.id) in asked or self._settled(place, caller, value.id, asked)

    def _replaced(self, value: ast.Name, caller: Function) -> bool:
        """Whether an argument is bound once, to what is made of it here: `scale = default(scale, 1)`, in no loop."""
        stores = [n for n in ast.walk(caller) if isinstance(n, ast.Name) and n.id == value.id and _stored(n)]
        if list(_bound(caller)).count(value.id) != 1 or len(stores) != 1:
            return False
        statement = self._parents.get(id(stores[0]))
        return statement in caller.body and isinstance(statement, ast.Assign) and value in ast.walk(statement.value)

    def _around(self, node: ast.AST) -> Function | None:
        """The function in whose body it is; None outside of all, or in a lambda."""
        below, above = node, self._parents.get(id(node))
        while above is not None:
            if isinstance(above, ast.Lambda):
                return None
            if isinstance(above, Function) and any(part is below for part in above.body):
                return above
            below, above = above, self._parents.get(id(above))
        return None


def _known(value: ast.expr, names: frozenset[str], given: frozenset[str]) -> bool:
    """Whether an expression is made of literals, these names, questions for their types, and whether `given` ones are None."""
    if isinstance(value, ast.Compare) and isinstance(value.left, ast.Name) and value.left.id in given:
        none = [isinstance(c, ast.Constant) and c.value is None for c in value.comparators]
        return none == [True] and isinstance(value.ops[0], (ast.Is, ast.IsNot))
    if isinstance(value, ast.Call):
        asks = isinstance(value.func, ast.Name) and value.func.id == "isinstance" and not value.keywords
        return asks and len(value.args) == 2 and isinstance(value.args[0], ast.Name) and value.args[0].id in names
    if isinstance(value, (ast.Compare, ast.BoolOp, ast.UnaryOp, ast.Tuple)):
        return all(_known(part, names, given) for part in ast.iter_child_nodes(value) if isinstance(part, ast.expr))
    return isinstance(value, ast.Constant) or (isinstance(value, ast.Name) and value.id in names)


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """The names that an assignment binds, each with what it is bound to, or with what that is a part of."""
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, (ast.Tuple, ast.List)):
        alike = isinstance(value, ast.Tuple) and len(value.elts) == len(target.elts)
        parts = value.elts if isinstance(value, ast.Tuple) and alike else [value] * len(target.elts)
        if not any(isinstance(e, ast.Starred) for e in (*target.elts, *parts)):
            for inner, part in zip(target.elts, parts, strict=True):
                yield from _pairs(inner, part)


def _by_name(node: ast.AST, name: str) -> bool:
    """Whether it may reach a function without writing its name; `module.eval()` sets a mode of a module."""
    if isinstance(node, ast.Attribute) and name in ("eval", "exec"):
        return ast.unparse(node.value) in ("builtins", "__builtins__")
    return name in _BY_NAME


def _bound(function: Function) -> Iterator[str]:
    """Names to which something in a function is bound, its arguments aside."""
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
            yield node.name
        elif isinstance(node, ast.MatchMapping) and node.rest:
            yield node.rest
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and node is not function:
            yield node.name
        elif isinstance(node, ast.alias):
            yield node.asname or node.name.split(".")[0]


def _stored(node: ast.Name) -> bool:
    return not isinstance(node.ctx, ast.Load)


def _place_of(code: CodeType) -> Place:
    return code.co_filename, code.co_firstlineno, code.co_name


@cache
def _tree(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None
