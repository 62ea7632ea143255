r"""Two ungated LTI layers with a pointwise square take a gradient-descent step.

Two linear time-invariant layers with decays $0$ and $1$, each followed by a pointwise square of linear functionals of
its state and input, output exactly one gradient-descent step $\frac{\eta}{N} \sum_i y_i (x_i \cdot x_q)$ from
$W_0 = 0$, without any gate: every product is

$$ ab = \tfrac14 \left( (a + b)^2 - (a - b)^2 \right) . $$

Why.
The first layer forms $y_i x_j$ and copies $x_j$, the second accumulates $B_{ij}$ and multiplies it by $x_{q,j}$, as in
gd.two_layers with every product made of squares.

Assumes.
- $W_0 = 0$; joint tokens; a constant 1 beside the token (a bias)
- exact arithmetic: in floating point the difference of squares loses digits when the factors differ in size, so the
  sampled rung is left out

Source.
derived here

Systems.
- Two state-space layers: two ungated layers with a pointwise square between them take one step
"""

from collections.abc import Iterator

from constructions import two_layers
from constructions.namespace import Array
from numeric.words import scalar
from numeric.words.derivation import Obligation
from proofs.forms import EVERYWHERE, Identity, Large, claim
from proofs.gd._learners import from_zero


def layer(X: Array, Y: Array, x_q: Array, eta: Array) -> Array:
    """The two squared layers with scale eta/N: (m,)."""
    return two_layers.by_squares(X, Y, x_q, eta / X.shape[0])


def derive(quarter: int = 4) -> Iterator[Obligation]:
    """The one identity that the form rests on; the rest is gd.two_layers."""
    a, b = scalar("a"), scalar("b")
    yield Obligation(
        "a product from squares",
        ((a + b) ** 2 - (a - b) ** 2) / quarter,
        a * b,
        r"Used for $y_i x_j$ in the first layer, for $B_{ij} x_{q,j}$ in the second, and with $b = 1$ to copy $x_j$.",
    )


IDENTITY = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "m"), "x_q": ("f",), "eta": ()},
    left=layer,
    right=from_zero,
    sizes=({"f": 2, "m": 2, "N": 3}, {"f": 4, "m": 3, "N": 8}),
    large=Large({"f": 20, "m": 21, "N": 130}),
    symbolic_sizes={"f": 2, "m": 1, "N": 2},
    derive=derive,
    rungs=EVERYWHERE,
)

CLAIM = claim(
    __name__,
    IDENTITY.checks(),
    IDENTITY.mutant("half", "ab = ((a+b)^2 - (a-b)^2)/2", derive={"quarter": 2}),
    IDENTITY.mutant("two_steps", "they take two steps", right={"steps": 2}),
)
