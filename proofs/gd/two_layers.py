r"""Two layers with one kind of gate take a gradient-descent step.

On joint tokens $(x_t, y_t)$ and the query $(x_q, 0)$, each of the following pairs of layers, with decays $0$ or $1$
that do not depend on the input, outputs exactly one gradient-descent step $\frac{\eta}{N} \sum_i y_i (x_i \cdot x_q)$
from $W_0 = 0$:

- input gates only: the first layer accumulates $B$ and copies $x_t$, the second multiplies the two before its state;
- output gates only: the first layer forms $y_t x_t^\top$ and copies $x_t$, the second accumulates and reads out at
  $x_q$;
- no gates, a pointwise square after each layer: both products by $ab = \frac14 \left( (a+b)^2 - (a-b)^2 \right)$.

So "both gates are necessary" holds for a single layer (gd.no_input_gate, gd.no_output_gate), not for two.

Why.
In both the unit-decay states hold $B = Y^\top X$, the query adds $0 \cdot x_q^\top$, and the second layer forms
$\sum_j B_{ij} x_{q,j}$.

Assumes.
- $W_0 = 0$; joint tokens; a constant 1 beside the token (a bias)

Source.
derived here

Systems.
- Two state-space layers: one kind of gate in two layers is enough for one step
"""

from collections.abc import Iterator

import torch

from constructions import two_layers
from constructions.gated_accumulator import accumulate
from constructions.gradient_descent import step
from constructions.namespace import Array
from numeric.words import matrix, scalar, zeros
from numeric.words.blocks import blocks
from numeric.words.derivation import Obligation
from proofs.forms import EXACTLY, Identity, Large, claim
from proofs.gd._learners import from_zero


def layer(X: Array, Y: Array, x_q: Array, eta: Array) -> Array:
    """Both forms with scale eta/N: (2, m)."""
    forms = (two_layers.by_input_gates, two_layers.by_output_gates)
    return torch.stack([form(X, Y, x_q, eta / X.shape[0]) for form in forms])


def learner(X: Array, Y: Array, x_q: Array, eta: Array) -> Array:
    """One autograd step from 0, asked at x_q, twice: (2, m)."""
    return torch.stack([from_zero(X, Y, x_q, eta)] * 2)


def query_has_target(X: Array, Y: Array, x_q: Array, eta: Array) -> Array:
    """The query's token repeats the last target instead of 0: one false pair more."""
    longer, targets = torch.cat([X, x_q[None, :]]), torch.cat([Y, Y[-1:, :]])
    forms = (two_layers.by_input_gates, two_layers.by_output_gates)
    return torch.stack([form(longer, targets, x_q, eta / X.shape[0]) for form in forms])


def derive(divisor: str = "N") -> Iterator[Obligation]:
    """The accumulated products, and the readout against the step."""
    X, Y = matrix("X", "N", "f"), matrix("Y", "N", "m")
    x, y, q = matrix("x", "f", 1), matrix("y", "m", 1), matrix("q", "f", 1)
    yield Obligation(
        "one more token",
        accumulate(Y.mT @ X, y @ x.mT, 1),
        blocks([[Y], [y.mT]]).mT @ blocks([[X], [x.mT]]),
        r"In both forms the unit-decay states hold the entries of $B = Y^\top X$.",
    )
    yield Obligation(
        "the query's token",
        accumulate(Y.mT @ X, zeros("m", 1) @ q.mT, 1),
        Y.mT @ X,
        r"The query comes with target 0 and adds nothing.",
    )
    yield Obligation(
        "readout",
        scalar("eta") / scalar(divisor) * (Y.mT @ X @ q),
        step(zeros("m", "f"), X, Y, scalar("eta")) @ q,
        r"The second layer multiplies $B_{ij}$ by $x_{q,j}$, and a linear map adds over $j$: the step at $x_q$.",
    )


IDENTITY = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "m"), "x_q": ("f",), "eta": ()},
    left=layer,
    right=learner,
    names=("two layers", "one step, twice"),
    sizes=({"f": 2, "m": 2, "N": 2}, {"f": 4, "m": 3, "N": 8}),
    large=Large({"f": 20, "m": 21, "N": 130}),
    symbolic_sizes={"f": 2, "m": 1, "N": 2},
    derive=derive,
)

CLAIM = claim(
    __name__,
    IDENTITY.checks(),
    IDENTITY.mutant("query_has_target", "the query's token carries a target", left=query_has_target),
    IDENTITY.mutant("eta_over_P", "divided by f instead of N", derive={"divisor": "f"}),
    IDENTITY.mutant("sign", "the outputs without their sign", left=lambda **at: -layer(**at), rungs=EXACTLY),
)
