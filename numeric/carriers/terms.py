"""The carrier that estimates work: how many monomials each value would have if none merged."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from numeric.carriers.carrier import Carrier, NoRule, Parts


class Terms(Carrier):
    """One float64 part: an upper bound for the number of monomials, as if none merged."""

    name = "number of terms"
    dtypes = (torch.float64,)
    associative = True

    def lift(self, values: Tensor) -> Parts:
        return ((values != 0).double()[None],)

    def constant(self, value: float | int) -> Parts:
        return (torch.tensor([float(value != 0)], dtype=torch.float64),)

    def indeterminate(self, shape: Sequence[int]) -> Parts:
        """Independent variables."""
        return (torch.ones((1, *shape), dtype=torch.float64),)

    def add(self, a: Parts, b: Parts) -> Parts:
        return (a[0] + b[0],)

    def neg(self, a: Parts) -> Parts:
        return a

    def mul(self, a: Parts, b: Parts) -> Parts:
        return (a[0] * b[0],)

    def div(self, a: Parts, b: Parts) -> Parts:
        raise NoRule("division by data: the result is a rational function, not a polynomial")

    def ratio(self, a: Parts, b: Parts) -> Parts:
        if bool((b[0] > 1).any()):
            raise NoRule("the logarithm of a sum, subtracted: the result is a rational function, not a polynomial")
        return (a[0] * torch.ones_like(b[0]),)

    def div_constant(self, a: Parts, values: Tensor) -> Parts:
        return (a[0] + torch.zeros(values.shape, dtype=torch.float64),)

    def matmul(self, a: Parts, b: Parts) -> Parts:
        return (a[0] @ b[0],)

    def sum(self, a: Parts, dims: Sequence[int], keepdim: bool) -> Parts:
        return (a[0].sum(dim=tuple(dims), keepdim=keepdim),)
