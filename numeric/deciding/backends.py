"""Where programs run plainly: numpy, torch CPU and torch CUDA, in float64 or float32, checked to keep IEEE 754."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from numeric.deciding.programs import Program

BACKENDS = ("torch cpu", "numpy", "torch cuda")
DTYPES = {"float64": torch.float64, "float32": torch.float32}

Arrays = Mapping[str, np.ndarray]


class CannotRun(Exception):
    """A program failed as code; the message says where and how."""


def unusable(backend: str, dtype: str) -> str:
    """Why a backend can't be used (not there, reduced precision, no subnormal numbers) and the remedy, or no text.

    Raises ValueError for an unknown backend or dtype.
    """
    if backend not in BACKENDS or dtype not in DTYPES:
        raise ValueError(
            f"backend is {backend!r}, dtype {dtype!r}; expected one of {', '.join(BACKENDS)}, and float64 or float32"
        )
    if backend == "torch cuda" and not torch.cuda.is_available():
        return "no CUDA device is available to torch; run on a machine with one, or use --device cpu"
    if backend == "torch cpu" and dtype == "float32" and torch.get_float32_matmul_precision() != "highest":
        return "float32 matrix products may lose digits; call torch.set_float32_matmul_precision('highest')"
    if reduced("matmul", backend, dtype):
        return reduced("matmul", backend, dtype)
    tiny = float(np.finfo(dtype).tiny)
    if backend == "numpy":
        halved = float(np.asarray(tiny, dtype=dtype) * np.asarray(0.5, dtype=dtype))
    else:
        halved = float((torch.tensor(tiny, dtype=DTYPES[dtype], device=backend.split()[1]) * 0.5).item())
    if halved == 0:
        return f"{backend} flushes subnormal numbers to zero; call torch.set_flush_denormal(False)"
    return ""


def reduced(kind: str, backend: str, dtype: str) -> str:
    """Why float32 products on CUDA are not float32 products, or an empty text. kind: "matmul" or "convolution"."""
    if backend != "torch cuda" or dtype != "float32":
        return ""
    flags = torch.backends.cuda.matmul if kind == "matmul" else torch.backends.cudnn
    if not flags.allow_tf32:
        return ""
    name = "cuda.matmul" if kind == "matmul" else "cudnn"
    return f"TF32 is allowed, so float32 products lose digits; set torch.backends.{name}.allow_tf32 = False"


def plain(program: Program, inputs: Arrays, backend: str, dtype: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """The program's result as a float64 array, and which of its inputs (copies) it wrote to.

    Raises CannotRun if it raises, or returns anything but one array of numbers.
    """
    given: dict[str, Any]
    if backend == "numpy":
        given = {name: np.array(array, dtype=dtype) for name, array in inputs.items()}
    else:
        device = backend.split()[1]
        given = {name: torch.tensor(array, dtype=DTYPES[dtype], device=device) for name, array in inputs.items()}
    try:
        with np.errstate(all="ignore"):
            result = program(**given)
    except Exception as error:
        raise CannotRun(f"raised {type(error).__name__} on {backend}, {dtype}: {first_line(error)}") from error
    value = to_numpy(result)
    if value is None:
        raise CannotRun(f"returned {type(result).__name__} on {backend}, expected one array of floats")
    written = []
    for name, array in given.items():
        after = to_numpy(array)
        if after is None or not np.array_equal(after, inputs[name], equal_nan=True):
            written.append(name)
    return value, tuple(written)


def to_numpy(value: Any) -> np.ndarray | None:
    """A tensor, array or number as a float64 array; None for anything else."""
    if isinstance(value, Tensor):
        if not value.dtype.is_floating_point:
            return None
        numbers: np.ndarray = value.detach().cpu().double().numpy()
        return numbers
    array = np.asarray(value) if isinstance(value, (np.ndarray, np.floating, float, int)) else None
    return None if array is None or array.dtype.kind not in "fiu" else array.astype(np.float64)


def first_line(error: Exception) -> str:
    """The first line of an exception's message."""
    return (str(error).splitlines() or [""])[0]
