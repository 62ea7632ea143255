"""What a target reads that no argument of a call gives: clocks, the process, its environment, files, addresses.

Read from the instructions that ran. A clock that is only read to time the code is harmless: with a mark in its place (see
`proofs.audit.kept`) the call returns the same bits.
Main definitions: `Outside`, `outside`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType
from typing import Any

from numeric.finding import Said
from proofs.target.source.lines import Lines
from proofs.target.source.unreached import loads

_MODULES = frozenset(
    "time datetime os posix sys platform socket uuid getpass resource gc threading _thread multiprocessing subprocess inspect "
    "traceback secrets psutil tempfile pathlib glob shutil locale signal warnings ctypes tracemalloc importlib".split()
)
_HARMLESS = {
    "sys": "maxsize float_info stderr stdout version_info byteorder intern",
    "os": "path",
    "warnings": "warn catch_warnings simplefilter filterwarnings",
    "inspect": "signature isfunction isclass ismethod unwrap",
    "threading": "Lock RLock",
}
_BUILTINS = frozenset("id open input".split())
_TORCH = frozenset("get_num_threads get_num_interop_threads initial_seed get_rng_state".split())
_ATTRIBUTES = frozenset("data_ptr _version _cdata".split())


@dataclass(frozen=True)
class Outside(Said):
    """One thing that is read: its name, and where."""

    name: str
    file: str
    at: int


@dataclass(frozen=True)
class Found:
    """Something read, with the namespace of the function, and the name there."""

    told: Outside
    space: Mapping[str, Any]
    name: str


def outside(lines: Lines) -> tuple[Found, ...]:
    """What the code that ran reads."""
    found = {(f.told, f.name): f for code in lines.steps for f in _of(lines, code)}
    return tuple(found.values())


def _of(lines: Lines, code: CodeType) -> Iterator[Found]:
    for load in loads(code, lines.executed(code), lines.held[code], lines.own):
        said = _named(load.value, load.attribute) or (
            load.name if load.name in _ATTRIBUTES and load.by_attribute else ""
        )
        if said:
            yield Found(Outside(said, code.co_filename, load.line), lines.held[code].spaces, load.name)


def _named(value: Any, attribute: str) -> str:
    """What a value is of the outside; empty for anything else."""
    if isinstance(value, ModuleType):
        top = value.__name__.partition(".")[0]
        if value.__name__ in ("posixpath", "ntpath", "genericpath") or attribute in _HARMLESS.get(top, "").split():
            return ""
        if top == "torch":
            return f"torch.{attribute}" if attribute in _TORCH or attribute.startswith("_C") else ""
        return f"{value.__name__}.{attribute}".rstrip(".") if top in _MODULES else ""
    if isinstance(value, FunctionType) and value.__module__ not in _MODULES:
        return ""
    name = getattr(value, "__name__", None) if callable(value) else None
    home = getattr(value, "__module__", None) if callable(value) else type(value).__module__
    home = str(home or getattr(getattr(value, "__self__", None), "__name__", ""))
    if home == "builtins":
        return (
            str(name) if name in _BUILTINS and callable(value) and getattr(value, "__self__", None) is not None else ""
        )
    if home.startswith("torch") and name in _TORCH:
        return f"torch.{name}"
    if home.partition(".")[0] in _MODULES and str(name) not in _HARMLESS.get(home.partition(".")[0], "").split():
        return f"{home}.{name or type(value).__name__}"
    return ""
