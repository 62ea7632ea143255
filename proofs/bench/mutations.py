"""Plausible mistakes in a layer's source, one at a time: sign, factor, offset, transposition, mask, epsilon, normaliser,
stale state, dropped term, float cast.

`mutations(text)` yields the source of every broken version; whether it computes something else is for its caller to
find out. Only the standard library's `ast` is used, on source text of this project.
"""

from __future__ import annotations

import ast
import copy
import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from proofs.bench.hidden_mistakes import Situation, hidden

EPSILON = 1e-6


@dataclass(frozen=True)
class Mutation:
    """A broken version: what kind of mistake, on which line of the function, the changed line, the whole source.

    where: the situation in which it acts, for a mistake that does not act everywhere.
    """

    kind: str
    line: int
    change: str
    source: str
    where: Situation | None = None


def mutations(text: str, adapter: str | None = None) -> Iterator[Mutation]:
    """Every single mistake of a function's source, in order of kind and place; none twice. adapter: how it is called."""
    original = ast.parse(text)
    seen = {ast.unparse(original)}
    for kind, places in _KINDS.items():
        for place in places(original):
            changed = copy.deepcopy(original)
            line = place(changed)
            source = ast.unparse(ast.fix_missing_locations(changed))
            if source not in seen:
                seen.add(source)
                yield Mutation(kind, line, _line(ast.unparse(original), source), source)
    for mistake, line, change, source in hidden(text, adapter):
        if source not in seen:
            seen.add(source)
            yield Mutation(mistake.kind, line, change, source, mistake.where)


def _line(before: str, after: str) -> str:
    """The first line that differs, as it is after the change."""
    old, new = before.splitlines(), after.splitlines()
    return next((b.strip() for a, b in zip(old, new, strict=False) if a != b), new[-1].strip())


Change = Callable[[ast.AST], int]
"""Changes a copy of the tree in place; returns the line."""


def _each(tree: ast.AST, wanted: Callable[[Any], bool], change: Callable[[Any], Any]) -> Iterator[Change]:
    """One change for each node that is `wanted`: the node becomes `change(node)`."""
    body = tree.body[0]  # type: ignore[attr-defined]
    for index, node in enumerate(ast.walk(body)):
        if wanted(node):

            def apply(copied: ast.AST, index: int = index) -> int:
                nodes = list(ast.walk(copied.body[0]))  # type: ignore[attr-defined]
                target = nodes[index]
                fresh = change(target)
                if fresh is not target:
                    _Replace(target, fresh).visit(copied)
                return int(getattr(target, "lineno", 0))

            yield apply


class _Replace(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> Any:
        return self.new if node is self.old else self.generic_visit(node)


def _operator(*kinds: type[ast.operator]) -> Callable[[ast.AST], bool]:
    return lambda node: isinstance(node, (ast.BinOp, ast.AugAssign)) and isinstance(node.op, kinds)


def _flip(node: Any) -> Any:
    node.op = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
    return node


def _scaled(value: str) -> Callable[[Any], Any]:
    def change(node: Any) -> Any:
        # the node's own copy goes into the product, or the replacement would be visited again without end
        return ast.BinOp(ast.Constant(float(value)), ast.Mult(), copy.copy(node))

    return change


def _returned(change: Callable[[Any], Any]) -> Callable[[ast.AST], Iterator[Change]]:
    def changed(node: Any) -> Any:
        node.value = change(node.value)
        return node

    return lambda tree: _each(tree, lambda n: isinstance(n, ast.Return) and n.value is not None, changed)


def _method(name: str) -> Callable[[Any], Any]:
    def change(value: Any) -> Any:
        for part in name.split("."):
            value = ast.Call(ast.Attribute(value, part, ast.Load()), [], [])
        return value

    return change


def _call(node: ast.AST, *names: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in names


def _is_loop_bound(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range"


def _one_less(node: Any) -> Any:
    at = 1 if len(node.args) > 1 else 0
    node.args[at] = ast.BinOp(node.args[at], ast.Sub(), ast.Constant(1))
    return node


def _one_later(node: Any) -> Any:
    node.args = [ast.Constant(1), *node.args] if len(node.args) == 1 else [ast.Constant(1), *node.args[1:]]
    return node


def _time_index(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id in ("t", "i") and isinstance(node.ctx, ast.Load)


def _before(node: Any) -> Any:
    """max(t - 1, 0): the previous token, the first one twice."""
    earlier = ast.BinOp(ast.Name(node.id, ast.Load()), ast.Sub(), ast.Constant(1))
    return ast.Call(ast.Name("max", ast.Load()), [earlier, ast.Constant(0)], [])


def _is_sum(node: ast.AST) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub))


def _mask(node: Any) -> Any:
    """The diagonal of a triangle moved by one."""
    diagonal = next((a for a in node.args if isinstance(a, (ast.UnaryOp, ast.Constant))), None)
    if diagonal is None:
        node.args.append(ast.Constant(-1))
        return node
    node.args[node.args.index(diagonal)] = ast.BinOp(diagonal, ast.Add(), ast.Constant(1))
    return node


def _swapped(node: Any) -> Any:
    node.args[:2] = node.args[1], node.args[0]
    return node


def _untransposed(node: Any) -> Any:
    return node.value


def _divisor(node: Any) -> Any:
    node.right = ast.BinOp(node.right, ast.Add(), ast.Constant(EPSILON))
    return node


def _one_fewer(node: Any) -> Any:
    node.right = ast.BinOp(node.right, ast.Sub(), ast.Constant(1))
    return node


def _stale(tree: ast.AST) -> Iterator[Change]:
    """In a loop's body, neighbouring statements exchanged; every statement left out once."""
    body = tree.body[0]  # type: ignore[attr-defined]
    loops = [i for i, node in enumerate(ast.walk(body)) if isinstance(node, ast.For)]
    for loop in loops:
        count = len(list(ast.walk(body))[loop].body)  # type: ignore[attr-defined]
        for k in range(count - 1):

            def exchange(copied: ast.AST, loop: int = loop, k: int = k) -> int:
                statements = list(ast.walk(copied.body[0]))[loop].body  # type: ignore[attr-defined]
                statements[k], statements[k + 1] = statements[k + 1], statements[k]
                return int(statements[k].lineno)

            yield exchange
        if count > 1:
            for k in range(count):

                def leave_out(copied: ast.AST, loop: int = loop, k: int = k) -> int:
                    statements = list(ast.walk(copied.body[0]))[loop].body  # type: ignore[attr-defined]
                    return int(statements.pop(k).lineno)

                yield leave_out


def _state_cast(node: Any) -> Any:
    node.value = _method("float.double")(node.value)
    return node


_KINDS: dict[str, Callable[[ast.AST], Iterator[Change]]] = {
    "sign": lambda tree: _each(tree, _operator(ast.Add, ast.Sub), _flip),
    "opposite": _returned(lambda value: ast.UnaryOp(ast.USub(), value)),
    "factor": lambda tree: _each(tree, _operator(ast.Mult, ast.MatMult), _scaled("2")),
    "offset": lambda tree: (
        place for change in (_one_less, _one_later) for place in _each(tree, _is_loop_bound, change)
    ),
    "previous token": lambda tree: _each(tree, _time_index, _before),
    "transposition": lambda tree: (
        place
        for wanted, change in (
            (lambda n: isinstance(n, ast.Attribute) and n.attr in ("T", "mT"), _untransposed),
            (lambda n: _call(n, "outer"), _swapped),
        )
        for place in _each(tree, wanted, change)
    ),
    "mask": lambda tree: _each(tree, lambda n: _call(n, "tril", "triu"), _mask),
    "epsilon": lambda tree: (
        place
        for places in (
            _each(tree, _operator(ast.Div), _divisor),
            _returned(_scaled(str(1 + EPSILON)))(tree),
        )
        for place in places
    ),
    "normaliser": lambda tree: _each(tree, _operator(ast.Div), _one_fewer),
    "stale state": _stale,
    "dropped term": lambda tree: (
        place for side in ("left", "right") for place in _each(tree, _is_sum, operator.attrgetter(side))
    ),
    "float cast": lambda tree: (
        place
        for places in (
            _returned(_method("float.double"))(tree),
            _each(tree, lambda n: isinstance(n, ast.Assign) and isinstance(n.value, ast.BinOp), _state_cast),
        )
        for place in places
    ),
}
