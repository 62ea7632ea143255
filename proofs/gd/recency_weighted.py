r"""Decay a is recency-weighted least squares.

With every entry of the decay equal to $a$ the layer's last row is one gradient-descent step from $W_0 = 0$ on the
discounted loss

$$ L_a(W) = \frac{1}{2N} \sum_{t=1}^{N} a^{N-t} \norm{W x_t - y_t}^2 . $$

Why.
By gd.gated_accumulator the state is $\sum_t a^{N-t} y_t x_t^\top = Y^\top \operatorname{diag}(a^{N-t}) X$, and
$\nabla L_a(0) = -\frac{1}{N} Y^\top \operatorname{diag}(a^{N-t}) X$.

Assumes.
- $W_0 = 0$; one decay $a$ for all entries (any number)

Source.
derived here; the discount is that of recursive least squares with forgetting

Systems.
- GD-SSM, vector target: with a decay $a < 1$ one step on recency-weighted least squares
"""

from constructions import autograd_descent, gd_ssm
from constructions.gradient_descent import weighted_loss
from constructions.namespace import Array, filled, namespace, zeros
from numeric.words.session import Invariant
from numeric.words.whole import Spec
from proofs.forms import Identity, Large, claim
from proofs.kernel.rung import kernel_check


def layer(X: Array, Y: Array, x_q: Array, a: Array, eta: Array) -> Array:
    """The last row of a layer whose decay is a in every entry: (m,)."""
    xp, sequence = namespace(X), gd_ssm.tokens(X, Y, x_q)
    weights = gd_ssm.published(eta / X.shape[0], sequence.shape[1], a)
    return xp.last(xp.keep(-gd_ssm.layer(sequence, weights), Y.shape[1]))


def learner(X: Array, Y: Array, x_q: Array, a: Array, eta: Array) -> Array:
    """One autograd step on the loss with weights a^(N-t): (m,)."""
    return weighted_step(X, Y, x_q, eta, namespace(X).decay_to_end(a, X))


def newest_discounted(X: Array, Y: Array, x_q: Array, a: Array, eta: Array) -> Array:
    """Weights a^(N-t+1)."""
    return weighted_step(X, Y, x_q, eta, a * namespace(X).decay_to_end(a, X))


def weighted_step(X: Array, Y: Array, x_q: Array, eta: Array, weights: Array) -> Array:
    """One step from 0 on the loss with these weights, asked at x_q."""
    start = zeros((Y.shape[1], X.shape[1]), X)
    return autograd_descent.descend(start, X, Y, weights, eta=eta, of=weighted_loss) @ x_q


def memory(X: Array, Y: Array, x_q: Array, a: Array) -> Array:
    """Y^T diag(a^(t-s)) X over the zero padded pairs so far."""
    X, Y, _ = namespace(X).pad(X, Y, x_q)
    return Y.mT @ (namespace(X).decay_to_end(a, X)[:, None] * X)


IDENTITY = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "m"), "x_q": ("f",), "a": (), "eta": ()},
    left=layer,
    right=learner,
    sizes=({"f": 4, "m": 3, "N": 6}, {"f": 8, "m": 8, "N": 24}),
    large=Large({"f": 20, "m": 21, "N": 130}),
    symbolic_sizes={"f": 2, "m": 2, "N": 3},
    positive=("a",),
    whole=Spec({"gated_accumulator.recurrence": Invariant(memory)}),
)

CLAIM = claim(
    __name__,
    IDENTITY.checks()
    | kernel_check(
        "weighted_loss_expansion",
        "discounted_step",
        "discount_constant",
        "published_layer_discounted",
        states="the claim for f = m = d; zero padding to that width is checked on the other rungs",
    ).checks(),
    IDENTITY.mutant(
        "weight_off_by_one", "weights a^(N-t+1): the newest pair is discounted too", right=newest_discounted
    ),
    IDENTITY.mutant("plain_loss", "the decay is ignored", right=lambda a, **at: learner(a=filled(1, a), **at)),
    IDENTITY.mutant(
        "oldest_first",
        "weights in reverse order",
        right=lambda X, Y, **at: learner(X=namespace(X).flip(X, axis=0), Y=namespace(Y).flip(Y, axis=0), **at),
    ),
)
