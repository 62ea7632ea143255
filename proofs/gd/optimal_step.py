r"""The best step size of one step and its expected loss.

Let the entries of all $x_i$ and $x_q$ be independent with odd moments $0$, $E x^2 = s_2 > 0$, $E x^4 = k_4$, let $w$
have independent entries of mean $0$ and variance $1$, and let $y_i = w \cdot x_i + \varepsilon_i$ with independent
noise of mean $0$ and variance $v$. One gradient-descent step of size $\eta$ from $0$ has the expected loss

$$ E \, \tfrac12 (W_1 x_q - w \cdot x_q)^2 = \frac{f s_2}{2} \Bigl( 1 - 2 \eta s_2 + \frac{\eta^2}{N} \bigl( k_4 + (N +
   f - 2) s_2^2 + v s_2 \bigr) \Bigr) , $$

least at

$$ \eta^* = \frac{N s_2}{k_4 + (N + f - 2) s_2^2 + v s_2} , \qquad \text{where it is} \quad
   \frac{f s_2}{2} \bigl( 1 - \eta^* s_2 \bigr) . $$

Why.
With $c = \eta/N$ the error is $(c \sum_i y_i x_i - w) \cdot x_q$, so the expectation is
$\frac{s_2}{2} E \norm{c \sum_i y_i x_i - w}^2$. Here $E \, w \cdot \sum_i y_i x_i = N f s_2$ and
$E \norm{\sum_i y_i x_i}^2 = N \bigl( f k_4 + f (f-1) s_2^2 + v f s_2 \bigr) + N (N-1) f s_2^2$. A quadratic in $\eta$
is least at its vertex. Each expectation is a sum over at most two tokens and two coordinates of terms that depend only
on which of them are equal, so it is a polynomial of degree 2 at most in $N$ and in $f$, and $f, N \le 3$ determine it.

Assumes.
- scalar target; the query's own noise is not counted
- $w$ isotropic with unit variance

Source.
derived here; the setting of arXiv 2410.11687

Departs.
- the source finds the step size by a grid search
"""

# Over 120 lines: moments of normal inputs on symbols, then where the loss is least and how large it is there.

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from itertools import product
from typing import Any

from constructions import gd_ssm
from constructions.namespace import Array
from numeric.finding import Finding, Verdict
from numeric.words import derivation, scalar
from numeric.words.derivation import Obligation
from proofs.forms import Rung, Settings, checked, claim
from proofs.gd._polynomials import TRUST, Entry, expanded, indeterminates

Moments = tuple[int, int, int, int]
"""Powers of c, s2, k4 and v."""
Number = Any
"""A number, a polynomial or a word."""
SIZES = (1, 2, 3)
"""f and N: a polynomial of degree 2 in each is determined there."""


def squared_error(X: Array, w: Array, noise: Array, x_q: Array, c: Array) -> Array:
    """Half the squared error at x_q of the layer with scale c on the targets X w + noise: (1,)."""
    targets = X @ w + noise
    error = gd_ssm.predictions(X, targets[:, None], x_q, c)[-1, :] - x_q @ w
    return error * error / 2


def expected(f: int, N: int) -> Counter[Moments]:
    """The expectation of the layer's squared error as a polynomial in c, s2, k4 and v, from its coefficients."""
    shapes = {"X": (N, f), "w": (f,), "noise": (N,), "x_q": (f,), "c": ()}
    (terms,) = expanded(squared_error, shapes)
    found: Counter[Moments] = Counter()
    for monomial, coefficient in terms.items():
        powers = Counter(monomial)
        scale = powers.pop(Entry("c", 0), 0)
        if any(power % 2 for power in powers.values()):
            continue
        of = {name: [p for entry, p in powers.items() if entry.name == name] for name in shapes}
        inputs = of["X"] + of["x_q"]
        if max([*inputs, 0]) > 4 or max([*of["w"], *of["noise"], 0]) > 2:
            raise ValueError(f"the squared error has a moment that is not assumed, of {' '.join(map(str, monomial))}")
        found[scale, inputs.count(2), inputs.count(4), of["noise"].count(2)] += Fraction(str(coefficient))  # type: ignore[assignment]
    return Counter({key: value for key, value in found.items() if value})


def below(f: Number, N: Number, s2: Number, k4: Number, v: Number, cross: int = 2) -> Number:
    """k4 + (N + f - cross) s2^2 + v s2."""
    return k4 + (N + f - cross) * s2 * s2 + v * s2


def loss(c: Number, f: Number, N: Number, s2: Number, k4: Number, v: Number, cross: int = 2) -> Number:
    """The claimed expected loss of a step of size c N."""
    return f * s2 * (1 - 2 * c * N * s2 + c * c * N * below(f, N, s2, k4, v, cross)) / 2


def best(f: Number, N: Number, s2: Number, k4: Number, v: Number, cross: int = 2) -> tuple[Number, Number]:
    """The claimed best eta, and the expected loss there."""
    eta = N * s2 / below(f, N, s2, k4, v, cross)
    return eta, f * s2 * (1 - eta * s2) / 2


@checked(Rung.SYMBOLIC, part="the expected loss")
def symbolic(settings: Settings, cross: int = 2) -> Finding:
    """The expectation of the layer's error at small sizes against the formula, coefficient by coefficient."""
    figures: dict[str, int | str] = {}
    for f, N in product(SIZES, SIZES):
        _, letters = indeterminates({name: () for name in ("c", "s2", "k4", "v")})
        c, s2, k4, v = (letters[name][()] for name in ("c", "s2", "k4", "v"))
        wanted: Counter[Moments] = Counter()
        for powers, value in loss(c, f, N, s2, k4, v, cross).terms():
            a, b, k, n = map(int, powers)
            wanted[a, b, k, n] = Fraction(str(value))  # type: ignore[assignment]
        found = expected(f, N)
        figures[f"f = {f}, N = {N}: terms"] = len(found)
        if found != wanted:
            keys = sorted(key for key in {*found, *wanted} if found[key] != wanted[key])
            shown = ", ".join(f"c^{a} s2^{b} k4^{k} v^{n}: {found[a, b, k, n]}, claimed {wanted[a, b, k, n]}"
                              for a, b, k, n in keys)  # fmt: skip
            return Finding(Verdict.REFUTED, reason=f"f = {f}, N = {N}: coefficient of {shown}", figures=figures)
    return Finding(
        Verdict.CONFIRMED,
        figures=figures,
        settings={"engine": "moments of the expanded polynomial", "f": list(SIZES), "N": list(SIZES)},
        trust=(
            *TRUST,
            "independence turns expectations of products into products",
            "the expectation is a sum over two tokens and two coordinates, so of degree 2 at most in N and in f",
        ),
    )


def derive(vertex: int = 1, least: int = 1) -> Iterator[Obligation]:
    """The loss at any step less the loss at the claimed best one is a square times a positive number."""
    eta, f, N, s2, k4, v = (scalar(name) for name in ("eta", "f", "N", "s_2", "k_4", "v"))
    there, lowest = best(f, N, s2, k4, v)
    yield Obligation(
        "least at the vertex",
        loss(eta / N, f, N, s2, k4, v) - loss(vertex * there / N, f, N, s2, k4, v),
        f * s2 * below(f, N, s2, k4, v) / (2 * N) * (eta - there) ** 2,
        r"With $d = k_4 + (N + f - 2) s_2^2 + v s_2 > 0$ the loss at $\eta$ is the one at $\eta^*$ plus "
        r"$\frac{f s_2 d}{2N} (\eta - \eta^*)^2$.",
    )
    yield Obligation(
        "the loss there", loss(there / N, f, N, s2, k4, v), least * lowest, r"$\eta^{*2} d / N = \eta^* s_2$."
    )


@checked(Rung.UNIVERSAL, part="where the loss is least, and how large it is there")
def universal(settings: Settings, **parts: int) -> Finding:
    """The derivation."""
    return derivation.decide(partial(derive, **parts))


CLAIM = claim(
    __name__,
    symbolic.checks() | universal.checks(),
    symbolic.mutant("cross_term", "N + f - 1 in place of N + f - 2", cross=1),
    universal.mutant("twice_the_step", "least at 2 eta*", vertex=2),
    universal.mutant("twice_the_loss", "twice the loss there", least=2),
)
