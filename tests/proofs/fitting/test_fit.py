"""Fits find the numbers of a learner to all digits, and leave a residual where the learner is another one."""

from __future__ import annotations

from fractions import Fraction

import flint
import numpy as np
import pytest
import torch

from constructions.learners import library
from numeric.deciding.balls import BITS
from numeric.deciding.programs import rational
from numeric.probing.box import Box, generic
from proofs.fitting.fit import Cause, Data, Miss, Model, Slot, Solution, fit, gauge_fixed, lifted, models, rationalised


def momentum(X, Y, x_q):
    W = X.new_zeros(Y.shape[1], X.shape[1])
    V = torch.zeros_like(W)
    for x, y in zip(X, Y, strict=True):
        V = 0.7 * V + 0.3 * torch.outer(y - W @ x, x)
        W = W + V
    return W @ x_q


def summed(X, Y, x_q):
    return 0.1 * (Y.T @ X) @ x_q


def fading(X, Y, x_q):
    rates = torch.tensor([0.5, 0.75, 0.875, 1.0], dtype=X.dtype)
    S = X.new_zeros(X.shape[1], Y.shape[1])
    for x, y in zip(X, Y, strict=True):
        S = rates[:, None] * S + torch.outer(x, y)
    return x_q @ S


def kernel(X, Y, x_q):
    scores = X @ x_q
    weights = 2 + scores + scores**2 / 4
    return weights @ Y / weights.sum()


def model(id, *, sizes=None, pinned=None, readout=False, **counts):
    learner = library()[id].given(**counts) if counts else library()[id]
    open_ones = [p for p in learner.parameters if p.name not in (pinned or {})]
    slots = tuple(Slot(p, (sizes or {}).get(p.name, ())) for p in open_ones)
    return Model(learner, slots, pinned or {}, readout)


def fitted(program, chosen):
    return fit(chosen, Data(Box(program, 4, 3)), 0.3)


def test_the_floats_of_the_code_are_found_exactly():
    found = fitted(momentum, model("heavy_ball"))
    assert isinstance(found, Solution)
    assert found.numbers == (Fraction(0.3), Fraction(0.7))
    assert found.powers == (0, 0) and found.steady


def test_a_sum_is_a_step_that_grows_with_the_context():
    found = fitted(summed, model("gd", steps=1))
    assert isinstance(found, Solution)
    assert found.powers == (1,)
    assert found.numbers == (5 * Fraction(0.1),)
    assert found.guess(9) == [9 * Fraction(0.1)]


def test_one_number_for_each_channel():
    found = fitted(fading, model("channel_discount", sizes={"decay": (4,)}))
    assert isinstance(found, Solution)
    assert [float(v) for v in found.numbers] == [1, 0.5, 0.75, 0.875, 1]


@pytest.mark.parametrize("id", ["online_gd", "decay_then_step", "step_then_decay", "implicit_step"])
def test_a_wrong_learner_leaves_a_residual(id):
    found = fitted(momentum, model(id))
    assert isinstance(found, Miss)
    assert found.residual > 1e-3


def test_a_change_of_2_to_minus_60_is_a_miss():
    def shifted(X, Y, x_q):
        return momentum(X, Y, x_q) + 2.0**-60 * Y[0]

    found = fitted(shifted, model("heavy_ball"))
    assert isinstance(found, Miss)
    assert 2.0**-64 < found.residual < 2.0**-50


def test_numbers_with_a_common_factor_are_told_and_fixed():
    loose = model("polynomial_smoother")
    found = fitted(kernel, loose)
    assert isinstance(found, Miss) and found.why is Cause.GAUGE
    fixed = [fitted(kernel, smaller) for smaller in gauge_fixed(loose)]
    solved = [f for f in fixed if isinstance(f, Solution)]
    assert [dict(f.model.pinned) for f in solved] == [{"c0": 1}, {"c1": 1}, {"c2": 1}]
    assert solved[0].numbers == (Fraction(1, 2), Fraction(1, 8))


def test_every_learner_has_a_model_and_the_simplest_comes_first():
    found = models(library(), 4, 3)
    left_out = set(library()) - {m.learner.id.split(":")[0] for m in found}
    assert left_out <= {"oblique_delta"}  # it needs data of its own for each token
    assert [m.complexity for m in found] == sorted(m.complexity for m in found)
    assert found[0].complexity <= 1


def test_long_fractions_reach_exact_arithmetic_unrounded():
    value = Fraction(2**200 + 1, 3**90)

    def program(X):
        return lifted(value, X) * X

    point = np.array([Fraction(1)], dtype=object)
    assert rational(program, {"X": point})[0][0] == value


def test_rational_numbers_are_read_off_and_others_are_not():
    with flint.ctx.workprec(BITS):
        assert rationalised(flint.arb(flint.fmpq(1, 3))) == Fraction(1, 3)
        assert rationalised(flint.arb(0.1)) == Fraction(0.1)
        root = rationalised(flint.arb(2).sqrt())
        assert isinstance(root, flint.arb)


def test_points_are_generic():
    entries = generic((6, 5), 3)
    assert all(v != 0 and abs(v) < 2 for v in entries.flat)
    assert len(set(entries.flat)) > 10
    assert (generic((6, 5), 3) == entries).all() and not (generic((6, 5), 4) == entries).all()
