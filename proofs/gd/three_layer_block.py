"""The published three-layer block is exactly two gradient-descent steps, at the last window, plus the skip's x_q."""

from collections.abc import Iterator

from constructions import autograd_descent, gd_ssm, three_layer_block
from constructions.gradient_descent import step
from constructions.namespace import Array
from numeric.words import matrix, scalar, zeros
from numeric.words.derivation import Obligation
from proofs.claim import Claim, System
from proofs.evidence import Kind, Rung
from proofs.forms.identity import Identity, Large

EXACTLY = (Rung.EXACT, Rung.SYMBOLIC)


def layer(X: Array, Y: Array, x_q: Array, eta: Array) -> Array:
    """Minus the block's last row with scale eta/N: (f,)."""
    return -three_layer_block.block(gd_ssm.tokens(X, Y, x_q), eta / X.shape[0])[-1, :]


def learner(X: Array, Y: Array, x_q: Array, eta: Array) -> Array:
    """Two autograd steps from 0, asked at x_q, minus x_q: (f,)."""
    return steps(X, Y, x_q, eta, 2) - x_q


def steps(X: Array, Y: Array, x_q: Array, eta: Array, count: int) -> Array:
    """`count` autograd steps from 0, asked at x_q: (f,)."""
    return autograd_descent.descend(X.new_zeros(Y.shape[1], X.shape[1]), X, Y, eta=eta, steps=count) @ x_q


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


IDENTITY = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "f"), "x_q": ("f",), "eta": ()},
    left=layer,
    right=learner,
    sizes=({"f": 3, "N": 4}, {"f": 8, "N": 20}),
    large=Large({"f": 20, "N": 130}),
    symbolic_sizes={"f": 2, "N": 1},
    torch_only=True,
    derive=derive,
)

CLAIM = Claim(
    __name__,
    title="The published three-layer block is two steps at the last window, plus the skip",
    kind=Kind.IDENTITY,
    statement=r"""Three layers with $w_q = e_1 e_2^\top, \; e_1 e_1^\top, \; e_1 e_2^\top$, decay $1$ and $C =
-\frac{\eta}{N} I$,
combined as $Z_1(t) + Z_1(N) Z_2(t) + Z_3(t)$ and followed by the skip connection, give in the last row

$$ -o_{2N+1} = W_2 x_q - x_q , $$

$W_2$ the weights after two gradient-descent steps of size $\eta$ from $W_0 = 0$. So one block is two steps, not one,
and the
prediction that the published code reads off, $-o_{2N+1}$, misses $W_2 x_q$ by exactly $x_q$.""",
    derivation=r"""At $t = N$ the states are $Z_1 = Z_3 = -cB$, $Z_2 = -cA$, and $-(2cB - c^2 BA) = -W_2$ by
gd.closed_form_steps at $k = 2$. The last token, added by the skip connection, is $x_q$.""",
    assumptions=(r"$f = m$; decay 1",),
    source="arXiv 2410.11687, published code (multi-step form)",
    departures=(
        r"the constant is $\eta/N$; the published code's is $lr/P$ (see gd.step_size)",
        "the source counts three layers as one step",
    ),
    systems=(
        System(
            "GD-SSM, several steps",
            "the published three-layer block is two steps at the last window, plus the skip's $x_q$",
        ),
    ),
    checks=IDENTITY.checks(),
    mutants=(
        IDENTITY.mutant(
            "skip_forgotten",
            "the prediction is W_2 x_q",
            right=lambda X, Y, x_q, eta: steps(X, Y, x_q, eta, 2),
        ),
        IDENTITY.mutant(
            "one_step",
            "one block is one step",
            right=lambda X, Y, x_q, eta: steps(X, Y, x_q, eta, 1) - x_q,
            rungs=EXACTLY,
        ),
        IDENTITY.mutant(
            "same_weights",
            "all three layers with w_q = e_1 e_2^T, as the code's gd_params option makes them",
            left=lambda X, Y, x_q, eta: (
                -three_layer_block.block(gd_ssm.tokens(X, Y, x_q), eta / X.shape[0], (gd_ssm.PAIR,) * 3)[-1, :]
            ),
            rungs=EXACTLY,
        ),
        IDENTITY.mutant("second_sign", "Z_2 with the other sign", derive=lambda: derive(second=1)),
    ),
)
