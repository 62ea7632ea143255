"""From a target's own calling convention to (X (N, f), Y (N, m), x_q (f,)) -> (m,): one file for each convention.

`library()` finds every file of this folder; adding an adapter is one new file that defines `ADAPTER`, a `BuiltIn`. Its
name is the file's, with a variant after a colon. None for targets that have the convention (X, Y, x_q) already. A user's
adapter is a function `adapter(layer, X, Y, x_q, **named)`.
Main definitions: `Adapter`, `BuiltIn`, `adapt`, `library`.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
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

Stateful = Callable[..., tuple[Any, Any]]
Cells = Sequence[Sequence[Mapping[str, Any]]]
"""The named arguments of each batch entry and head."""


@dataclass(frozen=True)
class Whole:
    """A target called on several batch entries and heads at once, and read at every position.

    call(q, k, v, cells[, state][, wide][, after]) -> (out, state after): q, k (B, N, H, f), v (B, N, H, m), out (B, N, H, m).
    Position n asks with q's row n, after n tokens, or after all of them where `all_tokens`. wide: one number a token and
    head is given for each channel. heads: whether H may be more than 1.
    last: whether only the last position has the meaning. state: whether a memory (B, H, .., ..) can be handed in; then `after` says
    whether the one after is asked for, which it is where one is handed in if that is not said.
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


@dataclass(frozen=True)
class BuiltIn:
    """A convention, as a file of this folder defines it.

    variants: how a target is called, by what follows the name; "" for the bare name. layouts: those of them that are tried
    where a target differs from a learner. reminder: what is asked where none of these agrees.
    """

    variants: Mapping[str, Callable[[Target], Adapter]]
    layouts: tuple[str, ...] = ()
    reminder: str = ""


@cache
def library() -> dict[str, BuiltIn]:
    """All conventions of this folder by name, sorted."""
    names = sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))
    return {name: importlib.import_module(f"{__name__}.{name}").ADAPTER for name in names}


def named(name: str, variant: str) -> str:
    """What a variant of a convention is called."""
    return f"{name}:{variant}" if variant else name


def built_in() -> tuple[str, ...]:
    """The names of all adapters of this folder."""
    return tuple(named(name, variant) for name, found in library().items() for variant in found.variants)


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
    name, colon, variant = text.partition(":")
    convention = library().get(name)
    if convention is not None and variant in convention.variants:
        return convention.variants[variant](target)
    if convention is not None or not colon:
        own = [named(name, v) for v in convention.variants] if convention is not None else []
        near = own or difflib.get_close_matches(text, built_in(), n=3, cutoff=0.3)
        said = f"near names: {', '.join(near)}; " if near else ""
        raise TargetError(f"no adapter {text!r}; {said}built in: {', '.join(built_in())}; or path/to/file.py:function")
    return _own(target, load(text))


def _own(target: Target, own: Target) -> Adapter:
    extra = tuple(p for p in own.parameters[1:] if p not in DATA)
    return Adapter(
        own.text,
        lambda X, Y, x_q, **named: own.call(target.call, X, Y, x_q, **plain(named)),
        extra,
        tuple(p for p in extra if p in own.required),
        own=own.call,
    )


def plain(given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments as a target takes them."""
    return {name: gate.tensor if isinstance(gate, Gate) else gate for name, gate in given.items()}


def _own_copy(given: Any) -> Any:
    return replace(given, tensor=given.tensor.clone()) if isinstance(given, Gate) else given


def _convention(target: Target) -> Adapter:
    names = target.parameters
    if len(names) < 3:
        raise TargetError(
            f"{target.text} takes ({', '.join(names)}); expected layer(X (N, f), Y (N, m), x_q (f,)) -> (m,). "
            f"Use --adapter with one of {', '.join(built_in())}, or a function of your own"
        )
    named = tuple(n for n in names[3:])

    def call(X: Tensor, Y: Tensor, x_q: Tensor, **given: Any) -> Any:
        return first(target.call(X, Y, x_q, **plain(given)))

    def stateful(S: Tensor, X: Tensor, Y: Tensor, x_q: Tensor, **given: Any) -> tuple[Any, Any]:
        def asked(x: Tensor) -> Any:  # of copies, which the target may write to
            return call(
                X.clone(), Y.clone(), x, W0=S.clone(), **{name: _own_copy(gate) for name, gate in given.items()}
            )

        columns = [asked(e) for e in torch.eye(X.shape[1], dtype=X.dtype).unbind()]
        return asked(x_q), torch.stack(columns, 1)

    return Adapter(
        "layer(X, Y, x_q)",
        call,
        named,
        tuple(n for n in named if n in target.required),
        tuple(n for n in named if n in target.numbers),
        stateful=stateful if "W0" in named else None,
    )


def first(result: Any) -> Any:
    """What a target returns, the first of several things."""
    return result[0] if isinstance(result, (tuple, list)) and result else result
