"""GD-SSM: against plain numpy loops written from the paper, on integers, where floats are exact; numpy and torch
alike."""

import array_api_strict
import numpy as np
import pytest
import torch

from constructions import constructed_tokens, gd_ssm, two_accumulators
from constructions.gated_accumulator import closed_form, gated_recurrence, parallel_scan, recurrence

SIZES = [(3, 2, 4), (2, 5, 3), (1, 1, 1), (4, 4, 7)]


def integers(seed, *shapes):
    rng = np.random.default_rng(seed)
    return [rng.integers(-4, 5, shape).astype(float) for shape in shapes]


def prefix_sums(X, Y, x_q):
    following = np.concatenate([X[1:], x_q[None]])
    return np.stack([sum(Y[s] * (X[s] @ following[t]) for s in range(t + 1)) for t in range(len(X))])


@pytest.mark.parametrize(("f", "m", "N"), SIZES)
def test_every_row_is_the_prefix_sum(f, m, N):
    X, Y, x_q = integers(0, (N, f), (N, m), (f,))
    found = gd_ssm.predictions(X, Y, x_q, np.asarray(0.5))
    assert np.array_equal(found, 0.5 * prefix_sums(X, Y, x_q))
    on_torch = gd_ssm.predictions(*(torch.from_numpy(a) for a in (X, Y, x_q)), torch.tensor(0.5, dtype=torch.float64))
    assert np.array_equal(on_torch.numpy(), found)


@pytest.mark.parametrize(("f", "m", "N"), SIZES)
def test_strict_array_namespace(f, m, N):
    X, Y, x_q = (array_api_strict.asarray(a) for a in integers(1, (N, f), (N, m), (f,)))
    found = gd_ssm.predictions(X, Y, x_q, array_api_strict.asarray(0.5))
    assert np.array_equal(np.asarray(found), 0.5 * prefix_sums(*(np.asarray(a) for a in (X, Y, x_q))))


def test_general_weights_follow_the_definition():
    U, w_q, decay, C, D = integers(2, (9, 3), (3, 3), (3, 3), (3, 3), (3,))
    S, rows = np.zeros((3, 3)), []
    for t in range(4):
        Z = U[2 * t : 2 * t + 3]
        S = decay.T * S + (Z.T @ w_q @ Z).T
        rows.append(C @ S @ Z.T @ D)
    assert np.array_equal(gd_ssm.layer(U, gd_ssm.Parameters(w_q, decay, C, D)), np.stack(rows))


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_windows_drop_trailing_rows(stride):
    U = np.arange(22.0).reshape(11, 2)
    Z = gd_ssm.windows(U, stride)
    assert Z.shape[0] == (11 - 3) // stride + 1
    for t in range(Z.shape[0]):
        assert np.array_equal(Z[t], U[stride * t : stride * t + 3])


def test_scalar_target_uses_the_last_coordinate_only():
    X, y, x_q = integers(3, (5, 3), (5,), (3,))
    rows = -gd_ssm.layer(gd_ssm.scalar_tokens(X, y, x_q), gd_ssm.published(np.asarray(1.0), 3))
    assert np.array_equal(rows[:, :2], np.zeros((5, 2)))
    assert np.array_equal(rows[:, 2:], prefix_sums(X, y[:, None], x_q))


def test_constructed_tokens_give_the_same_sums():
    X, y, x_q = integers(4, (5, 3), (5,), (3,))
    assert np.array_equal(
        constructed_tokens.predictions(X, y, x_q, np.asarray(1.0)), prefix_sums(X, y[:, None], x_q)[:, 0]
    )


@pytest.mark.parametrize(("f", "m", "N"), SIZES)
def test_two_accumulators_hold_both_sums(f, m, N):
    X, Y, x_q = integers(5, (N, f), (N, m), (f,))
    A, B = two_accumulators.states(X, Y, x_q)
    assert np.array_equal(A[:f, :f], X.T @ X)
    assert np.array_equal(B[:m, :f], Y.T @ X)


def test_the_three_forms_of_the_accumulator_agree():
    a, u, z0 = integers(6, (6, 2, 3), (6, 2, 3), (2, 3))
    expected = closed_form(a, u, z0)
    assert np.array_equal(gated_recurrence(a, u, z0), expected)
    assert np.array_equal(parallel_scan(a, u, z0), expected)
    constant = closed_form(np.stack([a[0]] * 6), u, z0)
    assert np.array_equal(recurrence(a[0], u, z0), constant)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gd_ssm.tokens(np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(2)), "at least 1"),
        (lambda: gd_ssm.tokens(np.zeros((3, 2)), np.zeros((2, 2)), np.zeros(2)), "same number"),
        (lambda: gd_ssm.windows(np.zeros((2, 2))), "no window"),
        (lambda: gd_ssm.tokens(np.zeros((1, 3)), np.zeros((1, 1)), np.zeros(3), width=2), "larger width"),
    ],
)
def test_wrong_shapes_say_so(call, message):
    with pytest.raises(ValueError, match=message):
        call()
