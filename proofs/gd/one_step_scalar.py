r"""One GD-SSM layer on interleaved tokens with a scalar target.

With $y_t$ as the token $(0, \dots, 0, y_t)$ the layer of gd.one_step_tokens gives in its last coordinate

$$ -o_{t,f} = \frac{\eta}{N} \sum_{s \le t} y_s \, \langle x_s, x_{t+1} \rangle , $$

one gradient-descent step of size $\eta t/N$ on the prefix, and exactly $0$ in every other coordinate.

Why.
The state is $S_t = \sum_{s \le t} (y_s e_f) x_s^\top$: only its last row is not zero, and that row is
$\sum_{s \le t} y_s x_s^\top$. So $f$ of the $f^2$ state entries are ever used.

Assumes.
- $W_0 = 0$; decay 1

Source.
arXiv 2410.11687 (normal tokens, scalar target) and its published code

Departs.
- the constant is $\eta/N$; the zero coordinates are part of the claim

Systems.
- GD-SSM, scalar target (1-D): one step of batch gradient descent from $W_0 = 0$, exactly, at every prefix
"""

from collections.abc import Iterator

from constructions import gd_ssm
from constructions.gradient_descent import step
from constructions.namespace import Array, namespace
from numeric.words import matrix, scalar, zeros
from numeric.words.blocks import blocks
from numeric.words.derivation import Obligation
from proofs.forms import claim
from proofs.gd._scalar_targets import identity, prefix_steps, sign
from proofs.gd._weights import published


def outputs(X: Array, y: Array, x_q: Array, scale: Array) -> Array:
    """All coordinates of minus the layer's outputs, (N, f)."""
    sequence = gd_ssm.scalar_tokens(X, y, x_q)
    return -gd_ssm.layer(sequence, gd_ssm.published(scale, sequence.shape[1]))


def layer(X: Array, y: Array, x_q: Array, eta: Array) -> Array:
    """All outputs (N, f): the last column is the prediction, the others have to be zero."""
    return outputs(X, y, x_q, eta / X.shape[0])


def learner(X: Array, y: Array, x_q: Array, eta: Array) -> Array:
    """One autograd step on each prefix in the last column, zeros before it."""
    (wide,) = namespace(X).pad(prefix_steps(X, y, x_q, eta).flip(-1), width=X.shape[1])
    return wide.flip(-1)


def target_first(X: Array, y: Array, x_q: Array, eta: Array) -> Array:
    """The target in the first coordinate of its token instead of the last."""
    sequence = gd_ssm.tokens(X, y[:, None], x_q)
    return -gd_ssm.layer(sequence, gd_ssm.published(eta / X.shape[0], sequence.shape[1]))


def derive(sign: int = 1) -> Iterator[Obligation]:
    """The readout for targets y_t e, e the unit vector of the last coordinate; the state is gd.one_step_tokens'."""
    X, targets, e = matrix("X", "t", "f"), matrix("y", "t", 1), matrix("e", "f", 1)
    x, following, y = matrix("x", "f", 1), matrix("x'", "f", 1), matrix("y_t", 1, 1)
    window = blocks([[x.mT], [(e @ y).mT], [following.mT]])
    eta, count = scalar("eta"), scalar("N")
    coded = published(sign * eta / count, "f")
    output = -gd_ssm.output_gate((targets @ e.mT).mT @ X, window, coded.C, coded.D)
    yield Obligation(
        "readout",
        output,
        e @ (step(zeros(1, "f"), X, targets, eta * scalar("t") / count) @ following),
        r"All of the output lies along $e$, the last coordinate, and there it is the step on the scalar targets.",
    )


IDENTITY = identity(layer, learner, derive)

CLAIM = claim(
    __name__,
    IDENTITY.checks(),
    sign(IDENTITY),
    IDENTITY.mutant(
        "eta_over_P",
        "divided by the state size P = f instead of N",
        left=lambda X, y, x_q, eta: outputs(X, y, x_q, eta / X.shape[1]),
    ),
    IDENTITY.mutant("target_first", "the target in the first coordinate", left=target_first),
)
