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

from constructions import autograd_descent, two_layers
from constructions.namespace import Array
from numeric.words import scalar
from numeric.words.derivation import Obligation
from proofs.evidence import Kind, Rung
from proofs.forms.identity import Identity, Large
from proofs.forms.statement import claim


def layer(X: Array, Y: Array, x_q: Array, eta: Array) -> Array:
    """The two squared layers with scale eta/N: (m,)."""
    return two_layers.by_squares(X, Y, x_q, eta / X.shape[0])


def learner(X: Array, Y: Array, x_q: Array, eta: Array, steps: int = 1) -> Array:
    """Autograd steps from 0, asked at x_q: (m,)."""
    return autograd_descent.descend(X.new_zeros(Y.shape[1], X.shape[1]), X, Y, eta=eta, steps=steps) @ x_q


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
    right=learner,
    sizes=({"f": 2, "m": 2, "N": 3}, {"f": 4, "m": 3, "N": 8}),
    large=Large({"f": 20, "m": 21, "N": 130}),
    symbolic_sizes={"f": 2, "m": 1, "N": 2},
    derive=derive,
)

CLAIM = claim(
    __file__,
    __name__,
    kind=Kind.IDENTITY,
    checks={rung: check for rung, check in IDENTITY.checks().items() if rung is not Rung.SAMPLED},
    mutants=(
        IDENTITY.mutant("half", "ab = ((a+b)^2 - (a-b)^2)/2", derive={"quarter": 2}),
        IDENTITY.mutant(
            "two_steps",
            "they take two steps",
            right=lambda X, Y, x_q, eta: learner(X, Y, x_q, eta, steps=2),
            rungs=(Rung.EXACT, Rung.SYMBOLIC),
        ),
    ),
)
