r"""Two ungated layers with GELU approach the step as the inner scale goes to 0.

Two LTI layers with decays $0$ and $1$, each followed by a pointwise GELU (S5 without its gate), with inner scale
$\delta$ as in `activated_layers`, predict

$$ \frac{\eta}{N} \sum_i y_i (x_i \cdot x_q) + O(\delta^2), $$

one gradient-descent step from $0$ up to an error of at most

$$ \frac{\eta}{N} \sum_j \Bigl( |x_{q,j}| \, e_{ij} + \frac{\delta^2}{24} \bigl( |B_{ij}| + e_{ij} + |x_{q,j}| \bigr)^4
   \Bigr) , \qquad e_{ij} = \frac{\delta^2}{24} \sum_t \bigl( |y_{ti}| + |x_{tj}| \bigr)^4 $$

in output $i$. On the context measured the order $2$ is attained, and the error is not $0$ at any inner scale
$2^{-2}, \dots, 2^{-11}$. With the activation's expansion to second order, $\frac z2 + q z^2$, they take the step
exactly (gd.two_layers_square has the case without a linear part).

Why.
Four activations make a product up to $\frac{r(a+b) - r(a-b)}{4 q \delta^2}$ with $-\frac q6 z^4 \le r(z) \le 0$, which
is at most $\frac{\delta^2}{24} (|a| + |b|)^4$ in size; two activations copy exactly. The first layer's errors add up
over tokens and are multiplied by $x_q$ in the second.

Assumes.
- bounded tokens: the bound grows with their fourth power
- measured: one context ($N = 3$, $f = m = 2$, $\eta = \frac12$; in full $N = 6$, $f = 3$); on others the error may be 0
- products are differences of large numbers as delta falls, so the sampled rung is left out

Source.
derived here; layer of arXiv 2208.04933 (S5)

Systems.
- S5: two ungated layers with GELU approach one gradient step, with an error of order $\delta^2$
"""

# Over 120 lines: an identity, a bound and an order are one theorem; the bound has two layers.

from collections.abc import Iterator
from fractions import Fraction

import flint
import numpy as np
from flint import arb, fmpq

from constructions import activated_layers, autograd_descent
from constructions.gradient_descent import descend
from constructions.namespace import Array
from numeric.analysis.rates import fit
from numeric.words import scalar
from numeric.words.derivation import Obligation
from proofs.evidence import Kind, Rung, Settings
from proofs.forms import Bound, Identity, Large, Rate, Short, claim, never_exceeded, orders, together
from proofs.gd._numbers import numbers

BITS = 200
HALVINGS = range(2, 12)
"""Inner scales 2^-k."""


def layer(X: Array, Y: Array, x_q: Array, eta: Array, q: Array, delta: Array, copied: int = 2) -> Array:
    """The two layers with the activation z/2 + q z^2 (`copied`: z/copied), GELU's expansion to second order: (m,)."""
    return activated_layers.predict(X, Y, x_q, eta / X.shape[0], lambda z: z / copied + q * z * z, q, delta)


def learner(X: Array, Y: Array, x_q: Array, eta: Array, q: Array, delta: Array, steps: int = 1) -> Array:
    """Autograd steps from 0, asked at x_q: (m,)."""
    return autograd_descent.descend(X.new_zeros(Y.shape[1], X.shape[1]), X, Y, eta=eta, steps=steps) @ x_q


def derive(factor: int = 1) -> Iterator[Obligation]:
    """The coded inner weights and sums of a product, with any even remainder of the activation; the copy."""
    a, b, q, d = (scalar(name) for name in ("a", "b", "q", "d"))
    plus, minus = scalar("r_p"), scalar("r_m")

    def g(z: Array, remainder: Array) -> Array:
        return z / 2 + q * z * z + remainder

    one = np.asarray(1.0)
    on_a, on_b = (
        activated_layers.product_inputs(np.full((1, 1), x), np.full((1, 1), 1 - x), one)[:, 0] for x in (1.0, 0.0)
    )
    sums = activated_layers.product_sums(1, one, one)[0, :]
    found = 0 * a
    for x, y, weight in zip(on_a, on_b, sums, strict=True):
        # equal signs of a and b: the remainder at a + b, else that at a - b
        found = found + Fraction(weight) * g(d * (Fraction(x) * a + Fraction(y) * b), plus if x == y else minus)
    yield Obligation(
        "a product",
        factor * found / (q * d * d),
        a * b + (plus - minus) / (4 * q * d * d),
        r"GELU is $\frac z2 + \frac{z}{2} \operatorname{erf}\frac{z}{\sqrt 2}$: odd part $z/2$, even part $q z^2 + r$; "
        r"$-\frac{q}{6} z^4 \le r \le 0$ since $1 - \frac{t^2}{2} \le e^{-t^2/2} \le 1$.",
    )
    z, r = scalar("z"), scalar("r")
    yield Obligation("a copy", g(z, r) - g(-z, r), z, r"The odd part is $z/2$ exactly, so copies are exact.")


def _gelu(z: Array) -> Array:
    root = arb(2).sqrt()
    flat = [x / 2 * (1 + (x / root).erf()) for x in np.asarray(z, dtype=object).reshape(-1)]
    return np.array(flat, dtype=object).reshape(np.shape(z))


def _problem(settings: Settings) -> tuple[Array, Array, Array, arb]:
    f, m, N = (2, 2, 3) if settings.profile == "quick" else (3, 2, 6)
    X, Y, x_q = (np.vectorize(arb, otypes=[object])(numbers(*shape)) for shape in ((N, f, 1), (N, m, 2), (f, 1, 3)))
    return X, Y, x_q[:, 0], arb(fmpq(1, 2))


def errors(settings: Settings) -> list[tuple[arb, list[tuple[arb, arb]]]]:
    """For each inner scale the outputs' distance to the step and its bound, in balls."""
    rows = []
    with flint.ctx.workprec(BITS):
        X, Y, x_q, eta = _problem(settings)
        (N, f), m = X.shape, Y.shape[1]
        curvature = 1 / (2 * arb.pi()).sqrt()
        wanted = descend(np.array([[arb(0)] * f] * m, dtype=object), X, Y, eta, 1) @ x_q
        for k in HALVINGS:
            delta = arb(fmpq(1, 2**k))
            scale, small = np.array(eta / N, dtype=object), np.array(delta, dtype=object)
            found = activated_layers.predict(X, Y, x_q, scale, _gelu, np.array(curvature, dtype=object), small)
            rows.append((delta, [(abs(found[i] - wanted[i]), bound(X, Y, x_q, eta, delta, i)) for i in range(m)]))
    return rows


def bound(X: Array, Y: Array, x_q: Array, eta: arb, delta: arb, i: int) -> arb:
    """eta/N sum_j (|x_qj| e_j + delta^2/24 (|B_ij| + e_j + |x_qj|)^4), e_j = delta^2/24 sum_t (|y_ti| + |x_tj|)^4."""
    share, total = delta * delta / 24, arb(0)
    for j, query in enumerate(x_q):
        e = share * sum(((abs(y) + abs(x)) ** 4 for x, y in zip(X[:, j], Y[:, i], strict=True)), arb(0))
        B = abs(Y[:, i] @ X[:, j])
        total += abs(query) * e + share * (B + e + abs(query)) ** 4
    return total * eta / X.shape[0]


@never_exceeded()
def bounds(settings: Settings, factor: int | fmpq = 1) -> Iterator[Bound]:
    """Every output's distance against `factor` times its bound; and that it is not 0."""
    for delta, outputs in errors(settings):
        for i, (distance, most) in enumerate(outputs):
            yield Bound("distance", distance, most * factor, {"delta": delta, "output": i})
            yield Bound("not reached", arb(0), distance, {"delta": delta, "output": i})


@orders()
def measure(settings: Settings, order: float = 2) -> Iterator[Rate]:
    """The fitted order of the first output's distance in the inner scale."""
    found = errors(settings)
    distances = [float(outputs[0][0].mid()) for _, outputs in found]
    yield Rate(
        "order in the inner scale", fit([float(delta.mid()) for delta, _ in found], distances, to_zero=True), order
    )


IDENTITY = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "m"), "x_q": ("f",), "eta": (), "q": (), "delta": ()},
    left=layer,
    right=learner,
    names=("two layers to second order", "one step"),
    sizes=({"f": 2, "m": 2, "N": 2}, {"f": 3, "m": 2, "N": 6}),
    large=Large({"f": 2, "m": 3, "N": 130}, short=Short.WORK),
    derive=derive,
    rungs=(Rung.EXACT, Rung.UNIVERSAL),
    part={
        Rung.EXACT: "the expansion to second order takes the step",
        Rung.UNIVERSAL: "one product up to its remainder, and one copy; not the bound summed over tokens, nor its order",
    },
)

CLAIM = claim(
    __name__,
    together(bounds.checks(), measure.checks(), IDENTITY.checks()),
    IDENTITY.mutant("other_slope", "an activation z/3 + q z^2 copies too", left={"copied": 3}),
    IDENTITY.mutant("two_steps", "they take two steps", right={"steps": 2}),
    IDENTITY.mutant("quarter", "the sum divided by 4 q d^2", derive={"factor": 2}),
    measure.mutant("better_order", "the error is of order 4", order=4),
    bounds.mutant("smaller_bound", "a hundredth of the bound", factor=fmpq(1, 100)),
    kind=Kind.RATE,
)
