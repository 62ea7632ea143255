"""Modules called as module(query, keys, values), batch first."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from proofs.target.adapters import Adapter, BuiltIn, Cells, Whole, first, plain
from proofs.target.loading import Target


def _attention(target: Target) -> Adapter:
    def call(X: Tensor, Y: Tensor, x_q: Tensor, **given: Any) -> Any:
        return first(target.call(x_q[None, None, :], X[None, :, :], Y[None, :, :], **plain(given)))[0, 0, :]

    def whole(q: Tensor, k: Tensor, v: Tensor, cells: Cells, state: Any = None, wide: bool = False) -> tuple[Any, Any]:
        out = first(target.call(q[:, :, 0], k[:, :, 0], v[:, :, 0], **plain(cells[0][0])))
        return (out[:, :, None] if getattr(out, "ndim", 0) == 3 else out), None

    named = target.parameters[3:]
    required = tuple(n for n in named if n in target.required)
    return Adapter("module(query, keys, values)", call, named, required, whole=Whole(whole, all_tokens=True))


ADAPTER = BuiltIn({"": _attention})
