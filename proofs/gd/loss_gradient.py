r"""The gradient of the mean least-squares loss.

For $L(W) = \frac{1}{2N} \sum_{i=1}^{N} \norm{W x_i - y_i}^2$ with $W \in \mathbb{R}^{m \times f}$,

$$ \nabla L(W) = \frac{1}{N} \left( W X^\top - Y^\top \right) X, $$

and it is the only $G$ with $L(W + tH) = L(W) + t \langle G, H \rangle + t^2 Q(H)$ for all $H$ and $t$.

Why.
Expand in $t$: with $R = W X^\top - Y^\top$,
$L(W + tH) = L(W) + \frac{t}{N} \langle R, H X^\top \rangle + \frac{t^2}{2N} \norm{H X^\top}^2$, and
$\langle R, H X^\top \rangle = \operatorname{tr}(R X H^\top) = \langle R X, H \rangle$. A linear functional of $H$ that
vanishes for all $H$ is zero, so no other $G$ has this property.

Assumes.
- $N \ge 1$; real entries

Source.
von Oswald et al. 2023 (arXiv 2212.07677), eq. 5; uniqueness derived here
"""

from collections.abc import Iterator

from constructions import autograd_descent
from constructions.gradient_descent import gradient, loss
from constructions.namespace import Array
from numeric.words import matrix
from numeric.words.derivation import Obligation, loss_expansion
from proofs.forms import Identity, Large, claim
from proofs.kernel.rung import kernel_check


def written(W: Array, X: Array, Y: Array) -> Array:
    """The gradient as written down."""
    return gradient(W, X, Y)


def by_autograd(W: Array, X: Array, Y: Array) -> Array:
    """The gradient that torch's autograd finds from the stated loss."""
    return autograd_descent.gradient(W, X, Y)


def derive(factor: int = 1) -> Iterator[Obligation]:
    """The loss and the gradient, as the code writes them, run on matrix words: the expansion in t, and uniqueness."""
    W, X, Y = matrix("W", "m", "f"), matrix("X", "N", "f"), matrix("Y", "N", "m")
    yield from loss_expansion(lambda W: loss(W, X, Y), W, factor * gradient(W, X, Y))


IDENTITY = Identity(
    shapes={"W": ("m", "f"), "X": ("N", "f"), "Y": ("N", "m")},
    left=written,
    right=by_autograd,
    names=("written gradient", "autograd of the loss"),
    sizes=({"f": 5, "m": 3, "N": 7}, {"f": 16, "m": 9, "N": 64}),
    large=Large({"f": 20, "m": 21, "N": 130}, quick=True),
    symbolic_sizes={"f": 3, "m": 2, "N": 3},
    derive=derive,
)

CLAIM = claim(
    __name__,
    IDENTITY.checks() | kernel_check("loss_expansion", "gradient_unique").checks(),
    IDENTITY.mutant(
        "sign", "the gradient with the wrong sign", left=lambda W, X, Y: -gradient(W, X, Y), derive={"factor": -1}
    ),
    IDENTITY.mutant(
        "sum_for_mean", "the sum over tokens without 1/N", left=lambda W, X, Y: gradient(W, X, Y) * X.shape[0]
    ),
    IDENTITY.mutant(
        "missing_half",
        "the gradient of the loss without its 1/2",
        left=lambda W, X, Y: 2 * gradient(W, X, Y),
        derive={"factor": 2},
    ),
    IDENTITY.mutant(
        "transposed",
        "the gradient transposed (f = m)",
        left=lambda W, X, Y: gradient(W, X, Y).mT,
        sizes={"f": 3, "m": 3, "N": 4},
    ),
)
