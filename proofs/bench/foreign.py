"""How layers that nobody here wrote are called, where the built-in adapters don't fit: a few lines each.

Adapters take the target first: adapter(target, X, Y, x_q, **named). The others are targets, built from a package's parts
with fixed weights.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from numeric.tape.numpy.programs import as_program


def optimiser(SGD: Any, X: Tensor, Y: Tensor, x_q: Tensor, W0: Tensor, beta: Tensor, **options: float) -> Tensor:
    """torch.optim.SGD, one step a token on beta times its loss at learning rate 1; it takes no indeterminate rate."""
    with torch.enable_grad():
        W = torch.nn.Parameter(W0.detach().clone())
        steps = SGD([W], lr=1.0, foreach=False, **options)
        for x, y in zip(X.unbind(), Y.unbind(), strict=True):
            steps.zero_grad()
            torch.autograd.backward(beta * ((W @ x - y) ** 2).sum() / 2)
            steps.step()
    return W.detach() @ x_q


def momentum(SGD: Any, X: Tensor, Y: Tensor, x_q: Tensor, W0: Tensor, beta: Tensor) -> Tensor:
    """The same with momentum 1/2."""
    return optimiser(SGD, X, Y, x_q, W0, beta, momentum=0.5)


def decayed(SGD: Any, X: Tensor, Y: Tensor, x_q: Tensor, W0: Tensor) -> Tensor:
    """The same at rate 1/2 with weight decay 1/4 (the loss is halved, so the decay is a half of that)."""
    return optimiser(SGD, X, Y, x_q, W0, W0.new_tensor(0.5), weight_decay=0.125)


def _filtered(Filter: Any, X: Any, Y: Any, x_q: Any, **rates: Any) -> Any:
    made = Filter(X.shape[1], w="zeros", **rates)
    for x, y in zip(X, Y, strict=True):
        made.adapt(y[0], x)
    return made.predict(x_q)


def lms(Filter: Any, X: Tensor, Y: Tensor, x_q: Tensor, mu: Tensor) -> Any:
    """padasip's FilterLMS(n, mu), for one output; it starts from zero weights."""
    return as_program(_filtered)(Filter, X, Y, x_q, mu=mu)


def normalised(Filter: Any, X: Tensor, Y: Tensor, x_q: Tensor, mu: Tensor, eps: Tensor) -> Any:
    """padasip's FilterNLMS(n, mu, eps) and FilterRLS(n, mu, eps), for one output."""
    return as_program(_filtered)(Filter, X, Y, x_q, mu=mu, eps=eps)


def mesa(net: Any, X: Tensor, Y: Tensor, x_q: Tensor, g: Tensor, beta: Tensor, lam: Tensor) -> Tensor:
    """fla's mesa net: [B, T, H, d], gates [B, T, H], prior [H, d]."""
    T, f = X.shape
    q, k, v = (a.reshape(1, T, 1, f) for a in (x_q.expand(T, f), X, Y))
    out: Tensor = net(q, k, v, g.expand(T)[None, :, None], lam.expand(f)[None, :], beta.expand(T)[None, :, None])[0]
    return out[0, -1, 0, :]


def attention(X: Tensor, Y: Tensor, x_q: Tensor) -> Tensor:
    """torch.nn.MultiheadAttention with identity weights, one head, f = m."""
    f = X.shape[1]
    with torch.random.fork_rng():  # what it draws for its weights is written over
        layer = torch.nn.MultiheadAttention(f, 1, bias=False, batch_first=True, dtype=X.dtype).eval()
    with torch.no_grad():
        assert layer.in_proj_weight is not None
        layer.in_proj_weight.copy_(torch.eye(f, dtype=X.dtype).repeat(3, 1))
        layer.out_proj.weight.copy_(torch.eye(f, dtype=X.dtype))
    out: Tensor = layer(x_q[None, None, :], X[None, :, :], Y[None, :, :], need_weights=False)[0]
    return out[0, 0, :]


def lstm(X: Tensor, Y: Tensor, x_q: Tensor) -> Tensor:
    """torch.nn.LSTM with random weights of a fixed seed, on tokens (x, y), read at (x_q, 0)."""
    f, m = X.shape[1], Y.shape[1]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layer = torch.nn.LSTM(f + m, m, batch_first=True, dtype=X.dtype)
    query = torch.cat([x_q, x_q.new_zeros(m)])[None, :]
    out: Tensor = layer(torch.cat([torch.cat([X, Y], 1), query])[None, ...])[0]
    return out[0, -1, :]
