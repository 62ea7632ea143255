"""Which claim rests on what: proofs/verify/graph.py."""

from __future__ import annotations

from pathlib import Path

from proofs import registry
from proofs.verify.graph import Graph, graph

SMALL = Graph(
    ("constructions.layer", "gd.one", "gd.two"),
    (("gd.one", "constructions.layer"), ("gd.two", "gd.one")),
)


def test_claims_that_import_claims(toys: Path) -> None:
    found = graph([registry.claim("toy.above")])
    assert found.under("toy.above") == ("toy.holds",)
    assert "toy.above" in found.over("toy.holds")
    assert "toy.above" in found.nodes and "toy.holds" in found.nodes


def test_a_claim_rests_on_the_constructions_of_its_sides() -> None:
    found = graph([registry.claim("gd.stacked_steps")])
    assert {"constructions.residual_stack", "constructions.autograd_descent"} <= set(found.under("gd.stacked_steps"))
    assert "constructions.gradient_descent" in found.under("constructions.autograd_descent")
    assert not any("namespace" in node or "._" in node for node in found.nodes)


def test_what_is_over_a_node() -> None:
    assert SMALL.over("constructions.layer") == ("gd.one",)
    assert SMALL.claims_over("constructions.layer") == ("gd.one", "gd.two")
    assert SMALL.claims_over("gd.two") == ()


def test_languages_that_draw_it() -> None:
    dot, mermaid = SMALL.dot(), SMALL.mermaid()
    assert '"gd.two" -> "gd.one";' in dot and '"constructions.layer" [shape=ellipse];' in dot
    assert "n2[gd.two]" in mermaid and "n2 --> n1" in mermaid and "n0(constructions.layer)" in mermaid


def test_the_whole_graph_has_no_circle_and_every_claim() -> None:
    claims = registry.select()
    found = graph(claims)
    assert {c.id for c in claims} <= set(found.nodes)
    assert found == graph(reversed(claims))
    left = set(found.nodes)
    while left:
        free = {n for n in left if not set(found.under(n)) & left}
        assert free, f"a circle among {sorted(left)}"
        left -= free
