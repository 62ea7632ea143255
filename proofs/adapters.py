"""From a target's own calling convention to (X (N, f), Y (N, m), x_q (f,)) -> (m,).

Built in: `kv` for key/value operators f(q, k, v, ...) with layouts BTHD or BHTD, `tokens` for sequence models,
`attention` for modules called as module(query, keys, values), batch first; `step` for step(W, x, y, ...) -> W, one token
from a memory W (m, f), or `step:transposed` for (f, m). None for targets that already have the convention. A user's
adapter is a function `adapter(layer, X, Y, x_q, **named)`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from proofs.gates import Axes
from proofs.target import Target, TargetError, load

BUILT_IN = (
    "kv",
    "kv:BHTD",
    "kv:exclusive",
    "kv:BHTD:exclusive",
    "tokens",
    "tokens:joint",
    "attention",
    "step",
    "step:transposed",
)
DATA = ("X", "Y", "x_q")
STATES = ("initial_state", "state", "initial_states", "h0", "S0")
"""Names under which key/value operators take their memory."""
FINAL = ("output_final_state", "return_final_state", "return_state")
"""Flags with which they return it."""
_SCALES = ("scale", "sm_scale", "softmax_scale")

Stateful = Callable[..., tuple[Any, Any]]


@dataclass(frozen=True)
class Adapter:
    """How to call a target.

    call(X, Y, x_q, **named) -> whatever the target returns, as (m,). named: the names it passes on, besides the data;
    each is given as a tensor with its axes (see `proofs.gates`), or as a Python number. required: those that have to be
    set. single: those that are one number a context. scaled: whether a readout scale f**-0.5 is the custom.
    stateful(S, X, Y, x_q, **named) -> (prediction, S after the tokens), S (f, m) or (m, f); None where the target keeps
    its memory to itself.
    """

    text: str
    call: Callable[..., Any]
    named: tuple[str, ...]
    required: tuple[str, ...]
    single: tuple[str, ...] = ()
    scaled: bool = False
    stateful: Stateful | None = None


@dataclass(frozen=True)
class Gate:
    """A named argument's tensor, (), (N,), (f,) or (N, f), and which axes those are."""

    tensor: Tensor
    axes: Axes


def adapt(target: Target, text: str | Callable[..., Any] | None) -> Adapter:
    """The adapter called `text` (or that function) for `target`.

    Raises TargetError for an unknown one, or a target it does not fit.
    """
    if text is None:
        return _convention(target)
    if not isinstance(text, str):
        return _own(target, load(text))
    if text in BUILT_IN:
        if text.startswith("kv"):
            return _key_value(target, "BHTD" in text, "exclusive" in text)
        if text.startswith("step"):
            return _stepwise(target, transposed=text.endswith("transposed"))
        return _attention(target) if text == "attention" else _tokens(target, joint=text.endswith("joint"))
    if text.startswith("kv") or ":" not in text:
        near = difflib.get_close_matches(text, BUILT_IN, n=3, cutoff=0.3)
        raise TargetError(f"no adapter {text!r}; built in: {', '.join(near or BUILT_IN)}; or path/to/file.py:function")
    return _own(target, load(text))


def _own(target: Target, own: Target) -> Adapter:
    extra = tuple(p for p in own.parameters[1:] if p not in DATA)
    return Adapter(
        own.text,
        lambda X, Y, x_q, **named: own.call(target.call, X, Y, x_q, **_plain(named)),
        extra,
        tuple(p for p in extra if p in own.required),
    )


def _plain(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: gate.tensor if isinstance(gate, Gate) else gate for name, gate in given.items()}


def _convention(target: Target) -> Adapter:
    names = target.parameters
    if len(names) < 3:
        raise TargetError(
            f"{target.text} takes ({', '.join(names)}); expected layer(X (N, f), Y (N, m), x_q (f,)) -> (m,). "
            f"Use --adapter with one of {', '.join(BUILT_IN)}, or a function of your own"
        )
    named = tuple(n for n in names[3:])

    def call(X: Tensor, Y: Tensor, x_q: Tensor, **given: Any) -> Any:
        return _first(target.call(X, Y, x_q, **_plain(given)))

    def stateful(S: Tensor, X: Tensor, Y: Tensor, x_q: Tensor, **given: Any) -> tuple[Any, Any]:
        columns = [call(X, Y, e, W0=S, **given) for e in torch.eye(X.shape[1], dtype=X.dtype).unbind()]
        return call(X, Y, x_q, W0=S, **given), torch.stack(columns, 1)

    return Adapter(
        "layer(X, Y, x_q)",
        call,
        named,
        tuple(n for n in named if n in target.required),
        stateful=stateful if "W0" in named else None,
    )


def _first(result: Any) -> Any:
    return result[0] if isinstance(result, (tuple, list)) and result else result


def _key_value(target: Target, heads_first: bool, exclusive: bool) -> Adapter:
    if len(target.parameters) < 3:
        raise TargetError(f"{target.text} takes ({', '.join(target.parameters)}); adapter kv needs (q, k, v, ...)")
    by_name = {"q", "k", "v"} <= set(target.parameters)
    data = ("q", "k", "v") if by_name else target.parameters[:3]
    memory = next((n for n in STATES if n in target.optional), None)
    final = next((n for n in FINAL if n in target.parameters), None)
    named = tuple(n for n in target.parameters if n not in data and n not in (memory, final))
    required = tuple(n for n in named if n in target.required)
    single = tuple(n for n in named if n in _SCALES)

    def shaped(array: Tensor, T: int) -> Tensor:
        return array.reshape((1, 1, T, -1) if heads_first else (1, T, 1, -1))

    def gate(name: str, given: Any, T: int) -> Any:
        # a gate is one number, or one number a channel, for a token and head; a scale is one number
        if not isinstance(given, Gate) or name in single:
            return given.tensor if isinstance(given, Gate) else given
        value = given.tensor[:, None] if given.axes == ("N",) else given.tensor
        value = value.expand(T - exclusive, value.shape[-1] if value.ndim else 1)
        if exclusive:
            value = torch.cat([value, torch.ones_like(value[:1])])
        return shaped(value, T) if "f" in given.axes else shaped(value, T)[..., 0]

    def run(X: Tensor, Y: Tensor, x_q: Tensor, given: Mapping[str, Any]) -> Any:
        k, v = X, Y
        if exclusive:  # the readout leaves out its own token, so it gets one that writes nothing
            k = torch.cat([k, torch.zeros_like(x_q)[None, :]])
            v = torch.cat([v, torch.zeros_like(v[:1])])
        T = k.shape[0]
        # only the last position is read; the others get queries of their own, so that a mix-up of positions shows
        q = torch.cat([2 * k[: T - 1, :] - x_q, x_q[None, :]])
        arrays = dict(zip(data, (shaped(t, T) for t in (q, k, v)), strict=True))
        return target.call(**arrays, **{name: gate(name, value, T) for name, value in given.items()})

    def read(out: Any) -> Any:
        return (out[0, 0, -1, :] if heads_first else out[0, -1, 0, :]) if getattr(out, "ndim", 0) == 4 else out

    def call(X: Tensor, Y: Tensor, x_q: Tensor, **given: Any) -> Any:
        return read(_first(run(X, Y, x_q, given)))

    def stateful(S: Tensor, X: Tensor, Y: Tensor, x_q: Tensor, **given: Any) -> tuple[Any, Any]:
        assert memory is not None
        result = run(X, Y, x_q, {**given, memory: S[None, None, :, :], **({final: True} if final else {})})
        out, after = result[0], result[1]
        return read(out), after[0, 0, :, :]

    kind = f"kv, layout {'BHTD' if heads_first else 'BTHD'}, {'exclusive' if exclusive else 'inclusive'} readout"
    return Adapter(kind, call, named, required, single, True, stateful if memory and not exclusive else None)


def _tokens(target: Target, joint: bool) -> Adapter:
    named = target.parameters[1:]

    def call(X: Tensor, Y: Tensor, x_q: Tensor, **given: Any) -> Any:
        f, m = X.shape[1], Y.shape[1]
        if joint:
            query = torch.cat([x_q, x_q.new_zeros(m)])[None, :]
            sequence = torch.cat([torch.cat([X, Y], 1), query])
        else:
            width = max(f, m)
            pad = torch.nn.functional.pad
            pairs = torch.stack([pad(X, (0, width - f)), pad(Y, (0, width - m))], 1).reshape(-1, width)
            sequence = torch.cat([pairs, pad(x_q, (0, width - f))[None, :]])
        out = _first(target.call(sequence[None, ...], **_plain(given)))
        if getattr(out, "ndim", 0) != 3:
            return out
        return out[0, -1, f : f + m] if joint else out[0, -1, :m]

    kind = "tokens [x | y] with query [x_q | 0]" if joint else "interleaved tokens x_1, y_1, ..., x_q"
    return Adapter(kind, call, tuple(named), tuple(n for n in named if n in target.required))


def _attention(target: Target) -> Adapter:
    def call(X: Tensor, Y: Tensor, x_q: Tensor, **given: Any) -> Any:
        return _first(target.call(x_q[None, None, :], X[None, :, :], Y[None, :, :], **_plain(given)))[0, 0, :]

    named = target.parameters[3:]
    return Adapter("module(query, keys, values)", call, named, tuple(n for n in named if n in target.required))


def _stepwise(target: Target, transposed: bool) -> Adapter:
    if len(target.parameters) < 3:
        raise TargetError(f"{target.text} takes ({', '.join(target.parameters)}); adapter step needs (W, x, y, ...)")
    named = target.parameters[3:]

    def at(gate: Any, t: int) -> Any:
        if not isinstance(gate, Gate):
            return gate
        return gate.tensor[t] if "N" in gate.axes else gate.tensor

    def stateful(S: Tensor, X: Tensor, Y: Tensor, x_q: Tensor, **given: Any) -> tuple[Any, Any]:
        for t in range(X.shape[0]):
            S = _first(target.call(S, X[t, :], Y[t, :], **{name: at(gate, t) for name, gate in given.items()}))
        return (x_q @ S if transposed else S @ x_q), S

    def call(X: Tensor, Y: Tensor, x_q: Tensor, **given: Any) -> Any:
        f, m = X.shape[1], Y.shape[1]
        return stateful(X.new_zeros(*((f, m) if transposed else (m, f))), X, Y, x_q, **given)[0]

    kind = f"step(W, x, y) from zero, W {'(f, m)' if transposed else '(m, f)'}, read as W x_q"
    return Adapter(kind, call, named, tuple(n for n in named if n in target.required), stateful=stateful)
