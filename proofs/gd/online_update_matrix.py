r"""One online pass in closed form.

One pass of online gradient descent $W_t = W_{t-1} - r (W_{t-1} x_t - y_t) x_t^\top$ from $W_0 = 0$ gives

$$ W_N = r \, Y^\top (I + r L^\top)^{-1} X = r \, Y^\top \sum_{j<N} (-r L^\top)^j X , $$

$L$ the strict lower triangle of $X X^\top$. A batch step has $I$ in place of the inverse, $k$ batch steps have
$\sum_{j<k} (I - r X X^\top)^j$.

Why.
By induction on $N$: a further token appends to $M = (I + rL^\top)^{-1}$ the column $-r M X x$ and a corner $1$.
$L^\top$ is nilpotent, so the inverse is a polynomial.

Assumes.
- $W_0 = 0$; one step size $r$ for all tokens

Source.
derived here; the chunked form of DeltaNet (arXiv 2406.06484) rests on the same inverse
"""

from collections.abc import Iterator

from constructions import update_matrices
from constructions.gradient_descent import step
from constructions.namespace import Array
from numeric.words import eye, matrix, scalar
from numeric.words.blocks import blocks
from numeric.words.derivation import Obligation
from proofs.forms import EXACTLY, Identity, Large, claim
from proofs.gd._learners import online


def formula(X: Array, Y: Array, rate: Array) -> Array:
    """rate Y^T M X with M = (I + rate L^T)^{-1}: (m, f)."""
    return update_matrices.weights(update_matrices.online(X, rate), X, Y, rate)


def derive(sign: int = -1) -> Iterator[Obligation]:
    """Induction on tokens: M grows by the column -rate M X x and a corner 1, and stays the inverse of I + rate L^T."""
    X, Y, M, L = matrix("X", "N", "f"), matrix("Y", "N", "m"), matrix("M", "N", "N"), matrix("L", "N", "N")
    x, y, rate, one = matrix("x", "f", 1), matrix("y", "m", 1), scalar("r"), eye("N")
    grown = blocks([[M, sign * rate * (M @ X @ x)], [0 * (x.mT @ X.mT), 1]])
    longer = blocks([[L.mT, X @ x], [0 * (x.mT @ X.mT), 0]])
    yield Obligation(
        "one more token",
        step(update_matrices.weights(M, X, Y, rate), x.mT, y.mT, rate),
        update_matrices.weights(grown, blocks([[X], [x.mT]]), blocks([[Y], [y.mT]]), rate),
        r"A step on the new token's loss from $r Y^\top M X$; with no token both sides are 0.",
    )
    yield Obligation(
        "the inverse",
        grown @ (blocks([[one, 0 * (X @ x)], [0 * (x.mT @ X.mT), 1]]) + rate * longer),
        blocks([[M + rate * (M @ L.mT), 0 * (X @ x)], [0 * (x.mT @ X.mT), 1]]),
        r"$L$ grows by the row $x^\top X^\top$, so $M' (I + rL'^\top) = \operatorname{diag}(M (I + rL^\top), 1)$, which is $I$ "
        r"if $M (I + rL^\top)$ is.",
    )


IDENTITY = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "m"), "rate": ()},
    left=formula,
    right=lambda X, Y, rate: online(X, Y, rate),
    names=("closed form", "online gradient descent"),
    sizes=({"f": 2, "m": 2, "N": 4}, {"f": 6, "m": 6, "N": 12}),
    large=Large({"f": 20, "m": 21, "N": 130}),
    symbolic_sizes={"f": 2, "m": 1, "N": 3},
    derive=derive,
)

CLAIM = claim(
    __name__,
    IDENTITY.checks(),
    IDENTITY.mutant("sign", "(I - r L^T)^{-1}", left=lambda X, Y, rate: -formula(X, Y, -rate), derive={"sign": 1}),
    IDENTITY.mutant(
        "untransposed",
        "L in place of L^T",
        left=lambda X, Y, rate: update_matrices.weights(update_matrices.online(X, rate).mT, X, Y, rate),
        rungs=EXACTLY,
    ),
    IDENTITY.mutant("batch", "the same as one batch step", left=lambda X, Y, rate: rate * (Y.mT @ X), rungs=EXACTLY),
)
