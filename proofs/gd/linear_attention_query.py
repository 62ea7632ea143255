r"""With the query among the keys, linear attention descends on one false pair more.

If the query token $(x_q, -W_0 x_q)$ is a key and a value too, $k$ layers of gd.linear_attention predict $W_k x_q$ with

$$ W_{j+1} = W_j - \frac{\eta}{N} \Bigl( \sum_{i=1}^{N} (W_j x_i - y_i) x_i^\top + (W_j x_q + W_0 x_q) x_q^\top \Bigr) : $$

gradient descent on the context and the false pair $(x_q, -W_0 x_q)$. For $k = 1$ and $W_0 = 0$ the false term vanishes
and the prediction is right; for $k = 1$ from other starts, and for $k = 2$ from $0$, it is not on all contexts.

Why.
The query's token is exactly that of a context pair with target $-W_0 x_q$, so gd.linear_attention applies to $N + 1$
pairs. The extra term is $2 W_0 x_q x_q^\top$ in the first step and $(W_j + W_0) x_q x_q^\top$ later.

Source.
derived here; von Oswald et al. 2023 (arXiv 2212.07677) exclude the query

Systems.
- LSA (linear self-attention): with the query among its keys it descends on one false pair more
"""

from functools import partial

from constructions import autograd_descent, linear_attention
from constructions.gradient_descent import step
from constructions.namespace import Array, namespace
from numeric.words.session import Invariant, Iterated
from numeric.words.whole import Spec
from proofs.forms import EVERYWHERE, Identity, Large, Rung, claim, together
from proofs.gd.linear_attention import read
from proofs.gd.stacked_steps import first_weights

LAYERS = 2


def layer(X: Array, Y: Array, x_q: Array, W0: Array, eta: Array, layers: int = LAYERS) -> Array:
    """Minus the query's y part after k layers that count the query as a key: (m,)."""
    xp, weights = namespace(X), linear_attention.descent_weights(W0, eta / X.shape[0])

    def once(E: Array) -> Array:
        return linear_attention.layer_with_query(E, weights)

    E = xp.iterate(once, linear_attention.tokens(X, Y, x_q, W0), layers)
    return -xp.drop(xp.last(E), X.shape[1])


def longer(X: Array, Y: Array, x_q: Array, W0: Array, target: int) -> tuple[Array, Array]:
    """The context and the pair (x_q, target W0 x_q)."""
    xp = namespace(X)
    return xp.concat([X, x_q[None, :]], axis=0), xp.concat([Y, target * (W0 @ x_q)[None, :]], axis=0)


def learner(X: Array, Y: Array, x_q: Array, W0: Array, eta: Array, layers: int = LAYERS, target: int = -1) -> Array:
    """Autograd steps on the N pairs and the pair (x_q, target W0 x_q), step eta (N+1)/N on their mean loss: (m,)."""
    inputs, targets = longer(X, Y, x_q, W0, target)
    N = X.shape[0]
    # the query's token is (x_q, target' - (W - W0) x_q) with target' = -W0 x_q
    return autograd_descent.descend(W0, inputs, targets, eta=eta * (N + 1) / N, steps=layers) @ x_q


def next_weights(W: Array, X: Array, Y: Array, x_q: Array, W0: Array, eta: Array) -> Array:
    """One step on N + 1 pairs."""
    N = X.shape[0]
    return step(W, *longer(X, Y, x_q, W0, -1), eta * (N + 1) / N)


def one_step(X: Array, Y: Array, x_q: Array, W0: Array, eta: Array, layers: int = LAYERS) -> Array:
    """One step on the context."""
    return autograd_descent.descend(W0, X, Y, eta=eta) @ x_q


def from_zero(X: Array, Y: Array, x_q: Array, W0: Array, eta: Array, layers: int = LAYERS) -> Array:
    """k steps on the context from 0."""
    return autograd_descent.descend(0 * W0, X, Y, eta=eta, steps=layers) @ x_q


IDENTITY = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "m"), "x_q": ("f",), "W0": ("m", "f"), "eta": ()},
    left=layer,
    right=learner,
    sizes=({"f": 2, "m": 2, "N": 3}, {"f": 6, "m": 4, "N": 12}),
    large=Large({"f": 20, "m": 21, "N": 130}, partial(layer, layers=12), partial(learner, layers=12)),
    symbolic_sizes={"f": 1, "m": 1, "N": 1},
    whole=Spec(
        {"linear_attention_query.layer": Invariant(read, companions={"W": Iterated(first_weights, next_weights)})},
        counts={"layers": "k"},
    ),
)

HARMLESS = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "m"), "x_q": ("f",), "W0": ("m", "f"), "eta": ()},
    left=lambda X, Y, x_q, W0, eta: layer(X, Y, x_q, 0 * W0, eta, layers=1),
    right=lambda X, Y, x_q, W0, eta: autograd_descent.descend(0 * W0, X, Y, eta=eta) @ x_q,
    names=("one layer from 0", "one step from 0"),
    sizes=({"f": 2, "m": 2, "N": 3}, {"f": 6, "m": 4, "N": 12}),
    large=Large({"f": 20, "m": 21, "N": 130}, quick=True),
    rungs=(Rung.EXACT,),
)

CLAIM = claim(
    __name__,
    together(IDENTITY.checks(), HARMLESS.checks()),
    IDENTITY.mutant("true_target", "the extra pair is (x_q, W_0 x_q)", right={"target": 1}),
    IDENTITY.mutant(
        "harmless_in_one_layer",
        "one layer is right from every start",
        left=lambda X, Y, x_q, W0, eta, layers=LAYERS: layer(X, Y, x_q, W0, eta, 1),
        right=one_step,
        rungs=EVERYWHERE,
    ),
    IDENTITY.mutant(
        "harmless_from_zero",
        "two layers are right from W_0 = 0",
        left=lambda X, Y, x_q, W0, eta, layers=LAYERS: layer(X, Y, x_q, 0 * W0, eta, layers),
        right=from_zero,
        rungs=EVERYWHERE,
    ),
)
