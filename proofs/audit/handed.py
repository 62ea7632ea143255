"""How the arguments of a target may be handed over: tensors with gradients, parameters, Python's numbers, other strides.

Each change keeps the numbers; arrays of exact numbers stay as they are, but for strides.
Main definition: `Seen`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import torch
from torch import Tensor

from proofs.audit import fresh


class Seen:
    """A target whose tensors are changed on their way in, all or those of these names, and whose calls are kept."""

    def __init__(
        self, call: Callable[..., Any], change: Callable[[Any], Any], only: Collection[str] | None = None
    ) -> None:
        self.call, self.change, self.only = call, change, only
        self.calls: list[fresh.Call] = []
        self.results: list[Any] = []

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        args = tuple(map(self.change, args)) if self.only is None else args
        kwargs = {n: self.change(v) if self.only is None or n in self.only else v for n, v in kwargs.items()}
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


def differentiable_keys(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {**inputs, **differentiable({"X": inputs["X"]})}


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
