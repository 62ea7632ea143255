"""`said`: the words of what was found, by its kind."""

from __future__ import annotations

from collections.abc import Iterable
from functools import singledispatch

from numeric.finding import Told


@singledispatch
def said(found: Told) -> str:
    """The words of what was found."""
    raise TypeError(f"nothing says a {type(found).__name__}: register its words in reports.said")


@said.register
def _(text: str) -> str:
    return text


def cut(text: str) -> str:
    """A text cut to a line."""
    return text if len(text) < 160 else text[:157] + "..."


def listed(values: Iterable[object]) -> str:
    """`1, 2, 9`."""
    return ", ".join(map(str, values))
