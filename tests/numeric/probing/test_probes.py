"""Each probe tells a layer that has the property from one that has not, exactly where the code is rational."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from numeric.probing.box import Arithmetic, Box, Undefined
from numeric.probing.probes import ask, broken
from reports.said import said


def step(X, Y, x_q):
    return 0.25 * (Y.T @ X) @ x_q


def mean_step(X, Y, x_q):
    return (Y.T @ X) @ x_q / X.shape[0]


def online(X, Y, x_q):
    W = X.new_zeros(Y.shape[1], X.shape[1])
    for x, y in zip(X, Y, strict=True):
        W = 0.75 * W + 0.5 * torch.outer(y - 0.75 * W @ x, x)
    return W @ x_q


def momentum(X, Y, x_q):
    W = X.new_zeros(Y.shape[1], X.shape[1])
    M = torch.zeros_like(W)
    for x, y in zip(X, Y, strict=True):
        M = 0.5 * M + torch.outer(y - W @ x, x)
        W = W + 0.25 * M
    return W @ x_q


def repeated(X, Y, x_q):
    W = X.new_zeros(Y.shape[1], X.shape[1])
    for x, y in zip(X, Y, strict=True):
        for _ in range(2):
            W = W + 0.25 * torch.outer(y - W @ x, x)
    return W @ x_q


def delta(X, Y, x_q):
    W = X.new_zeros(Y.shape[1], X.shape[1])
    for x, y in zip(X, Y, strict=True):
        W = W + 0.5 * torch.outer(y - W @ x, x)
    return W @ x_q


def pairs(X, Y, x_q):
    W = X.new_zeros(Y.shape[1], X.shape[1])
    for t in range(0, len(X), 2):
        W = W - 0.25 * (X[t : t + 2] @ W.T - Y[t : t + 2]).T @ X[t : t + 2]
    return W @ x_q


def ridge(X, Y, x_q):
    P = 2 * torch.eye(X.shape[1], dtype=X.dtype)
    for x in X:
        u = P @ x
        P = P - torch.outer(u, u) / (1 + x @ u)
    return Y.T @ X @ P @ x_q


def smoother(X, Y, x_q):
    return torch.softmax(X @ x_q, 0) @ Y


def channels(X, Y, x_q):
    return (Y.T @ (X * torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=X.dtype))) @ x_q


def biased(X, Y, x_q):
    return step(X, Y, x_q) + 1


def squares(X, Y, x_q):
    return step(X, Y * Y, x_q)


def crossed(X, Y, x_q):
    return step(X, Y, x_q) * torch.tensor([1.0, 1.0, 2.0], dtype=X.dtype)


def normalised(X, Y, x_q):
    return step(X / X.norm(dim=1, keepdim=True), Y, x_q / x_q.norm())


def with_epsilon(X, Y, x_q):
    return step(X / (X.norm(dim=1, keepdim=True) + 1e-6), Y, x_q / x_q.norm())


def late(X, Y, x_q):
    return step(X[:-1], Y[:-1], x_q)


PROPERTIES = [
    ("P0", step, biased),
    ("P0q", step, smoother),
    ("P0n", late, step),
    ("P1", step, squares),
    ("P1q", step, smoother),
    ("P2", step, crossed),
    ("P3", step, channels),
    ("P4", ridge, online),
    ("P5", mean_step, step),
    ("P6", smoother, step),
    ("P7", normalised, step),
    ("P7x", normalised, step),
    ("P7q", normalised, step),
]


@pytest.mark.parametrize(("id", "has", "lacks"), PROPERTIES, ids=[p[0] for p in PROPERTIES])
def test_a_property_is_seen_and_its_lack_too(id, has, lacks):
    def answer(program):
        return next(p for p in ask(Box(program, 4, 3)) if p.id == id)

    assert answer(has).holds is True, answer(has)
    assert answer(lacks).holds is False, answer(lacks)


READINGS = [
    (step, {"P8": "degree 1", "P9": "nothing decays", "P10": "none", "P11": "0.25 times the identity"}),
    (mean_step, {"P9": "as 1/N"}),
    (online, {"P8": "degree 7: 2u-1 for u = 4", "P9": "a decay: factors 0.75", "P10": "online"}),
    (momentum, {"P9": "factors 1, 0.5", "P10": "online"}),
    (pairs, {"P8": "degree 3", "P10": "mini-batches of 2", "P12": "degree 1"}),
    (ridge, {"P8": "numerator of degree 8 over 8", "P10": "both directions", "P12": "no polynomial"}),
    (smoother, {"P8": "no polynomial", "P9": "no recurrence", "P10": "both directions"}),
    (channels, {"P11": "diagonal, not a multiple of 1"}),
]


@pytest.mark.parametrize(("program", "told"), READINGS, ids=[r[0].__name__ for r in READINGS])
def test_readings(program, told):
    answers = {p.id: said(p.answer) for p in ask(Box(program, 4, 3))}
    for id, text in told.items():
        assert text in answers[id], answers[id]


def test_an_epsilon_is_named():
    probe = next(p for p in ask(Box(with_epsilon, 4, 3)) if p.id == "P7x")
    assert probe.holds is False
    assert "an epsilon" in said(probe.answer)
    assert 0 < probe.figures["gap"] < 1e-5


def test_the_strongest_arithmetic_is_taken():
    assert Box(ridge, 4, 3).arithmetic is Arithmetic.EXACT
    assert Box(smoother, 4, 3).arithmetic is Arithmetic.BALLS
    cut = Box(lambda X, Y, x_q: step(X, Y, x_q) * (1 + 0 * float(X[0, 0])), 4, 3)
    assert cut.arithmetic is Arithmetic.FLOAT
    assert "data-dependent" in cut.refused


def test_a_box_without_a_value_says_so():
    box = Box(lambda X, Y, x_q: Y[0] / (X @ x_q).sum(), 4, 3)
    X, Y, q = (np.zeros(shape, dtype=object) for shape in ((2, 4), (2, 3), (4,)))
    with pytest.raises(Undefined, match="divisor is 0"):
        box(X, Y, q)
    assert any(p.holds is None for p in ask(box))


def test_a_learner_is_ruled_out_by_what_it_has_and_the_layer_lacks():
    layer = ask(Box(online, 4, 3))
    assert broken(Box(pairs, 4, 3, Arithmetic.FLOAT), layer).id == "P10"
    assert broken(Box(ridge, 4, 3, Arithmetic.FLOAT), layer).id == "P4"
    assert broken(Box(smoother, 4, 3, Arithmetic.FLOAT), layer).id in ("P0q", "P1q")
    assert broken(Box(momentum, 4, 3, Arithmetic.FLOAT), ask(Box(momentum, 4, 3))) is None
    assert broken(Box(step, 4, 3, Arithmetic.FLOAT), ask(Box(mean_step, 4, 3))) is None  # a step may go with N


def test_a_learner_is_ruled_out_by_one_token_and_by_null_tokens():
    forgets, keeps = ask(Box(online, 4, 3)), ask(Box(delta, 4, 3))
    assert broken(Box(momentum, 4, 3, Arithmetic.FLOAT), forgets).id == "P9"  # two factors a token, not one
    assert broken(Box(delta, 4, 3, Arithmetic.FLOAT), forgets).id == "P9"
    assert broken(Box(online, 4, 3, Arithmetic.FLOAT), keeps).id == "P9"
    assert broken(Box(repeated, 4, 3, Arithmetic.FLOAT), keeps).id == "P12"
    assert broken(Box(delta, 4, 3, Arithmetic.FLOAT), keeps) is None
    assert broken(Box(repeated, 4, 3, Arithmetic.FLOAT), ask(Box(repeated, 4, 3))) is None
