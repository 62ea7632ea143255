"""Code of torch.jit that a target refers to: it runs below Python, and no line of it can be followed.

Its integers and the places where it decides are read from its graph.
Main definitions: `Scripted`, `is_scripted`, `signature_of`.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from numeric.finding import Said

_ORDER = frozenset(f"aten::{name}" for name in "lt le gt ge eq ne __and__ __or__ __not__ __is__ __isnot__".split())
_COUNTED = frozenset(
    ("prim::min", "prim::max", "aten::floordiv", "aten::remainder", "aten::__contains__", "aten::index")
)
_TESTS = frozenset(("prim::If", "prim::Loop"))


@dataclass(frozen=True)
class Scripted(Said):
    """A function or module of torch.jit. decisions: the branches, loops with a condition, comparisons and the like that it
    makes of numbers, whose other outcomes may never have run; checks that only raise are none."""

    name: str
    decisions: int


def is_scripted(thing: Any) -> bool:
    """Whether a value is code of torch.jit: a function, a method, or a module."""
    return isinstance(thing, (torch.jit.ScriptFunction, torch.jit.ScriptModule, torch._C.ScriptMethod))


def scripted(thing: Any) -> tuple[Scripted, frozenset[int]]:
    """What such a value decides, and the integers that it mentions."""
    graph = _graph(thing)
    name = str(getattr(thing, "name", "") or getattr(thing, "original_name", "") or type(thing).__name__)
    if graph is None:  # a module without forward: its methods are looked at where they are called
        return Scripted(name, 0), frozenset()
    nodes = list(_nodes(graph))
    integers = frozenset(
        number
        for node in nodes
        if node.kind() == "prim::Constant" and str(node.output().type()) in ("int", "float")
        for number in [node.output().toIValue()]
        if number is not None
    )
    return Scripted(name, sum(map(_decides, nodes))), integers


def signature_of(thing: Any) -> inspect.Signature:
    """The signature that Python's inspection does not see."""
    called: Any = thing.forward if isinstance(thing, torch.jit.ScriptModule) else thing
    kinds = inspect.Parameter
    return inspect.Signature(
        [
            inspect.Parameter(
                argument.name,
                kinds.KEYWORD_ONLY if argument.kwarg_only else kinds.POSITIONAL_OR_KEYWORD,
                default=argument.default_value if argument.has_default_value() else kinds.empty,
                annotation={"int": int, "float": float}.get(str(argument.type), kinds.empty),
            )
            for argument in called.schema.arguments
            if argument.name != "self"
        ]
    )


def _graph(thing: Any) -> Any:
    try:
        return thing.inlined_graph
    except (AttributeError, RuntimeError):
        return None


def _nodes(block: Any) -> Iterator[Any]:
    for node in block.nodes():
        yield node
        for inner in node.blocks():
            yield from _nodes(inner)


def _decides(node: Any) -> bool:
    """Whether a node makes something of numbers that other sizes may decide otherwise."""
    kind = node.kind()
    if kind == "prim::If":
        return not any(inner.kind() == "prim::RaiseException" for block in node.blocks() for inner in block.nodes())
    if kind == "prim::Loop":  # the condition at its start and after each turn; a range has a constant there
        return any(c.node().kind() != "prim::Constant" for c in (list(node.inputs())[1], *_ends(node)))
    if kind in _COUNTED:
        return str(node.output().type()) != "Tensor"
    plain = kind in _ORDER and str(node.output().type()) == "bool"
    return plain and any(use.user.kind() not in _TESTS for use in node.output().uses())


def _ends(loop: Any) -> Iterator[Any]:
    for block in loop.blocks():
        yield next(iter(block.returnNode().inputs()))
