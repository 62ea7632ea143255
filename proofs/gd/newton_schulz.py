r"""k Newton-Schulz iterations are 2^k gradient-descent steps.

Newton-Schulz $P_{k+1} = P_k (2I - A P_k)$ from $P_0 = \frac{\eta}{N} I$, $A = X^\top X$, gives the
    predictor

$$ Y^\top X P_k = W_{2^k} , $$

the weights after $2^k$ gradient-descent steps of size $\eta$ from $W_0 = 0$.

Why.
$I - P_{k+1} A = (I - P_k A)^2$ with $I - P_0 A = I - cA$, $c = \eta/N$, while $j$ steps from $0$
    have
$P = c \sum_{i<j} (I - cA)^i$ and $I - PA = (I - cA)^j$ (gd.closed_form_steps). The iterate at $k$ is that sum for $j
= 2^k$:
$P(2I - AP) = P + (I - PA) P$ adds the second half.

Assumes.
- $W_0 = 0$ and $P_0$ a multiple of the identity

Source.
derived here; arXiv 2310.17086 compares the two in context

Systems.
- Newton-Schulz: $k$ iterations are $2^k$ steps of batch gradient descent from 0
"""

from functools import partial

from constructions import autograd_descent, newton_schulz
from constructions.namespace import Array, identity, power_of_two, zeros
from numeric.words.session import Invariant, Iterated
from numeric.words.whole import Spec
from proofs.forms import Identity, Large, claim
from proofs.kernel.rung import kernel_check

ITERATIONS = 2


def solver(X: Array, Y: Array, eta: Array, iterations: int = ITERATIONS) -> Array:
    """B P_k with P_0 = eta/N I: (m, f)."""
    return newton_schulz.weights(X.mT @ X, Y.mT @ X, eta / X.shape[0], iterations)


def learner(X: Array, Y: Array, eta: Array, iterations: int = ITERATIONS) -> Array:
    """2^k autograd steps from 0: (m, f)."""
    return steps(X, Y, eta, power_of_two(iterations))


def steps(X: Array, Y: Array, eta: Array, count: int) -> Array:
    """`count` autograd steps from 0."""
    return autograd_descent.descend(zeros((Y.shape[1], X.shape[1]), X), X, Y, eta=eta, steps=count)


def first_powers(X: Array, eta: Array) -> tuple[Array, Array]:
    """sum_{j<n} Q^j and Q^n for n = 1, Q = I - c A."""
    one = identity(X.shape[1], X)
    return one, one - eta / X.shape[0] * (X.mT @ X)


def doubled(powers: tuple[Array, Array]) -> tuple[Array, Array]:
    """The same for 2n: the second half of the sum is Q^n times the first."""
    total, power = powers
    return total + total @ power, power @ power


def inverse(X: Array, eta: Array, powers: tuple[Array, Array]) -> Array:
    """P_k = c sum_{j<2^k} Q^j."""
    return eta / X.shape[0] * powers[0]


def from_any_start(start: Array, X: Array, Y: Array, eta: Array, powers: tuple[Array, Array]) -> Array:
    """n steps from any W: W Q^n + c B sum_{j<n} Q^j."""
    return start @ powers[1] + eta / X.shape[0] * (Y.mT @ X) @ powers[0]


def relations(X: Array, eta: Array, powers: tuple[Array, Array]) -> list[tuple[Array, Array]]:
    """A sum Q^j = (I - Q^n)/c from either side, and all of them commute."""
    A, c, (total, power) = X.mT @ X, eta / X.shape[0], powers
    telescoped = (identity(X.shape[1], X) - power) / c
    return [(A @ total, telescoped), (total @ A, telescoped), (total @ power, power @ total), (A @ power, power @ A)]


POWERS = {"powers": Iterated(first_powers, doubled)}
IDENTITY = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "m"), "eta": ()},
    left=solver,
    right=learner,
    names=("Newton-Schulz", "gradient descent"),
    sizes=({"f": 2, "m": 2, "N": 3}, {"f": 6, "m": 3, "N": 9}),
    large=Large({"f": 20, "m": 21, "N": 130}, partial(solver, iterations=5), partial(learner, iterations=5)),
    symbolic_sizes={"f": 2, "m": 1, "N": 1},
    whole=Spec(
        {
            "newton_schulz.weights": Invariant(inverse, companions=POWERS, relations=relations),
            "autograd_descent.descend": Invariant(from_any_start, companions=POWERS, relations=relations),
        },
        counts={"iterations": "k"},
    ),
)

CLAIM = claim(
    __name__,
    IDENTITY.checks()
    | kernel_check("newton_schulz_closed_form", "newton_schulz_residual", "newton_schulz_gd").checks(),
    IDENTITY.mutant(
        "linear_count", "k + 1 steps", right=lambda X, Y, eta, iterations=ITERATIONS: steps(X, Y, eta, iterations + 1)
    ),
    IDENTITY.mutant(
        "half_the_sum",
        "an iteration is one step",
        right=lambda X, Y, eta, iterations=ITERATIONS: steps(X, Y, eta, iterations),
    ),
    IDENTITY.mutant(
        "one_iteration_more",
        "2^(k+1) steps",
        right=lambda X, Y, eta, iterations=ITERATIONS: learner(X, Y, eta, iterations + 1),
    ),
)
