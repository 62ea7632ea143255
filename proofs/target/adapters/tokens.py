"""Sequence models of interleaved tokens x_1, y_1, ..., x_q; with `joint` of tokens [x | y] and the query [x_q | 0].

Read at every position; with `last` at the last one only.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from proofs.target.adapters import Adapter, BuiltIn, Cells, Whole, first, plain
from proofs.target.loading import Target


def _tokens(target: Target, *, joint: bool = False, last: bool = False) -> Adapter:
    named = target.parameters[1:]

    def asked(X: Tensor, Y: Tensor, x_q: Tensor, given: Mapping[str, Any], at: int | None = None) -> Any:
        """The result for [x | y] with the query after the first `at` pairs: X (B, N, f), x_q (B, 1, f)."""
        query = torch.nn.functional.pad(x_q, (0, Y.shape[-1]))
        pairs = torch.cat([X, Y], -1)
        return first(
            target.call(torch.cat([pairs[:, :at], query, pairs[:, at:]] if at else [pairs, query], 1), **given)
        )

    def interleaved(X: Tensor, Y: Tensor, x_q: Tensor, given: Mapping[str, Any]) -> Any:
        f, m = X.shape[-1], Y.shape[-1]
        width = max(f, m)
        pad = torch.nn.functional.pad
        pairs = torch.stack([pad(X, (0, width - f)), pad(Y, (0, width - m))], 2).flatten(1, 2)
        return first(target.call(torch.cat([pairs, pad(x_q, (0, width - f))], 1), **given))

    def call(X: Tensor, Y: Tensor, x_q: Tensor, **given: Any) -> Any:
        f, m = X.shape[1], Y.shape[1]
        out = (asked if joint else interleaved)(X[None], Y[None], x_q[None, None], plain(given))
        if getattr(out, "ndim", 0) != 3:
            return out
        return out[0, -1, f : f + m] if joint else out[0, -1, :m]

    def whole(q: Tensor, k: Tensor, v: Tensor, cells: Cells, state: Any = None, wide: bool = False) -> tuple[Any, Any]:
        X, Y, Q, given = k[:, :, 0], v[:, :, 0], q[:, :, 0], plain(cells[0][0])
        f, m, N = X.shape[-1], Y.shape[-1], X.shape[1]
        if joint:  # each position has to be a query once, with the later pairs behind it
            read = [asked(X, Y, Q[:, n - 1 : n], given, n if n < N else None) for n in range(1, N + 1)]
            if read[-1].shape[1] != N + 1:
                return read[-1], None
            return torch.stack([out[:, n, f : f + m] for n, out in enumerate(read, 1)], 1)[:, :, None], None
        out = interleaved(X, Y, Q[:, -1:], given)
        return (out[:, 2::2, :m][:, :, None] if out.shape[1] == 2 * N + 1 else out), None

    kind = "tokens [x | y] with query [x_q | 0]" if joint else "interleaved tokens x_1, y_1, ..., x_q"
    return Adapter(
        f"{kind}, last position only" if last else kind,
        call,
        tuple(named),
        tuple(n for n in named if n in target.required),
        whole=Whole(whole, last=last, queries=(lambda q, k: q) if joint else _next_keys),
    )


def _next_keys(q: Tensor, k: Tensor) -> Tensor:
    """Where a sequence is x_1, y_1, x_2, ..., each position but the last asks with the next key."""
    return torch.cat([k[:, 1:], q[:, -1:]], 1)


ADAPTER = BuiltIn(
    {
        "": _tokens,
        "joint": partial(_tokens, joint=True),
        "last": partial(_tokens, last=True),
        "joint:last": partial(_tokens, joint=True, last=True),
    },
    layouts=("", "joint"),
    reminder="is the layout right? tokens takes a sequence x_1, y_1, ..., x_q, and tokens:joint one of [x | y] with the "
    "query [x_q | 0]",
)
