r"""One gradient-descent step from any start, by two accumulators.

With the two unit-decay accumulators $A = \sum_i x_i x_i^\top$ (window weights $e_1 e_1^\top$) and
$B = \sum_i y_i x_i^\top$ ($e_1 e_2^\top$),

$$ W_0 x_q + \frac{\eta}{N} \left( B - W_0 A \right) x_q = \bigl( W_0 - \eta \nabla L(W_0) \bigr) x_q \qquad
   \text{for every } W_0 . $$

Why.
$\nabla L(W_0) = \frac{1}{N} (W_0 X^\top - Y^\top) X = \frac{1}{N} (W_0 A - B)$.

Assumes.
- tokens zero padded to $\max(f, m)$; decay 1

Source.
derived here; arXiv 2410.11687 states the case $W_0 = 0$

Systems.
- GD-SSM, vector target: with a second accumulator one step from any start $W_0$
"""

from constructions import two_accumulators
from constructions.namespace import Array, namespace
from numeric.words.session import Invariant
from numeric.words.whole import Spec
from proofs.forms import Identity, Large, claim
from proofs.gd._learners import descent
from proofs.kernel.rung import kernel_check


def layer(X: Array, Y: Array, x_q: Array, W0: Array, eta: Array) -> Array:
    """The two-accumulator layer with scale eta/N: (m,)."""
    return two_accumulators.prediction(X, Y, x_q, W0, eta / X.shape[0])


def correction_missing(X: Array, Y: Array, x_q: Array, W0: Array, eta: Array) -> Array:
    """W0 x_q + scale B x_q: the gradient's W0 A term forgotten."""
    A, B = two_accumulators.sums(X, Y, x_q)
    return two_accumulators.read(W0, 0 * A, B, x_q[:, None], eta / X.shape[0])[:, 0]


def input_sums(X: Array, Y: Array, x_q: Array) -> Array:
    """X^T X of the zero padded inputs."""
    X, _, _ = namespace(X).pad(X, Y, x_q)
    return X.mT @ X


def target_sums(X: Array, Y: Array, x_q: Array) -> Array:
    """Y^T X of the zero padded pairs."""
    X, Y, _ = namespace(X).pad(X, Y, x_q)
    return Y.mT @ X


ACCUMULATORS = (Invariant(input_sums), Invariant(target_sums))
IDENTITY = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "m"), "x_q": ("f",), "W0": ("m", "f"), "eta": ()},
    left=layer,
    right=descent,
    sizes=({"f": 4, "m": 3, "N": 6}, {"f": 3, "m": 6, "N": 5}, {"f": 10, "m": 10, "N": 20}),
    large=Large({"f": 20, "m": 21, "N": 130}),
    symbolic_sizes={"f": 2, "m": 2, "N": 3},
    whole=Spec({"gated_accumulator.last_state": ACCUMULATORS}),
)

CLAIM = claim(
    __name__,
    IDENTITY.checks()
    | kernel_check(
        "two_accumulators_gd",
        "one_step",
        states="two_accumulators_gd at k = 1 is the claim; zero padding is checked on the other rungs. one_step is about "
        "a layer that accumulates the residuals y - W0 x instead",
    ).checks(),
    IDENTITY.mutant("W0_term_missing", "the term W0 A is missing", left=correction_missing),
    IDENTITY.mutant(
        "start_not_read",
        "the start W0 x_q is missing from the readout",
        left=lambda X, Y, x_q, W0, eta: layer(X, Y, x_q, W0, eta) - W0 @ x_q,
    ),
    IDENTITY.mutant(
        "eta_over_P",
        "divided by the state size P instead of N",
        left=lambda X, Y, x_q, W0, eta: two_accumulators.prediction(X, Y, x_q, W0, eta / max(X.shape[1], Y.shape[1])),
    ),
)
