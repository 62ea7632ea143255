"""Derivatives of recordings against difference quotients of the code on exact numbers, which take no derivative at all."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from numeric.deciding.gradients import Backward, Derivative
from numeric.deciding.programs import rational, recorded

STEP = Fraction(1, 2**80)


def product(x: Tensor, y: Tensor) -> Tensor:
    return (x @ y).cumsum(0).prod()


def in_place(x: Tensor, y: Tensor) -> Tensor:
    S = torch.zeros(2, 2, dtype=x.dtype)
    for row in x:
        S += torch.outer(row, row)  # what is read below is written to here
        S[0] *= y[1]
        S[:, 1] += S[:, 0] * y[0]
    return (S * S).sum()


def solved(x: Tensor, y: Tensor) -> Tensor:
    A = torch.eye(2, dtype=x.dtype) + (x @ x.mT).tril(-1)
    return (torch.linalg.solve_triangular(A, x, upper=False) @ y).square().sum() / (1 + y @ y)


def moved(x: Tensor, y: Tensor) -> Tensor:
    windows = torch.cat([x.flip(0), x.mT], 1).unfold(1, 2, 1)
    return (
        torch.einsum("abc,c->", windows, y) * x.diagonal().sum() + x.masked_fill(x.new_ones(2, 2).triu() > 0, 0).sum()
    )


def inner(x: Tensor, y: Tensor) -> Tensor:
    with torch.enable_grad():  # a gradient step, whose graph ends with it
        W = torch.zeros(2, dtype=x.dtype, requires_grad=True)
        (step,) = torch.autograd.grad(((x @ W - y) ** 2).sum(), W)
    return (step.detach() * y).sum()


@pytest.mark.parametrize("program", [product, in_place, solved, moved, inner])
def test_derivatives_are_difference_quotients(program: Callable[..., Any]) -> None:
    x = torch.tensor([[0.5, -1.25], [2.0, 0.75]], dtype=torch.float64)
    y = torch.tensor([1.5, -0.5], dtype=torch.float64)
    found = Derivative(recorded(program), ("x", "y"))(x=x, y=y)
    flat = [Fraction(v) for v in (*x.reshape(-1).tolist(), *y.tolist())]

    def at(k: int, step: Fraction) -> Fraction:
        there = [v + step * (i == k) for i, v in enumerate(flat)]
        parts = {"x": np.array(there[:4], dtype=object).reshape(2, 2), "y": np.array(there[4:], dtype=object)}
        return Fraction(rational(program, parts)[0].reshape(-1)[0])

    for k, value in enumerate(found.tolist()):
        quotient = (at(k, STEP) - at(k, -STEP)) / (2 * STEP)
        assert abs(Fraction(value) - quotient) <= abs(quotient) / 2**40 + Fraction(1, 2**60), (
            k,
            value,
            float(quotient),
        )


def test_a_program_s_own_pass() -> None:
    x, y = torch.tensor([1.0, 2.0]).double(), torch.tensor([3.0, 4.0]).double()

    def cut(x: Tensor, y: Tensor) -> Tensor:
        return (x.detach() * y).sum()

    of = ("x", "y")
    assert Backward(cut, of).paths(x=x, y=y)["x"] is None
    assert Backward(cut, of)(x=x, y=y).tolist() == [0, 0, 1, 2]
    assert Derivative(recorded(cut), of)(x=x, y=y).tolist() == [3, 4, 1, 2]
    assert Backward(cut, ("y",))(x=x, y=y).tolist() == [1, 2]
    assert not x.requires_grad and x.grad is None
