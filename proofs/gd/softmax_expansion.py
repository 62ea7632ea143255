r"""Softmax attention at a small scale is a mean-centred gradient step.

Let $\bar v$ be the mean of the values. Softmax attention at the query $q$ with scale $s$ is

$$ o(s) = \bar v + \frac{s}{N} \sum_i (v_i - \bar v) (k_i \cdot q) + O(s^2) : $$

the prediction of the model $W k + b$ after one gradient-descent step of size $s$ on the mean squared loss from $W = 0$,
$b = \bar v$ (the bias does not move). With $\alpha = \max_i |k_i \cdot q|$, $\omega = \max_i |v_i - \bar v|$ (one
output) and $s \alpha \le 1$ the error is at most
$s^2 \omega \alpha^2 \bigl( e - 1 + (e - 2) s \alpha \bigr) e^{s \alpha}$; the order 2 is attained. The plain step, from
$b = 0$, is missed by $\bar v$ already at order $0$.

Why.
With $e^{s a_i} = 1 + s a_i + s^2 r_i$, $a_i = k_i \cdot q$, the quotient is expanded exactly; its remainder is

$$ \frac{s^2}{1 + s \bar a + s^2 \bar r} \Bigl( \tfrac1N \sum_i r_i (v_i - \bar v) - (\bar a + s \bar r) \, \tfrac1N
   \sum_i a_i (v_i - \bar v) \Bigr) , $$

and $|r_i| \le (e - 2) a_i^2$ where $|s a_i| \le 1$; the denominator is a mean of exponentials, at least $e^{-s\alpha}$.

Assumes.
- one head, projections outside

Source.
derived here

Systems.
- Softmax attention: to first order in its scale one gradient step from the mean of the values
"""

# Over 120 lines: an identity, a bound and an order are one theorem.

from collections.abc import Iterator

import flint
import numpy as np
import torch
from flint import arb, fmpq

from constructions import softmax_attention
from constructions.autograd_descent import descend
from constructions.gradient_descent import step
from constructions.namespace import Array
from numeric.analysis.rates import fit
from numeric.words import matrix, scalar, zeros
from numeric.words.derivation import Obligation
from proofs.forms import Bound, Identity, Kind, Large, Rate, Rung, Settings, claim, never_exceeded, orders, together
from proofs.gd._numbers import numbers

BITS = 200
HALVINGS = range(3, 13)
"""Scales 2^-k."""


def layer(K: Array, V: Array, q: Array, s: Array, r: Array) -> Array:
    """Attention whose exponentials are 1 + z + s^2 r, r (N,) any second-order remainders: (m,)."""
    return softmax_attention.attend(K, V, q, s, lambda z: 1 + z + s * s * r)


def learner(K: Array, V: Array, q: Array, s: Array, r: Array, centred: bool = True, second: bool = True) -> Array:
    """One autograd step of size s on weights and bias from (0, mean), asked at q, plus s^2 times the remainder: (m,).

    `centred`: else from (0, 0); `second`: else without the remainder.
    """
    N, f = K.shape
    average = V.sum(0) / N
    start = torch.cat([K.new_zeros(V.shape[1], f), (average if centred else 0 * average)[:, None]], dim=1)
    found = descend(start, torch.cat([K, K[:, :1] * 0 + 1], dim=1), V, eta=s) @ torch.cat([q, q[:1] * 0 + 1])
    if not second:
        return found
    a, away = K @ q, V - average
    mean_a, mean_r = a.sum() / N, r.sum() / N
    rest = (r @ away) / N - (a @ away) / N * (mean_a + s * mean_r)
    return found + s * s * rest / (1 + s * mean_a + s * s * mean_r)


def derive(centred: bool = True) -> Iterator[Obligation]:
    """The same equation on words: the learner's step on centred values, read beside their mean."""
    K, V, q, r = matrix("K", "N", "f"), matrix("V", "N", "m"), matrix("q", "f", 1), matrix("r", "N", 1)
    ones, s, N = matrix("one", "N", 1), scalar("s"), scalar("N")
    average = V.mT @ ones / N
    away, a = V - ones @ average.mT, K @ q
    weights = ones + s * a + s * s * r
    stepped = step(zeros("m", "f"), K, away if centred else V, s) @ q
    mean_a, mean_r = ones.mT @ a / N, ones.mT @ r / N
    rest = (away.mT @ r - (mean_a + s * mean_r) * (away.mT @ a)) / N
    yield Obligation(
        "to second order",
        softmax_attention.mean(weights, V, ones) - average,
        stepped + s * s / (1 + s * mean_a + s * s * mean_r) * rest,
        r"The step from $W = 0$ with the bias at the mean; the bias' own gradient is $0$ there.",
        ((ones.mT @ ones, N),),
        {"K": [[1], [2]], "V": [[1], [0]], "q": [[1]], "r": [[0], [0]], "one": [[1], [1]], "s": 1, "N": 2},
    )


def _exp(z: Array) -> Array:
    return np.array([x.exp() for x in z], dtype=object)


def errors(settings: Settings) -> list[tuple[fmpq, arb, arb]]:
    """For each scale the distance of attention to the step, and its bound, in balls; one output."""
    f, N = (2, 4) if settings.profile == "quick" else (4, 12)
    K, v, q = numbers(N, f, 1), numbers(N, 1, 2)[:, 0], numbers(f, 1, 3)[:, 0]
    average = sum(v, fmpq(0)) / N
    a, away = K @ q, v - average
    alpha, omega = max(abs(x) for x in a), max(abs(x) for x in away)
    rows = []
    with flint.ctx.workprec(BITS):
        e = arb(1).exp() - 2
        values = np.array([[arb(x)] for x in v], dtype=object)
        for k in HALVINGS:
            s = fmpq(1, 2**k)
            found = softmax_attention.attend(K, values, q, arb(s), _exp)
            wanted = average + (step(np.array([[fmpq(0)] * f]), K, away[:, None], s) @ q)[0]
            most = arb(s * s * omega * alpha * alpha) * (e + 1 + e * arb(s * alpha)) * arb(s * alpha).exp()
            rows.append((s, abs(found[0] - arb(wanted)), most))
    return rows


@never_exceeded()
def bounds(settings: Settings, factor: int | fmpq = 1) -> Iterator[Bound]:
    """Every distance against `factor` times its bound."""
    for s, distance, most in errors(settings):
        yield Bound("distance", distance, most * factor, {"scale": s})


@orders()
def measure(settings: Settings, order: float = 2) -> Iterator[Rate]:
    """The fitted order of the distance in the scale."""
    found = errors(settings)
    scales, distances = [float(arb(s).mid()) for s, _, _ in found], [float(d.mid()) for _, d, _ in found]
    yield Rate("order in the scale", fit(scales, distances, to_zero=True), order)


IDENTITY = Identity(
    shapes={"K": ("N", "f"), "V": ("N", "m"), "q": ("f",), "s": (), "r": ("N",)},
    left=layer,
    right=learner,
    names=("attention", "step plus remainder"),
    sizes=({"f": 2, "m": 2, "N": 3}, {"f": 4, "m": 3, "N": 8}),
    large=Large({"f": 20, "m": 21, "N": 130}, quick=True),
    derive=derive,
    part={Rung.UNIVERSAL: "the expansion to first order; the bound and its order are measured"},
)

CLAIM = claim(
    __name__,
    together(IDENTITY.checks(), bounds.checks(), measure.checks()),
    IDENTITY.mutant("not_centred", "a step from W = 0 and b = 0", right={"centred": False}, derive={"centred": False}),
    IDENTITY.mutant("exactly_the_step", "no remainder", right={"second": False}, rungs=(Rung.EXACT,)),
    measure.mutant("third_order", "the error is of order 3", order=3),
    bounds.mutant("smaller_bound", "a thousandth of the bound", factor=fmpq(1, 1000)),
    kind=Kind.RATE,
)
