"""Figures as data: proofs/figure.py, and every claim's figures."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs import registry
from proofs.figure import Columns, Figure, Panel, Series, csv_text, from_csv, one, through_last, with_lines

OWNERS = [pytest.param(c, f, id=f"{c.id}-{f.name}") for c in registry.select() for f in c.figures]


def figure(data: Columns) -> Figure:
    return Figure("f", "A caption.", lambda: data, one("x", "y", [Series("s", "a", "b")]))


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=8).filter(lambda t: t == t.strip() and "\r" not in t and "\0" not in t),
        st.lists(st.floats(-1e300, 1e300).map(lambda v: float(f"{v:.10g}")), max_size=6),
        min_size=1,
    )
)
def test_csv_there_and_back(columns: dict[str, list[float]]) -> None:
    assert from_csv(csv_text(columns)) == columns


def test_series_with_their_lines() -> None:
    assert with_lines("N", ["a"]) == (Series("a", "N", "a", "a, order"),)
    assert with_lines("N", {"a": "$a$"}, "bound") == (Series("$a$", "N", "a", "a, bound"),)


def test_gaps() -> None:
    """Not-a-numbers are empty cells; those inside a column come back as such, those at its end are left out."""
    text = csv_text({"a": [1.0, math.nan, 3.0], "b": [math.inf]})
    assert text == "a,b\n1,\n,\n3,\n"
    found = from_csv(text)
    assert found["b"] == [] and found["a"][::2] == [1.0, 3.0] and math.isnan(found["a"][1])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Series("s", "x"), "neither measured nor theory"),
        (lambda: Panel("x", "y", ()), "no series"),
        (lambda: Panel("x", "y", (Series("s", "x", "y"),), log="z"), "expected '', 'x', 'y' or 'xy'"),
        (lambda: Figure("A b", "c", dict, one("x", "y", [Series("s", "x", "y")])), "small letters"),
        (lambda: Figure("a", "c", dict, ()), "no panels"),
        (lambda: figure({"a": [1.0]}).csv(), "no column b"),
    ],
)
def test_refusals(make: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()  # type: ignore[operator]


def test_line_of_an_order() -> None:
    assert through_last([1.0, 2.0, 4.0], [0.0, 0.0, 8.0], 2.0) == [0.5, 2.0, 8.0]


SHOWN = figure({"a": [1.0, 2.0], "b": [3.0, 4.0]})


def test_a_notebook_shows_it() -> None:
    root = ElementTree.fromstring(SHOWN._repr_svg_())
    assert root.tag.endswith("svg")


@pytest.mark.parametrize(("claim", "shown"), OWNERS)
def test_every_figure_has_its_data(claim: object, shown: Figure) -> None:
    """The data can be computed twice alike, every column that is drawn has numbers, and log axes are positive."""
    text = shown.csv()
    assert shown.csv() == text
    columns = from_csv(text)
    for panel in shown.panels:
        for series in panel.series:
            for name in series.columns:
                numbers = [v for v in columns[name] if not math.isnan(v)]
                assert numbers, name
                axis = "x" if name == series.x else "y"
                assert axis not in panel.log or min(numbers) > 0, name
    assert "\t" not in shown.caption and shown.caption.strip()
