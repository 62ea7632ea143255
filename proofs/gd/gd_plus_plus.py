r"""GD++ is preconditioned gradient descent.

With $W_V = \operatorname{diag}(I_f, -I_m)$ and $P = \operatorname{diag}(-\gamma I_f, \frac{\eta}{N} I_m)$ in
gd.linear_attention ($W_0 = 0$), $k$ layers give the tokens $(M_k x_i, \; y_i - W_k x_i)$ and $(M_k x_q, \; -W_k x_q)$
with $M_0 = I$ and

$$ W_{k+1} = W_k + \frac{\eta}{N} (B - W_k A) M_k^2, \qquad M_{k+1} = (I - \gamma M_k A M_k) M_k , $$

$A = X^\top X$, $B = Y^\top X$: gradient descent preconditioned by $M_k^2$. At $\gamma = 0$ it is plain descent.

Why.
By induction on $k$: keys and inputs are $M_k x_i$ with $M_k$ a polynomial in $A$, so symmetric; the values' $y$ part is
$-(y_i - W_k x_i)$, so the update of $y_j$ is $\frac{\eta}{N}(W_k A - B) M_k \cdot M_k x_j$.

Assumes.
- $W_0 = 0$; the query excluded from keys and values; the $y$ update reads the old inputs

Source.
von Oswald et al. 2023 (arXiv 2212.07677), section on GD++; closed form derived here

Systems.
- GD++: gradient descent preconditioned by $M_k^2$, a polynomial in $X^\top X$
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from constructions import linear_attention
from constructions.autograd_descent import gradient
from constructions.namespace import Array, identity, namespace, zeros
from constructions.online_descent import token_loss
from numeric.words.session import Invariant, Iterated
from numeric.words.whole import Spec
from proofs.forms import EVERYWHERE, Identity, Large, claim

LAYERS = 2


def layer(X: Array, Y: Array, x_q: Array, eta: Array, gamma: Array, layers: int = LAYERS) -> Array:
    """All tokens after k layers from W0 = 0 with scale eta/N: (N+1, f+m)."""
    W0 = zeros((Y.shape[1], X.shape[1]), X)
    weights = linear_attention.descent_weights(W0, eta / X.shape[0], gamma)

    def once(E: Array) -> Array:
        return linear_attention.layer(E, weights)

    return namespace(X).iterate(once, linear_attention.tokens(X, Y, x_q, W0), layers)


def start(X: Array, Y: Array) -> tuple[Array, Array]:
    """W = 0 and M = I."""
    return zeros((Y.shape[1], X.shape[1]), X), identity(X.shape[1], X)


def moved(M: Array, X: Array, gamma: Array) -> Array:
    """(I - gamma M A M^T) M."""
    return (identity(X.shape[1], X) - gamma * M @ X.mT @ X @ M.mT) @ M


def descended(at: tuple[Array, Array], X: Array, Y: Array, eta: Array, gamma: Array) -> tuple[Array, Array]:
    """W - eta/N grad M^T M, with an autograd gradient of the sum, and the next M."""
    W, M = at
    return W - eta / X.shape[0] * gradient(W, X, Y, of=token_loss) @ (M.mT @ M), moved(M, X, gamma)


def plain(at: tuple[Array, Array], X: Array, Y: Array, eta: Array, gamma: Array) -> tuple[Array, Array]:
    """The same without M^T M."""
    return at[0] - eta / X.shape[0] * gradient(at[0], X, Y, of=token_loss), moved(at[1], X, gamma)


def by_first_power(at: tuple[Array, Array], X: Array, Y: Array, eta: Array, gamma: Array) -> tuple[Array, Array]:
    """The same with M."""
    return at[0] - eta / X.shape[0] * gradient(at[0], X, Y, of=token_loss) @ at[1], moved(at[1], X, gamma)


def stale(at: tuple[Array, Array], X: Array, Y: Array, eta: Array, gamma: Array) -> tuple[Array, Array]:
    """The next M in the step of W."""
    W, M = at[0], moved(at[1], X, gamma)
    return W - eta / X.shape[0] * gradient(W, X, Y, of=token_loss) @ (M.mT @ M), M


def read(X: Array, Y: Array, x_q: Array, at: tuple[Array, Array]) -> Array:
    """The tokens (M x_i, y_i - W x_i) and (M x_q, -W x_q)."""
    xp, (W, M) = namespace(X), at
    context = xp.concat([X @ M.mT, Y - X @ W.mT], axis=1)
    return xp.concat([context, xp.concat([M @ x_q, -(W @ x_q)], axis=0)[None, :]], axis=0)


def learner(
    X: Array, Y: Array, x_q: Array, eta: Array, gamma: Array, layers: int = LAYERS, step: Callable[..., Any] = descended
) -> Array:
    """W <- W - eta/N grad M^T M, M <- (I - gamma M A M^T) M; the tokens in the end: (N+1, f+m)."""

    def once(at: tuple[Array, Array]) -> tuple[Array, Array]:
        return step(at, X, Y, eta, gamma)

    return read(X, Y, x_q, namespace(X).iterate(once, start(X, Y), layers))


IDENTITY = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "m"), "x_q": ("f",), "eta": (), "gamma": ()},
    left=layer,
    right=learner,
    sizes=({"f": 2, "m": 2, "N": 3}, {"f": 5, "m": 3, "N": 8}),
    large=Large({"f": 20, "m": 21, "N": 130}, partial(layer, layers=4), partial(learner, layers=4), quick=True),
    symbolic_sizes={"f": 2, "m": 1, "N": 1},
    whole=Spec(
        {"gd_plus_plus.layer": Invariant(read, companions={"at": Iterated(start, descended)})}, counts={"layers": "k"}
    ),
)

CLAIM = claim(
    __name__,
    IDENTITY.checks(),
    IDENTITY.mutant("first_power", "preconditioned by M_k", right={"step": by_first_power}),
    IDENTITY.mutant("plain_descent", "no preconditioner", right={"step": plain}),
    IDENTITY.mutant("new_inputs", "the y update reads the new inputs", right={"step": stale}, rungs=EVERYWHERE),
)
