"""Batch steps with numbers in hand: layers run on rationals against the loss's gradient summed entry by entry, against
numpy.linalg and against torch.optim."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import sympy
import torch
from hypothesis import given
from hypothesis import strategies as st

from constructions import (
    affine_embedding,
    causal_stack,
    closed_form_descent,
    gated_rnn,
    gd_ssm,
    kernel_descent,
    linear_attention,
    newton_schulz,
    residual_stack,
    spectral_filter,
    two_accumulators,
)
from constructions.accumulator_steps import prediction
from tests.proofs.gd._numbers import asked, contexts, exact, slope, steps

X = exact([[1, 2], [3, -1]])
Y = exact([[1], [2]])
X_Q = exact([1, 1])
W0 = exact([[1, -1]])
HALF = Fraction(1, 2)


def test_one_step_by_hand():
    """eta/N sum y_i (x_i . x_q) = 1/4 (1 * 3 + 2 * 2) = 7/4; the first row sees the first pair, asked at x_2: 1/4 * 1."""
    rows = gd_ssm.predictions(X, Y, X_Q, exact(Fraction(1, 4)))
    assert rows.tolist() == [[Fraction(1, 4)], [Fraction(7, 4)]]


def test_two_steps_by_hand():
    """The residuals at W_0 are 2 and -2, so W_1 = W_0 + 1/4 (2 x_1 - 2 x_2)."""
    W1 = [[1 + Fraction(2 - 6, 4), -1 + Fraction(4 + 2, 4)]]
    assert [[0, Fraction(1, 2)]] == W1
    # residuals at W_1: 1 - 1 = 0 and 2 + 1/2, so W_2 = W_1 + 1/4 * 5/2 * x_2
    W2 = [Fraction(15, 8), Fraction(1, 2) - Fraction(5, 8)]
    found = [layer(X, Y, X_Q, W0, Fraction(1, 4), 2) for layer in (residual_stack.predict, prediction)]
    assert found[0].tolist() == found[1].tolist() == [sum(W2)] == [Fraction(7, 4)]


def test_a_causal_stack_is_something_else():
    """Layer 1: S_1 = 2 x_1 leaves r_1 = 2 - 10/4; S_2 = 2 x_1 - 2 x_2. Its second layer starts from other residuals."""
    rows, state = causal_stack.layer(X, Y - X @ W0.T, exact(Fraction(1, 4)))
    assert rows[0].tolist() == [2 - Fraction(10, 4)]
    assert state.tolist() == [[2 - 6, 4 + 2]]
    assert causal_stack.predict(X, Y, X_Q, W0, Fraction(1, 4), 1).tolist() == asked(steps(W0, X, Y, HALF, 1), X_Q)
    assert causal_stack.predict(X, Y, X_Q, W0, Fraction(1, 4), 2).tolist() != asked(steps(W0, X, Y, HALF, 2), X_Q)


@given(contexts(), st.integers(1, 3))
def test_stacks_and_closed_forms_take_the_steps(context, count):
    X, Y, x_q, W0, eta = context
    scale, W = eta / len(X), steps(context[3], X, Y, eta, count)
    expected = asked(W, x_q)
    assert residual_stack.predict(X, Y, x_q, W0, scale, count).tolist() == expected
    assert prediction(X, Y, x_q, W0, scale, count).tolist() == expected
    assert closed_form_descent.solution(W0, X.T @ X, Y.T @ X, scale, count).tolist() == W.tolist()
    kernel = kernel_descent.predict(X @ X.T, X @ x_q, W0 @ x_q, Y - X @ W0.T, scale, count)
    assert kernel.tolist() == expected
    assert linear_attention.predict(X, Y, x_q, W0, scale, count).tolist() == expected


@given(contexts())
def test_one_layer_takes_one_step_at_every_prefix(context):
    X, Y, x_q, _, eta = context
    zero = exact([[0] * X.shape[1] for _ in range(Y.shape[1])])
    rows = gd_ssm.predictions(X, Y, x_q, exact(eta / len(X)))
    for t in range(1, len(X) + 1):
        following = x_q if t == len(X) else X[t]
        W = zero - eta / len(X) * slope(zero, X[:t], Y[:t])
        assert rows[t - 1].tolist() == asked(W, following)


@given(contexts(), st.integers(1, 3))
def test_torch_sgd_agrees(context, count):
    """Small integers and steps of 1/16 on the summed loss are exact in floating point."""
    X, Y, x_q, W0, _ = context
    data, targets = (torch.tensor(a.astype(float)) for a in (X, Y))
    weight = torch.nn.Parameter(torch.tensor(W0.astype(float)))
    optimiser = torch.optim.SGD([weight], lr=1 / 16)
    for _ in range(count):
        optimiser.zero_grad()
        (torch.nn.functional.mse_loss(data @ weight.T, targets, reduction="sum") / 2).backward()
        optimiser.step()
    found = residual_stack.predict(X, Y, x_q, W0, Fraction(1, 16), count)
    assert found.tolist() == (weight.detach().numpy() @ x_q.astype(float)).tolist()


def test_newton_schulz_by_hand():
    """A = 2, scale = 1/4: P_1 = 1/4 (2 - 1/2) = 3/8, and two steps of factor 1/2 reach 3/4 of B/A = 1/2 B."""
    A, B = exact([[2]]), exact([[1]])
    assert newton_schulz.weights(A, B, Fraction(1, 4), 1).tolist() == [[Fraction(3, 8)]]
    assert newton_schulz.weights(A, B, Fraction(1, 4), 2).tolist() == [[(1 - Fraction(1, 2) ** 4) / 2]]


@given(contexts(f=(1, 2)), st.integers(1, 3))
def test_newton_schulz_is_many_steps(context, iterations):
    X, Y, _, _, eta = context
    zero = exact([[0] * X.shape[1] for _ in range(Y.shape[1])])
    found = newton_schulz.weights(X.T @ X, Y.T @ X, eta / len(X), iterations)
    assert found.tolist() == steps(zero, X, Y, eta, 2**iterations).tolist()


def test_the_filter_of_the_spectrum():
    """SymPy's eigenvectors of [[2, 1], [1, 2]]; after 3 steps of 1/8 their shares of the least-squares solution."""
    X, Y = sympy.Matrix([[1, 1], [1, 0], [0, 1]]), sympy.Matrix([1, 2, 4])
    W = steps(exact([[0, 0]]), exact(X.tolist()), exact(Y.tolist()), Fraction(3, 8), 3)
    least_squares = (X.T * X).LUsolve(X.T * Y).T
    pairs = [(int(value), vector) for value, _, vectors in (X.T * X).eigenvects() for vector in vectors]
    assert sorted(value for value, _ in pairs) == [1, 3]
    for value, vector in pairs:
        gain = spectral_filter.gain(np.asarray(Fraction(value), dtype=object), Fraction(1, 8), 3)
        assert gain * value == 1 - (1 - Fraction(value, 8)) ** 3
        share = sum(w * int(v) for w, v in zip(W[0], vector, strict=True)) / Fraction(str((least_squares * vector)[0]))
        assert share == gain * value


@given(contexts(f=(1, 2), m=(1, 1), N=(1, 3)))
def test_gated_network_computes_attention(context):
    X, Y, x_q, _, _ = context
    like = exact([[0]])
    weights = gated_rnn.descent_weights(X.shape[1], 1, like)
    tokens = np.concatenate([np.concatenate([X, Y], 1), [[*x_q, Fraction(0)]]])
    out = gated_rnn.layer(tokens, weights)[-1]
    assert out.tolist() == [
        sum(y[0] * sum(a * b for a, b in zip(x, x_q, strict=True)) for x, y in zip(X, Y, strict=True))
    ]
    assert weights.neurons == X.shape[1] + X.shape[1]


def test_preconditioned_layers_by_hand():
    """f = 1, x = 1 and 2, y = 1: A = 5, B = 3. A layer moves W by scale (B - A W) M^2 and the inputs by 1 - gamma A M^2."""
    X, Y, x_q, zero = exact([[1], [2]]), exact([[1], [1]]), exact([3]), exact([[0]])
    scale, gamma = Fraction(1, 10), Fraction(1, 10)
    W1, M1 = 3 * scale, 1 - 5 * gamma
    W2, M2 = W1 + scale * (3 - 5 * W1) * M1**2, (1 - 5 * gamma * M1**2) * M1
    weights = linear_attention.descent_weights(zero, exact(scale), exact(gamma))
    E = linear_attention.tokens(X, Y, x_q, zero)
    for _ in range(2):
        E = linear_attention.layer(E, weights)
    assert E.tolist() == [[M2, 1 - W2], [2 * M2, 1 - 2 * W2], [3 * M2, -3 * W2]]


def test_two_accumulators_hold_the_sums():
    A, B = two_accumulators.states(X, Y, X_Q)
    assert A.tolist() == [[1 + 9, 2 - 3], [2 - 3, 4 + 1]]
    assert B[0].tolist() == [1 + 6, 2 - 2]


def test_the_affine_embedding_sees_four_sums():
    """Pairs (1, 2), (2, 3) and (0, 7/3), (3, 8/3) have N = 2, Sx = 3, Sy = 5, Sxy = 8 in common; (0, 2), (3, 3) has Sxy = 9."""
    w, b, scale = exact([1, 2]), exact([0, 1]), exact(1)

    def z(xs, ys):
        return affine_embedding.layer(exact(xs), exact(ys), exact(2), w, b, scale).tolist()

    assert z([1, 2], [2, 3]) == z([0, 3], [Fraction(7, 3), Fraction(8, 3)]) != z([0, 3], [2, 3])
    # phi(u) = (u, 2u + 1): phi(2) = (2, 5); phi(1) . phi(2) = 17, phi(2) . phi(2) = 29
    assert z([1, 2], [2, 3]) == [-(2 * 17 + 3 * 29), -(5 * 17 + 7 * 29)]
