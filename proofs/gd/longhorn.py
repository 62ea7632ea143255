r"""Longhorn's update is implicit stochastic gradient descent.

Longhorn's update $W_t = W_{t-1} - \frac{\beta_t}{1 + \beta_t \norm{k_t}^2} (W_{t-1} k_t - v_t) k_t^\top$ satisfies

$$ W_t = W_{t-1} - \beta_t \nabla L_t(W_t) = \arg\min_W \; \tfrac12 \norm{W - W_{t-1}}^2 + \beta_t L_t(W), \qquad
   L_t(W) = \tfrac12 \norm{W k_t - v_t}^2 , $$

a gradient step taken at the new point, for every $\beta_t \ge 0$ however large.

Why.
$W_t k_t - v_t = \frac{1}{1 + \beta_t \norm{k_t}^2} (W_{t-1} k_t - v_t)$, which is the first equation. The objective is
quadratic, so moving by $H$ from $W_t$ costs exactly $\frac12 \norm{H}^2 + \frac{\beta_t}{2} \norm{H k_t}^2$.

Assumes.
- $\beta_t \ge 0$, the same for all rows

Source.
arXiv 2407.14207 (closed form of its objective)

Departs.
- the released kernel puts $\operatorname{diag}(k \odot k)$ for $k k^\top$ (mutant `released_kernel`)

Systems.
- Longhorn: implicit stochastic gradient descent: each step solves its proximal problem
"""

from collections.abc import Callable, Iterator

from constructions import longhorn
from constructions.autograd_descent import gradient
from constructions.namespace import Array, namespace
from constructions.online_descent import token_loss
from numeric.words import Words, matrix, scalar, trace
from numeric.words.derivation import Obligation
from numeric.words.whole import Spec
from proofs.forms import Identity, Large, Rung, Short, claim


def iterates(K: Array, V: Array, beta: Array, W0: Array, read: Callable[..., Array]) -> Array:
    """What `read` makes of each two iterates of the layer that follow each other, and of the token between: (N, m, f)."""

    def token(at: tuple[Array, Array], k: Array, v: Array, beta: Array) -> tuple[Array, Array]:
        return at[1], longhorn.step(at[1], k[:, None], v[:, None], beta)

    return namespace(K).fold(token, (W0, W0), K, V, beta, read=read)[1]


def layer(K: Array, V: Array, beta: Array, W0: Array) -> Array:
    """The layer's iterates W_1, ..., W_N."""
    return iterates(K, V, beta, W0, lambda at, k, v, beta: at[1])


def learner(K: Array, V: Array, beta: Array, W0: Array) -> Array:
    """W_{t-1} - beta_t grad L_t(W_t), by autograd, at the layer's own iterates."""
    return iterates(
        K, V, beta, W0, lambda at, k, v, beta: at[0] - beta * gradient(at[1], k[None, :], v[None, :], of=token_loss)
    )


def explicit(K: Array, V: Array, beta: Array, W0: Array) -> Array:
    """The gradient at the old point."""
    return iterates(
        K, V, beta, W0, lambda at, k, v, beta: at[0] - beta * gradient(at[0], k[None, :], v[None, :], of=token_loss)
    )


def diagonal(K: Array, V: Array, beta: Array, W0: Array) -> Array:
    """The released diagonal kernel, one token from each of the layer's iterates."""
    return iterates(K, V, beta, W0, lambda at, k, v, beta: longhorn.diagonal_step(at[0], k[:, None], v[:, None], beta))


def derive() -> Iterator[Obligation]:
    """The objective grows quadratically away from the new point."""
    W, k, v, beta = matrix("W", "m", "f"), matrix("k", "f", 1), matrix("v", "m", 1), scalar("beta")
    after, H = longhorn.step(W, k, v, beta), matrix("H", "m", "f")

    def objective(Z: Words) -> Words:
        moved, error = Z - W, Z @ k - v
        total: Words = (trace(moved.mT @ moved) + beta * trace(error.mT @ error)) / 2
        return total

    yield Obligation(
        "minimiser",
        objective(after + H) - objective(after),
        (trace(H.mT @ H) + beta * trace((H @ k).mT @ (H @ k))) / 2,
        r"Moving by $H$ costs $\frac12 \norm{H}^2 + \frac{\beta}{2} \norm{H k}^2 > 0$ for $H \ne 0$, $\beta \ge 0$.",
    )


IDENTITY = Identity(
    shapes={"K": ("N", "f"), "V": ("N", "m"), "beta": ("N",), "W0": ("m", "f")},
    left=layer,
    right=learner,
    names=("Longhorn", "implicit gradient steps"),
    sizes=({"f": 2, "m": 2, "N": 2}, {"f": 4, "m": 4, "N": 4}),
    large=Large({"f": 20, "m": 21, "N": 7}, short=Short.DEGREE),
    positive=("beta",),
    whole=Spec(),
    derive=derive,
)

CLAIM = claim(
    __name__,
    IDENTITY.checks(),
    IDENTITY.mutant("explicit_step", "the gradient at the old point", right=explicit),
    IDENTITY.mutant(
        "released_kernel", "diag(k * k) in place of k k^T", left=diagonal, rungs=(Rung.EXACT, Rung.UNIVERSAL)
    ),
)
