r"""Conjugate gradients solve least squares exactly after rank many iterations.

From any $W_0$, conjugate gradients on the normal equations $W A = B$, $A = X^\top X$, $B = Y^\top X$, row by row of
$W$, have mutually orthogonal residuals and mutually conjugate directions. So after at most
$\operatorname{rank} X \le \min(N, f)$ iterations the gradient of the loss is exactly $0$: least squares is solved. As
many iterations as $A$ has different non-zero eigenvalues are enough.

Why.
Induction on the iterations (the listed steps). All residuals $b - A w_k$ lie in the row space of $X$, where no more
than its dimension can be orthogonal and different from $0$. With few different eigenvalues they lie in the span of the
first residual's components in the eigenspaces.

Assumes.
- no earlier residual is $0$ (then the solution was reached before)
- exact arithmetic: the last residuals are differences that cancel to 0, so the sampled rung is left out

Source.
Hestenes and Stiefel 1952

Systems.
- Conjugate gradients: least squares exactly after $\operatorname{rank} X$ iterations, fewer if some repeat
"""

# Over 120 lines: three statements (rank, few eigenvalues, orthogonality), each with its own two sides.

from collections.abc import Iterator

import torch

from constructions import conjugate_gradient
from constructions.autograd_descent import gradient
from constructions.namespace import Array
from numeric.words.derivation import Obligation
from proofs.forms import Identity, Kind, Large, Rung, Short, Witness, both, claim, covering
from proofs.gd import _krylov
from proofs.gd.spectral_filter import context


def solver(X: Array, Y: Array, W0: Array, fewer: int = 0) -> Array:
    """The weights after min(N, f) iterations (less `fewer`): (m, f)."""
    return conjugate_gradient.iterates(W0, X, Y, min(X.shape) - fewer)[-1, ...]


def stationary(X: Array, Y: Array, W0: Array, fewer: int = 0) -> Array:
    """The same plus the autograd gradient of the mean squared loss there, which is 0 at a minimiser: (m, f)."""
    W = solver(X, Y, W0, fewer)
    return W + gradient(W, X, Y)


def two_eigenvalues(d: Array, v: Array, Y: Array, W0: Array, iterations: int = 2) -> Array:
    """Two iterations where X^T X (f, f) has two different eigenvalues, d_1^2 once and d_2^2 else: (m, f)."""
    return conjugate_gradient.iterates(W0, _inputs(d, v), Y, iterations)[-1, ...]


def two_stationary(d: Array, v: Array, Y: Array, W0: Array, iterations: int = 2) -> Array:
    """The same plus the gradient: (m, f)."""
    W = two_eigenvalues(d, v, Y, W0, iterations)
    return W + gradient(W, _inputs(d, v), Y)


def low_rank(P: Array, Q: Array, Y: Array, W0: Array, fewer: int = 0) -> Array:
    """Rank many iterations (less `fewer`) on X = P Q, P (N, r), Q (r, f): (m, f)."""
    return conjugate_gradient.iterates(W0, P @ Q, Y, Q.shape[0] - fewer)[-1, ...]


def low_rank_stationary(P: Array, Q: Array, Y: Array, W0: Array, fewer: int = 0) -> Array:
    """The same plus the gradient: (m, f)."""
    W = low_rank(P, Q, Y, W0, fewer)
    return W + gradient(W, P @ Q, Y)


def _inputs(d: Array, v: Array) -> Array:
    return context(torch.cat([d[:1], d[1:].expand(v.shape[0] - 1)]), v)


def steepest(w: Array, r: Array, p: Array, A: Array) -> tuple[Array, Array, Array]:
    """The iteration that forgets its last direction (beta = 0): steepest descent with exact line search."""
    moved, after, _ = conjugate_gradient.step(w, r, p, A)
    return moved, after, after


def descent(X: Array, Y: Array, W0: Array) -> Array:
    """min(N, f) iterations of steepest descent with exact line search: (m, f)."""
    A, B, rows = X.mT @ X, X.mT @ Y, []
    for i in range(Y.shape[1]):
        state = conjugate_gradient.start(W0[i, :][:, None], A, B[:, i][:, None])
        for _ in range(min(X.shape)):
            state = steepest(*state, A)
        rows.append(state[0][:, 0])
    return torch.stack(rows)


def derive(step: _krylov.Step | None = None) -> Iterator[Obligation]:
    """Residuals are mutually orthogonal, so at most rank many are not 0."""
    yield from _krylov.orthogonality(step)


IDENTITY = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "m"), "W0": ("m", "f")},
    left=solver,
    right=stationary,
    names=("conjugate gradients", "the same plus the gradient there"),
    sizes=({"f": 3, "m": 1, "N": 3}, {"f": 4, "m": 1, "N": 2}),
    large=Large({"f": 3, "m": 2, "N": 130}, quick=True, short=Short.DEGREE),
    derive=derive,
)
FEW = Identity(
    shapes={"d": (2,), "v": ("f",), "Y": ("f", "m"), "W0": ("m", "f")},
    left=two_eigenvalues,
    right=two_stationary,
    names=("two iterations", "the same plus the gradient there"),
    sizes=({"f": 4, "m": 1}, {"f": 6, "m": 2}),
    large=Large({"f": 20, "m": 21}),
    rungs=(Rung.EXACT,),
)
RANK = Identity(
    shapes={"P": ("N", "r"), "Q": ("r", "f"), "Y": ("N", "m"), "W0": ("m", "f")},
    left=low_rank,
    right=low_rank_stationary,
    names=("rank many iterations", "the same plus the gradient there"),
    sizes=({"N": 3, "f": 3, "r": 2, "m": 2}, {"N": 4, "f": 4, "r": 3, "m": 1}),
    large=Large({"N": 130, "f": 20, "r": 2, "m": 3}, quick=True),
    admits=lambda sizes: sizes["r"] <= min(sizes["N"], sizes["f"]),
    rungs=(Rung.EXACT,),
)

AWAY = {"X": [[1], [2]], "Y": [[1], [1]], "W": [[1]]}

CLAIM = claim(
    __name__,
    {
        Rung.EXACT: covering(
            "that the gradient is 0 after rank many iterations, and after two where A has two eigenvalues",
            both(
                *(part.exact for part in (IDENTITY, RANK, FEW)),
                Witness(
                    lambda X, Y, W: gradient(W, X, Y), AWAY, [[1]], "gradient at W = 1 for the pairs (1, 1), (2, 1)"
                ),
            ),
        ),
        Rung.UNIVERSAL: covering(
            "orthogonal residuals and conjugate directions; that no more than rank many differ from 0 is a count of "
            "dimensions, and of the eigenvalues it says nothing",
            IDENTITY.universal,
        ),
    },
    IDENTITY.mutant(
        "one_less", "one iteration less is enough", left={"fewer": 1}, right={"fewer": 1}, rungs=(Rung.EXACT,)
    ),
    RANK.mutant(
        "one_less_than_rank", "one iteration less than the rank is enough", left={"fewer": 1}, right={"fewer": 1}
    ),
    FEW.mutant(
        "one_for_two_eigenvalues",
        "one iteration is enough for two eigenvalues",
        left={"iterations": 1},
        right={"iterations": 1},
    ),
    IDENTITY.mutant(
        "steepest",
        "steepest descent with exact line search does as well",
        left=descent,
        right=lambda X, Y, W0: descent(X, Y, W0) + gradient(descent(X, Y, W0), X, Y),
        derive={"step": steepest},
        rungs=(Rung.EXACT, Rung.UNIVERSAL),
    ),
    kind=Kind.CONVERGENCE,
)
