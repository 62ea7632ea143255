"""Conjugate gradients, BFGS and the error recursion against independent code and exact numbers."""

from fractions import Fraction

import numpy as np
import pytest
import sympy
from scipy.sparse.linalg import cg

from constructions import conjugate_gradient, descent_limit, gradient_descent, quasi_newton


def problem(seed, f=4, m=2, N=7):
    rng = np.random.default_rng(seed)
    return [rng.integers(-3, 4, s).astype(float) for s in ((m, f), (N, f), (N, m))]


def exact(array):
    return np.vectorize(Fraction, otypes=[object])(np.asarray(array, dtype=int))


@pytest.mark.parametrize("iterations", [1, 2, 3])
def test_conjugate_gradients_minimise_over_krylov_spaces(iterations):
    """The k-th iterate is w_0 + K (K^T A K)^{-1} K^T r_0, K = (r_0, A r_0, ...): by SymPy's exact elimination."""
    W, X, Y = (exact(a) for a in problem(0))
    found = conjugate_gradient.iterates(W, X, Y, iterations)[-1]
    x, y = sympy.Matrix(X.astype(int).tolist()), sympy.Matrix(Y.astype(int).tolist())
    A = x.T * x
    for i in range(2):
        start = sympy.Matrix(W[i].astype(int).tolist())
        residual = x.T * y[:, i] - A * start
        K = sympy.Matrix.hstack(*(A**k * residual for k in range(iterations)))
        wanted = start + K * (K.T * A * K).LUsolve(K.T * residual)
        assert found[i].tolist() == [Fraction(int(c.p), int(c.q)) for c in wanted]


def test_scipys_conjugate_gradients_take_the_same_steps():
    """One step that is exact in float64: the residual is an eigenvector of A = diag(1, 1, 4)."""
    X, Y = np.diag([1.0, 1.0, 2.0]), np.array([[1.0], [1.0], [0.0]])
    theirs, _ = cg(X.T @ X, (X.T @ Y)[:, 0], rtol=0, atol=0, maxiter=1)
    assert conjugate_gradient.iterates(np.zeros((1, 3)), X, Y, 1)[-1].tolist() == [theirs.tolist()] == [[1.0, 1.0, 0.0]]


def test_bfgs_learns_the_inverse_hessian():
    """On a quadratic, with exact line search, the estimate after f steps is the inverse of A, exactly."""
    _, X, Y = problem(1, f=3, m=1)
    A, b = exact(X.T @ X), exact(X.T @ Y)
    w, H = 0 * b, exact(np.eye(3))
    for _ in range(3):
        g = A @ w - b
        d = -(H @ g)
        s = quasi_newton.line_search(g, d, A @ d) * d
        w, H = w + s, quasi_newton.update(H, s, A @ s)
    assert np.array_equal(H @ A, exact(np.eye(3)))
    assert np.array_equal(A @ w, b)


def test_bfgs_iterates_end_at_the_minimum():
    _, X, Y = problem(2, f=3, m=1)
    A, b = exact(X.T @ X), exact(X.T @ Y)
    found = quasi_newton.iterates(lambda w: A @ w - b, 0 * b, exact(np.eye(3)), 3)
    assert np.array_equal(A @ found[-1][:, None], b)
    assert not np.array_equal(A @ found[1][:, None], b)


@pytest.mark.parametrize("steps", [0, 1, 4])
def test_the_distance_recursion_is_descent(steps):
    W, X, _ = problem(3, N=8)
    limit = problem(4)[0]
    found = descent_limit.after(W, limit, X.T @ X, 1 / 8, steps)
    assert np.array_equal(found, gradient_descent.descend(W, X, X @ limit.T, 1.0, steps))


def test_rates():
    assert descent_limit.rate(np.array([1.0, 4.0, 8.0]), 0.25).tolist() == [0.75, 0.0, -1.0]
