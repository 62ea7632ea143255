"""Which array library a target's code computes with, where its file has several: by what its own functions call.

Main definition: `calls_numpy`.
"""

from __future__ import annotations

import dis
import itertools
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from proofs.target.source.integers import codes, functions

_OF_NUMBERS = frozenset(
    "sqrt cbrt log log2 log10 log1p exp exp2 expm1 ceil floor rint abs sign power prod pi e inf nan newaxis "
    "float64 float32 int64 int32 integer floating ndarray number random".split()
)
"""What numpy is asked for in code of another library too: functions of a width, constants, types."""
_LOADS = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF", "LOAD_CLOSURE", "LOAD_FAST")


def calls_numpy(call: Any) -> bool:
    """Whether the target's own functions ask numpy for functions of arrays, and torch for nothing."""
    used = [(library, name) for function in functions(call) for library, name in _used(function)]
    return not any(library == "torch" for library, _ in used) and any(
        library == "numpy" and name not in _OF_NUMBERS for library, name in used
    )


def _used(function: FunctionType) -> Iterator[tuple[str, str]]:
    """What a function takes from modules, each with its library; what is imported by name is of its own module."""
    for code in codes(function.__code__):
        for loaded, then in itertools.pairwise(dis.get_instructions(code)):
            if loaded.opname not in _LOADS:
                continue
            value = function.__globals__.get(loaded.argval)
            if isinstance(value, ModuleType):
                yield value.__name__.partition(".")[0], str(then.argval)
            elif callable(value):
                module = "numpy" if isinstance(value, np.ufunc) else str(getattr(value, "__module__", None))
                yield module.partition(".")[0], str(loaded.argval)
