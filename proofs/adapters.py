"""From a target's own calling convention to (X (N, f), Y (N, m), x_q (f,)) -> (m,).

Built in: `kv` for key/value operators f(q, k, v, ...) with layouts BTHD or BHTD, `tokens` for sequence models; none for
targets that already have the convention. A user's adapter is a function `adapter(layer, X, Y, x_q, **named)`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from proofs.target import Target, TargetError, load

BUILT_IN = ("kv", "kv:BHTD", "kv:exclusive", "kv:BHTD:exclusive", "tokens", "tokens:joint")
DATA = ("X", "Y", "x_q")


@dataclass(frozen=True)
class Adapter:
    """How to call a target.

    call(X, Y, x_q, **named) -> whatever the target returns, as (m,). named: the names it passes on, besides the data.
    required: those that have to be set.
    """

    text: str
    call: Callable[..., Any]
    named: tuple[str, ...]
    required: tuple[str, ...]


def adapt(target: Target, text: str | None) -> Adapter:
    """The adapter called `text` for `target`. Raises TargetError for an unknown one, or a target it does not fit."""
    if text is None:
        return _convention(target)
    if text.startswith("kv"):
        if text not in BUILT_IN:
            raise TargetError(_unknown(text))
        return _key_value(target, "BHTD" in text, "exclusive" in text)
    if text in BUILT_IN:
        return _tokens(target, joint=text.endswith("joint"))
    if ":" not in text:
        raise TargetError(_unknown(text))
    own = load(text)
    extra = tuple(p for p in own.parameters[1:] if p not in DATA)
    return Adapter(
        text,
        lambda X, Y, x_q, **named: own.call(target.call, X, Y, x_q, **named),
        extra,
        tuple(p for p in extra if p in own.required),
    )


def _unknown(text: str) -> str:
    near = difflib.get_close_matches(text, BUILT_IN, n=3, cutoff=0.3)
    return f"no adapter {text!r}; built in: {', '.join(near or BUILT_IN)}; or path/to/file.py:function"


def _convention(target: Target) -> Adapter:
    names = target.parameters
    if len(names) < 3:
        raise TargetError(
            f"{target.text} takes ({', '.join(names)}); expected layer(X (N, f), Y (N, m), x_q (f,)) -> (m,). "
            f"Use --adapter with one of {', '.join(BUILT_IN)}, or a function of your own"
        )
    named = tuple(n for n in names[3:])

    def call(X: Tensor, Y: Tensor, x_q: Tensor, **given: Any) -> Any:
        return _first(target.call(X, Y, x_q, **given))

    return Adapter("layer(X, Y, x_q)", call, named, tuple(n for n in named if n in target.required))


def _first(result: Any) -> Any:
    return result[0] if isinstance(result, (tuple, list)) and result else result


def _key_value(target: Target, heads_first: bool, exclusive: bool) -> Adapter:
    if len(target.parameters) < 3:
        raise TargetError(f"{target.text} takes ({', '.join(target.parameters)}); adapter kv needs (q, k, v, ...)")
    by_name = {"q", "k", "v"} <= set(target.parameters)
    data = ("q", "k", "v") if by_name else target.parameters[:3]
    named = tuple(n for n in target.parameters if n not in data)
    required = tuple(n for n in named if n in target.required)

    def call(X: Tensor, Y: Tensor, x_q: Tensor, **given: Any) -> Any:
        k, v = X, Y
        if exclusive:  # the readout leaves out its own token, so it gets one that writes nothing
            k = torch.cat([k, torch.zeros_like(x_q)[None, :]])
            v = torch.cat([v, torch.zeros_like(v[:1])])
        T = k.shape[0]
        q = x_q[None, :].expand(T, -1)  # the query at every position; only the last one is read
        shape = (1, 1, T, -1) if heads_first else (1, T, 1, -1)
        gates = {
            # a gate is one number a token and head; an optional parameter (a scale) is one number
            name: value.reshape(1, 1, 1).expand(*((1, 1, T) if heads_first else (1, T, 1)))
            if name in required and isinstance(value, Tensor)
            else value
            for name, value in given.items()
        }
        out = _first(target.call(**dict(zip(data, (t.reshape(shape) for t in (q, k, v)), strict=True)), **gates))
        return (out[0, 0, -1, :] if heads_first else out[0, -1, 0, :]) if getattr(out, "ndim", 0) == 4 else out

    kind = f"kv, layout {'BHTD' if heads_first else 'BTHD'}, {'exclusive' if exclusive else 'inclusive'} readout"
    return Adapter(kind, call, named, required)


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
        out = _first(target.call(sequence[None, ...], **given))
        if getattr(out, "ndim", 0) != 3:
            return out
        return out[0, -1, f : f + m] if joint else out[0, -1, :m]

    kind = "tokens [x | y] with query [x_q | 0]" if joint else "interleaved tokens x_1, y_1, ..., x_q"
    return Adapter(kind, call, tuple(named), tuple(n for n in named if n in target.required))


def number(text: str, names: Mapping[str, Any]) -> Any:
    """A gate's value: a number, a name of `names` (eta, N, f, m), or products and quotients of those. No code runs.

    Raises TargetError with what is allowed.
    """
    import ast
    from fractions import Fraction

    def value(node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=bool()):
                pass
            case ast.Constant(value=int() | float()):
                return Fraction(ast.get_source_segment(text, node) or "")
            case ast.Name(id=name) if name in names:
                return names[name]
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                return -value(inner)
            case ast.BinOp(left=left, op=operator, right=right):
                a, b = value(left), value(right)
                a = float(a) if isinstance(a, Fraction) and isinstance(b, Tensor) else a
                b = float(b) if isinstance(b, Fraction) and isinstance(a, Tensor) else b
                match operator:
                    case ast.Add():
                        return a + b
                    case ast.Sub():
                        return a - b
                    case ast.Mult():
                        return a * b
                    case ast.Div():
                        return a / b
        raise TargetError(f"gate value {text!r}: use a number, one of {', '.join(names)}, or + - * / of those")

    try:
        return value(ast.parse(text, mode="eval").body)
    except (SyntaxError, ValueError, ZeroDivisionError) as error:
        if isinstance(error, TargetError):
            raise
        raise TargetError(
            f"gate value {text!r}: use a number, one of {', '.join(names)}, or + - * / of those"
        ) from None
