"""Two accumulators and k matrix products are k steps of gradient descent, causally and from any start."""

from functools import partial

from constructions import autograd_descent
from constructions.accumulator_steps import extend, prediction
from constructions.namespace import Array
from constructions.two_accumulators import states
from numeric.words.session import Invariant, Iterated
from numeric.words.whole import Spec
from proofs.claim import Claim, System
from proofs.evidence import Kind, Rung
from proofs.forms.identity import Identity, Large
from proofs.gd.one_step_start import ACCUMULATORS
from proofs.gd.stacked_steps import first_weights, next_weights
from proofs.kernel.rung import kernel_check

STEPS = 3
EXACTLY = (Rung.EXACT, Rung.SYMBOLIC)


def layer(X: Array, Y: Array, x_q: Array, W0: Array, eta: Array, steps: int = STEPS) -> Array:
    """k extensions with scale eta/N: (m,)."""
    return prediction(X, Y, x_q, W0, eta / X.shape[0], steps)


def learner(X: Array, Y: Array, x_q: Array, W0: Array, eta: Array, steps: int = STEPS) -> Array:
    """k autograd steps from W0, asked at x_q: (m,)."""
    return autograd_descent.descend(W0, X, Y, eta=eta, steps=steps) @ x_q


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
    right=learner,
    sizes=({"f": 3, "m": 2, "N": 4}, {"f": 8, "m": 8, "N": 20}),
    large=Large({"f": 20, "m": 21, "N": 130}, partial(layer, steps=12), partial(learner, steps=12)),
    symbolic_sizes={"f": 2, "m": 1, "N": 1},
    torch_only=True,
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

CLAIM = Claim(
    __name__,
    title="Two accumulators and k matrix products are k gradient-descent steps",
    kind=Kind.IDENTITY,
    statement=r"""With $Z_2 = -c \sum_i x_i x_i^\top$, $Z_3 = -c \sum_i y_i x_i^\top$, $c = \eta/N$ and $E_0 = -W_0$,

$$ E_{j+1} = E_j (I + Z_2) + Z_3 \qquad \text{gives} \qquad E_k = -W_k \quad \text{for every } k, $$

the weights after $k$ gradient-descent steps of size $\eta$ from $W_0$. From $W_0 = 0$, $E_1 = Z_3$.""",
    derivation=r"""By induction: $E_{j+1} = -W_j (I - cA) - cB = -(W_j - \eta \nabla L(W_j))$. Only $A$ and $B$ are
carried, both
causal sums, so every prefix of the context gets its own $k$ exact steps.""",
    assumptions=(r"tokens zero padded to $\max(f, m)$; decay 1",),
    source="derived here; extends the block of arXiv 2410.11687 (its published code stops at two steps)",
    systems=(System("GD-SSM, several steps", "two accumulators and $k$ matrix products are $k$ steps"),),
    checks={**IDENTITY.checks(), Rung.KERNEL: kernel_check("two_accumulators_gd")},
    mutants=(
        IDENTITY.mutant(
            "sign",
            "Z_2 with the wrong sign",
            left=lambda X, Y, x_q, W0, eta: -prediction(X, -Y, x_q, W0, -eta / X.shape[0], STEPS) + 2 * (W0 @ x_q),
            rungs=(*EXACTLY, Rung.UNIVERSAL),
        ),
        IDENTITY.mutant(
            "one_product_less",
            "one matrix product less",
            left=lambda X, Y, x_q, W0, eta: prediction(X, Y, x_q, W0, eta / X.shape[0], STEPS - 1),
        ),
        IDENTITY.mutant(
            "from_the_left",
            "(I + Z_2) E + Z_3 (f = m)",
            left=from_the_left,
            sizes={"f": 2, "m": 2, "N": 2},
            rungs=(Rung.EXACT,),
        ),
    ),
)
