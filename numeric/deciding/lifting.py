"""Code that rounds to float32 inside, run in float64.

Reference implementations convert to float32 (`.float()`, `.to(torch.float32)`, `zeros(dtype=torch.float32)`), which hides
an identity behind 1e-7. Lifted, they run unmodified in float64, so that it shows to 1e-16. Types shorter than float32, and
tensors that were float32 before, stay what they are.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode


class Lifted(TorchFunctionMode):
    """Inside the block, casts to float32 and tensors made in float32 are in float64."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is Tensor.float:
            return args[0].double()

        def wide(value: Any) -> Any:
            return torch.float64 if value is torch.float32 else value

        return func(*map(wide, args), **{name: wide(value) for name, value in (kwargs or {}).items()})
