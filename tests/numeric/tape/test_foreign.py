"""Paths of foreign code, lines of code in folders with a library's name, memory that nothing wrote."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from numeric.deciding.programs import recorded
from numeric.tape.foreign import Watch, followed
from numeric.tape.places import skips
from numeric.tape.refusals import Refused


def branches(first: bool) -> int:
    return 1 if first else 2


def walk(first: bool) -> Watch:
    with Watch() as watch, followed():
        branches(first)
    return watch


def test_paths_are_compared_within_a_line() -> None:
    assert walk(True).ran and walk(True).parts_from(walk(True)) is None
    parted = walk(True).parts_from(walk(False))
    assert parted == (__file__, branches.__code__.co_firstlineno + 1)
    assert Watch().parts_from(walk(True)) is not None


def test_without_a_watch_nothing_is_followed() -> None:
    with followed():
        assert branches(True) == 1
    with Watch(own=False) as watch, followed():
        branches(True)
    assert watch.ran and not watch.path


def test_what_a_collection_calls_back_is_no_path_of_the_code() -> None:
    def collected(phase: str, info: dict[str, int]) -> None:
        branches(phase == "start")

    def collects() -> Watch:
        with Watch() as watch, followed():
            kept = [[k] for k in range(50)]
            branches(bool(kept))
        return watch

    before = gc.get_threshold()
    gc.callbacks.append(collected)
    gc.set_threshold(7)
    try:
        watches = [collects() for _ in range(9)]
    finally:
        gc.set_threshold(*before)
        gc.callbacks.remove(collected)
    assert gc.isenabled() and len({tuple(w.path) for w in watches}) == 1
    assert not any(code is collected.__code__ for code, _ in watches[0].path)


@pytest.mark.parametrize("folder", ["numpy", "einops", "contextlib.py", "array_api_compat"])
def test_a_folder_with_a_librarys_name_is_not_the_library(folder: str) -> None:
    assert not skips(f"/home/somebody/{folder}/layer.py") and skips(str(Path(np.__file__)))


def test_memory_that_nothing_wrote() -> None:
    def filled(x: Tensor) -> Tensor:
        out = torch.empty(3, 4, dtype=x.dtype)
        for k in range(3):
            out[k] = 2 * x[k]
        return out

    def short(x: Tensor) -> Tensor:
        out: Any = torch.empty(3, 4, dtype=x.dtype)
        out[:2] = x[:2]
        return out

    assert recorded(filled).at({"x": (3, 4)}).operations
    with pytest.raises(Refused):
        recorded(short).at({"x": (3, 4)})
