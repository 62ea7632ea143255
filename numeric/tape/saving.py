"""Tapes in files: plain data and tensors, read back without running any code.

Main definitions: `save`, `load`. Operators are named as torch names them, so that a file is read where torch has them.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from os import PathLike
from typing import Any

import torch
from torch import Tensor

from numeric.tape.storage_tape import Constant, Escape, Operation, Place, Storage, Tape, Window

FORM = "ssmproof tape 1"
_TORCH = {kind.__name__: kind for kind in (torch.dtype, torch.device, torch.layout, torch.memory_format)}


def save(tape: Tape, path: str | PathLike[str]) -> None:
    """Write a tape to a file. Raises ValueError for an argument of an operation that has no plain form."""
    constants: dict[int, int] = {}
    values: list[tuple[Tensor, Place]] = []

    def constant(held: Constant) -> int:
        if id(held) not in constants:  # one that is read often is stored once
            constants[id(held)] = len(values)
            values.append((held.value, held.place))
        return constants[id(held)]

    def plain(value: Any) -> Any:
        return _plain(value, constant)

    content = {
        "form": FORM,
        "storages": [(str(s.dtype), s.length, s.initial, s.unwritten) for s in tape.storages],
        "operations": [
            (str(o.function), o.base, plain(o.args), plain(dict(o.kwargs)), plain(o.outputs), o.mutates, o.place)
            for o in tape.operations
        ],
        "inputs": plain(dict(tape.inputs)),
        "output": plain(tape.output),
        "escapes": [(e.what, e.place, e.guard) for e in tape.escapes],
        "faults": [(e.what, e.place, e.guard) for e in tape.faults],
        "written": dict(tape.written),
        "folded": dict(tape.folded),
        "random": tape.random,
        "constants": values,
    }
    torch.save(content, path)


def load(path: str | PathLike[str]) -> Tape:
    """The tape in a file. Raises ValueError where it holds none, or names an operator that this torch has not, and OSError
    where there is no file."""
    try:
        content = torch.load(path, weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise ValueError(f"{path} holds no tape: {type(error).__name__}") from None
    if not isinstance(content, dict) or content.get("form") != FORM:
        raise ValueError(f"{path} holds no tape of the form {FORM!r}")
    constants = [Constant(value, place) for value, place in content["constants"]]

    def restored(value: Any) -> Any:
        return _restored(value, constants)

    return Tape(
        tuple(Storage(_named(dtype), length, initial, bare) for dtype, length, initial, bare in content["storages"]),
        tuple(
            Operation(_operator(name), base, restored(args), restored(kwargs), restored(outputs), mutates, place)
            for name, base, args, kwargs, outputs, mutates, place in content["operations"]
        ),
        restored(content["inputs"]),
        restored(content["output"]),
        tuple(Escape(*e) for e in content["escapes"]),
        tuple(Escape(*e) for e in content["faults"]),
        content["written"],
        content["folded"],
        content["random"],
    )


def _plain(value: Any, constant: Callable[[Constant], int]) -> Any:
    """Numbers and text as they are, everything else as (what it is, its parts)."""
    if value is None or isinstance(value, (bool, int, float, complex, str)):
        return value
    if isinstance(value, Window):
        w = value
        return ("window", w.storage, tuple(w.size), tuple(w.stride), w.offset, str(w.dtype), w.conjugated, w.negated)
    if isinstance(value, Constant):
        return ("constant", constant(value))
    if isinstance(value, (tuple, list)):
        return ("tuple" if isinstance(value, tuple) else "list", [_plain(v, constant) for v in value])
    if isinstance(value, dict):
        return ("dict", {name: _plain(v, constant) for name, v in value.items()})
    if type(value).__name__ in _TORCH:
        return (type(value).__name__, str(value))
    raise ValueError(f"an argument of type {type(value).__name__} has no plain form")


def _restored(value: Any, constants: list[Constant]) -> Any:
    if not isinstance(value, tuple):
        return value
    kind, *parts = value
    if kind == "window":
        storage, size, stride, offset, dtype, conjugated, negated = parts
        return Window(storage, size, stride, offset, _named(dtype), conjugated, negated)
    (part,) = parts
    if kind == "constant":
        return constants[part]
    if kind in ("tuple", "list"):
        items = [_restored(v, constants) for v in part]
        return tuple(items) if kind == "tuple" else items
    if kind == "dict":
        return {name: _restored(v, constants) for name, v in part.items()}
    return torch.device(part) if kind == "device" else _named(part)


def _named(text: str) -> Any:
    """`torch.float64` and the like."""
    found = getattr(torch, text.removeprefix("torch."), None)
    if not isinstance(found, tuple(_TORCH.values())):
        raise ValueError(f"this torch has no {text}")
    return found


def _operator(name: str) -> Any:
    """`aten.add.Tensor`, or a packet of overloads such as `aten.add_`."""
    found: Any = torch.ops
    for part in name.split("."):
        found = getattr(found, part, None)
        if found is None:
            raise ValueError(f"this torch has no operator {name}; import the package that brings it")
    return found
