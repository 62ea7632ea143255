r"""Softmax attention is a locally weighted constant fit.

For every query the output $o = \sum_i \kappa_i v_i / \sum_i \kappa_i$, $\kappa_i = e^{s k_i \cdot q} > 0$, is

$$ o = \arg\min_c \; \tfrac12 \sum_i \kappa_i \norm{c - v_i}^2 , $$

the Nadaraya-Watson smoother with the kernel $e^{s k \cdot q}$: one constant for every query, no regression of values on
keys. Adding a constant to the values adds it to the output. At the query $0$ the output is the mean of the values,
whatever the keys and $s$; every learner that predicts with $W q$ gives $0$ there. So no number of gradient-descent
steps on a linear model, from any start and with any step sizes, is softmax attention (its first order in $s$ is a step
on centred values, gd.softmax_expansion).

Why.
The cost is quadratic in $c$ with the second derivative $\sum_i \kappa_i$, and its gradient $\sum_i \kappa_i (c - v_i)$
vanishes at $c = o$.

Assumes.
- one head, projections outside; the exponentials enter as positive numbers, which is all that the statement uses

Source.
arXiv 2501.12352 (reading as regression); Nadaraya 1964, Watson 1964

Systems.
- Softmax attention: the Nadaraya-Watson smoother: a locally weighted constant fit, no linear regression
"""

# Over 120 lines: the weighted fit and the value at the query 0, each with its own two sides, and a witness.

from collections.abc import Iterator

import torch

from constructions import softmax_attention
from constructions.autograd_descent import gradient
from constructions.namespace import Array, filled
from numeric.words import Words, matrix, trace
from numeric.words.derivation import Obligation
from proofs.forms import Identity, Large, Rung, Witness, claim, impossible, together


def fit(c: torch.Tensor, V: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """1/2 sum_i weights_i |c - v_i|^2: how well the constant c fits, weighted by nearness to the query."""
    away = c[None, :] - V
    return (weights[:, None] * away * away).sum() / 2


def layer(weights: Array, V: Array) -> Array:
    """The output for given exponentials of the scores: (m,)."""
    return softmax_attention.smooth(weights, V)


def stationary(weights: Array, V: Array, faded: bool = True) -> Array:
    """The output plus the autograd gradient of the fit there, 0 at its minimiser (`faded`: else equal weights): (m,)."""
    c = softmax_attention.smooth(weights, V)
    return c + gradient(c, V, weights if faded else filled(1, weights), of=fit)


def at_zero(K: Array, V: Array, q: Array, scale: Array) -> Array:
    """The output at the query 0, where every score is 0 and the exponential of it 1: (m,)."""
    return softmax_attention.attend(K, V, 0 * q, scale, lambda z: 1 + z)


def mean(K: Array, V: Array, q: Array, scale: Array) -> Array:
    """The mean of the values: (m,)."""
    return V.sum(0) / V.shape[0]


def defect(K: Array, V: Array, q: Array, scale: Array, W: Array) -> Array:
    """The output at the query 0 less that of a learner that has arrived at W, whatever it did: (m,)."""
    return at_zero(K, V, q, scale) - W @ (0 * q)


def derive(normalised: bool = True) -> Iterator[Obligation]:
    """Moving away from the output costs exactly a multiple of the squared distance; weights sum to one."""
    V, D = matrix("V", "N", "m"), matrix("D", "N", "N", "diagonal")
    ones, h = matrix("one", "N", 1), matrix("h", "m", 1)
    weights = D @ ones
    o = softmax_attention.mean(weights, V, ones) if normalised else V.mT @ weights

    def cost(c: Words) -> Words:
        away = c @ ones.mT - V.mT
        total: Words = trace(away @ D @ away.mT) / 2
        return total

    yield Obligation(
        "minimiser",
        cost(o + h) - cost(o),
        (ones.mT @ weights) * trace(h.mT @ h) / 2,
        r"With $\kappa = D 1$, moving by $h$ from the output costs $\frac12 \norm{h}^2 \sum_i \kappa_i > 0$.",
    )
    c = matrix("c", "m", 1)
    yield Obligation(
        "constants are kept",
        softmax_attention.mean(weights, V + ones @ c.mT, ones),
        softmax_attention.mean(weights, V, ones) + c,
        r"Adding $c$ to all values adds $c$ to the output: the weights sum to one.",
    )


FIT = Identity(
    shapes={"weights": ("N",), "V": ("N", "m")},
    left=layer,
    right=stationary,
    names=("attention", "attention plus the fit's gradient"),
    sizes=({"N": 3, "m": 2}, {"N": 12, "m": 4}),
    large=Large({"N": 130, "m": 21}, quick=True),
    positive=("weights",),
    derive=derive,
)
ZERO = Identity(
    shapes={"K": ("N", "f"), "V": ("N", "m"), "q": ("f",), "scale": ()},
    left=at_zero,
    right=mean,
    names=("attention at the query 0", "mean of the values"),
    sizes=({"f": 2, "m": 2, "N": 3}, {"f": 4, "m": 3, "N": 8}),
    large=Large({"f": 20, "m": 21, "N": 130}, quick=True),
    rungs=(Rung.EXACT,),
)
POINT = {"K": [[1]], "V": [[1]], "q": [1], "scale": 1, "W": [[3]]}
CLAIM = claim(
    __name__,
    impossible(
        together(FIT.checks(), ZERO.checks()),
        Witness(defect, POINT, [1], "attention at the query 0 less a linear prediction"),
    ),
    FIT.mutant("equal_weights", "it minimises the unweighted fit", right={"faded": False}),
    FIT.mutant("not_normalised", "without the denominator", derive={"normalised": False}),
    ZERO.mutant("predicts_zero", "it gives 0 at the query 0", right=lambda K, V, q, scale: 0 * V.sum(0)),
)
