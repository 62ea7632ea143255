"""What a target reads that no argument of a call gives: clocks, the process, its environment, files, addresses.

Read from the instructions that ran. A clock that is only read to time the code is harmless: with a mark in its place (see
`proofs.audit.kept`) the call returns the same bits. What PyTorch says of itself and of its devices is the same for all calls of
an audit: it is named, and what it was holds for the answer. A test of it has a side that never ran, which is named already.
Main definitions: `Outside`, `outside`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType
from typing import Any

from numeric.finding import Said
from proofs.target.source.branches import source_of
from proofs.target.source.lines import Lines
from proofs.target.source.unreached import Load, loads

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
_MODES = frozenset(
    "is_compiling is_dynamo_compiling is_exporting is_torchdynamo_compiling is_scripting is_tracing _get_tracing_state "
    "is_fx_tracing is_autocast_cache_enabled is_autocast_available get_autocast_dtype get_autocast_gpu_dtype "
    "are_deterministic_algorithms_enabled get_deterministic_debug_mode get_float32_matmul_precision is_anomaly_enabled "
    "is_vulkan_available is_available is_built is_initialized get_world_size get_rank device_count current_device "
    "get_device_capability get_device_properties get_device_name is_bf16_supported is_flash_attention_available "
    "flash_sdp_enabled math_sdp_enabled mem_efficient_sdp_enabled cudnn_sdp_enabled allow_tf32 fp32_precision "
    "preferred_linalg_library".split()
)
"""What tells of PyTorch's state and devices; gradients, autocast, inference and the default dtype are modes of an audit."""


@dataclass(frozen=True)
class Outside(Said):
    """One thing that is read: its name, and where. constant: whether it is the same for all calls of this process."""

    name: str
    file: str
    at: int
    constant: bool = False


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
    tests = source_of(code).branches.values()
    for load in loads(code, lines.executed(code), lines.held[code], lines.own):
        if load.name in _MODES and _of_torch(load) and not any(_within(load.place, branch.test) for branch in tests):
            told = Outside(load.name, code.co_filename, load.line, constant=True)
            yield Found(told, lines.held[code].spaces, load.name)
            continue
        said = _named(load.value, load.attribute) or (
            load.name if load.name in _ATTRIBUTES and load.by_attribute else ""
        )
        if said:
            yield Found(Outside(said, code.co_filename, load.line), lines.held[code].spaces, load.name)


def _of_torch(load: Load) -> bool:
    """Whether what is loaded may be a library's: an attribute of a module, or a function imported by its name."""
    return load.by_attribute or str(getattr(load.value, "__module__", "")).partition(".")[0] == "torch"


def _within(place: tuple[int | None, ...], test: ast.expr) -> bool:
    """Whether code at a place belongs to a test."""
    last = (test.end_lineno or test.lineno, test.end_col_offset or test.col_offset)
    numbers = [n for n in place if n is not None]
    return len(numbers) == 4 and (test.lineno, test.col_offset) <= (*numbers[:2],) and (*numbers[2:],) <= last


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
