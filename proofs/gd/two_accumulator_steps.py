r"""Two accumulators and k matrix products are k gradient-descent steps.

With $Z_2 = -c \sum_i x_i x_i^\top$, $Z_3 = -c \sum_i y_i x_i^\top$, $c = \eta/N$ and $E_0 = -W_0$,

$$ E_{j+1} = E_j (I + Z_2) + Z_3 \qquad \text{gives} \qquad E_k = -W_k \quad \text{for every } k, $$

the weights after $k$ gradient-descent steps of size $\eta$ from $W_0$. From $W_0 = 0$, $E_1 = Z_3$.

Why.
By induction: $E_{j+1} = -W_j (I - cA) - cB = -(W_j - \eta \nabla L(W_j))$. Only $A$ and $B$ are carried, both causal
sums, so every prefix of the context gets its own $k$ exact steps.

Assumes.
- tokens zero padded to $\max(f, m)$; decay 1

Source.
derived here; extends the block of arXiv 2410.11687 (its published code stops at two steps)

Systems.
- GD-SSM, several steps: two accumulators and $k$ matrix products are $k$ steps
"""

from functools import partial

from constructions.accumulator_steps import extend, prediction
from constructions.namespace import Array
from constructions.two_accumulators import states
from numeric.words.session import Invariant, Iterated
from numeric.words.whole import Spec
from proofs.forms import EVERYWHERE, Identity, Large, Rung, claim
from proofs.gd._learners import descent
from proofs.gd.one_step_start import ACCUMULATORS
from proofs.gd.stacked_steps import first_weights, next_weights
from proofs.kernel.rung import kernel_check

STEPS = 3


def layer(X: Array, Y: Array, x_q: Array, W0: Array, eta: Array, steps: int = STEPS) -> Array:
    """k extensions with scale eta/N: (m,)."""
    return prediction(X, Y, x_q, W0, eta / X.shape[0], steps)


def accumulated(W: Array) -> Array:
    """E_k = -W_k."""
    return -W


def from_the_left(X: Array, Y: Array, x_q: Array, W0: Array, eta: Array) -> Array:
    """(I + Z_2) E + Z_3: the product in the other order (f = m)."""
    A, B = states(X, Y, x_q)
    scale, E = eta / X.shape[0], -W0
    for _ in range(STEPS):
        E = extend(E.mT, -scale * A, -scale * B.mT).mT
    return -(E @ x_q)


IDENTITY = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "m"), "x_q": ("f",), "W0": ("m", "f"), "eta": ()},
    left=layer,
    right=partial(descent, steps=STEPS),
    sizes=({"f": 3, "m": 2, "N": 4}, {"f": 8, "m": 8, "N": 20}),
    large=Large({"f": 20, "m": 21, "N": 130}, partial(layer, steps=12), partial(descent, steps=12)),
    symbolic_sizes={"f": 2, "m": 1, "N": 1},
    whole=Spec(
        {
            "gated_accumulator.last_state": ACCUMULATORS,
            "accumulator_steps.prediction": Invariant(
                accumulated, companions={"W": Iterated(first_weights, next_weights)}
            ),
        },
        counts={"steps": "k"},
    ),
)

CLAIM = claim(
    __name__,
    IDENTITY.checks() | kernel_check("two_accumulators_gd").checks(),
    IDENTITY.mutant(
        "sign",
        "Z_2 with the wrong sign",
        left=lambda X, Y, x_q, W0, eta, steps=STEPS: -layer(X, -Y, x_q, W0, -eta, steps) + 2 * (W0 @ x_q),
        rungs=EVERYWHERE,
    ),
    IDENTITY.mutant(
        "one_product_less",
        "one matrix product less",
        left=lambda X, Y, x_q, W0, eta, steps=STEPS: layer(X, Y, x_q, W0, eta, steps - 1),
    ),
    IDENTITY.mutant(
        "from_the_left",
        "(I + Z_2) E + Z_3 (f = m)",
        left=from_the_left,
        sizes={"f": 2, "m": 2, "N": 2},
        rungs=(Rung.EXACT,),
    ),
)
