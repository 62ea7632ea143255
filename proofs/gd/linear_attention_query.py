"""What happens when the query is a key too: the context descends with one wrong token more."""

from collections.abc import Iterator
from functools import partial

from constructions import autograd_descent, linear_attention
from constructions.gradient_descent import gradient
from constructions.namespace import Array, namespace
from numeric.blocks import blocks
from numeric.derivation import Obligation
from numeric.words import matrix, scalar
from proofs.claim import Claim, System
from proofs.evidence import Kind, Rung
from proofs.gd._witness import both
from proofs.gd.linear_attention import words_weights
from proofs.identity import Identity, Large

LAYERS = 2
EXACTLY = (Rung.EXACT, Rung.SYMBOLIC)


def layer(X: Array, Y: Array, x_q: Array, W0: Array, eta: Array, layers: int = LAYERS) -> Array:
    """Minus the query's y part after two layers that count the query as a key: (m,)."""
    weights = linear_attention.descent_weights(W0, eta / X.shape[0])
    E = linear_attention.tokens(X, Y, x_q, W0)
    for _ in range(layers):
        E = linear_attention.layer(E, weights, query_in_keys=True)
    return -E[-1, X.shape[1] :]


def learner(X: Array, Y: Array, x_q: Array, W0: Array, eta: Array, target: float = -1.0, layers: int = LAYERS) -> Array:
    """Autograd steps on the N pairs and the pair (x_q, target W0 x_q), step eta (N+1)/N on their mean loss: (m,)."""
    xp = namespace(X)
    longer = xp.concat([X, x_q[None, :]], axis=0)
    targets = xp.concat([Y, target * (W0 @ x_q)[None, :]], axis=0)
    N = X.shape[0]
    W = autograd_descent.descend(W0, longer, targets, eta=eta * (N + 1) / N, steps=layers)
    # the query's token is (x_q, target' - (W - W0) x_q) with target' = -W0 x_q
    return W @ x_q


def derive(target: int = -1) -> Iterator[Obligation]:
    """Induction on layers: all tokens, the query too, are those of descent on N + 1 pairs."""
    X, Y, q = matrix("X", "N", "f"), matrix("Y", "N", "m"), matrix("q", 1, "f")
    W0, W, c = matrix("W_0", "m", "f"), matrix("W_k", "m", "f"), scalar("c")
    inputs, targets = blocks([[X], [q]]), blocks([[Y], [target * q @ W0.mT]])
    count = scalar("N") + 1
    following = W - c * count * gradient(W, inputs, targets)
    moved = [[X, Y - X @ (W - W0).mT], [q, -q @ W.mT]]
    yield Obligation(
        "all tokens",
        linear_attention.attend(blocks(moved), blocks(moved), words_weights(W0, c)),
        blocks([[X, Y - X @ (following - W0).mT], [q, -q @ following.mT]]),
        r"The query's token $(q, -W_k q)$ is that of a pair with target $-W_0 q$, since $-W_0 q - (W_k - W_0) q = -W_k q$.",
    )


IDENTITY = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "m"), "x_q": ("f",), "W0": ("m", "f"), "eta": ()},
    left=layer,
    right=learner,
    sizes=({"f": 2, "m": 2, "N": 3}, {"f": 6, "m": 4, "N": 12}),
    large=Large({"f": 20, "m": 21, "N": 130}, partial(layer, layers=12), partial(learner, layers=12)),
    symbolic_sizes={"f": 1, "m": 1, "N": 1},
    torch_only=True,
    derive=derive,
)

HARMLESS = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "m"), "x_q": ("f",), "W0": ("m", "f"), "eta": ()},
    left=lambda X, Y, x_q, W0, eta: layer(X, Y, x_q, 0 * W0, eta, layers=1),
    right=lambda X, Y, x_q, W0, eta: autograd_descent.descend(0 * W0, X, Y, eta=eta) @ x_q,
    names=("one layer from 0", "one step from 0"),
    sizes=({"f": 2, "m": 2, "N": 3}, {"f": 6, "m": 4, "N": 12}),
    large=Large({"f": 20, "m": 21, "N": 130}, quick=True),
    torch_only=True,
)

CLAIM = Claim(
    __name__,
    title="With the query among the keys, linear attention descends on one false pair more",
    kind=Kind.IDENTITY,
    statement=r"""If the query token $(x_q, -W_0 x_q)$ is a key and a value too, $k$ layers of gd.linear_attention
predict $W_k x_q$ with

$$ W_{j+1} = W_j - \frac{\eta}{N} \Bigl( \sum_{i=1}^{N} (W_j x_i - y_i) x_i^\top + (W_j x_q + W_0 x_q) x_q^\top \Bigr)
: $$

gradient descent on the context and the false pair $(x_q, -W_0 x_q)$. For $k = 1$ and $W_0 = 0$ the false term
vanishes and the prediction is right; for $k = 1$ from other starts, and for $k = 2$ from $0$, it is not on all contexts.""",
    derivation=r"""The query's token is exactly that of a context pair with target $-W_0 x_q$, so gd.linear_attention
applies to
$N + 1$ pairs. The extra term is $2 W_0 x_q x_q^\top$ in the first step and $(W_j + W_0) x_q x_q^\top$ later.""",
    source="derived here; von Oswald et al. 2023 (arXiv 2212.07677) exclude the query",
    systems=(
        System("LSA (linear self-attention)", "with the query among its keys it descends on one false pair more"),
    ),
    checks={**IDENTITY.checks(), Rung.EXACT: both(IDENTITY.exact, HARMLESS.exact)},
    mutants=(
        IDENTITY.mutant(
            "true_target",
            "the extra pair is (x_q, W_0 x_q)",
            right=lambda X, Y, x_q, W0, eta: learner(X, Y, x_q, W0, eta, target=1.0),
            derive=lambda: derive(target=1),
        ),
        IDENTITY.mutant(
            "harmless_in_one_layer",
            "one layer is right from every start",
            left=lambda X, Y, x_q, W0, eta: layer(X, Y, x_q, W0, eta, layers=1),
            right=lambda X, Y, x_q, W0, eta: autograd_descent.descend(W0, X, Y, eta=eta) @ x_q,
            rungs=EXACTLY,
        ),
        IDENTITY.mutant(
            "harmless_from_zero",
            "two layers are right from W_0 = 0",
            left=lambda X, Y, x_q, W0, eta: layer(X, Y, x_q, 0 * W0, eta),
            right=lambda X, Y, x_q, W0, eta: autograd_descent.descend(0 * W0, X, Y, eta=eta, steps=2) @ x_q,
            rungs=EXACTLY,
        ),
    ),
)
