"""How the arguments of a target may be handed over: tensors with gradients, parameters, Python's numbers, other strides.

Each change keeps the numbers; arrays of exact numbers stay as they are, but for strides.
Main definition: `Seen`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from proofs.audit import fresh

_HEADS = 2
"""The axis of heads, in arrays that have one."""


Argument = str | int
"""Of a call: its name, or its number where it is given by position."""


@dataclass(frozen=True)
class Handed:
    """A change of arguments on their way in. only: which of them, if not all."""

    change: Callable[[Any], Any]
    only: Collection[Argument] | None = None

    def __call__(self, argument: Argument, value: Any) -> Any:
        return self.change(value) if self.only is None or argument in self.only else value


class Seen:
    """A target whose arguments are changed on their way in, and whose calls are kept."""

    def __init__(self, call: Callable[..., Any], *changes: Handed) -> None:
        self.call, self.changes = call, changes
        self.calls: list[fresh.Call] = []
        self.results: list[Any] = []

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        for change in self.changes:
            args = tuple(change(k, value) for k, value in enumerate(args))
            kwargs = {name: change(name, value) for name, value in kwargs.items()}
        self.calls.append((tuple(map(_kept, args)), {name: _kept(value) for name, value in kwargs.items()}))
        result = self.call(*args, **kwargs)
        self.results.append(result)
        return result

    def __getattr__(self, name: str) -> Any:
        return getattr(self.call, name)


def _kept(value: Any) -> Any:
    return value.detach().clone() if type(value) is Tensor else value


def differentiable(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """As activations are: no leaves, but with a gradient. Exact numbers stay as they are."""
    with torch.enable_grad():
        return {n: t.detach().requires_grad_().clone() if type(t) is Tensor else t for n, t in inputs.items()}


def requiring(value: Any) -> Any:
    """As an activation is, of the same numbers. Exact numbers stay as they are."""
    floats = type(value) is Tensor and value.is_floating_point()
    return differentiable({"": value.detach()})[""] if floats else value


def parameter(value: Any) -> Any:
    """A leaf that requires a gradient, of the same numbers. Exact numbers stay as they are."""
    floats = type(value) is Tensor and value.is_floating_point()
    return torch.nn.Parameter(value.detach().clone()) if floats else value


def number(value: Any) -> Any:
    return value.item() if type(value) is Tensor and value.ndim == 0 else value


def strided(value: Any) -> Any:
    """The same numbers with gaps between them, behind others in memory, in the other order of axes."""
    if not isinstance(value, Tensor) or value.ndim == 0:
        return value
    if value.ndim == 1:
        return torch.stack([value, value], 1)[:, 1]
    turned = value.transpose(-1, -2)
    return torch.cat([turned[:1], turned])[1:].transpose(-1, -2)


def sliced(value: Any) -> Any:
    """The same numbers as the first columns (heads, where an array has them) of an array twice as wide, as where one
    projection makes all inputs: rows are whole, with gaps between them."""
    if not isinstance(value, Tensor) or value.ndim == 0:
        return value
    axis = min(value.ndim - 1, _HEADS)
    return torch.cat([value, -value], axis).narrow(axis, 0, value.shape[axis])
