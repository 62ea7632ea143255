"""Which line of the code under test called torch."""

from __future__ import annotations

import contextlib
import functools
import sys
from importlib.util import find_spec
from pathlib import Path
from types import CodeType, FrameType

import torch

from numeric.tape.storage_tape import Place

_HERE = f"{Path(__file__).resolve().parent.parent}/"
_TORCH = f"{Path(torch.__file__).resolve().parent}/"
_PASSED = tuple(
    f"{Path(folder)}/"
    for name in ("numpy", "array_api_compat", "einops", "opt_einsum")
    if (spec := find_spec(name)) is not None
    for folder in spec.submodule_search_locations or ()
)
"""Libraries that only pass operations on: the line that called them is named."""
_HELPERS = (functools.__file__, contextlib.__file__)
UNKNOWN: Place = ("", 0)


class Places:
    """Finds the innermost frame outside torch and this package; remembers which code objects those are."""

    def __init__(self) -> None:
        self._passed: dict[CodeType, bool] = {}

    def __call__(self, depth: int = 1) -> Place:
        frame: FrameType | None = sys._getframe(depth)
        while frame is not None:
            code = frame.f_code
            passed = self._passed.get(code)
            if passed is None:
                passed = self._passed[code] = skips(code.co_filename)
            if not passed:
                return code.co_filename, frame.f_lineno
            frame = frame.f_back
        return UNKNOWN


def skips(file: str) -> bool:
    """Whether a file belongs to torch, to this package or to a library that passes operations on."""
    return file.startswith((_HERE, _TORCH, "<", *_PASSED)) or file in _HELPERS


def shown(place: Place) -> str:
    """`file:line`, relative to the working directory or to this checkout where it lies there."""
    file, line = place
    if not file:
        return "an unknown line"
    path = Path(file)
    for base in (Path.cwd(), Path(_HERE).parent):
        if path.is_relative_to(base):
            return f"{path.relative_to(base)}:{line}"
    return f"{file}:{line}"
