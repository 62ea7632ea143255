"""A target whose arguments are read before a call and after it.

Main definition: `Arguments`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import torch
from torch import Tensor

from proofs.audit.fresh import leaves


class Arguments:
    """Calls the target, and keeps the numbers of its arguments as they were and as they are then, each as one row.

    logs: arguments that are logarithms, whose exponentials are kept: exact arithmetic has these.
    """

    def __init__(self, call: Callable[..., Any], logs: Collection[str] = ()) -> None:
        self.call, self.logs = call, logs
        self.before: Any = torch.zeros(0)
        self.after: Any = torch.zeros(0)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        given = [(name in self.logs, leaf) for name, value in kwargs.items() for leaf in leaves(value)]
        given += [(False, leaf) for leaf in leaves(list(args))]
        before = _row(given)
        result = self.call(*args, **kwargs)
        self.before, self.after = before, _row(given)
        return result

    def __getattr__(self, name: str) -> Any:
        return getattr(self.call, name)


def _row(arrays: list[tuple[bool, Tensor]]) -> Tensor:
    rows = [(a.exp() if log else a.clone()).reshape(-1) for log, a in arrays if a.is_floating_point()]
    return torch.cat(rows) if rows else torch.zeros(0)
