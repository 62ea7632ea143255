"""A target whose arguments are read before a call and after it.

Main definition: `Arguments`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from proofs.audit.fresh import leaves


class Arguments:
    """Calls the target, and keeps the numbers of its arguments as they were and as they are then, each as one row."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self.call = call
        self.before: Any = torch.zeros(0)
        self.after: Any = torch.zeros(0)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        given = [array for array in leaves([*args, *kwargs.values()]) if array.is_floating_point()]
        before = _row(given)
        result = self.call(*args, **kwargs)
        self.before, self.after = before, _row(given)
        return result

    def __getattr__(self, name: str) -> Any:
        return getattr(self.call, name)


def _row(arrays: list[Tensor]) -> Tensor:
    return torch.cat([array.reshape(-1).clone() for array in arrays]) if arrays else torch.zeros(0)
