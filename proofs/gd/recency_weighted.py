"""A layer with decay a takes one step on recency-weighted least squares."""

from collections.abc import Iterator

from constructions import autograd_descent, gd_ssm
from constructions.gated_accumulator import accumulate
from constructions.gradient_descent import weighted_loss
from constructions.namespace import Array, namespace
from numeric.blocks import blocks
from numeric.derivation import Obligation, loss_expansion
from numeric.words import Words, matrix, scalar, trace, zeros
from proofs.claim import Claim, Kind, System
from proofs.evidence import Rung
from proofs.gd._weights import published
from proofs.identity import Identity, Large
from proofs.kernel import kernel_check


def layer(X: Array, Y: Array, x_q: Array, a: Array, eta: Array) -> Array:
    """The last row of a layer whose decay is a in every entry: (m,)."""
    sequence = gd_ssm.tokens(X, Y, x_q)
    weights = gd_ssm.published(eta / X.shape[0], sequence.shape[1], a)
    return -gd_ssm.layer(sequence, weights)[-1, : Y.shape[1]]


def learner(X: Array, Y: Array, x_q: Array, a: Array, eta: Array) -> Array:
    """One autograd step on the loss with weights a^(N-t): (m,)."""
    return weighted_step(X, Y, x_q, a, eta, newest=0)


def weighted_step(X: Array, Y: Array, x_q: Array, a: Array, eta: Array, newest: int) -> Array:
    """The same with the newest pair weighted a^newest."""
    N = X.shape[0]
    weights = namespace(X).stack(
        [(a - a + 1) if N - t + newest == 0 else a ** (N - t + newest) for t in range(1, N + 1)]
    )
    W0 = X.new_zeros(Y.shape[1], X.shape[1])
    return autograd_descent.descend(W0, X, Y, weights, eta=eta, of=weighted_loss) @ x_q


def derive(newest: bool = False) -> Iterator[Obligation]:
    """The state Y^T V X with V = diag(a^(N-t)) by induction over tokens, then the step on the weighted loss."""
    X, Y, V = matrix("X", "N", "d"), matrix("Y", "N", "d"), matrix("V", "N", "N", "diagonal")
    x, y, a = matrix("x", "d", 1), matrix("y", "d", 1), scalar("a")
    weights = blocks([[a * V, zeros("N", 1)], [zeros(1, "N"), blocks([[a if newest else 1]])]])
    yield Obligation(
        "one more token",
        accumulate(Y.mT @ V @ X, y @ x.mT, a),
        blocks([[Y], [y.mT]]).mT @ weights @ blocks([[X], [x.mT]]),
        r"Decay multiplies all weights by $a$; the newest pair has weight 1.",
    )
    W, eta, count = matrix("W", "d", "d"), scalar("eta"), scalar("N")

    def discounted(W: Words) -> Words:
        residual = W @ X.mT - Y.mT
        return trace(residual @ V @ residual.mT) / (2 * count)

    def gradient(W: Words) -> Words:
        return ((W @ X.mT - Y.mT) @ V @ X) / count

    yield from loss_expansion(discounted, W, gradient(W))
    coded = published(eta / count, "d")
    query = matrix("q", "d", 1)
    yield Obligation(
        "the step",
        -gd_ssm.output_gate(Y.mT @ V @ X, blocks([[x.mT], [y.mT], [query.mT]]), coded.C, coded.D),
        -eta * gradient(zeros("d", "d")) @ query,
        r"Minus the readout of the state is a step from $W_0 = 0$ on the weighted loss.",
    )


IDENTITY = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "m"), "x_q": ("f",), "a": (), "eta": ()},
    left=layer,
    right=learner,
    sizes=({"f": 4, "m": 3, "N": 6}, {"f": 8, "m": 8, "N": 24}),
    large=Large({"f": 20, "m": 21, "N": 130}),
    symbolic_sizes={"f": 2, "m": 2, "N": 3},
    torch_only=True,
    positive=("a",),
    derive=derive,
)

CLAIM = Claim(
    __name__,
    title="Decay a is recency-weighted least squares",
    kind=Kind.IDENTITY,
    statement=r"""With every entry of the decay equal to $a$ the layer's last row is one gradient-descent step from
$W_0 = 0$ on the discounted loss

$$ L_a(W) = \frac{1}{2N} \sum_{t=1}^{N} a^{N-t} \norm{W x_t - y_t}^2 . $$""",
    derivation=r"""By gd.gated_accumulator the state is $\sum_t a^{N-t} y_t x_t^\top = Y^\top \operatorname{diag}(a^{N-t}) X$,
and $\nabla L_a(0) = -\frac{1}{N} Y^\top \operatorname{diag}(a^{N-t}) X$.""",
    assumptions=(r"$W_0 = 0$; one decay $a$ for all entries (any number)",),
    source="derived here; the discount is that of recursive least squares with forgetting",
    systems=(System("GD-SSM, vector target", "with a decay $a < 1$ one step on recency-weighted least squares"),),
    checks={
        **IDENTITY.checks(),
        Rung.KERNEL: kernel_check(
            "weighted_loss_expansion",
            "discounted_step",
            "discount_constant",
            "published_layer_discounted",
            states="the claim for f = m = d; zero padding to that width is checked on the other rungs",
        ),
    },
    mutants=(
        IDENTITY.mutant(
            "weight_off_by_one",
            "weights a^(N-t+1): the newest pair is discounted too",
            right=lambda X, Y, x_q, a, eta: weighted_step(X, Y, x_q, a, eta, newest=1),
            derive=lambda: derive(newest=True),
        ),
        IDENTITY.mutant(
            "plain_loss", "the decay is ignored", right=lambda X, Y, x_q, a, eta: learner(X, Y, x_q, a - a + 1, eta)
        ),
        IDENTITY.mutant(
            "oldest_first",
            "weights in reverse order",
            right=lambda X, Y, x_q, a, eta: learner(
                namespace(X).flip(X, axis=0), namespace(Y).flip(Y, axis=0), x_q, a, eta
            ),
        ),
    ),
)
