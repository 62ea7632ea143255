"""How a target is called, what its result has to be, and what is said of one that raises.

Main definitions: `called`, `copied`, `prediction`, `raised`.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from numeric.deciding.programs import WrongResult
from numeric.finding import Told
from proofs.target.loading import held
from proofs.target.notes import HandsToNumpy, Place, Raised

_LIBRARIES = tuple(
    str(folder)
    for folder in (
        *(Path(file).resolve().parent for file in (torch.__file__, np.__file__)),
        *(Path(__file__).resolve().parents[2] / room for room in ("numeric", "constructions", "proofs")),
    )
)


@contextmanager
def called(dtype: torch.dtype) -> Iterator[None]:
    """How a target is called: tensors without a dtype have this one, what it prints goes to standard error.

    Raises TargetError where it would end the process.
    """
    with held("the target"), default_dtype(dtype), redirect_stdout(sys.stderr):
        yield


def copied(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Copies of the tensors, one for each: somebody's code may write to what it is given, which other calls get too."""
    clones = {id(value): value.clone() for value in inputs.values() if isinstance(value, Tensor)}
    return {name: clones.get(id(value), value) for name, value in inputs.items()}


def raised(error: BaseException) -> Told:
    """What a target did wrong: that it raised this; of a wrong result its message."""
    lines = str(error).splitlines() or [""]
    if isinstance(error, WrongResult):
        return lines[0]
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith((*_LIBRARIES, "<"))]
    last = frames[-1] if frames else None
    place = Place(last.filename, last.lineno or 0, last.line or "") if last is not None else None
    if ".numpy() is not supported" in lines[0]:  # so torch says that a tensor of a recording was handed over
        return HandsToNumpy(place)
    return Raised(type(error).__name__, lines[0][:200], place)


def prediction(out: Any, m: int) -> Tensor:
    """The target's result as (m,). Raises WrongResult."""
    if not isinstance(out, Tensor):
        raise WrongResult(f"returned {type(out).__name__}, expected a tensor of shape (m,) = ({m},)")
    if not out.dtype.is_floating_point:
        raise WrongResult(f"returned a tensor of {out.dtype}, expected floating point of shape (m,) = ({m},)")
    if out.numel() != m:
        raise WrongResult(f"returned shape {tuple(out.shape)}, expected (m,) = ({m},)")
    return out.reshape(-1)


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    """Tensors that the target makes without naming a dtype have that of its inputs."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
