"""Longhorn's update is an implicit gradient step: its result minimises the proximal objective exactly."""

from collections.abc import Iterator

import torch

from constructions import longhorn
from constructions.autograd_descent import gradient
from constructions.namespace import Array
from constructions.online_descent import token_loss
from numeric.derivation import Obligation
from numeric.words import Words, matrix, scalar, trace
from proofs.claim import Claim, System
from proofs.evidence import Kind, Rung
from proofs.identity import Identity, Large


def layer(K: Array, V: Array, beta: Array, W0: Array) -> Array:
    """The layer's iterates W_1, ..., W_N: (N, m, f)."""
    found, W = [], W0
    for t in range(K.shape[0]):
        W = longhorn.step(W, K[t, :][:, None], V[t, :][:, None], beta[t])
        found.append(W)
    return torch.stack(found)


def learner(K: Array, V: Array, beta: Array, W0: Array, implicit: bool = True) -> Array:
    """W_{t-1} - beta_t grad L_t(W_t), by autograd, at the layer's own iterates (else the gradient at W_{t-1})."""
    found, W = [], W0
    for t in range(K.shape[0]):
        following = longhorn.step(W, K[t, :][:, None], V[t, :][:, None], beta[t])
        at = following if implicit else W
        found.append(W - beta[t] * gradient(at, K[t : t + 1, :], V[t : t + 1, :], of=token_loss))
        W = following
    return torch.stack(found)


def diagonal(K: Array, V: Array, beta: Array, W0: Array) -> Array:
    """The released diagonal kernel, one token from each of the layer's iterates."""
    found, W = [], W0
    for t in range(K.shape[0]):
        k, v = K[t, :][:, None], V[t, :][:, None]
        found.append(longhorn.diagonal_step(W, k, v, beta[t]))
        W = longhorn.step(W, k, v, beta[t])
    return torch.stack(found)


def derive(implicit: bool = True) -> Iterator[Obligation]:
    """The move is minus beta times the gradient at the new point; and the objective grows quadratically away from
    it."""
    W, k, v, beta = matrix("W", "m", "f"), matrix("k", "f", 1), matrix("v", "m", 1), scalar("beta")
    after = longhorn.step(W, k, v, beta)
    at = after if implicit else W
    yield Obligation(
        "implicit step",
        after - W,
        -beta * ((at @ k - v) @ k.mT),
        r"At the new point the error is $\frac{1}{1 + \beta \norm{k}^2}$ times the old one.",
    )
    H = matrix("H", "m", "f")

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
    large=Large({"f": 20, "m": 21, "N": 7}),
    torch_only=True,
    positive=("beta",),
    derive=derive,
)

CLAIM = Claim(
    __name__,
    title="Longhorn's update is implicit stochastic gradient descent",
    kind=Kind.IDENTITY,
    statement=r"""Longhorn's update $W_t = W_{t-1} - \frac{\beta_t}{1 + \beta_t \norm{k_t}^2} (W_{t-1} k_t - v_t)
k_t^\top$ satisfies

$$ W_t = W_{t-1} - \beta_t \nabla L_t(W_t) = \arg\min_W \; \tfrac12 \norm{W - W_{t-1}}^2 + \beta_t L_t(W), \qquad
   L_t(W) = \tfrac12 \norm{W k_t - v_t}^2 , $$

a gradient step taken at the new point, for every $\beta_t \ge 0$ however large.""",
    derivation=r"""$W_t k_t - v_t = \frac{1}{1 + \beta_t \norm{k_t}^2} (W_{t-1} k_t - v_t)$, which is the first
equation. The objective is
quadratic, so moving by $H$ from $W_t$ costs exactly $\frac12 \norm{H}^2 + \frac{\beta_t}{2} \norm{H k_t}^2$.""",
    assumptions=(r"$\beta_t \ge 0$, the same for all rows",),
    source="arXiv 2407.14207 (closed form of its objective)",
    departures=(
        r"the released kernel puts $\operatorname{diag}(k \odot k)$ for $k k^\top$ (mutant `released_kernel`)",
    ),
    systems=(System("Longhorn", "implicit stochastic gradient descent: each step solves its proximal problem"),),
    checks=IDENTITY.checks(),
    mutants=(
        IDENTITY.mutant(
            "explicit_step",
            "the gradient at the old point",
            right=lambda K, V, beta, W0: learner(K, V, beta, W0, implicit=False),
            derive=lambda: derive(implicit=False),
        ),
        IDENTITY.mutant("released_kernel", "diag(k * k) in place of k k^T", left=diagonal, rungs=(Rung.EXACT,)),
    ),
)
