"""Every primitive is what its words say, at sizes past any that a hidden bound would have: integers, so equality."""

from __future__ import annotations

import inspect
from itertools import accumulate
from math import prod

import numpy as np
import pytest
import torch

from constructions.namespace import namespace
from constructions.primitives import Structured

SIZES = (1, 2, 3, 33, 64, 130)
GENERATOR = np.random.default_rng(7)


def whole(*shape):
    return torch.tensor(GENERATOR.integers(-3, 4, shape), dtype=torch.float64)


def recurrence(n):
    X, a = whole(n, 2), torch.tensor(GENERATOR.integers(-1, 2, n), dtype=torch.float64)
    states = list(accumulate(zip(a, X, strict=True), lambda s, t: t[0] * s + t[1], initial=whole(2)))
    return X, a, states


def fold(xp, n):
    X, a, states = recurrence(n)
    last, rows = xp.fold(lambda s, x, a: a * s + x, states[0], X, read=lambda s, x, a: s - x, a=a)
    yield last, states[-1]
    yield rows, torch.stack(states[1:]) - X
    yield (
        xp.fold(lambda s, x, a: a * s + x, states[0], X, a=a[0]),
        xp.fold(lambda s, x, b: b * s + x, states[0], X, a[:1].expand(n)),
    )


def chunks(xp, n):
    X = whole(n, 2)
    for size in (1, 2, 5, 200):
        last, rows = xp.chunks(lambda s, x: s + x.sum(0), whole(2) * 0, X, size=size, read=lambda s, x: s + x.cumsum(0))
        yield last, X.sum(0)
        yield rows, X.cumsum(0)


def iterate(xp, n):
    yield (
        xp.iterate(lambda x: 1 - 2 * x % 7, 3, n),
        list(accumulate(range(n), lambda x, _: 1 - 2 * x % 7, initial=3))[n],
    )


def prefixes(xp, n):
    X = whole(n, 2)
    yield xp.prefixes(lambda t, x: t * x.sum(0), X), torch.stack([t * X[:t].sum(0) for t in range(1, n + 1)])


def associative_scan(xp, n):
    _, a, _ = recurrence(n)
    u = whole(n)
    found = xp.associative_scan(lambda p, q: (p[0] * q[0], q[0] * p[1] + q[1]), (1, 0), a, u)
    pairs = list(accumulate(zip(a, u, strict=True), lambda p, q: (p[0] * q[0], q[0] * p[1] + q[1])))
    yield found[0], torch.stack([p for p, _ in pairs])
    yield found[1], torch.stack([s for _, s in pairs])


def interleave(xp, n):
    X, Y, q = whole(n, 2), whole(n, 2), whole(2)
    yield xp.interleave(X, Y, q), torch.stack([row for pair in zip(X, Y, strict=True) for row in pair] + [q])


def windows(xp, n):
    X = whole(n + 2, 2)
    for width, stride in ((3, 1), (2, 2), (1, 3)):
        starts = [t for t in range(0, n + 2, stride) if t + width <= n + 2]
        yield xp.windows(X, width, stride), torch.stack([X[t : t + width] for t in starts])


def following(xp, n):
    X, q = whole(n, 2), whole(2)
    yield xp.following(X, q), torch.cat([X, q[None]])[1:]


def last(xp, n):
    X = whole(n, 2)
    yield xp.last(X), X[n - 1]


def earlier(xp, n):
    X = whole(n, 2)
    yield xp.earlier(X), X[: n - 1]


def pad(xp, n):
    X, Y = whole(2, n), whole(2, 5)
    wide = torch.zeros(2, max(n, 5), dtype=X.dtype)
    for found, x in zip(xp.pad(X, Y), (X, Y), strict=True):
        want = wide.clone()
        want[:, : x.shape[1]] = x
        yield found, want
    (found,) = xp.pad(X, width=n + 1)
    yield found, torch.cat([X, torch.zeros(2, 1, dtype=X.dtype)], 1)


def keep(xp, n):
    X = whole(2, n)
    yield xp.keep(X, n - 1), X[:, : n - 1]


def drop(xp, n):
    X = whole(2, n)
    yield xp.drop(X, n - 1), X[:, n - 1 :]


def per_token(xp, n):
    X, a = whole(n, 2), whole(n)
    yield xp.per_token(a, X), a
    yield xp.per_token(a[0], X), torch.stack([a[0]] * n)


def products(decay, first, end):
    """The product of the decays of tokens first <= t < end."""
    return prod((decay[t] for t in range(first, end)), start=torch.tensor(1.0, dtype=torch.float64))


def decay_mask(xp, n):
    X, decay, _ = recurrence(n)
    for a, each in ((decay, decay), (decay[0], decay[:1].expand(n))):
        want = [[products(each, s + 1, t + 1) * (s <= t) for s in range(n)] for t in range(n)]
        yield xp.decay_mask(a, X), torch.tensor(want, dtype=torch.float64)


def decay_to_end(xp, n):
    X, decay, _ = recurrence(n)
    yield xp.decay_to_end(decay, X), torch.stack([products(decay, t + 1, n) for t in range(n)])


def decay_from_start(xp, n):
    X, decay, _ = recurrence(n)
    yield xp.decay_from_start(decay, X), torch.stack([products(decay, 0, t + 1) for t in range(n)])


def decay_total(xp, n):
    X, decay, _ = recurrence(n)
    yield xp.decay_total(decay, X), products(decay, 0, n)


def constant(xp, n):
    yield xp.constant(tuple(range(n)), whole(1)), torch.arange(n, dtype=torch.float64)


def gradient(xp, n):
    W, X = whole(n), whole(n)
    yield xp.gradient(lambda w: (w * w * X).sum(), W), 2 * W * X


PRIMITIVES = {name for name, value in vars(Structured).items() if inspect.isfunction(value) and name[0] != "_"}
DEFINED = {name: globals()[name] for name in PRIMITIVES if name in globals()}


def test_each_has_its_definition_here():
    assert DEFINED.keys() == PRIMITIVES


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("name", sorted(DEFINED))
def test_a_primitive_is_its_definition(name, n):
    for found, want in DEFINED[name](namespace(whole(1)), n):
        assert torch.equal(torch.as_tensor(found), torch.as_tensor(want))
