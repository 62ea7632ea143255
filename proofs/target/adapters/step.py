"""Rules for one token, step(W, x, y, ...) -> W from a memory W (m, f); with `transposed` (f, m)."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import Tensor

from proofs.target.adapters import Adapter, BuiltIn, Gate, first
from proofs.target.loading import Target, TargetError


def _stepwise(target: Target, *, transposed: bool = False) -> Adapter:
    if len(target.parameters) < 3:
        raise TargetError(f"{target.text} takes ({', '.join(target.parameters)}); adapter step needs (W, x, y, ...)")
    named = target.parameters[3:]

    def at(gate: Any, t: int) -> Any:
        if not isinstance(gate, Gate):
            return gate
        return gate.tensor[t] if "N" in gate.axes else gate.tensor

    def stateful(S: Tensor, X: Tensor, Y: Tensor, x_q: Tensor, **given: Any) -> tuple[Any, Any]:
        for t in range(X.shape[0]):
            S = first(target.call(S, X[t, :], Y[t, :], **{name: at(gate, t) for name, gate in given.items()}))
        return (x_q @ S if transposed else S @ x_q), S

    def call(X: Tensor, Y: Tensor, x_q: Tensor, **given: Any) -> Any:
        f, m = X.shape[1], Y.shape[1]
        return stateful(X.new_zeros(*((f, m) if transposed else (m, f))), X, Y, x_q, **given)[0]

    kind = f"step(W, x, y) from zero, W {'(f, m)' if transposed else '(m, f)'}, read as W x_q"
    return Adapter(kind, call, named, tuple(n for n in named if n in target.required), stateful=stateful)


ADAPTER = BuiltIn({"": _stepwise, "transposed": partial(_stepwise, transposed=True)})
