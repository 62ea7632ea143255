"""`said`: the words of what was found, by its kind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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


def ranges(numbers: Sequence[int]) -> str:
    """Sorted, runs of three and more as their ends: 1 to 40, 48, 64."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{r[0]} to {r[-1]}" if len(r) > 2 else listed(r) for r in runs)
