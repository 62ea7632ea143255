r"""Recursive least squares with forgetting forgets its prior; the mesa layer does not.

With the forgetting factor $\gamma$ applied before each token to both memories ($R \leftarrow R/\gamma$,
$G \leftarrow \gamma G$) the rank-one recursion solves

$$ \min_W \; \tfrac12 \sum_{t=1}^{N} \gamma^{N-t} \norm{W k_t - v_t}^2 + \tfrac12 \gamma^N \lambda \norm{W}^2 : $$

its prior fades as $\gamma^N$. The mesa layer with forgetting, $G_N (H_N + \lambda I)^{-1}$, keeps $\lambda$: the two
differ for every $\gamma \notin \{0, 1\}$ as soon as $\lambda G_N \ne 0$.

Why.
$R_t^{-1} = \gamma R_{t-1}^{-1} + k_t k_t^\top$, so the start $\lambda I$ has become $\gamma^N \lambda I$ after $N$
tokens. A rank-one recursion therefore cannot hold a constant prior under forgetting; a solver run on $H_N + \lambda I$
can.

Assumes.
- $\lambda, \gamma > 0$

Source.
arXiv 2506.05233 (constant prior); recursive least squares; the comparison derived here

Systems.
- Mesa layer: with forgetting its constant prior stays, that of recursive least squares fades
"""

# Over 120 lines: one more token in keys, targets and inverse, the loss, and its minimiser.

from collections.abc import Iterator
from fractions import Fraction

import torch

from constructions import mesa_layer
from constructions.autograd_descent import gradient
from constructions.namespace import Array, filled, namespace
from numeric.words import eye, matrix, scalar
from numeric.words.blocks import blocks
from numeric.words.derivation import Obligation, loss_expansion
from proofs.forms import Identity, Large, Rung, Short, claim


def loss(W: Array, K: Array, V: Array, discounts: Array, prior: Array) -> Array:
    """1/2 sum_t discounts_t |W k_t - v_t|^2 + prior/2 |W|^2; the discounts on the diagonal of a matrix (N, N)."""
    residual, xp = W @ K.mT - V.mT, namespace(W, K, V)
    return xp.sum((residual @ discounts) * residual) / 2 + prior * xp.sum(W * W) / 2


def layer(K: Array, V: Array, ridge: Array, forget: Array) -> Array:
    """The weights of the recursion with forgetting: (m, f)."""
    return mesa_layer.weights(K, V, ridge, forget)


def stationary(K: Array, V: Array, ridge: Array, forget: Array, kept: bool = False) -> Array:
    """The recursion's weights plus the gradient of the discounted ridge loss there: (m, f).

    Its prior is forget^N ridge, or ridge itself if `kept`.
    """
    N = K.shape[0]
    powers = [filled(1, forget)]
    for _ in range(N):
        powers.append(powers[-1] * forget)
    W = mesa_layer.weights(K, V, ridge, forget)
    prior = ridge if kept else powers[N] * ridge
    return W + gradient(W, K, V, torch.diag_embed(torch.stack(powers[:N][::-1])), prior, of=loss)


def derive(prior_forgotten: bool = True) -> Iterator[Obligation]:
    """One token: forgetting scales the whole of H + p I, prior included; then the zero of the loss's gradient."""
    K, V, D = matrix("K", "N", "f"), matrix("V", "N", "m"), matrix("D", "N", "N", "diagonal")
    H, R, P = (matrix(name, "f", "f", "symmetric") for name in ("H", "R", "P"))
    k, v, G = matrix("k", "f", 1), matrix("v", "m", 1), matrix("G", "m", "f")
    gamma, p = scalar("gamma"), scalar("p")
    kept = gamma * p if prior_forgotten else p
    inverse, targets = mesa_layer.token(R, V.mT @ D @ K, k, v, gamma)
    longer, faded = blocks([[K], [k.mT]]), blocks([[gamma * D, 0 * (K @ k)], [0 * (k.mT @ K.mT), 1]])
    yield Obligation(
        "one more token, keys",
        gamma * (K.mT @ D @ K) + k @ k.mT,
        longer.mT @ faded @ longer,
        r"With the discounts on the diagonal of $D$, $H = K^\top D K$ becomes $\gamma H + k k^\top$.",
    )
    yield Obligation(
        "one more token, targets",
        targets,
        blocks([[V], [v.mT]]).mT @ faded @ longer,
        r"The memory $V^\top D K$ becomes that of one pair more, the older ones faded by $\gamma$.",
    )
    yield Obligation(
        "one more token, inverse",
        (gamma * H + kept * eye("f") + k @ k.mT) @ inverse,
        eye("f"),
        r"If $R$ inverts $H + pI$, then $R/\gamma$ inverts $\gamma H + \gamma p I$, and the step adds $k k^\top$.",
        ((H @ R, eye("f") - p * R), (R @ H, eye("f") - p * R)),
        {"f": 1, "H": [[1]], "R": [[Fraction(1, 2)]], "k": [[1]], "p": 1, "gamma": 2},
    )
    W = matrix("W", "m", "f")
    slope = W @ (K.mT @ D @ K + p * eye("f")) - V.mT @ D @ K
    yield from loss_expansion(lambda at: loss(at, K, V, D, p), W, slope, name="the discounted loss")
    yield Obligation(
        "minimiser",
        mesa_layer.solution(R, G) @ P - G,
        0 * G,
        r"With $P = H + pI$ the gradient at $W$ is $W P - G$; it vanishes at $W = G R$, and the loss is convex.",
        ((P @ R, eye("f")), (R @ P, eye("f"))),
        {"m": 1, "f": 1, "P": [[1]], "R": [[1]], "G": [[1]]},
    )


IDENTITY = Identity(
    shapes={"K": ("N", "f"), "V": ("N", "m"), "ridge": (), "forget": ()},
    left=layer,
    right=stationary,
    names=("recursive least squares", "itself plus the gradient"),
    sizes=({"f": 2, "m": 2, "N": 3}, {"f": 3, "m": 2, "N": 5}),
    large=Large({"f": 20, "m": 21, "N": 4}, quick=True, short=Short.DEGREE),
    positive=("ridge", "forget"),
    derive=derive,
)

CLAIM = claim(
    __name__,
    IDENTITY.checks(),
    IDENTITY.mutant(
        "prior_kept",
        "the recursion keeps its prior lambda, as the mesa layer does",
        right={"kept": True},
        derive={"prior_forgotten": False},
    ),
    IDENTITY.mutant(
        "no_forgetting",
        "the undiscounted loss",
        right=lambda forget, **at: stationary(forget=filled(1, forget), **at),
        rungs=(Rung.EXACT,),
    ),
)
