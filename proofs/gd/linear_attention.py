"""k equal layers of linear self-attention are k steps of gradient descent, from any start."""

from collections.abc import Iterator
from functools import partial

import torch

from constructions import autograd_descent, linear_attention
from constructions.gradient_descent import step
from constructions.linear_attention import Weights
from constructions.namespace import Array
from numeric.blocks import blocks
from numeric.derivation import Obligation
from numeric.words import Words, eye, matrix, scalar
from proofs.claim import Claim, System
from proofs.evidence import Kind, Rung
from proofs.identity import Identity, Large
from proofs.kernel import kernel_check

LAYERS = 2
EXACTLY = (Rung.EXACT, Rung.SYMBOLIC)


def layer(
    X: Array, Y: Array, x_q: Array, W0: Array, eta: Array, query_in_keys: bool = False, layers: int = LAYERS
) -> Array:
    """All tokens after layers with scale eta/N: (N+1, f+m)."""
    weights = linear_attention.descent_weights(W0, eta / X.shape[0])
    E = linear_attention.tokens(X, Y, x_q, W0)
    for _ in range(layers):
        E = linear_attention.layer(E, weights, query_in_keys=query_in_keys)
    return E


def learner(X: Array, Y: Array, x_q: Array, W0: Array, eta: Array, steps: int = LAYERS) -> Array:
    """Tokens (x_i, y_i - (W_k - W_0) x_i) and (x_q, -W_k x_q), W_k by autograd steps from W0: (N+1, f+m)."""
    W = autograd_descent.descend(W0, X, Y, eta=eta, steps=steps)
    context = torch.concat([X, Y - X @ (W - W0).mT], 1)
    return torch.concat([context, torch.concat([x_q, -(W @ x_q)])[None, :]])


def words_weights(W0: Words, scale: Words, sign: int = -1) -> Weights:
    """The weights of the construction, written in blocks."""
    I_f, I_m = eye(W0.cols), eye(W0.rows)
    key = blocks([[I_f, 0 * W0.mT], [0 * W0, 0 * I_m]])
    value = blocks([[0 * I_f, 0 * W0.mT], [W0, sign * I_m]])
    return Weights(key, key, value, scale * blocks([[I_f, 0 * W0.mT], [0 * W0, I_m]]))


def derive(sign: int = -1) -> Iterator[Obligation]:
    """Induction on layers: tokens (x_i, y_i - (W_k - W_0) x_i) and (q, -W_k q) go to those of W_{k+1}."""
    X, Y, q = matrix("X", "N", "f"), matrix("Y", "N", "m"), matrix("q", 1, "f")
    W0, W, eta = matrix("W_0", "m", "f"), matrix("W_k", "m", "f"), scalar("eta")
    weights = words_weights(W0, eta / scalar("N"), sign)
    following = step(W, X, Y, eta)
    context = blocks([[X, Y - X @ (W - W0).mT]])
    yield Obligation(
        "context tokens",
        linear_attention.attend(context, context, weights),
        blocks([[X, Y - X @ (following - W0).mT]]),
        r"The value of token $i$ is $W_0 x_i - (y_i - (W_k - W_0) x_i) = W_k x_i - y_i$, its key $x_i$: the sum is the "
        r"gradient at $W_k$. At $k = 0$ the tokens are $(x_i, y_i)$.",
    )
    query = blocks([[q, -q @ W.mT]])
    yield Obligation(
        "query token",
        linear_attention.attend(query, context, weights),
        blocks([[q, -q @ following.mT]]),
        r"The query is no key; it reads the same sum, and goes from $-W_k q$ to $-W_{k+1} q$.",
    )


IDENTITY = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "m"), "x_q": ("f",), "W0": ("m", "f"), "eta": ()},
    left=layer,
    right=learner,
    sizes=({"f": 2, "m": 2, "N": 3}, {"f": 6, "m": 4, "N": 12}),
    large=Large({"f": 20, "m": 21, "N": 130}, partial(layer, layers=12), partial(learner, steps=12)),
    symbolic_sizes={"f": 2, "m": 1, "N": 1},
    torch_only=True,
    derive=derive,
)

CLAIM = Claim(
    __name__,
    title="k layers of linear self-attention are k gradient-descent steps",
    kind=Kind.IDENTITY,
    statement=r"""On tokens $e_i = (x_i, y_i)$ and the query $(x_q, -W_0 x_q)$, the layer
$e_j \leftarrow e_j + P \sum_{i \le N} (W_V e_i) (W_K e_i)^\top (W_Q e_j)$ with

$$ W_K = W_Q = \begin{pmatrix} I_f & 0 \\ 0 & 0 \end{pmatrix}, \quad W_V = \begin{pmatrix} 0 & 0 \\ W_0 & -I_m
\end{pmatrix},
   \quad P = \frac{\eta}{N} I , $$

the query left out of keys and values, has after $k$ equal layers the tokens $(x_i, \; y_i - (W_k - W_0) x_i)$ and
$(x_q, \; -W_k x_q)$, $W_k$ after $k$ gradient-descent steps of size $\eta$ from $W_0$. One layer is the case $k =
1$.""",
    derivation=r"""By induction on $k$: the value of token $i$ is $W_k x_i - y_i$ and its key $x_i$, so the sum is
$N \nabla L(W_k)$, and every token, the query included, subtracts its product with the step.""",
    assumptions=(r"the query is excluded from keys and values (see gd.linear_attention_query)",),
    source="von Oswald et al. 2023 (arXiv 2212.07677), proposition 1",
    departures=(r"any $W_0$, and all tokens are claimed, not only the query",),
    systems=(
        System("LSA (linear self-attention)", "$k$ layers are $k$ steps of batch gradient descent from any $W_0$"),
    ),
    checks={**IDENTITY.checks(), Rung.KERNEL: kernel_check("lsa_stack_gd", "lsa_one_layer")},
    mutants=(
        IDENTITY.mutant(
            "query_in_keys",
            "the query is a key too",
            left=lambda X, Y, x_q, W0, eta: layer(X, Y, x_q, W0, eta, query_in_keys=True),
        ),
        IDENTITY.mutant(
            "start_not_in_values",
            "W_V without W_0",
            left=lambda X, Y, x_q, W0, eta: layer(X, Y, x_q, 0 * W0, eta),
            rungs=EXACTLY,
        ),
        IDENTITY.mutant("value_sign", "W_V with +I_m", derive=lambda: derive(sign=1)),
    ),
)
