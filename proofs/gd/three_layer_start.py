r"""The three-layer block with residual window weights is two steps from minus the identity.

With $w_q = e_1 (e_1 + e_2)^\top$ in layers 1 and 3 and $e_1 e_1^\top$ in layer 2, minus the last row of the three-layer
block, skip connection included, is

$$ -o_{2N+1} = \left( -I + 2c(A + B) - c^2 (A + B) A \right) x_q = W_2 x_q , \qquad W_0 = -I , $$

two exact gradient-descent steps of size $\eta = cN$ from $W_0 = -I$: the skip connection is the start.

Why.
The gate $x_t (x_t + y_t)^\top$ accumulates $(A + B)^\top$, which is minus $N$ times the gradient at $-I$. From
$W_0 = -I$, $W_1 = -I + c(A + B)$ and $W_2 = W_1 - c(W_1 A - B)$.

Assumes.
- $f = m$; decay 1

Source.
derived here, next to the published code of arXiv 2410.11687

Departs.
- the model that the published scan returns has $e_1 e_2^\top + e_3 e_3^\top$ instead: $A - x_1 x_1^\top + x_q x_q^\top$
  takes the place of $A$ in the sum $A + B$, and it is not gradient descent (mutant `returned_model`)

Systems.
- GD-SSM, several steps: with residual window weights the block is two steps from $W_0 = -I$
"""

from collections.abc import Iterator
from functools import partial

from constructions import autograd_descent, three_layer_block
from constructions.gradient_descent import step
from constructions.namespace import Array
from constructions.three_layer_block import SQUARE
from numeric.words import eye, matrix, scalar, zeros
from numeric.words.derivation import Obligation
from proofs.forms import EXACTLY, claim
from proofs.gd._three_layers import identity, last_row

RESIDUAL = ((1, 1, 0), (0, 0, 0), (0, 0, 0))
OWN = (RESIDUAL, SQUARE, RESIDUAL)
NEXT = ((0, 1, 0), (0, 0, 0), (0, 0, 1))
RETURNED = (NEXT, SQUARE, NEXT)
"""What the published scan returns: e_1 e_2^T + e_3 e_3^T in layers 1 and 3."""


def learner(X: Array, Y: Array, x_q: Array, eta: Array) -> Array:
    """Two autograd steps from -I, asked at x_q: (f,)."""
    start = X.new_zeros(X.shape[1], X.shape[1]) - X.new_ones(X.shape[1]).diag_embed()
    return autograd_descent.descend(start, X, Y, eta=eta, steps=2) @ x_q


def derive(start: int = -1) -> Iterator[Obligation]:
    """The code's combination at Z_1 = Z_3 = -c(A + B), plus the identity of the skip, against two steps from -I."""
    X, Y, eta = matrix("X", "N", "f"), matrix("Y", "N", "f"), scalar("eta")
    scale, W0 = eta / scalar("N"), start * eye("f") + zeros("f", "f")
    A, B = X.mT @ X, Y.mT @ X
    Z_1, Z_2 = -scale * (A + B), -scale * A
    yield Obligation(
        "two steps from -I",
        -(three_layer_block.combine(Z_1, Z_1, Z_2, Z_1) + eye("f")),
        step(step(W0, X, Y, eta), X, Y, eta),
        r"Both are $-I + 2c(A + B) - c^2 (A + B) A$; the skip connection contributes $-I$, the start.",
    )


IDENTITY = identity(learner, derive, layer=partial(last_row, weights=OWN))

CLAIM = claim(
    __name__,
    IDENTITY.checks(),
    IDENTITY.mutant("published_weights", "layers 1 and 3 with e_1 e_2^T", left=last_row),
    IDENTITY.mutant(
        "returned_model",
        "layers 1 and 3 with e_1 e_2^T + e_3 e_3^T",
        left=partial(last_row, weights=RETURNED),
        rungs=EXACTLY,
    ),
    IDENTITY.mutant("start_plus_identity", "two steps from +I", derive={"start": 1}),
)
