r"""k steps of gradient descent in closed form.

With $c = \eta/N$, $A = X^\top X$, $B = Y^\top X$ and $W_{j+1} = W_j - \eta \nabla L(W_j)$, for every $k$ and every
$W_0$,

$$ W_k = W_0 (I - cA)^k + c B \sum_{j<k} (I - cA)^j . $$

Why.
$\nabla L(W) = \frac{1}{N}(W A - B)$, so a step is $W \mapsto W Q + cB$ with $Q = I - cA$. By induction on $k$:
$(W_0 Q^k + cB S_k) Q + cB = W_0 Q^{k+1} + cB (I + S_k Q)$, and $I + S_k Q = S_{k+1}$ for $S_k = \sum_{j<k} Q^j$.

Source.
derived here
"""

from functools import partial

from constructions import autograd_descent
from constructions.closed_form_descent import combine, extend, solution
from constructions.namespace import Array, identity
from numeric.words.session import Invariant, Iterated
from numeric.words.whole import Spec
from proofs.forms import EXACTLY, Identity, Large, claim
from proofs.kernel.rung import kernel_check

STEPS = 3


def formula(X: Array, Y: Array, W0: Array, eta: Array, steps: int = STEPS) -> Array:
    """The closed form with scale eta/N: (m, f)."""
    return solution(W0, X.mT @ X, Y.mT @ X, eta / X.shape[0], steps)


def learner(X: Array, Y: Array, W0: Array, eta: Array, steps: int = STEPS) -> Array:
    """k autograd steps from W0: (m, f)."""
    return autograd_descent.descend(W0, X, Y, eta=eta, steps=steps)


def no_power(X: Array) -> tuple[Array, Array]:
    """Q^0 and the empty sum."""
    one = identity(X.shape[1], X)
    return one, 0 * one


def next_power(powers: tuple[Array, Array], X: Array, eta: Array) -> tuple[Array, Array]:
    """The next power of Q = I - cA, and the sum by Horner's rule."""
    one = identity(X.shape[1], X)
    return extend(powers[0], powers[1], one - eta / X.shape[0] * (X.mT @ X), one)


def at_step(X: Array, Y: Array, W0: Array, eta: Array, powers: tuple[Array, Array]) -> Array:
    """The closed form with these powers."""
    return combine(W0, Y.mT @ X, *powers, eta / X.shape[0])


def wrong_sign(X: Array, Y: Array, W0: Array, eta: Array, steps: int = STEPS) -> Array:
    """Powers of I + cA."""
    return solution(W0, -(X.mT @ X), Y.mT @ X, eta / X.shape[0], steps)


def start_kept(X: Array, Y: Array, W0: Array, eta: Array) -> Array:
    """W_0 added as it is, without its factor Q^k."""
    return W0 + formula(X, Y, 0 * W0, eta)


IDENTITY = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "m"), "W0": ("m", "f"), "eta": ()},
    left=formula,
    right=learner,
    names=("closed form", "gradient descent"),
    sizes=({"f": 3, "m": 2, "N": 4}, {"f": 8, "m": 8, "N": 20}),
    large=Large({"f": 20, "m": 21, "N": 130}, partial(formula, steps=12), partial(learner, steps=12), quick=True),
    symbolic_sizes={"f": 2, "m": 1, "N": 1},
    whole=Spec(
        {"autograd_descent.descend": Invariant(at_step, companions={"powers": Iterated(no_power, next_power)})},
        counts={"steps": "k"},
    ),
)

CLAIM = claim(
    __name__,
    IDENTITY.checks() | kernel_check("gd_closed_form").checks(),
    IDENTITY.mutant("sign", "powers of I + cA", left=wrong_sign),
    IDENTITY.mutant("start_kept", "W_0 without its factor (I - cA)^k", left=start_kept, rungs=EXACTLY),
    IDENTITY.mutant(
        "one_term_more",
        "the sum runs to k",
        left=lambda X, Y, W0, eta: (
            formula(X, Y, W0, eta, STEPS)
            - formula(X, Y, W0, eta, STEPS)
            + formula(X, Y, 0 * W0, eta, STEPS + 1)
            + formula(X, 0 * Y, W0, eta, STEPS)
        ),
        rungs=EXACTLY,
    ),
)
