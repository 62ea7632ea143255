r"""k layers of linear self-attention are k gradient-descent steps.

On tokens $e_i = (x_i, y_i)$ and the query $(x_q, -W_0 x_q)$, the layer
$e_j \leftarrow e_j + P \sum_{i \le N} (W_V e_i) (W_K e_i)^\top (W_Q e_j)$ with

$$ W_K = W_Q = \begin{pmatrix} I_f & 0 \\ 0 & 0 \end{pmatrix}, \quad W_V = \begin{pmatrix} 0 & 0 \\ W_0 & -I_m
\end{pmatrix},
   \quad P = \frac{\eta}{N} I , $$

the query left out of keys and values, has after $k$ equal layers the tokens $(x_i, \; y_i - (W_k - W_0) x_i)$ and
$(x_q, \; -W_k x_q)$, $W_k$ after $k$ gradient-descent steps of size $\eta$ from $W_0$. One layer is the case $k =
1$.

Why.
By induction on $k$: the value of token $i$ is $W_k x_i - y_i$ and its key $x_i$, so the sum is
$N \nabla L(W_k)$, and every token, the query included, subtracts its product with the step.

Assumes.
- the query is excluded from keys and values (see gd.linear_attention_query)

Source.
von Oswald et al. 2023 (arXiv 2212.07677), proposition 1

Departs.
- any $W_0$, and all tokens are claimed, not only the query

Systems.
- LSA (linear self-attention): $k$ layers are $k$ steps of batch gradient descent from any $W_0$
"""

from collections.abc import Callable
from functools import partial

from constructions import autograd_descent, linear_attention
from constructions.namespace import Array, namespace
from numeric.words.session import Invariant, Iterated
from numeric.words.whole import Spec
from proofs.forms import EVERYWHERE, Identity, Large, claim
from proofs.gd.stacked_steps import first_weights, next_weights
from proofs.kernel.rung import kernel_check

LAYERS = 2


def layer(X: Array, Y: Array, x_q: Array, W0: Array, eta: Array, layers: int = LAYERS) -> Array:
    """All tokens after k layers with scale eta/N: (N+1, f+m)."""
    return stacked(linear_attention.layer, X, Y, x_q, W0, W0, eta, layers)


def stacked(
    one: Callable[..., Array], X: Array, Y: Array, x_q: Array, W0: Array, values: Array, eta: Array, layers: int
) -> Array:
    """k equal layers; `values` stands for W_0 in W_V."""
    weights = linear_attention.descent_weights(values, eta / X.shape[0])

    def once(E: Array) -> Array:
        return one(E, weights)

    return namespace(X).iterate(once, linear_attention.tokens(X, Y, x_q, W0), layers)


def learner(X: Array, Y: Array, x_q: Array, W0: Array, eta: Array, layers: int = LAYERS) -> Array:
    """Tokens (x_i, y_i - (W_k - W_0) x_i) and (x_q, -W_k x_q), W_k by k autograd steps from W0: (N+1, f+m)."""
    return read(X, Y, x_q, W0, autograd_descent.descend(W0, X, Y, eta=eta, steps=layers))


def read(X: Array, Y: Array, x_q: Array, W0: Array, W: Array) -> Array:
    """The tokens that weights W stand for."""
    xp = namespace(X)
    context = xp.concat([X, Y - X @ (W - W0).mT], axis=1)
    return xp.concat([context, xp.concat([x_q, -(W @ x_q)], axis=0)[None, :]], axis=0)


def query_in_keys(X: Array, Y: Array, x_q: Array, W0: Array, eta: Array, layers: int = LAYERS) -> Array:
    """The query is a key too."""
    return stacked(linear_attention.layer_with_query, X, Y, x_q, W0, W0, eta, layers)


def opposite(X: Array, Y: Array, x_q: Array, W0: Array, eta: Array, layers: int = LAYERS) -> Array:
    """P with the other sign: every layer goes the other way."""
    return stacked(lambda E, weights: 2 * E - linear_attention.layer(E, weights), X, Y, x_q, W0, W0, eta, layers)


IDENTITY = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "m"), "x_q": ("f",), "W0": ("m", "f"), "eta": ()},
    left=layer,
    right=learner,
    sizes=({"f": 2, "m": 2, "N": 3}, {"f": 6, "m": 4, "N": 12}),
    large=Large({"f": 20, "m": 21, "N": 130}, partial(layer, layers=12), partial(learner, layers=12)),
    symbolic_sizes={"f": 2, "m": 1, "N": 1},
    whole=Spec(
        {"linear_attention.stacked": Invariant(read, companions={"W": Iterated(first_weights, next_weights)})},
        counts={"layers": "k"},
    ),
)

CLAIM = claim(
    __name__,
    IDENTITY.checks() | kernel_check("lsa_stack_gd", "lsa_one_layer").checks(),
    IDENTITY.mutant("query_in_keys", "the query is a key too", left=query_in_keys),
    IDENTITY.mutant(
        "start_not_in_values",
        "W_V without W_0",
        left=lambda X, Y, x_q, W0, eta, layers=LAYERS: stacked(
            linear_attention.layer, X, Y, x_q, W0, 0 * W0, eta, layers
        ),
        rungs=EVERYWHERE,
    ),
    IDENTITY.mutant("update_sign", "P with the other sign", left=opposite),
)
