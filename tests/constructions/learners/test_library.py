"""Every learner against its formula, sums and loops written out in fractions or FLINT's solver: equal, exactly."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from constructions.learners import library
from tests.constructions.learners._problems import (
    F,
    M,
    N,
    counted,
    equal,
    eye,
    outer,
    parameters,
    power,
    predict,
    problem,
    solve,
    weights_after,
)


def gd(X, Y, x_q, W0, eta, steps=2):
    for _ in range(steps):
        W0 = W0 - eta / N * (W0 @ X.T - Y.T) @ X
    return W0 @ x_q


def preconditioned_gd(X, Y, x_q, W0, eta):
    for _ in range(2):
        W0 = W0 - (W0 @ X.T - Y.T) @ X / N * eta[None, :]
    return W0 @ x_q


def matrix_gd(X, Y, x_q, W0, P):
    return (W0 - (W0 @ X.T - Y.T) @ X @ P / N) @ x_q


def gd_plus_plus(X, Y, x_q, W0, eta, gamma):
    """von Oswald's layers on tokens (x, y - W0 x): attention without softmax moves both parts at once."""
    R, asked, moved = Y - X @ W0.T, x_q, -(W0 @ x_q)
    for _ in range(2):
        R, moved, X, asked = (
            R - eta / N * (X @ X.T) @ R,
            moved - eta / N * (asked @ X.T) @ R,
            X - gamma * X @ (X.T @ X),
            asked - gamma * (X.T @ X) @ asked,
        )
    return -moved


def online_gd(X, Y, x_q, W0, beta):
    return weights_after(W0, zip(X, Y, strict=True), lambda W, x, y, t: W - beta[t] * outer(W @ x - y, x)) @ x_q


def discounted_gd(X, Y, x_q, W0, eta, decay):
    found = W0
    for i in range(N):
        weight = eta[i] * np.prod(decay[i + 1 :], initial=Fraction(1))
        found = found - weight * outer(W0 @ X[i] - Y[i], X[i])
    return found @ x_q


def channel_discount(X, Y, x_q, W0, eta, decay):
    found = W0
    for i in range(N):
        weight = eta[i] * np.prod(decay[i + 1 :], axis=0, initial=Fraction(1))
        found = found - outer(W0 @ X[i] - Y[i], weight * X[i])
    return found @ x_q


def nlms(X, Y, x_q, W0, mu, eps):
    return (
        weights_after(W0, zip(X, Y, strict=True), lambda W, x, y, t: W - mu[t] / (eps + x @ x) * outer(W @ x - y, x))
        @ x_q
    )


def decay_then_step(X, Y, x_q, W0, beta, decay):
    def change(W, x, y, t):
        return decay[t] * W - beta[t] * outer(decay[t] * (W @ x) - y, x)

    return weights_after(W0, zip(X, Y, strict=True), change) @ x_q


def channel_decay_then_step(X, Y, x_q, W0, beta, decay):
    def change(W, x, y, t):
        W = W @ (eye(F) * decay[t])
        return W @ (eye(F) - beta[t] * outer(x, x)) + beta[t] * outer(y, x)

    return weights_after(W0, zip(X, Y, strict=True), change) @ x_q


def step_then_decay(X, Y, x_q, W0, beta, weight_decay):
    def change(W, x, y, t):
        return (1 - beta[t] * weight_decay[t]) * W - beta[t] * outer(W @ x - y, x)

    return weights_after(W0, zip(X, Y, strict=True), change) @ x_q


def heavy_ball(X, Y, x_q, W0, beta, mu):
    W, velocity = W0, 0 * W0
    for t in range(N):
        velocity = mu[t] * velocity + outer(W @ X[t] - Y[t], X[t])
        W = W - beta[t] * velocity
    return W @ x_q


def titans(X, Y, x_q, W0, theta, mu, decay):
    W, S = W0, 0 * W0
    for t in range(N):
        S = mu[t] * S - theta[t] * outer(W @ X[t] - Y[t], X[t])
        W = decay[t] * W + S
    return W @ x_q


def mini_batch(X, Y, x_q, W0, beta):
    for t in range(0, N, 2):
        A, B = X[t : t + 2], Y[t : t + 2]
        W0 = W0 - beta * (A @ W0.T - B).T @ A
    return W0 @ x_q


def repeated_steps(X, Y, x_q, W0, beta):
    def change(W, x, y, t):
        fixed = eye(F) - beta[t] * outer(x, x)
        return W @ fixed @ fixed + beta[t] * outer(y, x) @ (eye(F) + fixed)

    return weights_after(W0, zip(X, Y, strict=True), change) @ x_q


def oblique_delta(X, Y, x_q, W0, beta, decay, p):
    def change(W, x, y, t):
        return decay[t] * W @ (eye(F) - beta[t] * outer(p[t], x)) + beta[t] * outer(y, x)

    return weights_after(W0, zip(X, Y, strict=True), change) @ x_q


def sliding_window(X, Y, x_q, W0, beta):
    W = W0
    for t in range(N):
        W = W - beta[t] * sum(outer(W @ X[i] - Y[i], X[i]) for i in range(max(0, t - 1), t + 1))
    return W @ x_q


def implicit_step(X, Y, x_q, W0, beta):
    """The proximal point solves W (I + beta x x^T) = W' + beta y x^T."""

    def change(W, x, y, t):
        return solve(eye(F) + beta[t] * outer(x, x), (W + beta[t] * outer(y, x)).T).T

    return weights_after(W0, zip(X, Y, strict=True), change) @ x_q


def ridge(X, Y, x_q, W0, lam):
    return solve(X.T @ X + lam * eye(F), X.T @ Y + lam * W0.T).T @ x_q


def rls(X, Y, x_q, W0, lam, decay):
    D = eye(N) * np.array([decay ** (N - 1 - i) for i in range(N)])
    prior = decay**N * lam
    return solve(X.T @ D @ X + prior * eye(F), X.T @ D @ Y + prior * W0.T).T @ x_q


def mesa(X, Y, x_q, W0, lam, beta, decay):
    D = eye(N) * np.array([beta[i] * np.prod(decay[i + 1 :], initial=Fraction(1)) for i in range(N)])
    return solve(X.T @ D @ X + eye(F) * lam, X.T @ D @ Y).T @ x_q


def krylov(A, b, k=2):
    """The point of span(b, ..., A^{k-1} b) that minimises z A z/2 - b z."""
    K = np.stack([power(A, j) @ b for j in range(k)], 1)
    return K @ solve(K.T @ A @ K, (K.T @ b)[:, None])[:, 0]


def conjugate_gradient(X, Y, x_q, W0, lam):
    A = X.T @ X + lam * eye(F)
    rows = [W0[r] + krylov(A, X.T @ Y[:, r] - A @ W0[r]) for r in range(M)]
    return np.stack(rows) @ x_q


def mesa_cg(X, Y, x_q, W0, lam, decay):
    D = eye(N) * np.array([np.prod(decay[i + 1 :], initial=Fraction(1)) for i in range(N)])
    return Y.T @ D @ X @ krylov(X.T @ D @ X + lam * eye(F), x_q)


def newton_schulz(X, Y, x_q, W0, scale):
    """Two iterations are the first four terms of Neumann's series."""
    A = X.T @ X
    return Y.T @ X @ sum(scale * power(eye(F) - scale * A, j) for j in range(4)) @ x_q


def iterative_newton(X, Y, x_q, W0, alpha):
    A = X.T @ X
    return Y.T @ X @ sum(alpha * A @ power(eye(F) - alpha * A @ A, j) for j in range(4)) @ x_q


def linear_smoother(X, Y, x_q, W0):
    return sum((X[i] @ x_q) * Y[i] for i in range(N)) / sum(X[i] @ x_q for i in range(N))


def polynomial_smoother(X, Y, x_q, W0, c0, c1, c2):
    kernel = [c0 + c1 * (x @ x_q) + c2 * (x @ x_q) ** 2 for x in X]
    return sum(k * y for k, y in zip(kernel, Y, strict=True)) / sum(kernel)


def polynomial_gd(X, Y, x_q, W0, eta0, eta1, eta2):
    return sum((eta0 + eta1 * (x @ x_q) + eta2 * (x @ x_q) ** 2) * y for x, y in zip(X, Y, strict=True))


WRITTEN_OUT = [
    gd,
    preconditioned_gd,
    matrix_gd,
    gd_plus_plus,
    online_gd,
    discounted_gd,
    channel_discount,
    nlms,
    decay_then_step,
    channel_decay_then_step,
    step_then_decay,
    heavy_ball,
    titans,
    mini_batch,
    repeated_steps,
    oblique_delta,
    sliding_window,
    implicit_step,
    ridge,
    rls,
    mesa,
    conjugate_gradient,
    mesa_cg,
    newton_schulz,
    iterative_newton,
    linear_smoother,
    polynomial_smoother,
    polynomial_gd,
]
NOT_RATIONAL = {"softmax_smoother", "adagrad", "ttt_layer_norm"}


def test_every_learner_has_a_check():
    assert {f.__name__ for f in WRITTEN_OUT} | NOT_RATIONAL == set(library())


@pytest.mark.parametrize("oracle", WRITTEN_OUT, ids=lambda f: f.__name__)
@pytest.mark.parametrize("seed", [0, 100])
def test_it_is_what_its_formula_says(oracle, seed):
    found = counted(oracle.__name__)
    values, data = parameters(found, seed + 10), problem(seed)
    given = {n: v[()] if v.ndim == 0 else v for n, v in values.items()}
    assert equal(predict(found, **data, **values), oracle(**data, **given))


@pytest.mark.parametrize("oracle", WRITTEN_OUT, ids=lambda f: f.__name__)
def test_every_parameter_and_the_start_matter_as_declared(oracle):
    """So that the comparison above can fail: a changed parameter changes the answer."""
    found = counted(oracle.__name__)
    values, data = parameters(found), problem()
    before = predict(found, **data, **values)
    for name in values:
        assert not equal(
            before,
            predict(found, **data, **(values | {name: np.asarray(values[name] + Fraction(1, 16), dtype=object)})),
        )
    moved = predict(found, **(data | {"W0": data["W0"] + Fraction(1)}), **values)
    assert equal(before, moved) is not found.start


@pytest.mark.parametrize("id", sorted(set(library()) - NOT_RATIONAL))
def test_the_order_matters_as_declared(id):
    found = counted(id)
    values, data = parameters(found, each=False), problem()
    turned = data | {"X": data["X"][::-1].copy(), "Y": data["Y"][::-1].copy()}
    same = {n: v[::-1].copy() if n == "p" else v for n, v in values.items()}
    assert equal(predict(found, **data, **values), predict(found, **turned, **same)) is not found.order


def test_a_learner_says_what_it_is():
    for id, found in library().items():
        assert found.id == id and found.title and found.latex and found.source
        assert len({p.name for p in found.parameters}) == len(found.parameters)
        assert replace(found).names == found.names
