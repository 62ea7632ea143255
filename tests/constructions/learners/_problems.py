"""Small problems in fractions, learners with their counts filled in, and exact comparison."""

from fractions import Fraction

import flint
import numpy as np

from constructions.learners import Domain, Each, library
from numeric.deciding.programs import rational

F, M, N = 3, 2, 4
SHAPES = {
    Each.CONTEXT: (),
    Each.TOKEN: (N,),
    Each.CHANNEL: (F,),
    Each.TOKEN_CHANNEL: (N, F),
    Each.MATRIX: (F, F),
}


def draw(shape, seed, low=-3, scale=1):
    """Integers from `low` to 4 over `scale`, none 0."""
    generator = np.random.default_rng(seed)
    values = generator.integers(low, 4, shape)
    out = np.empty(shape, dtype=object)
    for index in np.ndindex(*shape):
        out[index] = Fraction(int(values[index]) or 4, scale)
    return out


def problem(seed=0, scale=1):
    shapes = {"X": (N, F), "Y": (N, M), "x_q": (F,), "W0": (M, F)}
    return {name: draw(shape, seed + k, scale=scale) for k, (name, shape) in enumerate(shapes.items())}


def counted(id):
    """The learner with 2 for each count."""
    found = library()[id]
    counts = {p.name: 2 for p in found.parameters if p.domain is Domain.COUNT}
    return found.given(**counts) if counts else found


def parameters(found, seed=10, each=True):
    """A value of each open parameter, of its widest shape or one number for all."""
    wide = lambda p: each or p.each is Each.MATRIX or p.name == "p"  # noqa: E731
    return {
        p.name: draw(SHAPES[p.each] if wide(p) else (), seed + k, low=1, scale=8)
        for k, p in enumerate(found.parameters)
    }


def predict(found, **inputs):
    return rational(found.call, inputs)[0]


def equal(a, b):
    a, b = np.asarray(a, dtype=object).reshape(-1), np.asarray(b, dtype=object).reshape(-1)
    return a.shape == b.shape and all(Fraction(x) == Fraction(y) for x, y in zip(a, b, strict=True))


def outer(a, b):
    return np.multiply.outer(a, b)


def solve(A, B):
    """A^{-1} B by FLINT."""

    def matrix(array):
        return flint.fmpq_mat(*array.shape, [flint.fmpq(v.numerator, v.denominator) for v in array.reshape(-1)])

    found = matrix(A).solve(matrix(B))
    out = np.empty(B.shape, dtype=object)
    for index in np.ndindex(*B.shape):
        value = found[index]
        out[index] = Fraction(int(value.p), int(value.q))
    return out


def power(A, k):
    out = eye(len(A))
    for _ in range(k):
        out = out @ A
    return out


def eye(n):
    out = np.empty((n, n), dtype=object)
    for index in np.ndindex(n, n):
        out[index] = Fraction(int(index[0] == index[1]))
    return out


def weights_after(W, tokens, change):
    """W after change(W, x, y, t) a token."""
    for t, (x, y) in enumerate(tokens):
        W = change(W, x, y, t)
    return W
