r"""The mesa layer solves ridge regression exactly.

From $R_0 = \lambda^{-1} I$, $G_0 = 0$ the rank-one updates
$R_t = R_{t-1} - \frac{R_{t-1} k_t k_t^\top R_{t-1}}{1 + k_t^\top R_{t-1} k_t}$, $G_t = G_{t-1} + v_t k_t^\top$ give

$$ G_N R_N = V^\top K (K^\top K + \lambda I)^{-1} = \arg\min_W \; \tfrac12 \sum_i \norm{W k_i - v_i}^2 +
   \tfrac{\lambda}{2} \norm{W}^2 . $$

Why.
By the Sherman-Morrison formula $R_t = (\lambda I + \sum_{s \le t} k_s k_s^\top)^{-1}$, by induction on $t$. The
gradient of the ridge loss at $W$ is $W (K^\top K + \lambda I) - V^\top K$; the loss is strictly convex, so its zero is
the minimiser.

Assumes.
- $\lambda > 0$; the loss is a sum over tokens, not a mean

Source.
arXiv 2309.05858 (mesa layer)

Systems.
- Mesa layer: ridge regression solved exactly at every token (recursive least squares)
"""

# Over 120 lines: one more token in keys, targets and inverse, the loss, and its minimiser.

from collections.abc import Iterator

import torch

from constructions import mesa_layer
from constructions.autograd_descent import gradient
from constructions.namespace import Array, namespace
from constructions.online_descent import token_loss
from numeric.words import eye, matrix, scalar
from numeric.words.blocks import blocks
from numeric.words.derivation import Obligation, loss_expansion
from proofs.forms import Identity, Large, Rung, Short, claim


def ridge_loss(W: Array, K: Array, V: Array, ridge: Array) -> Array:
    """1/2 sum_i |W k_i - v_i|^2 + ridge/2 |W|^2, nothing divided by N."""
    return token_loss(W, K, V) + ridge * namespace(W, K, V).sum(W * W) / 2


def layer(K: Array, V: Array, ridge: Array) -> Array:
    """The layer's weights: (m, f)."""
    return mesa_layer.weights(K, V, ridge)


def stationary(K: Array, V: Array, ridge: Array, penalty: Array | None = None) -> Array:
    """The layer's weights plus the autograd gradient of the ridge loss there, which is 0 at the minimiser: (m, f)."""
    W = mesa_layer.weights(K, V, ridge)
    return W + gradient(W, K, V, ridge if penalty is None else penalty, of=ridge_loss)


def no_normaliser(K: Array, V: Array, ridge: Array) -> Array:
    """Rank-one updates without the denominator 1 + k^T R k."""
    R = torch.diag_embed(K.new_ones(K.shape[1])) / ridge
    for t in range(K.shape[0]):
        moved = R @ K[t, :][:, None]
        R = R - moved @ moved.mT
    return V.mT @ K @ R


def derive(times: int = 1) -> Iterator[Obligation]:
    """Both memories by one token, the inverse by Sherman-Morrison, and the zero of the loss's gradient at their product."""
    K, V, ridge = matrix("K", "N", "f"), matrix("V", "N", "m"), scalar("lambda")
    k, v = matrix("k", "f", 1), matrix("v", "m", 1)
    P, R = matrix("P", "f", "f", "symmetric"), matrix("R", "f", "f", "symmetric")
    normal = K.mT @ K + ridge * eye("f")
    longer = blocks([[K], [k.mT]])
    yield Obligation(
        "one more token, normal matrix",
        normal + times * (k @ k.mT),
        longer.mT @ longer + ridge * eye("f"),
        r"$K^\top K + \lambda I$ grows by $k k^\top$; with no token it is $\lambda I$.",
    )
    inverse, memory = mesa_layer.token(R, V.mT @ K, k, v)
    yield Obligation(
        "one more token, targets",
        memory,
        blocks([[V], [v.mT]]).mT @ longer,
        r"If $G = V^\top K$, the step gives the same with one pair more; with no token it is 0.",
    )
    rules = ((P @ R, eye("f")), (R @ P, eye("f")))
    yield Obligation(
        "one more token, inverse",
        (P + times * (k @ k.mT)) @ inverse @ P,
        P,
        r"If $R$ is the inverse of $P = K^\top K + \lambda I$, the step gives the inverse of $P + k k^\top$.",
        rules,
        {"P": [[1]], "R": [[1]], "k": [[1]]},
    )
    W, G = matrix("W", "m", "f"), matrix("G", "m", "f")
    yield from loss_expansion(lambda at: ridge_loss(at, K, V, ridge), W, W @ normal - V.mT @ K, name="the ridge loss")
    yield Obligation(
        "minimiser",
        mesa_layer.solution(R, G) @ P - G,
        0 * G,
        r"The gradient of the ridge loss at $W$ is $W P - G$; it vanishes at $W = G R$, and the loss is convex.",
        rules,
        {"m": 1, "f": 1, "P": [[1]], "R": [[1]], "G": [[1]]},
    )


IDENTITY = Identity(
    shapes={"K": ("N", "f"), "V": ("N", "m"), "ridge": ()},
    left=layer,
    right=stationary,
    names=("mesa layer", "mesa layer plus ridge gradient"),
    sizes=({"f": 2, "m": 2, "N": 3}, {"f": 4, "m": 2, "N": 6}),
    large=Large({"f": 20, "m": 21, "N": 4}, quick=True, short=Short.DEGREE),
    positive=("ridge",),
    derive=derive,
)

CLAIM = claim(
    __name__,
    IDENTITY.checks(),
    IDENTITY.mutant(
        "mean_loss",
        "the penalty of the mean loss, N times as large",
        right=lambda K, V, ridge: stationary(K, V, ridge, ridge * K.shape[0]),
    ),
    IDENTITY.mutant("no_normaliser", "no denominator 1 + k^T R k", left=no_normaliser, rungs=(Rung.EXACT,)),
    IDENTITY.mutant("token_twice", "each token counted twice", derive={"times": 2}),
)
