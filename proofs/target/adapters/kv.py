"""Key/value operators f(q, k, v, ...), layout [B, T, H, d], or [B, H, T, d] with `BHTD`.

Read at every position; with `last` at the last one only, as where no mask keeps earlier positions from later tokens. With
`exclusive` a position leaves out its own token.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from proofs.target.adapters import FINAL, STATES, Adapter, BuiltIn, Cells, Gate, Whole, first
from proofs.target.loading import Target, TargetError

_SCALES = ("scale", "sm_scale", "softmax_scale")


def _key_value(target: Target, *, heads_first: bool = False, exclusive: bool = False, last: bool = False) -> Adapter:
    if len(target.parameters) < 3:
        raise TargetError(f"{target.text} takes ({', '.join(target.parameters)}); adapter kv needs (q, k, v, ...)")
    by_name = {"q", "k", "v"} <= set(target.parameters)
    data = ("q", "k", "v") if by_name else target.parameters[:3]
    memory = next((n for n in STATES if n in target.optional), None)
    final = next((n for n in FINAL if n in target.parameters), None)
    named = tuple(n for n in target.parameters if n not in data and n not in (memory, final))
    required = tuple(n for n in named if n in target.required)
    single = tuple(n for n in named if n in _SCALES)

    def laid(array: Tensor) -> Tensor:
        return torch.stack(array.unbind(2), 1) if heads_first else array

    def gate(name: str, cells: Cells, T: int, wide: bool) -> Any:
        # a gate is one number, or one number a channel, for a token and head; a scale is one number
        given = cells[0][0][name]
        if not isinstance(given, Gate) or name in single:
            return given.tensor if isinstance(given, Gate) else given

        def spread(one: Gate) -> Tensor:
            value = one.tensor[:, None] if one.axes == ("N",) else one.tensor
            value = value.expand(T - exclusive, value.shape[-1] if value.ndim else 1)
            return torch.cat([value, torch.ones_like(value[:1])]) if exclusive else value

        array = laid(torch.stack([torch.stack([spread(cell[name]) for cell in row], 1) for row in cells]))
        return array if "f" in given.axes or wide else array[..., 0]

    def run(
        q: Tensor,
        k: Tensor,
        v: Tensor,
        cells: Cells,
        state: Any = None,
        wide: bool = False,
        after: bool | None = None,
    ) -> tuple[Any, Any]:
        if exclusive:  # a position leaves out its own token, so the last one gets a token that writes nothing
            q = torch.cat([q[:, :1], q], 1)
            k, v = (torch.cat([array, torch.zeros_like(array[:, :1])], 1) for array in (k, v))
        arrays = dict(zip(data, (laid(t) for t in (q, k, v)), strict=True))
        given = {name: gate(name, cells, k.shape[1], wide) for name in cells[0][0]}
        if state is not None:
            assert memory is not None
            given |= {memory: state}
        if final and (state is not None or after is not None):
            given |= {final: after is not False}
        after = state is not None if after is None else after
        result = target.call(**arrays, **given)
        several = isinstance(result, (tuple, list)) and len(result) > 1
        return first(result), result[1] if after and (several or state is not None) else None

    def read(out: Any) -> Any:
        if getattr(out, "ndim", 0) != 4:
            return out
        out = torch.stack(out.unbind(1), 2) if heads_first else out
        return out[:, 1:] if exclusive else out

    def whole(*arguments: Any, **after: Any) -> tuple[Any, Any]:
        out, left = run(*arguments, **after)
        return read(out), left

    def alone(X: Tensor, Y: Tensor, x_q: Tensor, given: Mapping[str, Any], state: Any = None) -> tuple[Any, Any]:
        # only the last position is read; the others get queries of their own, so that a mix-up of positions shows
        q = torch.cat([2 * X[:-1, :] - x_q, x_q[None, :]])
        q, k, v = (a[None, :, None, :] for a in (q, X, Y))
        out, after = run(q, k, v, [[given]], state)
        if getattr(out, "ndim", 0) == 4:
            out = out[0, 0, -1, :] if heads_first else out[0, -1, 0, :]
        return out, after

    def call(X: Tensor, Y: Tensor, x_q: Tensor, **given: Any) -> Any:
        return alone(X, Y, x_q, given)[0]

    def stateful(S: Tensor, X: Tensor, Y: Tensor, x_q: Tensor, **given: Any) -> tuple[Any, Any]:
        out, after = alone(X, Y, x_q, given, S[None, None, :, :])
        return out, after[0, 0, :, :]

    takes = memory is not None and not exclusive
    kind = f"kv, layout {'BHTD' if heads_first else 'BTHD'}, {'exclusive' if exclusive else 'inclusive'} readout"
    return Adapter(
        f"{kind}, last position only" if last else kind,
        call,
        named,
        required,
        single,
        True,
        stateful if takes else None,
        Whole(whole, heads=True, last=last, state=takes),
    )


ADAPTER = BuiltIn(
    {
        "": _key_value,
        "BHTD": partial(_key_value, heads_first=True),
        "exclusive": partial(_key_value, exclusive=True),
        "BHTD:exclusive": partial(_key_value, heads_first=True, exclusive=True),
        "last": partial(_key_value, last=True),
        "BHTD:last": partial(_key_value, heads_first=True, last=True),
    },
    layouts=("", "BHTD", "exclusive", "BHTD:exclusive"),
)
