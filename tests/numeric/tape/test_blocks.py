"""Loops on tapes: what is one and the same block a token is told from all that only looks like it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from numeric.entropy import Entropy
from numeric.tape.blocks import Loop, loop
from numeric.tape.recorder import record
from reports.said import said

LAYERS: dict[str, tuple[Callable[..., Tensor], str]] = {}
"""By name, with a word of the reason; empty for a loop."""


def layer(reason: str = "") -> Callable[[Callable[..., Tensor]], Callable[..., Tensor]]:
    def add(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        LAYERS[function.__name__] = function, reason
        return function

    return add


def walked(keys: Tensor, values: Tensor, rate: Callable[[int], Any], x_q: Tensor) -> Tensor:
    W = values.new_zeros(values.shape[1], keys.shape[1])
    for t, (x, y) in enumerate(zip(keys, values, strict=True)):
        W = W - rate(t) * torch.outer(W @ x - y, x)
    return W @ x_q


@layer()
def delta(X: Tensor, Y: Tensor, x_q: Tensor, beta: Tensor) -> Tensor:
    return walked(X, Y, lambda t: beta, x_q)


@layer()
def in_place(X: Tensor, Y: Tensor, x_q: Tensor, beta: Tensor) -> Tensor:
    W = X.new_zeros(Y.shape[1], X.shape[1])
    for t in range(len(X)):
        W.add_(beta * torch.outer(Y[t] - W @ X[t], X[t]))
    return W @ x_q


@layer()
def scaled_before(X: Tensor, Y: Tensor, x_q: Tensor, beta: Tensor) -> Tensor:
    return walked(2 * X, beta * Y, lambda t: 1, x_q)


@layer("does not grow")
def rate_that_halves(X: Tensor, Y: Tensor, x_q: Tensor, beta: Tensor) -> Tensor:
    return walked(X, Y, lambda t: (0.5 if t < 40 else 0.25) * beta, x_q)


@layer("do not repeat")
def rate_by_token(X: Tensor, Y: Tensor, x_q: Tensor, beta: Tensor) -> Tensor:
    return walked(X, Y, lambda t: beta / (t + 1), x_q)


@layer("do not repeat")
def prefixes(X: Tensor, Y: Tensor, x_q: Tensor, beta: Tensor) -> Tensor:
    W = X.new_zeros(Y.shape[1], X.shape[1])
    for t in range(1, len(X) + 1):
        W = W - beta * (W @ X[:t].T - Y[:t].T) @ X[:t]
    return W @ x_q


@layer("mixes")
def sums_before(X: Tensor, Y: Tensor, x_q: Tensor, beta: Tensor) -> Tensor:
    return walked(X.cumsum(0), Y, lambda t: beta, x_q)


@layer("another function")
def places_added(X: Tensor, Y: Tensor, x_q: Tensor, beta: Tensor) -> Tensor:
    return walked(X + torch.arange(len(X), dtype=X.dtype)[:, None], Y, lambda t: beta, x_q)


@layer("once a token")
def last_twenty(X: Tensor, Y: Tensor, x_q: Tensor, beta: Tensor) -> Tensor:
    return walked(X[-20:], Y[-20:], lambda t: beta, x_q)


@layer("once a token")
def no_loop(X: Tensor, Y: Tensor, x_q: Tensor, beta: Tensor) -> Tensor:
    return beta * (Y.T @ (X @ x_q))


def drawn(T: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(T)
    shapes = {"X": (T, 4), "Y": (T, 3), "x_q": (4,), "beta": ()}
    return {name: torch.randn(s, dtype=torch.float64, generator=generator) for name, s in shapes.items()}


@pytest.mark.parametrize("name", LAYERS)
def test_a_loop_is_told_from_what_is_none(name: str) -> None:
    function, reason = LAYERS[name]
    short, long = (record(function, drawn(T))[0] for T in (60, 61))
    found = loop(short, long, ("X", "Y"), 1, Entropy(1))
    if reason:
        assert not isinstance(found, Loop) and reason in said(found)
    else:
        assert isinstance(found, Loop)
        assert found.blocks == 60
        assert len(long.operations) == found.head + found.block * found.blocks + found.tail
