"""GD++: layers that also transform the inputs are preconditioned gradient descent, in closed form."""

from collections.abc import Iterator
from functools import partial

import torch

from constructions import linear_attention
from constructions.autograd_descent import gradient
from constructions.linear_attention import Weights
from constructions.namespace import Array
from constructions.online_descent import token_loss
from numeric.blocks import blocks
from numeric.derivation import Obligation
from numeric.words import eye, matrix, scalar
from proofs.claim import Claim, System
from proofs.evidence import Kind, Rung
from proofs.identity import Identity, Large

LAYERS = 2
EXACTLY = (Rung.EXACT, Rung.SYMBOLIC)


def layer(X: Array, Y: Array, x_q: Array, eta: Array, gamma: Array, layers: int = LAYERS) -> Array:
    """All tokens after layers from W0 = 0 with scale eta/N: (N+1, f+m)."""
    W0 = X.new_zeros(Y.shape[1], X.shape[1])
    weights = linear_attention.descent_weights(W0, eta / X.shape[0], gamma)
    E = linear_attention.tokens(X, Y, x_q, W0)
    for _ in range(layers):
        E = linear_attention.layer(E, weights)
    return E


def learner(
    X: Array,
    Y: Array,
    x_q: Array,
    eta: Array,
    gamma: Array,
    preconditioned: bool = True,
    stale: bool = False,
    layers: int = LAYERS,
) -> Array:
    """W <- W - eta/N grad M^2, M <- (I - gamma M A M) M, autograd gradients of the sum; tokens in the end: (N+1,
    f+m)."""
    A, one = X.mT @ X, torch.diag_embed(X.new_ones(X.shape[1]))
    W, M = X.new_zeros(Y.shape[1], X.shape[1]), one
    for _ in range(layers):
        following = (one - gamma * M @ A @ M) @ M
        used = following if stale else M
        scaled = used @ used if preconditioned else one
        W, M = W - eta / X.shape[0] * gradient(W, X, Y, of=token_loss) @ scaled, following
    context = torch.concat([X @ M, Y - X @ W.mT], 1)
    return torch.concat([context, torch.concat([M @ x_q, -(W @ x_q)])[None, :]])


def derive(power: int = 2) -> Iterator[Obligation]:
    """One layer on tokens (M x_i, y_i - W x_i) and (M q, -W q), any M, for the code's own attention."""
    X, Y, q = matrix("X", "N", "f"), matrix("Y", "N", "m"), matrix("q", 1, "f")
    W, M = matrix("W_k", "m", "f"), matrix("M_k", "f", "f")
    c, gamma, I_f, I_m = scalar("c"), scalar("gamma"), eye("f"), eye("m")
    none, A = 0 * W, X.mT @ X
    key = blocks([[I_f, none.mT], [none, 0 * I_m]])
    value = blocks([[I_f, none.mT], [none, -I_m]])
    weights = Weights(key, key, value, blocks([[-gamma * I_f, none.mT], [none, c * I_m]]))
    context, query = blocks([[X @ M.mT, Y - X @ W.mT]]), blocks([[q @ M.mT, -q @ W.mT]])
    scaled = M.mT @ M if power == 2 else M
    following, moved = W - c * (W @ A - Y.mT @ X) @ scaled, (I_f - gamma * M @ A @ M.mT) @ M
    yield Obligation(
        "context tokens",
        linear_attention.attend(context, context, weights),
        blocks([[X @ moved.mT, Y - X @ following.mT]]),
        r"Keys and inputs are $M x_i$, values $-(y_i - W x_i)$: the update of $y_j$ is the gradient times $M^\top M x_j$.",
    )
    yield Obligation(
        "query token",
        linear_attention.attend(query, context, weights),
        blocks([[q @ moved.mT, -q @ following.mT]]),
        r"The same for the query. At $k = 0$, $M = I$ and $W = 0$; every $M_k$ is a polynomial in $A$, hence symmetric.",
    )


IDENTITY = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "m"), "x_q": ("f",), "eta": (), "gamma": ()},
    left=layer,
    right=learner,
    sizes=({"f": 2, "m": 2, "N": 3}, {"f": 5, "m": 3, "N": 8}),
    large=Large({"f": 20, "m": 21, "N": 130}, partial(layer, layers=4), partial(learner, layers=4), quick=True),
    symbolic_sizes={"f": 2, "m": 1, "N": 1},
    torch_only=True,
    derive=derive,
)

CLAIM = Claim(
    __name__,
    title="GD++ is preconditioned gradient descent",
    kind=Kind.IDENTITY,
    statement=r"""With $W_V = \operatorname{diag}(I_f, -I_m)$ and $P = \operatorname{diag}(-\gamma I_f, \frac{\eta}{N}
I_m)$ in
gd.linear_attention ($W_0 = 0$), $k$ layers give the tokens $(M_k x_i, \; y_i - W_k x_i)$ and $(M_k x_q, \; -W_k x_q)$
with
$M_0 = I$ and

$$ W_{k+1} = W_k + \frac{\eta}{N} (B - W_k A) M_k^2, \qquad M_{k+1} = (I - \gamma M_k A M_k) M_k , $$

$A = X^\top X$, $B = Y^\top X$: gradient descent preconditioned by $M_k^2$. At $\gamma = 0$ it is plain descent.""",
    derivation=r"""By induction on $k$: keys and inputs are $M_k x_i$ with $M_k$ a polynomial in $A$, so symmetric; the
values'
$y$ part is $-(y_i - W_k x_i)$, so the update of $y_j$ is $\frac{\eta}{N}(W_k A - B) M_k \cdot M_k x_j$.""",
    assumptions=(r"$W_0 = 0$; the query excluded from keys and values; the $y$ update reads the old inputs",),
    source="von Oswald et al. 2023 (arXiv 2212.07677), section on GD++; closed form derived here",
    systems=(System("GD++", r"gradient descent preconditioned by $M_k^2$, a polynomial in $X^\top X$"),),
    checks=IDENTITY.checks(),
    mutants=(
        IDENTITY.mutant(
            "first_power",
            "preconditioned by M_k",
            derive=lambda: derive(power=1),
        ),
        IDENTITY.mutant(
            "plain_descent",
            "no preconditioner",
            right=lambda X, Y, x_q, eta, gamma: learner(X, Y, x_q, eta, gamma, preconditioned=False),
        ),
        IDENTITY.mutant(
            "new_inputs",
            "the y update reads the new inputs",
            right=lambda X, Y, x_q, eta, gamma: learner(X, Y, x_q, eta, gamma, stale=True),
            rungs=EXACTLY,
        ),
    ),
)
