"""What layers cannot do, and counts: small numbers worked out by hand or by another method."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from functools import partial

import flint
import numpy as np
import pytest
import sympy
import torch
from hypothesis import given
from hypothesis import strategies as st

from constructions import gated_rnn, gd_ssm, linear_attention, lti, online_descent
from proofs.gd import degrees, optimal_step, transitions_commute
from tests.proofs.gd._numbers import contexts, exact, steps


def test_one_step_is_cubic_and_an_lti_layer_affine():
    """F = eta y x x_q has F(2U) - 2 F(U) + F(0) = (8 - 2) eta; a linear system with biases has 0."""

    def F(s):
        return gd_ssm.predictions(exact([[s]]), exact([[s]]), exact([s]), exact(1))[-1, 0]

    assert F(2) - 2 * F(1) + F(0) == 6
    rng = np.random.default_rng(1)
    A, B, C, D, b, d = (exact(rng.integers(-3, 4, shape)) for shape in ((3, 3), (3, 1), (1, 3), (1, 1), (3,), (1,)))
    U = exact([[1], [1], [1]])
    o = [lti.outputs(s * U, A, B, C, D, b, d)[-1, 0] for s in (0, 1, 2)]
    assert o[2] - 2 * o[1] + o[0] == 0 != o[2] - o[1]


@given(contexts(N=(2, 3)))
def test_one_layer_is_cubic_whatever_its_weights(context):
    X, Y, x_q, _, _ = context
    width = max(X.shape[1], Y.shape[1])
    rng = np.random.default_rng(len(X))
    weights = gd_ssm.Parameters(
        exact(rng.integers(-2, 3, (3, 3))),
        exact(rng.integers(-2, 3, (width, width))),
        exact(rng.integers(-2, 3, (width, width))),
        exact(rng.integers(-2, 3, (3,))),
    )
    once, twice = (gd_ssm.layer(gd_ssm.tokens(s * X, s * Y, s * x_q), weights) for s in (1, 2))
    assert twice.tolist() == (8 * once).tolist()


def test_two_steps_are_not_cubic():
    """f = m = N = 1, eta = 1: W_2 x_q = (2 xy - x^3 y) x_q has F(2U) - 8 F(U) = 16 - 32 - 8 = -24 at U = 1."""

    def F(s):
        return (steps(exact([[0]]), exact([[s]]), exact([[s]]), 1, 2) * s)[0, 0]

    assert F(2) - 8 * F(1) == -24


@pytest.mark.parametrize(("N", "k"), [(2, 1), (2, 3), (3, 2)])
def test_degrees_by_differences(N, k):
    """k steps of size N from 0 on N equal tokens s: the (2k + 2)-nd finite differences vanish, the one before doesn't."""

    def F(s):
        return (steps(exact([[0]]), exact([[s]] * N), exact([[s]] * N), N, k) * s)[0, 0]

    values = [F(s) for s in range(2 * k + 3)]
    for _ in range(2 * k + 1):
        values = [b - a for a, b in itertools.pairwise(values)]
    assert values[0] == values[1] != 0
    shapes = {"X": (N, 1), "Y": (N, 1), "x_q": (1,), "c": ()}
    degree, part = degrees.top(degrees.expanded(partial(degrees.batch, steps=k), shapes)[0])
    assert degree == 2 * k + 1
    assert Fraction(str(sum(part.values()))) * math.factorial(2 * k + 1) == values[0]


def test_the_order_of_tokens_matters_online():
    """Tokens (1, 1) and (2, 0), rate 1: first then second gives 1 - 2 * 2 = -3, the other way round 1."""
    K, V = torch.tensor([[1.0], [2.0]]), torch.tensor([[1.0], [0.0]])
    zero = torch.zeros(1, 1)
    assert online_descent.online(zero, K, V, torch.ones(2)).item() == -3
    assert online_descent.online(zero, K.flip(0), V.flip(0), torch.ones(2)).item() == 1


def test_transitions_by_hand():
    """x = (1, 0), z = (1, 1), r = 1: the product of diag(0, 1) and [[0, -1], [-1, 0]] and the other way differ by 2."""
    x, z = exact([1, 0]), exact([1, 1])
    first = transitions_commute.transition(x[:, None], 1, exact([[1, 0], [0, 1]]))
    second = transitions_commute.transition(z[:, None], 1, exact([[1, 0], [0, 1]]))
    assert first.tolist() == [[0, 0], [0, 1]] and second.tolist() == [[0, -1], [-1, 0]]
    for program in (transitions_commute.commutator_norm, transitions_commute.formula):
        assert program(np.array([1.0, 0.0]), np.array([1.0, 1.0]), np.array(1.0)).tolist() == [2]


@pytest.mark.parametrize(("f", "m"), [(1, 1), (3, 2), (2, 4)])
def test_sizes_counted_on_the_arrays(f, m):
    """Every array's length added up: 2 P^2 + 12, 4 (f + m)^2, and m f + f neurons."""
    P, like = max(f, m), exact([[0]])
    made = gd_ssm.published(exact(1), P)
    assert sum(np.asarray(a).size for a in vars(made).values()) == 2 * P * P + 12
    weights = linear_attention.descent_weights(exact([[0] * f for _ in range(m)]), exact(1))
    assert sum(np.asarray(a).size for a in vars(weights).values()) == 4 * (f + m) ** 2
    network = gated_rnn.descent_weights(f, m, like)
    assert network.decay.size == network.neurons == m * f + f
    assert network.parameters == sum(np.asarray(a).size for a in vars(network).values())
    assert sum(int(np.count_nonzero(np.asarray(a))) for a in vars(network).values()) == 6 * m * f + 2 * f


def attention(X, Y):
    U = np.concatenate([X, Y], 1)
    return U.T @ U


@pytest.mark.parametrize(
    ("learner", "count"),
    [
        (lambda X, Y: steps(exact([[0, 0]]), X, Y, Fraction(len(X)), 1), 2),
        (lambda X, Y: steps(exact([[0, 0]]), X, Y, Fraction(len(X)), 2), 5),
        (attention, 6),
    ],
    ids=["one batch step: mf", "two batch steps: mf + f(f+1)/2", "attention: (f+m)(f+m+1)/2"],
)
def test_ranks_by_exact_differences(learner, count):
    """f = 2, m = 1: how the weights after this context and each of six continuations move with its twelve entries.

    The seven-point difference is the derivative, exactly, of polynomials of degree up to six; these have at most five.
    """
    stencil = {1: Fraction(3, 4), 2: Fraction(-3, 20), 3: Fraction(1, 60)}
    rng = np.random.default_rng(3)
    context = rng.integers(-4, 5, (4, 3))
    futures = [rng.integers(-4, 5, (j, 3)) for j in range(6)]

    def later(moved):
        whole = (exact(np.concatenate([moved, future])) for future in futures)
        return np.concatenate([learner(tokens[:, :2], tokens[:, 2:]).reshape(-1) for tokens in whole])

    rows = []
    for place in np.ndindex(4, 3):
        unit = np.zeros((4, 3), dtype=int)
        unit[place] = 1
        rows.append(sum(c * (later(context + h * unit) - later(context - h * unit)) for h, c in stencil.items()))
    entries = [flint.fmpq(v.numerator, v.denominator) for row in rows for v in row]
    assert flint.fmpq_mat(12, len(rows[0]), entries).rank() == count


def test_the_best_step_by_moments():
    """f = N = 1 with normal x, w, x_q = z and noise of variance 1/2: the loss multiplied out, monomials by their moments."""
    x, w, z, e, c = sympy.symbols("x w z e c")
    loss = sympy.Poly((w * z - c * (w * x + e) * x * z) ** 2 / 2, x, w, z, e)
    variances = (1, 1, 1, sympy.Rational(1, 2))

    def moment(powers):
        each = zip(powers, variances, strict=True)
        return sympy.prod(0 if n % 2 else sympy.factorial2(n - 1) * v ** (n // 2) for n, v in each)

    expected = sum(k * moment(powers) for powers, k in loss.terms())
    (best,) = sympy.solve(sympy.diff(expected, c), c)
    found = optimal_step.best(1, 1, Fraction(1), Fraction(3), Fraction(1, 2))
    assert found == (Fraction(str(best)), Fraction(str(expected.subs(c, best))))
    assert best == sympy.Rational(2, 7)  # 1/(3 + 0 + 1/2)


@given(st.integers(1, 4), st.integers(1, 3))
def test_published_constant_is_another_step_size(N, f):
    """lr/P in place of eta/N: the layer's prediction is that of a step of size lr N/P."""
    X, Y, x_q = exact([[1] * f] * N), exact([[2]] * N), exact([1] * f)
    P, lr = max(f, 1), Fraction(1, 3)
    row = gd_ssm.predictions(X, Y, x_q, exact(lr / P))[-1]
    W = steps(exact([[0] * f]), X, Y, lr * N / P, 1)
    assert row.tolist() == [sum(W[0])]
