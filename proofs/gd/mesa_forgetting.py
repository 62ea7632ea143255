"""Recursive least squares with forgetting forgets its prior too; the mesa layer keeps it."""

from collections.abc import Iterator

import torch

from constructions import mesa_layer
from constructions.autograd_descent import gradient
from constructions.namespace import Array
from numeric.derivation import Obligation
from numeric.words import eye, matrix, scalar
from proofs.claim import Claim, System
from proofs.evidence import Kind, Rung
from proofs.identity import Identity


def loss(W: torch.Tensor, K: torch.Tensor, V: torch.Tensor, discounts: torch.Tensor, prior: Array) -> torch.Tensor:
    """1/2 sum_t discounts_t |W k_t - v_t|^2 + prior/2 |W|^2; discounts (N,)."""
    residual = W @ K.mT - V.mT
    total: torch.Tensor = (discounts * residual * residual).sum() / 2 + prior * (W * W).sum() / 2
    return total


def layer(K: Array, V: Array, ridge: Array, forget: Array) -> Array:
    """The weights of the recursion with forgetting: (m, f)."""
    return mesa_layer.weights(K, V, ridge, forget)


def stationary(K: Array, V: Array, ridge: Array, forget: Array, kept: bool = False) -> Array:
    """The recursion's weights plus the gradient of the discounted ridge loss there: (m, f).

    Its prior is forget^N ridge, or ridge itself if `kept`.
    """
    N = K.shape[0]
    powers = [forget - forget + 1]
    for _ in range(N):
        powers.append(powers[-1] * forget)
    W = mesa_layer.weights(K, V, ridge, forget)
    prior = ridge if kept else powers[N] * ridge
    return W + gradient(W, K, V, torch.stack(powers[:N][::-1]), prior, of=loss)


def derive(prior_forgotten: bool = True) -> Iterator[Obligation]:
    """One token: forgetting scales the whole matrix P = H + p I, prior included."""
    H, R, k = matrix("H", "f", "f", "symmetric"), matrix("R", "f", "f", "symmetric"), matrix("k", "f", 1)
    gamma, p = scalar("gamma"), scalar("p")
    kept = gamma * p if prior_forgotten else p
    after = mesa_layer.inverse_step(R / gamma, k)
    rules = ((H @ R, eye("f") - p * R), (R @ H, eye("f") - p * R))
    yield Obligation(
        "one more token",
        (gamma * H + kept * eye("f") + k @ k.mT) @ after,
        eye("f"),
        r"If $R$ inverts $H + pI$, then $R/\gamma$ inverts $\gamma H + \gamma p I$, and the step adds $k k^\top$.",
        rules,
    )


IDENTITY = Identity(
    shapes={"K": ("N", "f"), "V": ("N", "m"), "ridge": (), "forget": ()},
    left=layer,
    right=stationary,
    names=("recursive least squares", "itself plus the gradient"),
    sizes=({"f": 2, "m": 2, "N": 3}, {"f": 3, "m": 2, "N": 5}),
    torch_only=True,
    positive=("ridge", "forget"),
    derive=derive,
)

CLAIM = Claim(
    __name__,
    title="Recursive least squares with forgetting forgets its prior; the mesa layer does not",
    kind=Kind.IDENTITY,
    statement=r"""With the forgetting factor $\gamma$ applied before each token to both memories ($R \leftarrow
R/\gamma$,
$G \leftarrow \gamma G$) the rank-one recursion solves

$$ \min_W \; \tfrac12 \sum_{t=1}^{N} \gamma^{N-t} \norm{W k_t - v_t}^2 + \tfrac12 \gamma^N \lambda \norm{W}^2 : $$

its prior fades as $\gamma^N$. The mesa layer with forgetting, $G_N (H_N + \lambda I)^{-1}$, keeps $\lambda$: the two
differ for
every $\gamma \notin \{0, 1\}$ as soon as $\lambda G_N \ne 0$.""",
    derivation=r"""$R_t^{-1} = \gamma R_{t-1}^{-1} + k_t k_t^\top$, so the start $\lambda I$ has become $\gamma^N
\lambda I$ after $N$
tokens. A rank-one recursion therefore cannot hold a constant prior under forgetting; a solver run on $H_N + \lambda
I$ can.""",
    assumptions=(r"$\lambda, \gamma > 0$",),
    source="arXiv 2506.05233 (constant prior); recursive least squares; the comparison derived here",
    systems=(System("Mesa layer", "with forgetting its constant prior stays, that of recursive least squares fades"),),
    checks=IDENTITY.checks(),
    mutants=(
        IDENTITY.mutant(
            "prior_kept",
            "the recursion keeps its prior lambda, as the mesa layer does",
            right=lambda K, V, ridge, forget: stationary(K, V, ridge, forget, kept=True),
        ),
        IDENTITY.mutant(
            "no_forgetting",
            "the undiscounted loss",
            right=lambda K, V, ridge, forget: stationary(K, V, ridge, forget - forget + 1),
            rungs=(Rung.EXACT,),
        ),
    ),
)
