r"""Scale gauge of the layer's weights.

For all $\alpha, \beta \ne 0$, every decay and every sequence, the weights

$$ (w_q, \; C, \; D) \quad \text{and} \quad \Bigl( \alpha w_q, \; \frac{C}{\alpha \beta}, \; \beta D \Bigr) $$

give the same outputs. "The weights converge to the analytic ones" can only be meant modulo these two scales, signs
included; the invariant to compare is $w_q[1,2] \, D[3] \, C$.

Why.
The state is linear in $w_q$ and the output is linear in $C$, in $D$ and in the state.

Assumes.
- $\alpha \beta \ne 0$

Source.
derived here, for the layer of arXiv 2410.11687
"""

from collections.abc import Iterator

from constructions import gd_ssm
from constructions.namespace import Array
from numeric.words import matrix, scalar
from numeric.words.blocks import blocks
from numeric.words.derivation import Obligation
from proofs.forms import Identity, Large, Rung, Witness, both, claim


def layer(U: Array, w_q: Array, decay: Array, C: Array, D: Array, alpha: Array, beta: Array) -> Array:
    """A general layer on any sequence; alpha and beta are not used."""
    return gd_ssm.layer(U, gd_ssm.Parameters(w_q, decay, C, D))


def rescaled(U: Array, w_q: Array, decay: Array, C: Array, D: Array, alpha: Array, beta: Array) -> Array:
    """The layer with (alpha w_q, C/(alpha beta), beta D)."""
    return gd_ssm.layer(U, gd_ssm.Parameters(alpha * w_q, decay, C / (alpha * beta), beta * D))


def derive(C_scaled: bool = True) -> Iterator[Obligation]:
    """The gates are linear in w_q, in C, in D and in the state, so the scales cancel."""
    window = blocks([[matrix(name, "d", 1).mT] for name in ("x", "y", "x'")])
    w_q = blocks([[scalar(f"w_{i}{j}") for j in (1, 2, 3)] for i in (1, 2, 3)])
    D = blocks([[scalar(f"D_{i}")] for i in (1, 2, 3)])
    C, S = matrix("C", "d", "d"), matrix("S", "d", "d")
    alpha, beta = scalar("alpha"), scalar("beta")
    yield Obligation(
        "input gate",
        gd_ssm.input_gate(window, alpha * w_q),
        alpha * gd_ssm.input_gate(window, w_q),
        r"Every write, hence (the decay acts entrywise) every state, is multiplied by $\alpha$.",
    )
    yield Obligation(
        "output gate",
        gd_ssm.output_gate(alpha * S, window, C / (alpha * beta) if C_scaled else C, beta * D),
        gd_ssm.output_gate(S, window, C, D),
        r"The readout of the scaled state with the scaled weights is the readout.",
    )


IDENTITY = Identity(
    shapes={"U": ("L", "d"), "w_q": (3, 3), "decay": ("d", "d"), "C": ("d", "d"), "D": (3,), "alpha": (), "beta": ()},
    left=layer,
    right=rescaled,
    names=("layer", "rescaled layer"),
    sizes=({"L": 5, "d": 2}, {"L": 7, "d": 3}),
    large=Large({"L": 130, "d": 20}, quick=True),
    derive=derive,
    admits=lambda sizes: sizes["L"] >= gd_ssm.WINDOW,
    numpy=True,
)
POINT = {
    "U": [[1], [2], [3], [4], [5]],
    "w_q": gd_ssm.PAIR,
    "decay": [["1/2"]],
    "C": [[1]],
    "D": gd_ssm.QUERY,
    "alpha": 1,
    "beta": 1,
}
"""Writes 1 * 2 and 3 * 4, states 2 and 13, read at 3 and 5: both sides are one layer, so it is run by itself once."""

CLAIM = claim(
    __name__,
    IDENTITY.checks()
    | {Rung.EXACT: both(IDENTITY.exact, Witness(layer, POINT, [[6], [65]], "outputs for the tokens 1 to 5"))},
    IDENTITY.mutant(
        "C_not_rescaled",
        "C is left as it is",
        right=lambda U, w_q, decay, C, D, alpha, beta: rescaled(U, w_q, decay, alpha * beta * C, D, alpha, beta),
        derive={"C_scaled": False},
    ),
    IDENTITY.mutant(
        "decay_rescaled",
        "the decay is rescaled too",
        right=lambda U, w_q, decay, C, D, alpha, beta: rescaled(U, w_q, alpha * decay, C, D, alpha, beta),
    ),
)
