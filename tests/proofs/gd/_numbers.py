"""Exact contexts for the worked examples: rational numbers in numpy arrays, and the learner written out in plain Python."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import strategies as st


def exact(values):
    """Nested lists of integers or fractions as an array of Fraction."""
    array = np.array(values, dtype=object)
    return np.vectorize(Fraction, otypes=[object])(array) if array.size else array


@st.composite
def contexts(draw, f=(1, 3), m=(1, 2), N=(1, 4)):
    """X (N, f), Y (N, m), x_q (f,), W0 (m, f) of small integers, and a step size eta, a small fraction."""
    sizes = {name: draw(st.integers(*limits)) for name, limits in (("f", f), ("m", m), ("N", N))}
    number = st.integers(-3, 3)

    def array(rows, cols):
        return exact([[draw(number) for _ in range(cols)] for _ in range(rows)])

    X, Y = array(sizes["N"], sizes["f"]), array(sizes["N"], sizes["m"])
    x_q, W0 = array(1, sizes["f"])[0], array(sizes["m"], sizes["f"])
    return X, Y, x_q, W0, Fraction(draw(st.integers(1, 4)), draw(st.integers(1, 3)))


def slope(W, X, Y, weights=None):
    """Entry by entry sum_i weights_i (W x_i - y_i) x_i^T: the gradient of half the weighted squared error, nothing divided."""
    m, f = W.shape
    out = exact([[0] * f for _ in range(m)])
    for i in range(len(X)):
        share = 1 if weights is None else weights[i]
        for a in range(m):
            error = sum(W[a, b] * X[i, b] for b in range(f)) - Y[i, a]
            for b in range(f):
                out[a, b] += share * error * X[i, b]
    return out


def steps(W, X, Y, eta, count):
    """`count` steps of size eta on the mean loss."""
    for _ in range(count):
        W = W - eta / len(X) * slope(W, X, Y)
    return W


def asked(W, x):
    """W x, entry by entry."""
    return [sum(w * v for w, v in zip(row, x, strict=True)) for row in W]
