r"""k stacked two-pass layers are k gradient-descent steps.

Let every token carry $r_i = y_i - W_0 x_i$ and the query $W_0 x_q$. After $k$ layers $S = \sum_i r_i x_i^\top$,
$r_i \leftarrow r_i - \frac{\eta}{N} S x_i$, $p \leftarrow p + \frac{\eta}{N} S x_q$ that all read the final state $S$,

$$ r_i = y_i - W_k x_i, \qquad p = W_k x_q, \qquad W_{j+1} = W_j - \eta \nabla L(W_j) . $$

Why.
By induction on $k$ with the invariant $r_i = y_i - W_j x_i$, $p = W_j x_q$: then
$S = (Y - X W_j^\top)^\top X = -N \nabla L(W_j)$, so $r_i - \frac{\eta}{N} S x_i = y_i - W_{j+1} x_i$ and
$p + \frac{\eta}{N} S x_q = W_{j+1} x_q$.

Assumes.
- every token reads the final state: two passes, not causal

Source.
von Oswald et al. 2023 (arXiv 2212.07677), proposition 1, with an SSM state; derived here

Systems.
- GD-SSM, several steps: $k$ two-pass layers are $k$ steps of batch gradient descent
"""

from functools import partial

from constructions import autograd_descent, residual_stack
from constructions.gradient_descent import step
from constructions.namespace import Array
from numeric.words.session import Invariant, Iterated
from numeric.words.whole import Spec
from proofs.forms import Identity, Large, claim
from proofs.kernel.rung import kernel_check

LAYERS = 3


def layer(X: Array, Y: Array, x_q: Array, W0: Array, eta: Array, layers: int = LAYERS) -> Array:
    """k stacked layers with scale eta/N: (m,)."""
    return residual_stack.predict(X, Y, x_q, W0, eta / X.shape[0], layers)


def learner(X: Array, Y: Array, x_q: Array, W0: Array, eta: Array, layers: int = LAYERS) -> Array:
    """k autograd steps from W0, asked at x_q: (m,)."""
    return autograd_descent.descend(W0, X, Y, eta=eta, steps=layers) @ x_q


def carried(X: Array, Y: Array, x_q: Array, W: Array) -> tuple[Array, Array]:
    """The residuals and the prediction of weights W."""
    return Y - X @ W.mT, W @ x_q[:, None]


def first_weights(W0: Array) -> Array:
    """W_0."""
    return W0


def next_weights(W: Array, X: Array, Y: Array, eta: Array) -> Array:
    """One step."""
    return step(W, X, Y, eta)


def stale_residual(X: Array, Y: Array, x_q: Array, W0: Array, eta: Array) -> Array:
    """The last layer reads the residuals of the layer before."""
    scale, query = eta / X.shape[0], x_q[:, None]
    residual, prediction = Y - X @ W0.mT, W0 @ query
    before = residual
    for _ in range(LAYERS):
        before = residual
        residual, prediction = residual_stack.layer(X, residual, prediction, query, scale)
    _, once_more = residual_stack.layer(X, before, 0 * prediction, query, scale)
    _, proper = residual_stack.layer(X, residual, 0 * prediction, query, scale)
    return (prediction - proper + once_more)[:, 0]


def causal(X: Array, Y: Array, x_q: Array, W0: Array, eta: Array) -> Array:
    """Every token is updated from its own prefix's state instead of the final one."""
    scale = eta / X.shape[0]
    residual, prediction = Y - X @ W0.mT, W0 @ x_q
    for _ in range(LAYERS):
        writes = residual[:, :, None] * X[:, None, :]
        states = writes.cumsum(0)
        residual = residual - scale * (states @ X[:, :, None])[:, :, 0]
        prediction = prediction + scale * (states[-1, ...] @ x_q)
    return prediction


IDENTITY = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "m"), "x_q": ("f",), "W0": ("m", "f"), "eta": ()},
    left=layer,
    right=learner,
    sizes=({"f": 4, "m": 3, "N": 6}, {"f": 10, "m": 10, "N": 20}),
    large=Large({"f": 20, "m": 21, "N": 130}, partial(layer, layers=12), partial(learner, layers=12), quick=True),
    symbolic_sizes={"f": 2, "m": 1, "N": 3},
    whole=Spec(
        {"residual_stack.predict": Invariant(carried, companions={"W": Iterated(first_weights, next_weights)})},
        counts={"layers": "k"},
    ),
)

CLAIM = claim(
    __name__,
    IDENTITY.checks() | kernel_check("two_pass_stack_gd").checks(),
    IDENTITY.mutant("stale_residual", "the last layer reads stale residuals", left=stale_residual),
    IDENTITY.mutant("causal", "tokens are updated from their own prefix only", left=causal),
    IDENTITY.mutant(
        "eta_over_P",
        "divided by f instead of N",
        left=lambda X, Y, x_q, W0, eta, layers=LAYERS: residual_stack.predict(X, Y, x_q, W0, eta / X.shape[1], layers),
    ),
    IDENTITY.mutant(
        "one_layer_less",
        "one layer less",
        left=lambda X, Y, x_q, W0, eta, layers=LAYERS: layer(X, Y, x_q, W0, eta, layers - 1),
    ),
)
