"""What stands in the place of something that a call finds, and tells whether the call does anything with it.

Main definitions: `Mark` in a number's place, `Outer` in a module's, `WRITTEN` in a table's, `Reads` around a tensor.
"""

from __future__ import annotations

import collections
from collections.abc import Callable
from typing import Any

from torch import Tensor

from numeric.tape.dispatch import Dispatch
from proofs.audit import fresh
from proofs.target.loading import Stop


class Asked(Stop):
    """A mark was asked for more than arithmetic."""


class Mark:
    """In a number's place: arithmetic with it is a mark again; all else is kept in `asked`, and ends the call."""

    asked: list[str] = []  # noqa: RUF012 (emptied before each use)


class Outer:
    """In a module's place: all that is called gives marks."""

    def __getattr__(self, name: str) -> Callable[..., Mark]:
        return _again

    def __call__(self, *arguments: Any) -> Mark:
        return Mark()


def _again(*others: Any) -> Mark:
    return Mark()


def _asks(name: str) -> Callable[..., Any]:
    def asked(self: Mark, *others: Any) -> Any:
        Mark.asked.append(name)
        raise Asked

    return asked


_ARITHMETIC = "add sub mul truediv floordiv mod pow matmul and or xor lshift rshift".split()
for _name in _ARITHMETIC:
    for _kind in ("", "r", "i"):
        setattr(Mark, f"__{_kind}{_name}__", _again)
for _name in ("neg", "pos", "abs", "invert", "round"):
    setattr(Mark, f"__{_name}__", _again)
for _name in (
    "bool int float complex index len iter next getitem setitem delitem contains call str repr format hash eq ne lt le gt "
    "ge array getattr torch_function trunc floor ceil enter exit"
).split():
    setattr(Mark, f"__{_name}__", _asks(_name))


def _writes_only(kind: type, written: str) -> type:
    """A table that notes every look at it; what is written to it is not one."""
    names = [n for n in dir(kind) if callable(getattr(kind, n)) and n not in (*written.split(), *dir(object))]
    compares = ["__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__repr__", "__str__", "__format__"]

    def noting(name: str) -> Callable[..., Any]:
        def look(self: Any, *arguments: Any, **named: Any) -> Any:
            Mark.asked.append(name)
            return getattr(kind, name)(self, *arguments, **named)

        return look

    return type(
        f"_{kind.__name__}", (kind,), {name: noting(name) for name in (*names, *compares) if hasattr(kind, name)}
    )


WRITTEN = {
    list: _writes_only(list, "append extend insert clear __iadd__ __setitem__"),
    dict: _writes_only(dict, "update clear __setitem__ __ior__"),
    set: _writes_only(set, "add update clear __ior__"),
    collections.deque: _writes_only(collections.deque, "append appendleft extend clear"),
}


class Reads(Dispatch):  # type: ignore[no-untyped-call]
    """Notes operations that read a tensor for anything but itself."""

    def __init__(self, held: Tensor) -> None:
        super().__init__()
        self.place, self.read = held.untyped_storage().data_ptr(), False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        operands = [a for a in fresh.leaves([*args, *(kwargs or {}).values()]) if a.numel()]
        mine = [a for a in operands if a.untyped_storage().data_ptr() == self.place]
        into = func._schema.is_mutable and len(mine) == 1 and isinstance(args[0], Tensor)
        itself = into and args[0].untyped_storage().data_ptr() == self.place
        self.read = self.read or (bool(mine) and not itself)
        return func(*args, **(kwargs or {}))
