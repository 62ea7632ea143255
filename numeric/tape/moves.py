"""Operations that only move numbers, as index maps: which entry of which operand goes where.

A move runs once on positions in place of numbers; what comes out says, for each entry of the result, where it comes
from (0: it is a zero that the operation puts there). Any arithmetic then gathers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from numeric.carriers.carrier import NoRule
from numeric.tape.storage_tape import Constant, Operation, Window, functional, given

MOVES = frozenset(
    """
    _reshape_alias _unsafe_view alias_copy block_diag cat channel_shuffle chunk clone
    col2im concat constant_pad_nd contiguous copy detach_copy diag diag_embed diagonal_backward diagonal_copy
    diagonal_scatter embedding expand_copy fill flip gather im2col index index_copy index_fill index_put
    _index_put_impl _unsafe_index _unsafe_index_put index_select lift_fresh_copy masked_fill masked_scatter masked_select
    narrow_copy permute_copy pixel_shuffle pixel_unshuffle put reflection_pad1d reflection_pad2d reflection_pad3d repeat
    repeat_interleave replication_pad1d replication_pad2d replication_pad3d roll rot90 scatter select_backward
    select_copy select_scatter slice_backward slice_copy slice_scatter split_copy split_with_sizes_copy squeeze_copy
    stack t_copy take take_along_dim transpose_copy tril triu unbind_copy unfold_copy unsqueeze_copy view_copy where
    zero vstack hstack dstack column_stack tile
    """.split()
)
"""Operations that only move numbers, or put constants."""
_INDICES = frozenset("index indices mask condition repeats".split())
"""Arguments that say where, not what."""


@dataclass(frozen=True)
class Move:
    """sources: operands whose numbers are moved. maps: for each result, positions from 1 on in the sources, one after
    the other; 0 for zero. None where the operation returns a source's entries in their own order."""

    sources: tuple[Any, ...]
    maps: tuple[Tensor, ...]
    sizes: tuple[tuple[int, ...], ...]


def is_move(operation: Operation) -> bool:
    """Whether the operation is one of these, and adds nothing up."""
    if operation.base not in MOVES:
        return False
    names = [a.name for a in operation.function._schema.arguments] if hasattr(operation.function, "_schema") else []
    named = dict(zip(names, operation.args, strict=False)) | dict(operation.kwargs)
    return not named.get("accumulate") and named.get("reduce") is None


def move(operation: Operation) -> Move:
    """The index map of a move. Raises NoRule where an index is data."""
    sources: list[Any] = []
    start = [1]

    def positions(operand: Any) -> Tensor:
        size = operand.size if isinstance(operand, Window) else tuple(operand.value.shape)
        count = 1
        for n in size:
            count *= n
        made = torch.arange(start[0], start[0] + count, dtype=torch.float64).reshape(size)
        start[0] += count
        sources.append(operand)
        return made

    def swapped(name: str, value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return [swapped(name, v) for v in value]
        if name in _INDICES:
            if isinstance(value, Window):
                raise NoRule("data-dependent: an index or a mask that is data")
            return value.value if isinstance(value, Constant) else value
        if isinstance(value, (Window, Constant)):
            return positions(value)
        if name in ("value", "self", "other", "fill_value") and isinstance(value, (int, float, bool)):
            return _scalar(value, sources, start)
        if isinstance(value, torch.dtype):
            return torch.float64
        return value

    function = functional(operation.function)
    if function is None:
        raise NoRule("no exact rule for it")
    names = [a.name for a in operation.function._schema.arguments]
    args = [swapped(n, v) for n, v in zip(names, operation.args, strict=False)]
    kwargs = {n: swapped(n, v) for n, v in given(operation).items() if n not in ("layout", "device", "pin_memory")}
    if operation.base == "embedding":
        args = args[:2]
    result = function(*args, **kwargs)
    results = result if isinstance(result, (tuple, list)) else (result,)
    return Move(tuple(sources), tuple(r.reshape(-1).long() for r in results), tuple(tuple(r.shape) for r in results))


def _scalar(value: float, sources: list[Any], start: list[int]) -> float:
    if value == 0:
        return 0.0
    sources.append(value)
    start[0] += 1
    return float(start[0] - 1)
