"""First-order rounding bounds by one backward pass over a tape: the error of a float run at the point it ran at.

Main definition: `first_order`. Each operation rounds its result by at most n u times a magnitude M, n the roundings an
entry passes in the kernel (any order of summation) and M the operation on absolute values; a result that is off by e moves
output j by (dy_j / de) e + O(e^2). So, to first order, |error_j| <= sum over operations of |adjoint| n u M. The terms of
second order are left out: the bound is no enclosure, and is named so wherever it is shown. It does not grow where the
map contracts, which is where running bounds become vacuous (factor 10^9 at 64 tokens of a delta rule, 10^32 at 128).
Source: automatic error analysis by reverse differentiation (Linnainmaa, BIT 16, 1976; Higham, Accuracy and Stability of
Numerical Algorithms, 2nd ed., section 3); the magnitudes of sums are Higham's (3.5) and (3.13).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from numeric.tape.float_replay import Floats
from numeric.tape.moves import is_move, move
from numeric.tape.places import shown
from numeric.tape.refusals import Refused
from numeric.tape.storage_tape import Constant, Operation, Tape, Window

_LIMIT = 0.1
"""Where n u exceeds this the first order says nothing, and no bound is given."""
_LIBRARY = 8
"""Roundings of a library's elementary function: four units in the last place (glibc, SLEEF and SVML state at most one)."""
_ONE = frozenset(
    "add sub rsub mul div true_divide reciprocal neg sqrt square abs relu clamp clamp_min clamp_max".split()
)
_FUNCTIONS = frozenset(
    "exp exp2 expm1 log log2 log10 log1p rsqrt sigmoid tanh sin cos silu erf softplus gelu log_sigmoid_forward pow".split()
)
_EXACT = frozenset(
    "_to_copy neg abs relu clamp clamp_min clamp_max maximum minimum max min amax amin where masked_fill sign "
    "threshold_backward".split()
)
_LINEAR = frozenset("sum mean cumsum trace mm bmm mv dot vdot addmm addmv baddbmm addr ger addbmm addcmul".split())


@dataclass(frozen=True)
class FirstOrder:
    """A float run's result and, entry by entry, the first-order bound of its rounding error."""

    value: Tensor
    bound: Tensor


def first_order(tape: Tape, inputs: Mapping[str, Tensor]) -> FirstOrder:
    """The bound for the tape's own float run at `inputs` (exact as they are).

    Raises Refused for an operation whose own rounding has no bound, or where n u is too large for a first order.
    """
    if isinstance(tape.output, Constant):
        return FirstOrder(tape.output.value, torch.zeros(tape.output.value.shape, dtype=torch.float64))
    floats = Floats(tape, inputs)
    runs: list[tuple[Operation, dict[int, Tensor], Tensor | None]] = []
    with torch.no_grad():
        for operation in tape.operations:
            operands = {id(w): floats.read(w).detach().clone() for w in operation.operands() if isinstance(w, Window)}
            own = None if is_move(operation) else _rounding(operation, operands)
            floats.step(operation)
            target = operation.outputs[0]
            own = own * _unit(target.dtype) if own is not None and target is not None else None
            if own is None and not is_move(operation) and operation.base not in _EXACT:
                assert target is not None
                own = _count(operation, operands) * _unit(target.dtype) * floats.read(target).abs().double()
            elif operation.base == "_to_copy" and target is not None and target.dtype.is_floating_point:
                own = _unit(target.dtype) * floats.read(target).abs().double()
            runs.append((operation, operands, own))
        value = floats.output().clone()
    count = value.numel()
    adjoint: dict[int, Tensor] = {}
    out = tape.output
    start = torch.zeros(count, tape.storages[out.storage].length, dtype=torch.float64)
    at = _places(out)
    start[torch.arange(count), at] = 1
    adjoint[out.storage] = start
    bound = torch.zeros(count, dtype=torch.float64)
    for operation, operands, own in reversed(runs):
        live = [w for w in operation.outputs if w is not None and w.storage in adjoint]
        if not live:
            continue
        gradients: list[Tensor | None] = []
        for window in operation.outputs:
            held = None if window is None else adjoint.get(window.storage)
            if window is None or held is None:
                gradients.append(None)
                continue
            places = _places(window)
            taken = held[:, places].reshape(count, *window.size)
            if operation.mutates:
                held[:, places] = 0
            gradients.append(taken)
        first = gradients[0]
        if own is not None and first is not None:
            bound += (first.abs() * own.expand(first.shape[1:])).reshape(count, -1).sum(1)
        _back(operation, operands, gradients, adjoint, tape, count)
    return FirstOrder(value, bound.reshape(value.shape))


def _unit(dtype: torch.dtype) -> float:
    return float(torch.finfo(dtype).eps) / 2


def _places(window: Window) -> Tensor:
    index = torch.full((), window.offset, dtype=torch.int64)
    for n, s in zip(window.size, window.stride, strict=True):
        index = index[..., None] + torch.arange(n) * s
    return index.reshape(-1)


def _swapped(value: Any, operands: Mapping[int, Tensor], change: Callable[[Tensor], Tensor] | None = None) -> Any:
    if isinstance(value, Window):
        held = operands[id(value)]
        return change(held) if change else held
    if isinstance(value, Constant):
        return change(value.value) if change and value.value.dtype.is_floating_point else value.value
    if type(value) in (list, tuple):
        return type(value)(_swapped(v, operands, change) for v in value)
    if change and isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    return value


def _functional(operation: Operation) -> Any:
    """The operation's own function, out of place."""
    if not operation.mutates:
        return operation.function
    return getattr(torch.ops.aten, operation.base)


def _rounding(operation: Operation, operands: Mapping[int, Tensor]) -> Tensor | None:
    """n M for sums, products and solvers; None where the magnitude is the result's own."""
    if operation.base in ("_linalg_solve_ex", "linalg_inv_ex"):
        return _solving(operation, operands)
    if operation.base not in _LINEAR:
        return None
    count = _count(operation, operands)
    kwargs = {n: _swapped(v, operands) for n, v in operation.kwargs.items() if n != "out"}
    for name in ("alpha", "beta", "value"):
        if name in kwargs and isinstance(kwargs[name], (int, float)):
            kwargs[name] = abs(kwargs[name])
    args = tuple(_swapped(a, operands, torch.abs) for a in operation.args)
    magnitude: Tensor = _functional(operation)(*args, **kwargs)
    return count * magnitude.double()


def _solving(operation: Operation, operands: Mapping[int, Tensor]) -> Tensor:
    """n M for A x = b or x A = b by LU with partial pivoting, P A = L U, sums in any order; an inverse has b = I.

    A triangular T z = c is solved with an error of at most 3 (n + 1) u |T^-1| |T| |T^-1| |c|, by substitution or where a
    kernel inverts T, or blocks of it, first (Higham, sections 8.1 and 14.2). In a blocked factorisation that is the
    error of rows of U, so that A is off by as much as L times it (theorem 9.3), and x by |A^-1| times that times |x|.
    Rows from the right are the same with all products turned round. torch's inverse is its own solve with I.
    """
    A, *right = (_swapped(a, operands) for a in operation.args[:2])
    A = A.double()
    inverse = operation.base == "linalg_inv_ex"
    b = torch.eye(A.shape[-1], dtype=A.dtype).expand_as(A) if inverse else right[0].double()
    vector = b.ndim == A.ndim - 1
    b = b[..., None] if vector else b
    P, L, U = torch.linalg.lu(A)
    lower, upper = torch.linalg.inv(L), torch.linalg.inv(U)
    turned = L.abs() @ lower.abs()
    rows = turned @ turned @ (L.abs() @ U.abs())
    if operation.kwargs.get("left", True):
        y = lower @ (P.mT @ b)
        x = upper @ y
        halves = upper.abs() @ (lower.abs() @ (turned @ (P.mT @ b).abs()) + U.abs() @ (upper.abs() @ y.abs()))
        size = (upper @ lower).abs() @ (rows @ x.abs()) + halves
    else:
        y = b @ upper
        x = y @ lower
        first = b.abs() @ upper.abs() @ U.abs() @ upper.abs() + y.abs() @ (lower.abs() @ L.abs())
        size = (x.abs() @ rows @ (upper @ lower).abs() + first @ lower.abs()) @ P.mT
    return 3 * (A.shape[-1] + 1) * (size[..., 0] if vector else size)


def _count(operation: Operation, operands: Mapping[int, Tensor]) -> float:
    """How many roundings an entry of the result passes, whatever the order of summation."""
    base = operation.base
    first = next((_swapped(a, operands) for a in operation.args if isinstance(a, (Window, Constant))), None)
    length = 1
    if base in ("sum", "mean", "trace") and first is not None:
        length = first.numel()
        dims = operation.args[1] if len(operation.args) > 1 else None
        if isinstance(dims, (list, tuple)) and dims:
            length = math.prod(first.shape[d] for d in dims)
        elif isinstance(dims, int):
            length = first.shape[dims]
        length += 1
    elif base in ("cumsum", "cumprod", "prod") and first is not None:
        length = first.numel()
    elif base in ("mm", "bmm", "mv", "dot", "vdot") and first is not None:
        length = first.shape[-1]
    elif base in ("addmm", "addmv", "baddbmm", "addbmm"):
        length = _swapped(operation.args[1], operands).shape[-1] + 3
    elif base in ("addr", "ger", "addcmul"):
        length = 3
    elif base in _ONE:
        length = 2 if operation.kwargs.get("alpha", 1) != 1 else 1
    elif base in _FUNCTIONS:
        length = _LIBRARY
    elif base == "_softmax" and first is not None:
        length = first.shape[operation.args[1]] + 2 * _LIBRARY
    else:
        raise Refused(operation.name, shown(operation.place), "its own rounding has no bound")
    target = operation.outputs[0]
    if target is not None and length * _unit(target.dtype) > _LIMIT:
        raise Refused(
            operation.name, shown(operation.place), "a sum this long has no first-order bound in this precision"
        )
    return float(length)


def _back(
    operation: Operation,
    operands: Mapping[int, Tensor],
    gradients: list[Tensor | None],
    adjoint: dict[int, Tensor],
    tape: Tape,
    count: int,
) -> None:
    """Add the operation's share to the adjoints of its operands."""
    if is_move(operation):
        _back_through_move(operation, gradients, adjoint, tape, count)
        return
    data = [
        w
        for w in operation.operands()
        if isinstance(w, Window) and w.dtype.is_floating_point and w.storage not in tape.folded
    ]
    if not data:
        return
    leaves = {id(w): operands[id(w)].double().requires_grad_() for w in data}
    held = {**operands, **leaves}

    def wide(value: Any) -> Any:
        if isinstance(value, Constant) and value.value.dtype.is_floating_point:
            return value.value.double()
        if isinstance(value, Window):
            return held[id(value)]
        if type(value) in (list, tuple):
            return type(value)(wide(v) for v in value)
        return (
            value.value if isinstance(value, Constant) else torch.float64 if isinstance(value, torch.dtype) else value
        )

    with torch.enable_grad():
        kwargs = {n: wide(v) for n, v in operation.kwargs.items() if n != "out"}
        result = _functional(operation)(*(wide(a) for a in operation.args), **kwargs)
    results = result if isinstance(result, (tuple, list)) else (result,)
    pairs = [
        (r, g)
        for r, g in zip(results, gradients, strict=False)
        if g is not None and isinstance(r, Tensor) and r.requires_grad
    ]
    if not pairs:
        return
    outs = [r for r, _ in pairs]
    into = list(leaves.values())
    found = torch.autograd.grad(
        outs, into, [g.expand(count, *r.shape) for r, g in pairs], is_grads_batched=True, allow_unused=True
    )
    for window, share in zip(data, found, strict=True):
        if share is not None:
            _add(window, share.reshape(count, -1), adjoint, tape)


def _back_through_move(
    operation: Operation, gradients: list[Tensor | None], adjoint: dict[int, Tensor], tape: Tape, count: int
) -> None:
    """A moved entry hands its adjoint back to where it came from."""
    moved = move(operation)
    sizes = [
        s.numel if isinstance(s, Window) else s.value.numel() if isinstance(s, Constant) else 1 for s in moved.sources
    ]
    pool = torch.zeros(count, 1 + sum(sizes), dtype=torch.float64)
    for places, gradient in zip(moved.maps, gradients, strict=False):
        if gradient is not None:
            pool.index_add_(1, places, gradient.reshape(count, -1))
    start = 1
    for source, size in zip(moved.sources, sizes, strict=True):
        if isinstance(source, Window) and source.storage not in tape.folded:
            _add(source, pool[:, start : start + size], adjoint, tape)
        start += size


def _add(window: Window, share: Tensor, adjoint: dict[int, Tensor], tape: Tape) -> None:
    number = window.storage
    if number not in adjoint:
        adjoint[number] = torch.zeros(share.shape[0], tape.storages[number].length, dtype=torch.float64)
    adjoint[number].index_add_(1, _places(window), share)
