"""`said`: the words of what was found, by its kind."""

from __future__ import annotations

from collections.abc import Iterable
from functools import singledispatch

from numeric.finding import Counterexample, Nested, Told


@singledispatch
def said(found: Told) -> str:
    """The words of what was found."""
    raise TypeError(f"nothing says a {type(found).__name__}: register its words in reports.said")


@said.register
def _(text: str) -> str:
    return text


def short(reason: Told) -> str:
    """A reason cut to a line."""
    text = said(reason)
    return text if len(text) < 160 else text[:157] + "..."


def pasted(found: Counterexample) -> list[str]:
    """Python assignments, one an input, then the two values found there."""
    out = [f"{name} = {_paste(value)}" for name, value in found.inputs.items()]
    out.append(f"# {found.left_name}: {_paste(found.left)}")
    out.append(f"# {found.right_name}: {_paste(found.right)}")
    return out + ([f"# {said(found.note)}"] if found.note else [])


def _paste(value: Nested) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_paste(v) for v in value) + "]"
    return repr(value)


def listed(values: Iterable[object]) -> str:
    """`1, 2, 9`."""
    return ", ".join(map(str, values))
