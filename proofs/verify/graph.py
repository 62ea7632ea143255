"""Which claim rests on what, read off the imports: other claims, and the constructions that its sides are made of.

Main definitions: `Graph`, `graph`. A node is a claim's id or a construction's module; an edge goes from what is built to
what it is built from. Helper modules are no nodes: what they import counts for the claim.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from proofs.claim import Claim
from proofs.verify.fingerprints import below

_PACKAGE = "constructions."
_SHARED = "constructions.namespace"
"""The array namespace is part of every construction and says nothing about any."""


@dataclass(frozen=True)
class Graph:
    """Nodes and edges, sorted."""

    nodes: tuple[str, ...]
    edges: tuple[tuple[str, str], ...]

    def under(self, node: str) -> tuple[str, ...]:
        """What `node` rests on directly."""
        return tuple(b for a, b in self.edges if a == node)

    def over(self, node: str) -> tuple[str, ...]:
        """What rests on `node` directly."""
        return tuple(a for a, b in self.edges if b == node)

    def claims_over(self, node: str) -> tuple[str, ...]:
        """The claims that rest on `node`, directly or through others."""
        found: dict[str, None] = {}
        waiting = [*self.over(node)]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found[name] = None
                waiting += self.over(name)
        return tuple(sorted(name for name in found if not is_construction(name)))

    def dot(self) -> str:
        """The graph in Graphviz's language: claims as boxes, constructions as ellipses."""
        lines = ["digraph claims {", "  rankdir=LR;", '  node [fontname="sans-serif"];']
        lines += [f'  "{n}" [shape={"ellipse" if is_construction(n) else "box"}];' for n in self.nodes]
        lines += [f'  "{a}" -> "{b}";' for a, b in self.edges]
        return "\n".join([*lines, "}"])

    def mermaid(self) -> str:
        """The graph in Mermaid's language, which GitHub draws."""
        number = {node: f"n{k}" for k, node in enumerate(self.nodes)}
        lines = ["graph LR"]
        lines += [f"  {number[n]}({n})" if is_construction(n) else f"  {number[n]}[{n}]" for n in self.nodes]
        return "\n".join([*lines, *(f"  {number[a]} --> {number[b]}" for a, b in self.edges)])


def is_construction(node: str) -> bool:
    """Whether a node is a construction's module; else it is a claim's id."""
    return node.startswith(_PACKAGE)


def graph(claims: Iterable[Claim]) -> Graph:
    """The graph of `claims` and all that they rest on."""
    edges: set[tuple[str, str]] = set()
    nodes: set[str] = set()
    waiting = [claim.module for claim in claims]
    while waiting:
        module = waiting.pop()
        if _node(module) in nodes:
            continue
        nodes.add(_node(module))
        for other in below(module):
            if other != _SHARED:
                edges.add((_node(module), _node(other)))
                waiting.append(other)
    return Graph(tuple(sorted(nodes)), tuple(sorted(edges)))


def _node(module: str) -> str:
    return module.removeprefix("proofs.")
