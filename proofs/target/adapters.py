"""From a target's own calling convention to (X (N, f), Y (N, m), x_q (f,)) -> (m,).

Built in: `kv` for key/value operators f(q, k, v, ...) with layouts BTHD or BHTD, `tokens` for sequence models,
`attention` for modules called as module(query, keys, values), batch first; `step` for step(W, x, y, ...) -> W, one token
from a memory W (m, f), or `step:transposed` for (f, m). `kv` and `tokens` are read at every position; with `:last` at
the last one only, as where no mask keeps earlier positions from later tokens. None for targets that already have the
convention. A user's adapter is a function `adapter(layer, X, Y, x_q, **named)`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from proofs.target.gates import Axes
from proofs.target.loading import Target, TargetError, load
from proofs.target.source.lines import homes

DATA = ("X", "Y", "x_q")
STATES = ("initial_state", "state", "initial_states", "h0", "S0")
"""Names under which key/value operators take their memory."""
FINAL = ("output_final_state", "return_final_state", "return_state")
"""Flags with which they return it."""
_SCALES = ("scale", "sm_scale", "softmax_scale")

Stateful = Callable[..., tuple[Any, Any]]
Cells = Sequence[Sequence[Mapping[str, Any]]]
"""The named arguments of each batch entry and head."""


@dataclass(frozen=True)
class Whole:
    """A target called on several batch entries and heads at once, and read at every position.

    call(q, k, v, cells[, state][, wide]) -> (out, state after): q, k (B, N, H, f), v (B, N, H, m), out (B, N, H, m).
    Position n asks with q's row n, after n tokens, or after all of them where `all_tokens`. wide: one number a token and
    head is given for each channel. heads: whether H may be more than 1.
    last: whether only the last position has the meaning. state: whether a memory (B, H, .., ..) can be handed in.
    queries(q, k): the queries that are asked, where they can't all be chosen.
    """

    call: Callable[..., tuple[Any, Any]]
    heads: bool = False
    last: bool = False
    all_tokens: bool = False
    state: bool = False
    queries: Callable[[Any, Any], Any] = lambda q, k: q

    def reads(self, N: int) -> tuple[int, ...]:
        """How many tokens each of the positions has read."""
        return (N,) * N if self.all_tokens else tuple(range(1, N + 1))


@dataclass(frozen=True)
class Adapter:
    """How to call a target.

    call(X, Y, x_q, **named) -> whatever the target returns, as (m,). named: the names it passes on, besides the data;
    each is given as a tensor with its axes (see `proofs.target.gates`), or as a Python number. required: those that have to be
    set. single: those that are one number a context. scaled: whether a readout scale f**-0.5 is the custom.
    stateful(S, X, Y, x_q, **named) -> (prediction, S after the tokens), S (f, m) or (m, f); None where the target keeps
    its memory to itself. whole: how it is called on whole arrays; None where the convention has no batch and no positions.
    homes: the folders of the target's own files, and the adapter's. own: the user's function, where it is one.
    """

    text: str
    call: Callable[..., Any]
    named: tuple[str, ...]
    required: tuple[str, ...]
    single: tuple[str, ...] = ()
    scaled: bool = False
    stateful: Stateful | None = None
    whole: Whole | None = None
    homes: tuple[str, ...] = ()
    own: Callable[..., Any] | None = None


@dataclass(frozen=True)
class Gate:
    """A named argument's tensor, (), (N,), (f,) or (N, f), and which axes those are."""

    tensor: Tensor
    axes: Axes


def adapt(target: Target, text: str | Callable[..., Any] | None) -> Adapter:
    """The adapter called `text` (or that function) for `target`.

    Raises TargetError for an unknown one, or a target it does not fit.
    """
    found = _adapter(target, text)
    return replace(found, homes=tuple(dict.fromkeys((*homes(target.call), *(homes(found.own) if found.own else ())))))


def _adapter(target: Target, text: str | Callable[..., Any] | None) -> Adapter:
    if text is None:
        return _convention(target)
    if not isinstance(text, str):
        return _own(target, load(text))
    if text in _BUILT_IN:
        return _BUILT_IN[text](target)
    if ":" not in text or text.partition(":")[0] == "kv":
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
        own=own.call,
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
        first = cells[0][0][name]
        if not isinstance(first, Gate) or name in single:
            return first.tensor if isinstance(first, Gate) else first

        def spread(given: Gate) -> Tensor:
            value = given.tensor[:, None] if given.axes == ("N",) else given.tensor
            value = value.expand(T - exclusive, value.shape[-1] if value.ndim else 1)
            return torch.cat([value, torch.ones_like(value[:1])]) if exclusive else value

        array = laid(torch.stack([torch.stack([spread(cell[name]) for cell in row], 1) for row in cells]))
        return array if "f" in first.axes or wide else array[..., 0]

    def run(q: Tensor, k: Tensor, v: Tensor, cells: Cells, state: Any = None, wide: bool = False) -> tuple[Any, Any]:
        if exclusive:  # a position leaves out its own token, so the last one gets a token that writes nothing
            q = torch.cat([q[:, :1], q], 1)
            k, v = (torch.cat([array, torch.zeros_like(array[:, :1])], 1) for array in (k, v))
        arrays = dict(zip(data, (laid(t) for t in (q, k, v)), strict=True))
        given = {name: gate(name, cells, k.shape[1], wide) for name in cells[0][0]}
        if state is not None:
            assert memory is not None
            given |= {memory: state} | ({final: True} if final else {})
        result = target.call(**arrays, **given)
        return _first(result), result[1] if state is not None else None

    def read(out: Any) -> Any:
        if getattr(out, "ndim", 0) != 4:
            return out
        out = torch.stack(out.unbind(1), 2) if heads_first else out
        return out[:, 1:] if exclusive else out

    def whole(q: Tensor, k: Tensor, v: Tensor, cells: Cells, state: Any = None, wide: bool = False) -> tuple[Any, Any]:
        out, after = run(q, k, v, cells, state, wide)
        return read(out), after

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


def _tokens(target: Target, *, joint: bool = False, last: bool = False) -> Adapter:
    named = target.parameters[1:]

    def asked(X: Tensor, Y: Tensor, x_q: Tensor, given: Mapping[str, Any], at: int | None = None) -> Any:
        """The result for [x | y] with the query after the first `at` pairs: X (B, N, f), x_q (B, 1, f)."""
        query = torch.nn.functional.pad(x_q, (0, Y.shape[-1]))
        pairs = torch.cat([X, Y], -1)
        return _first(
            target.call(torch.cat([pairs[:, :at], query, pairs[:, at:]] if at else [pairs, query], 1), **given)
        )

    def interleaved(X: Tensor, Y: Tensor, x_q: Tensor, given: Mapping[str, Any]) -> Any:
        f, m = X.shape[-1], Y.shape[-1]
        width = max(f, m)
        pad = torch.nn.functional.pad
        pairs = torch.stack([pad(X, (0, width - f)), pad(Y, (0, width - m))], 2).flatten(1, 2)
        return _first(target.call(torch.cat([pairs, pad(x_q, (0, width - f))], 1), **given))

    def call(X: Tensor, Y: Tensor, x_q: Tensor, **given: Any) -> Any:
        f, m = X.shape[1], Y.shape[1]
        out = (asked if joint else interleaved)(X[None], Y[None], x_q[None, None], _plain(given))
        if getattr(out, "ndim", 0) != 3:
            return out
        return out[0, -1, f : f + m] if joint else out[0, -1, :m]

    def whole(q: Tensor, k: Tensor, v: Tensor, cells: Cells, state: Any = None, wide: bool = False) -> tuple[Any, Any]:
        X, Y, Q, given = k[:, :, 0], v[:, :, 0], q[:, :, 0], _plain(cells[0][0])
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


def _attention(target: Target) -> Adapter:
    def call(X: Tensor, Y: Tensor, x_q: Tensor, **given: Any) -> Any:
        return _first(target.call(x_q[None, None, :], X[None, :, :], Y[None, :, :], **_plain(given)))[0, 0, :]

    def whole(q: Tensor, k: Tensor, v: Tensor, cells: Cells, state: Any = None, wide: bool = False) -> tuple[Any, Any]:
        out = _first(target.call(q[:, :, 0], k[:, :, 0], v[:, :, 0], **_plain(cells[0][0])))
        return (out[:, :, None] if getattr(out, "ndim", 0) == 3 else out), None

    named = target.parameters[3:]
    required = tuple(n for n in named if n in target.required)
    return Adapter("module(query, keys, values)", call, named, required, whole=Whole(whole, all_tokens=True))


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
            S = _first(target.call(S, X[t, :], Y[t, :], **{name: at(gate, t) for name, gate in given.items()}))
        return (x_q @ S if transposed else S @ x_q), S

    def call(X: Tensor, Y: Tensor, x_q: Tensor, **given: Any) -> Any:
        f, m = X.shape[1], Y.shape[1]
        return stateful(X.new_zeros(*((f, m) if transposed else (m, f))), X, Y, x_q, **given)[0]

    kind = f"step(W, x, y) from zero, W {'(f, m)' if transposed else '(m, f)'}, read as W x_q"
    return Adapter(kind, call, named, tuple(n for n in named if n in target.required), stateful=stateful)


_BUILT_IN: Mapping[str, Callable[[Target], Adapter]] = {
    "kv": _key_value,
    "kv:BHTD": lambda target: _key_value(target, heads_first=True),
    "kv:exclusive": lambda target: _key_value(target, exclusive=True),
    "kv:BHTD:exclusive": lambda target: _key_value(target, heads_first=True, exclusive=True),
    "kv:last": lambda target: _key_value(target, last=True),
    "kv:BHTD:last": lambda target: _key_value(target, heads_first=True, last=True),
    "tokens": _tokens,
    "tokens:joint": lambda target: _tokens(target, joint=True),
    "tokens:last": lambda target: _tokens(target, last=True),
    "tokens:joint:last": lambda target: _tokens(target, joint=True, last=True),
    "attention": _attention,
    "step": _stepwise,
    "step:transposed": lambda target: _stepwise(target, transposed=True),
}
BUILT_IN = tuple(_BUILT_IN)
"""The names of the adapters of this file."""
