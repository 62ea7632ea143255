r"""Gradient descent converges exactly for step sizes below 2/lambda_max.

Let $A = X^\top X$ have the eigenvalues $\lambda_i$ with eigenvectors $u_i$, $\eta = cN$, and let $V$ be a least-squares
solution. Then

$$ (W_k - V) u_i = (1 - c\lambda_i)^k (W_0 - V) u_i, \qquad
   \norm{W_k - V} \le \max_i |1 - c\lambda_i|^k \, \norm{W_0 - V} , $$

the maximum over $\lambda_i > 0$ with $V$ the solution nearest to $W_0$ (gd.implicit_bias). So descent converges from
every start exactly if $0 < c\lambda_{\max} < 2$, and the rate is attained. Beyond it does not: from
$W_0 = V + g u^\top$ with $c \lambda = 2 + \delta$,

$$ W_k = V + \bigl( -(1 + \delta) \bigr)^k g u^\top , $$

which jumps to and fro at $\delta = 0$ (so $f = N = 1$, $x = 1$, $y = 0$, $\eta = 2$ gives $1, -1, 1, \dots$) and grows
for $\delta > 0$. In terms of $\eta$ and the second moment $A/N$ the limit is $2/\lambda_{\max}(A/N)$.

Why.
By gd.convergence_error the distance is multiplied by $I - cA$ every step, and the eigenvectors are orthogonal:
$\norm{E}^2 = \sum_i \norm{E u_i}^2$.

Assumes.
- exact check: inputs with orthogonal reflected rows, each twice with opposite residuals
- steps of badly scaled eigenvectors cancel in floating point, so the sampled rung is left out

Source.
derived here; the limit is textbook
"""

# Over 120 lines: the spectrum, the edge of convergence, the bound and the rate are one theorem.

from collections.abc import Callable, Iterator
from math import exp, log

import numpy as np
import torch
from flint import arb, fmpq

from constructions import autograd_descent, descent_limit, gradient_descent
from constructions.gradient_descent import step
from constructions.namespace import Array
from numeric.analysis.rates import fit
from numeric.words import matrix, scalar
from numeric.words.derivation import Obligation
from proofs.evidence import Kind, Rung, Settings
from proofs.forms import Bound, Identity, Large, Rate, claim, joint, never_exceeded, orders, together
from proofs.gd.spectral_filter import context

STEPS = 3
Slowest = Callable[[list[fmpq]], fmpq]


def twice(d: Array, v: Array, V: Array, R: Array) -> tuple[Array, Array]:
    """Inputs (2f, f) and targets with the least-squares solution V: A has the eigenvalues 2 d_i^2, residuals R and -R."""
    X = context(d, v)
    return torch.cat([X, X]), torch.cat([X @ V.mT + R, X @ V.mT - R])


def descent(d: Array, v: Array, V: Array, R: Array, W0: Array, eta: Array) -> Array:
    """The distance to V after autograd steps, along each eigenvector: (m, f)."""
    X, Y = twice(d, v, V, R)
    return (autograd_descent.descend(W0, X, Y, eta=eta, steps=STEPS) - V) @ context(d, v).mT


def factors(d: Array, v: Array, V: Array, R: Array, W0: Array, eta: Array, steps: int = STEPS) -> Array:
    """The first distance along each eigenvector times that direction's own factor to the power `steps`: (m, f)."""
    found = (W0 - V) @ context(d, v).mT
    for _ in range(steps):
        found = found * descent_limit.rate(2 * d * d, eta / (2 * d.shape[0]))
    return found


def beyond(d: Array, v: Array, V: Array, R: Array, g: Array, delta: Array) -> Array:
    """Autograd steps with eta = (2 + delta)/lambda from V + g u^T, u the eigenvector of lambda: (m, f)."""
    X, Y = twice(d, v, V, R)
    eta = (2 + delta) * X.shape[0] / (2 * d[0] * d[0])
    return autograd_descent.descend(V + g[:, None] * X[0, None, :], X, Y, eta=eta, steps=STEPS)


def thrown_back(d: Array, v: Array, V: Array, R: Array, g: Array, delta: Array, sign: int = -1) -> Array:
    """V + (-(1 + delta))^steps g u^T: (m, f)."""
    factor = sign * (1 + delta)
    return V + factor * factor * factor * g[:, None] * context(d, v)[0, None, :]


def derive(known: bool = True) -> Iterator[Obligation]:
    """A step multiplies the distance along an eigenvector by 1 - c lambda; at c lambda = 2 + delta by -(1 + delta)."""
    X, Y, u = matrix("X", "N", "f"), matrix("Y", "N", "m"), matrix("u", "f", 1)
    V, E, eta, lam = matrix("V", "m", "f"), matrix("E", "m", "f"), scalar("eta"), scalar("lambda")
    scale, delta = eta / scalar("N"), scalar("delta")
    rules = ((Y.mT @ X, V @ X.mT @ X), (X.mT @ X @ u, lam * u))
    yield Obligation(
        "one eigendirection",
        (step(V + E, X, Y, eta) - V) @ u,
        descent_limit.rate(lam, scale if known else -scale) * (E @ u),
        r"Where $V A = B$ and $A u = \lambda u$.",
        rules,
        {"X": [[1]], "Y": [[1]], "V": [[1]], "u": [[1]], "E": [[1]], "lambda": 1, "eta": 1, "N": 1},
    )
    yield Obligation(
        "at the limit and beyond",
        descent_limit.rate(lam, (2 + delta) / lam),
        -(1 + delta),
        r"$|1 - c\lambda| < 1$ exactly for $0 < c\lambda < 2$.",
    )


SHARES = (fmpq(1, 4), fmpq(1, 2), fmpq(9, 10))
"""Step sizes as shares of the limit 2/lambda_max."""


def _runs(count: int) -> Iterator[tuple[fmpq, list[fmpq], list[fmpq]]]:
    """Each share with all |1 - c lambda| and the squared distances |W_k - V|^2 for k = 0, ..., count, exactly."""
    d, v = (np.array([fmpq(n) for n in numbers], dtype=object) for numbers in ((1, 3, 4, 5), (1, 2, 3, 4)))
    X = context(d, v)
    V = np.array([[fmpq(i - j) for j in range(4)] for i in range(2)], dtype=object)
    for share in SHARES:
        scale = 2 * share / (d[-1] * d[-1])
        W, found = V + 1, []
        for _ in range(count + 1):
            found.append(sum((x * x for x in (W - V).reshape(-1)), fmpq(0)))
            W = gradient_descent.step(W, X, X @ V.mT, scale * X.shape[0])
        yield share, [abs(x) for x in descent_limit.rate(d * d, scale)], found


def mean(factors: list[fmpq]) -> fmpq:
    """For a mutant: the mean of the factors."""
    return sum(factors, fmpq(0)) / len(factors)


@never_exceeded()
def bounds(settings: Settings, slowest: Slowest = max) -> Iterator[Bound]:
    """Every squared distance against rate^2k times the first."""
    for share, factors, found in _runs(40 if settings.profile == "full" else 12):
        rate, power = slowest(factors), found[0]
        for k, distance in enumerate(found[1:], start=1):
            power = power * rate * rate
            yield Bound(f"squared distance at {share} of the limit", arb(distance), arb(power), {"step": k})


@orders()
def measure(settings: Settings, slowest: Slowest = max) -> Iterator[Rate]:
    """The fitted slope of log distance in the number of steps."""
    last = 60 if settings.profile == "full" else 40
    for share, factors, found in _runs(last):
        steps = range(last // 2, last + 1, 2)
        order = fit([exp(k) for k in steps], [float(arb(found[k]).sqrt().mid()) for k in steps])
        yield Rate(f"log rate at {share} of the limit", order, log(float(arb(slowest(factors)).mid())))


SHAPES = {"d": ("f",), "v": ("f",), "V": ("m", "f"), "R": ("f", "m")}
SPECTRAL = Identity(
    shapes=SHAPES | {"W0": ("m", "f"), "eta": ()},
    left=descent,
    right=factors,
    names=("distance along the eigenvectors", "first distance times factors"),
    sizes=({"f": 2, "m": 2}, {"f": 4, "m": 3}),
    large=Large({"f": 20, "m": 21}),
    derive=derive,
    rungs=(Rung.EXACT, Rung.UNIVERSAL),
    part={Rung.UNIVERSAL: "one step along one eigenvector, and its factor beyond the limit"},
)
EDGE = Identity(
    shapes=SHAPES | {"g": ("m",), "delta": ()},
    left=beyond,
    right=thrown_back,
    names=("descent beyond the limit", "the start thrown back"),
    sizes=({"f": 2, "m": 2}, {"f": 4, "m": 3}),
    large=Large({"f": 20, "m": 21}),
    rungs=(Rung.EXACT,),
)

CLAIM = claim(
    __name__,
    together(bounds.checks(), measure.checks(), SPECTRAL.checks(), EDGE.checks()),
    SPECTRAL.mutant("one_step_less", "the power k - 1", right={"steps": STEPS - 1}),
    EDGE.mutant("no_sign", "beyond the limit it grows without changing sides", right={"sign": 1}),
    SPECTRAL.mutant("other_way", "the factor 1 + c lambda", derive={"known": False}),
    joint("fastest", "the rate of the fastest direction", bounds, measure, slowest=min),
    joint("average", "the mean of all factors is the rate", bounds, measure, slowest=mean),
    kind=Kind.CONVERGENCE,
)
