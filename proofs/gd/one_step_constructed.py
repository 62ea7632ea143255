r"""One output-gated LTI layer on constructed tokens is one gradient-descent step.

On tokens $u_t = (x_t y_t, \, x_{t+1})$ the layer $h_t = h_{t-1} + B u_t$, $o_t = h_t \cdot (D u_t)$ with
$B = -\frac{\eta}{N} (I \; 0)$ and $D = (0 \; I)$ gives

$$ -o_t = \frac{\eta}{N} \sum_{s \le t} y_s \, \langle x_s, x_{t+1} \rangle , $$

one gradient-descent step of size $\eta t / N$ from $W_0 = 0$ on the first $t$ pairs, asked at $x_{t+1}$.

Why.
$h_t = -\frac{\eta}{N} \sum_{s \le t} y_s x_s$ and $D u_t = x_{t+1}$. The input gate (the product $x_t y_t$) and the
shift were done when the tokens were made.

Assumes.
- $W_0 = 0$; scalar target; decay 1

Source.
arXiv 2410.11687 (constructed tokens) and its published code

Departs.
- the constant is $\eta/N$; the published code's is $lr/P$ (see gd.step_size)

Systems.
- GD-SSM, scalar target (1-D): on constructed tokens, which hold $x_t y_t$, an output gate alone is enough for one step
"""

from collections.abc import Iterator

from constructions import constructed_tokens
from constructions.gated_accumulator import accumulate
from constructions.gradient_descent import step
from constructions.namespace import Array, namespace
from numeric import words
from numeric.words import matrix, scalar
from numeric.words.blocks import blocks
from numeric.words.derivation import Obligation
from proofs.forms import claim
from proofs.gd._constructed_weights import constructed
from proofs.gd._scalar_targets import identity, prefix_steps, sign


def layer(X: Array, y: Array, x_q: Array, eta: Array) -> Array:
    """Minus the outputs with scale eta/N: (N,)."""
    return constructed_tokens.predictions(X, y, x_q, eta / X.shape[0])


def learner(X: Array, y: Array, x_q: Array, eta: Array) -> Array:
    """One autograd step on each prefix: (N,)."""
    return prefix_steps(X, y, x_q, eta)[:, 0]


def gate_reads_own_input(X: Array, y: Array, x_q: Array, eta: Array) -> Array:
    """D = [I 0]: the gate reads x_t y_t instead of x_{t+1}."""
    coded = constructed_tokens.weights(eta / X.shape[0], X.shape[1])
    swapped = namespace(X).roll(coded.D, X.shape[1], axis=1)
    return -constructed_tokens.layer(
        constructed_tokens.tokens(X, y, x_q), constructed_tokens.Weights(coded.B, swapped, coded.decay)
    )


def derive(sign: int = 1) -> Iterator[Obligation]:
    """The state h_t = -scale X^T y by induction over tokens, then the gated readout against the step."""
    X, targets = matrix("X", "t", "f"), matrix("y", "t", 1)
    x, y, following = matrix("x", "f", 1), matrix("y_t", 1, 1), matrix("x'", "f", 1)
    eta, count = scalar("eta"), scalar("N")
    scale = sign * eta / count
    B, decay, D = constructed(scale, "f")
    token = blocks([[x @ y], [following]])
    yield Obligation(
        "one more token",
        accumulate(-eta / count * (X.mT @ targets), B @ token, decay),
        -eta / count * (blocks([[X], [x.mT]]).mT @ blocks([[targets], [y]])),
        r"The write $B u_t$ adds $-\frac{\eta}{N} x_t y_t$ to the state $-\frac{\eta}{N} X^\top y$.",
    )
    yield Obligation(
        "readout",
        -((-eta / count * (X.mT @ targets)).mT @ (D @ token)),
        step(words.zeros(1, "f"), X, targets, eta * scalar("t") / count) @ following,
        r"$D u_t = x_{t+1}$, and minus its product with the state is the step on the prefix.",
    )


IDENTITY = identity(layer, learner, derive)

CLAIM = claim(
    __name__,
    IDENTITY.checks(),
    sign(IDENTITY),
    IDENTITY.mutant("gate_reads_own_input", "the gate reads x_t y_t", left=gate_reads_own_input),
    IDENTITY.mutant(
        "eta_over_P",
        "divided by the state size P = f instead of N",
        left=lambda X, y, x_q, eta: constructed_tokens.predictions(X, y, x_q, eta / X.shape[1]),
    ),
    IDENTITY.mutant(
        "stale_query",
        "the last token holds x_N instead of the query",
        left=lambda X, y, x_q, eta: layer(X, y, X[-1, :], eta),
    ),
)
