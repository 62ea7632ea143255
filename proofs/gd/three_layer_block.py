r"""The published three-layer block is two steps at the last window, plus the skip.

Three layers with $w_q = e_1 e_2^\top, \; e_1 e_1^\top, \; e_1 e_2^\top$, decay $1$ and $C = -\frac{\eta}{N} I$,
combined as $Z_1(t) + Z_1(N) Z_2(t) + Z_3(t)$ and followed by the skip connection, give in the last row

$$ -o_{2N+1} = W_2 x_q - x_q , $$

$W_2$ the weights after two gradient-descent steps of size $\eta$ from $W_0 = 0$. So one block is two steps, not one,
and the prediction that the published code reads off, $-o_{2N+1}$, misses $W_2 x_q$ by exactly $x_q$.

Why.
At $t = N$ the states are $Z_1 = Z_3 = -cB$, $Z_2 = -cA$, and $-(2cB - c^2 BA) = -W_2$ by gd.closed_form_steps at
$k = 2$. The last token, added by the skip connection, is $x_q$.

Assumes.
- $f = m$; decay 1

Source.
arXiv 2410.11687, published code (multi-step form)

Departs.
- the constant is $\eta/N$; the published code's is $lr/P$ (see gd.step_size)
- the source counts three layers as one step

Systems.
- GD-SSM, several steps: the published three-layer block is two steps at the last window, plus the skip's $x_q$
"""

from collections.abc import Iterator
from functools import partial

from constructions import gd_ssm, three_layer_block
from constructions.gradient_descent import step
from constructions.namespace import Array
from numeric.words import matrix, scalar, zeros
from numeric.words.derivation import Obligation
from proofs.forms import EXACTLY, claim
from proofs.gd._learners import from_zero
from proofs.gd._three_layers import identity, last_row


def learner(X: Array, Y: Array, x_q: Array, eta: Array) -> Array:
    """Two autograd steps from 0, asked at x_q, minus x_q: (f,)."""
    return from_zero(X, Y, x_q, eta, 2) - x_q


def derive(second: int = -1) -> Iterator[Obligation]:
    """The code's combination at Z_1 = Z_3 = -cB, Z_2 = -cA (states by gd.one_step_start) against two steps."""
    X, Y, query = matrix("X", "N", "f"), matrix("Y", "N", "f"), matrix("q", "f", 1)
    eta, start = scalar("eta"), zeros("f", "f")
    scale = eta / scalar("N")
    Z_1, Z_2 = -scale * (Y.mT @ X), second * scale * (X.mT @ X)
    twice = step(step(start, X, Y, eta), X, Y, eta)
    yield Obligation(
        "two steps",
        three_layer_block.combine(Z_1, Z_1, Z_2, Z_1),
        -twice,
        r"$Z_1 + Z_1 Z_2 + Z_3 = -(2cB - c^2 B A) = -W_2$ at the last window, where $t = N$.",
    )
    yield Obligation(
        "the skip connection",
        -(three_layer_block.combine(Z_1, Z_1, Z_2, Z_1) @ query + query),
        twice @ query - query,
        r"The last token is $x_q$, so the skip adds $x_q$ to $-W_2 x_q$; the prediction is minus the sum.",
    )


IDENTITY = identity(learner, derive)

CLAIM = claim(
    __name__,
    IDENTITY.checks(),
    IDENTITY.mutant("skip_forgotten", "the prediction is W_2 x_q", right=partial(from_zero, steps=2)),
    IDENTITY.mutant(
        "one_step",
        "one block is one step",
        right=lambda X, Y, x_q, eta: from_zero(X, Y, x_q, eta, 1) - x_q,
        rungs=EXACTLY,
    ),
    IDENTITY.mutant(
        "same_weights",
        "all three layers with w_q = e_1 e_2^T, as the code's gd_params option makes them",
        left=partial(last_row, weights=(gd_ssm.PAIR,) * 3),
        rungs=EXACTLY,
    ),
    IDENTITY.mutant("second_sign", "Z_2 with the other sign", derive={"second": 1}),
)
