"""Whether torch's result of one numpy call is numpy's, as far as rounding allows.

Main definition: `agreed`. Both got the same operands. What is rounded once, or only moved, has to be the same number;
sums and products of many terms may be rounded in another order, library functions in their last places.

Source of the constants: N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., sections 3.1 (sums and
products in any order), 9.3 (solutions by elimination).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import _disable_current_modes

from numeric.tape.recorder import _key

_TERMS = frozenset(
    "sum mean prod cumsum cumprod dot vdot inner einsum tensordot trace convolve matmul matrix_power norm add.reduce "
    "multiply.reduce add.accumulate multiply.accumulate".split()
)
"""Sums of products with coefficients of one sign: at |operands| they are the condition of their rounding."""
_LIBRARY = frozenset(
    "exp expm1 exp2 log log1p log2 log10 tanh sinh cosh sin cos tan power pow float_power cbrt hypot "
    "logaddexp arctan arcsin arccos arctan2".split()
)
_ULPS = 8
"""Largest error of a library function, in units of roundoff (four units in the last place)."""


def numbers(tensor: Tensor) -> np.ndarray:
    """A tensor's numbers, without telling any mode; a copy, since memory that numpy shares is a way out."""
    with torch._C.DisableTorchFunction(), torch._C._DisableTorchDispatch():
        held: np.ndarray = tensor.clone().numpy()
    return held


def storage_key(tensor: Tensor) -> int:
    """What the recorder knows a tensor's storage by, without telling any mode."""
    with torch._C.DisableTorchFunction():
        return _key(tensor)


def same_numbers(tensor: Tensor, plain: Any, signs: bool = False) -> bool:
    """Whether both hold the same numbers, NaN counting as NaN. signs: zeros have to have the same sign."""
    held = numbers(tensor)
    if not bool(((held == plain) | ((held != held) & (plain != plain))).all()):
        return False
    return not signs or held.dtype.kind != "f" or bool((np.signbit(held) == np.signbit(plain)).all())


def sync(tensor: Tensor, plain: Any) -> None:
    """Give a tensor numpy's bits, behind every mode's back."""
    with torch._C.DisableTorchFunction(), torch._C._DisableTorchDispatch():
        tensor.copy_(torch.tensor(np.array(plain, order="C")))


def agreed(name: str, made: Tensor, plain: Any, function: Callable[..., Any], args: Any, kwargs: Any) -> bool:
    """Whether torch's `made` and numpy's `plain` can both be `function` of these operands."""
    held, value = numbers(made).astype(np.float64), np.asarray(plain, dtype=np.float64)
    unit = float(np.finfo(np.asarray(plain).dtype).eps) / 2 if np.asarray(plain).dtype.kind == "f" else 0.0
    with np.errstate(all="ignore"), _disable_current_modes():
        same = (held == value) | (np.isnan(held) & np.isnan(value))
        bound = _bound(name, value, unit, function, args, kwargs)
        if bound is None:
            return bool(same.all())
        # what overflows on the way has no bound
        return bool((same | (np.abs(held - value) <= bound) | ~np.isfinite(bound)).all())


def _bound(name: str, value: np.ndarray, unit: float, function: Any, args: Any, kwargs: Any) -> np.ndarray | None:
    tiny = float(np.finfo(np.float64).tiny)
    if name in _LIBRARY:
        scale = np.abs(value)
        if name == "logaddexp":
            scale = np.asarray(np.abs(args[0]) + np.abs(args[1]) + 1.0)
        return np.asarray(2 * _ULPS * unit * scale + tiny)
    sizes = [np.size(a) for a in _flat((args, kwargs)) if isinstance(a, (np.ndarray, np.generic))]
    if name in _TERMS:
        roundings = float(np.prod(sizes, dtype=float) if name == "einsum" else sum(sizes)) + 8
        if name == "matrix_power":
            roundings *= abs(int(args[1]))
        condition = np.asarray(function(*_positive(args), **_positive(kwargs)), dtype=np.float64)
        share = roundings * unit
        return 2 * share / (1 - share) * condition * (1 + share) + tiny * roundings if share < 0.25 else None
    if name == "var":
        x = np.abs(args[0])
        axis = args[1] if len(args) > 1 else kwargs.get("axis")
        spread = (x + x.mean(axis=axis, keepdims=True)) ** 2
        shape = {"axis": axis, "keepdims": kwargs.get("keepdims", False)}
        count = np.size(x) / max(np.size(x.sum(axis=axis)), 1)
        scale = np.sum(spread, **shape) / (count - kwargs.get("ddof", 0))
        return np.asarray(8 * (count + 8) * unit * scale + tiny)
    if name in ("solve", "inv"):
        return _elimination(np.asarray(args[0]), value, unit)
    return None


def _elimination(matrix: np.ndarray, solution: np.ndarray, unit: float) -> np.ndarray | None:
    """2 gamma_3n |A^-1| P |L| |U| |x|, and as much again for the rounding of the inverse."""
    n = matrix.shape[-1]
    pivots, lower, upper = (a.numpy() for a in torch.linalg.lu(torch.as_tensor(matrix.astype(np.float64))))
    inverse = np.abs(np.linalg.inv(matrix.astype(np.float64)))
    vector = solution.ndim == matrix.ndim - 1
    x = np.abs(solution)[..., None] if vector else np.abs(solution)
    bound = 4 * (3 * n + 2) * unit * (inverse @ (pivots @ (np.abs(lower) @ (np.abs(upper) @ x))))
    return np.asarray(bound[..., 0] if vector else bound)


def _positive(value: Any) -> Any:
    if isinstance(value, (np.ndarray, np.floating)) and np.asarray(value).dtype.kind == "f":
        return np.abs(value)
    if type(value) in (tuple, list):
        return type(value)(_positive(v) for v in value)
    if type(value) is dict:
        return {name: _positive(v) for name, v in value.items()}
    return abs(value) if isinstance(value, float) else value


def _flat(value: Any) -> list[Any]:
    if isinstance(value, (tuple, list)):
        return [leaf for item in value for leaf in _flat(item)]
    return [leaf for item in value.values() for leaf in _flat(item)] if isinstance(value, dict) else [value]
