"""Rules that take tokens one by one, with numbers in hand: against loops over entries, torch.optim, numpy.linalg and SymPy's
exact solver."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import sympy
import torch
from hypothesis import given
from hypothesis import strategies as st

from constructions import (
    delta_rule,
    gated_linear_attention,
    h3,
    longhorn,
    mamba,
    mesa_layer,
    momentum_rule,
    rg_lru,
    ttt_linear,
    update_matrices,
)
from tests.proofs.gd._numbers import contexts, exact, slope

THIRD = Fraction(1, 3)


def one_by_one(W, K, V, rates):
    for t in range(len(K)):
        W = W - rates[t] * slope(W, K[t : t + 1], V[t : t + 1])
    return W


def solved(K, V, weights, ridge):
    """The minimiser of half the weighted squared error plus ridge/2 |W|^2, by SymPy's exact elimination."""
    k, v, D = sympy.Matrix(K.tolist()), sympy.Matrix(V.tolist()), sympy.diag(*weights)
    normal = k.T * D * k + ridge * sympy.eye(K.shape[1])
    found = normal.LUsolve(k.T * D * v).T
    return [[Fraction(int(c.p), int(c.q)) for c in found.row(i)] for i in range(found.rows)]


def test_delta_rule_by_hand():
    """From 0: k = 1, v = 2, beta = 1/2 gives 1; then k = 2, v = 1: error 2 - 1, so 1 - 1/2 * 1 * 2 = 0."""
    K, V, beta = exact([[1], [2]]), exact([[2], [1]]), exact([Fraction(1, 2)] * 2)
    assert delta_rule.layer(exact([[0]]), K, V, beta).tolist() == [[0]]
    assert delta_rule.layer(exact([[0]]), K[::-1], V[::-1], beta).tolist() == [[Fraction(3, 2)]]


@given(contexts(), st.integers(1, 3))
def test_delta_rule_is_sgd(context, over):
    K, V, _, W0, _ = context
    rates = [Fraction(t + 1, over + 4) for t in range(len(K))]
    assert delta_rule.layer(W0, K, V, exact(rates)).tolist() == one_by_one(W0, K, V, rates).tolist()


@given(contexts())
def test_decay_comes_first(context):
    K, V, _, W0, _ = context
    W = W0
    for t in range(len(K)):
        W = THIRD * W - slope(THIRD * W, K[t : t + 1], V[t : t + 1]) / 4
    rates, decays = exact([Fraction(1, 4)] * len(K)), exact([THIRD] * len(K))
    assert delta_rule.layer(W0, K, V, rates, decays).tolist() == W.tolist()


@given(contexts(N=(1, 3)))
def test_momentum_is_torch_sgd_with_momentum(context):
    """Dyadic steps of small integers; torch's momentum buffer starts at the first gradient, as M_0 = 0 has it."""
    K, V, _, W0, _ = context
    weight = torch.nn.Parameter(torch.tensor(W0.astype(float)))
    optimiser = torch.optim.SGD([weight], lr=1 / 16, momentum=0.5)
    for k, v in zip(K, V, strict=True):
        optimiser.zero_grad()
        error = weight @ torch.tensor(k.astype(float)) - torch.tensor(v.astype(float))
        (error @ error / 2).backward()
        optimiser.step()
    found = momentum_rule.layer(W0, K, V, Fraction(1, 2), Fraction(1, 16))
    assert found.astype(float).tolist() == weight.detach().tolist()


@given(contexts(f=(1, 2), N=(1, 3)))
def test_longhorn_solves_its_proximal_problem(context):
    """W = argmin |W - W_old|^2/2 + beta |W k - v|^2/2, which is ridge regression on one token, shifted by W_old."""
    K, V, _, W0, _ = context
    W = W0
    for k, v in zip(K, V, strict=True):
        shift = exact(solved(k[None, :], v[None, :] - (W @ k)[None, :], [Fraction(3, 2)], 1))
        W = W + shift
    assert longhorn.layer(W0, K, V, exact([Fraction(3, 2)] * len(K))).tolist() == W.tolist()


@given(contexts(N=(3, 5)))
def test_mini_batches(context):
    """Outputs inside a batch of 2 use the gradients at its start, its own token's included."""
    K, V, _, W0, _ = context
    rate, W, rows = Fraction(1, 4), W0, []
    for start in range(0, len(K), 2):
        batch = slice(start, start + 2)
        for t in range(start, min(start + 2, len(K))):
            inner = W - rate * slope(W, K[start : t + 1], V[start : t + 1])
            rows.append([sum(w * q for w, q in zip(row, K[t], strict=True)) for row in inner])
        W = W - rate * slope(W, K[batch], V[batch])
    assert ttt_linear.layer(W0, K, V, K, rate, 2).tolist() == rows


@given(contexts(f=(1, 2), N=(1, 4)))
def test_mesa_layer_is_ridge_regression(context):
    K, V, _, _, eta = context
    assert mesa_layer.weights(K, V, eta).tolist() == solved(K, V, [Fraction(1)] * len(K), eta)


@given(contexts(f=(1, 2), N=(1, 4)))
def test_forgetting_fades_the_prior_too(context):
    K, V, _, _, eta = context
    N, gamma = len(K), Fraction(2, 3)
    weights = [gamma ** (N - 1 - t) for t in range(N)]
    assert mesa_layer.weights(K, V, eta, gamma).tolist() == solved(K, V, weights, gamma**N * eta)


def test_ridge_of_six_tokens():
    rng = np.random.default_rng(5)
    K, V = exact(rng.integers(-3, 4, (6, 3))), exact(rng.integers(-3, 4, (6, 2)))
    assert mesa_layer.weights(K, V, Fraction(2)).tolist() == solved(K, V, [Fraction(1)] * 6, Fraction(2))


@given(contexts(N=(1, 4)))
def test_gates_fade_what_was_written_before(context):
    K, V, _, _, _ = context
    gates = exact([[Fraction(1, 2 + b + t) for b in range(K.shape[1])] for t in range(len(K))])
    rates = exact([Fraction(t + 1, 3) for t in range(len(K))])
    expected = [[0] * K.shape[1] for _ in range(V.shape[1])]
    for a in range(V.shape[1]):
        for b in range(K.shape[1]):
            for t in range(len(K)):
                faded = rates[t] * V[t, a] * K[t, b]
                for s in range(t + 1, len(K)):
                    faded *= gates[s, b]
                expected[a][b] += faded
    assert gated_linear_attention.memory(K, V, gates, rates).tolist() == expected


def test_h3_by_hand():
    """Keys and queries read x, values y: at decay 1/2 the pair t = 1 of 2 has weight (1/2)^3, pair 2 has 1/2."""
    one, none = exact([[1, 0]]), exact([[0, 1]])
    U = h3.tokens(exact([[2], [3]]), exact([[5], [7]]), exact([1]))
    out = h3.layer(U, none, one, one, Fraction(1, 2))
    assert out[-1].tolist() == [Fraction(2 * 5, 8) + Fraction(3 * 7, 2)]


def test_mamba_by_hand():
    """u = 1, 2, 4 on B = 1 with Delta = 1/3 and decay 1/2: (1/4 + 2/2 + 4)/3; without decay 7/3."""
    u, B, C = exact([[1], [2], [4]]), exact([[1], [1], [1]]), exact([1])
    Delta = exact([[THIRD]] * 3)
    for decay, expected in ((Fraction(1, 2), Fraction(21, 12)), (1, Fraction(7, 3))):
        assert mamba.read(u, B, C, Delta, exact([[[decay]]] * 3)).tolist() == [expected]


def test_rg_lru_tracks_a_scaled_mean():
    """t = 1/2: a = 3/5, sqrt(1 - a^2) = 4/5. For x = 1 the fixed point is (4/5)/(2/5) = 2 = 1/t, not the mean 1."""
    a, b = rg_lru.gates(exact([Fraction(1, 2)]))
    assert (a[0], b[0]) == (Fraction(3, 5), Fraction(4, 5))
    ones = exact([[1]] * 3)
    assert rg_lru.layer(exact([2]), ones, exact([[Fraction(1, 2)]] * 3), ones).tolist() == [2]


@given(contexts(f=(1, 2), m=(1, 1), N=(1, 4)))
def test_update_matrices_by_numpy(context):
    """M of an online pass is the inverse of I + rate L^T; checked as a product, entry by entry."""
    X, Y, _, _, eta = context
    M = update_matrices.online(X, eta)
    upper = exact([[eta * sum(a * b for a, b in zip(X[s], X[t], strict=True)) if s < t else 0 for t in range(len(X))]
                   for s in range(len(X))])  # fmt: skip
    assert (M @ (exact(np.eye(len(X), dtype=int)) + upper)).tolist() == np.eye(len(X), dtype=int).tolist()
    zero = exact([[0] * X.shape[1]])
    assert update_matrices.weights(M, X, Y, eta).tolist() == one_by_one(zero, X, Y, [eta] * len(X)).tolist()
