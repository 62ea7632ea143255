r"""Selective Mamba approaches its weighted step as A tends to 0.

Let S6 compute its gates, $\Delta_{t,c} = \operatorname{softplus}(W_\Delta u_t + b)_c$ and $a = e^{\Delta A}$ with
$A = -\alpha (1, 2, \dots, f)$, on joint tokens with $B$, $C$ reading $x$. Its $y_c$ output is

$$ \sum_t \Delta_{t,c} \, y_{t,c} (x_t \cdot x_q) - \alpha \sum_t \Delta_{t,c} \, y_{t,c} \Bigl( \sum_{s>t} \Delta_{s,c}
   \Bigr) \sum_n n \, x_{t,n} x_{q,n} + O(\alpha^2) , $$

$s$ up to the query: the step on least squares weighted by $\Delta$ (gd.mamba_selective) plus an error of first order,
at most the second sum with absolute values. Since $A < 0$ strictly in the layer, the step is not reached on all
contexts: for $f = m = N = 1$ and $x = y = x_q = 1$ the error is $\Delta_1 (e^{-\alpha \Delta_2} - 1) \ne 0$, as the
query's token makes the state decay once more. It is reached where no $x_t$ shares a channel with $x_q$, for there both
are $0$. In gd.mamba_limit, with one constant $\Delta$ and decay, no query's token follows the pairs, so one pair is
exact there.

Why.
Every later token multiplies entry $n$ of a pair's write by $e^{-\alpha n \Delta}$, and $0 \le 1 - e^{-z} \le z$.

Assumes.
- $W_\Delta$ and $b$ fixed while $\alpha \to 0$
- no convolution, skip or gate around the layer

Source.
arXiv 2312.00752 (S6); derived here

Systems.
- Mamba (S6): with gates computed from tokens the weighted step as $A \to 0$, error of order $|A|$
"""

# Over 120 lines: a bound, its order, where the step is reached and where it is not.

from collections.abc import Iterator
from fractions import Fraction
from functools import partial

import flint
import numpy as np
import torch
from flint import arb, fmpq

from constructions import selective_mamba, two_layers
from constructions.gated_accumulator import accumulate
from constructions.namespace import Array
from numeric.analysis.rates import fit
from numeric.deciding.programs import rational, recorded
from numeric.finding import Finding
from numeric.words import derivation, scalar
from numeric.words.derivation import Obligation
from proofs.claim import both, covering
from proofs.evidence import Kind, Rung, Settings
from proofs.forms import Bound, Identity, Large, Rate, Same, checked, claim, exactly, never_exceeded, orders, together
from proofs.forms.impossibility import point
from proofs.gd._numbers import numbers
from proofs.gd.mamba_selective import selections, weighted

BITS = 200
HALVINGS = range(4, 14)
"""A = -2^-k (1, 2, ...)."""


def _entrywise(name: str) -> selective_mamba.Entrywise:
    def apply(z: Array) -> Array:
        flat = [x.exp() if name == "exp" else (1 + x.exp()).log() for x in z.reshape(-1)]
        return np.array(flat, dtype=object).reshape(z.shape)

    return apply


def errors(settings: Settings) -> list[tuple[arb, arb, arb, arb]]:
    """For each size alpha of A, in balls: alpha, output less weighted step, first-order term, bound (one channel)."""
    f, m, N = (2, 1, 3) if settings.profile == "quick" else (3, 2, 6)
    X, Y, x_q = (np.vectorize(arb, otypes=[object])(numbers(*shape)) for shape in ((N, f, 1), (N, m, 2), (f, 1, 3)))
    x_q, U = x_q[:, 0], two_layers.tokens(X, Y, x_q[:, 0])
    W_Delta, bias = numbers(f + m, f + m, 4), numbers(f + m, 1, 5)[:, 0]
    on_x, shape = selections(f, m, X), np.array([[arb(n + 1) for n in range(f)] for _ in range(f + m)], dtype=object)
    rows = []
    with flint.ctx.workprec(BITS):
        softplus, exp = _entrywise("softplus"), _entrywise("exp")
        for k in HALVINGS:
            alpha = arb(fmpq(1, 2**k))
            found = selective_mamba.layer(U, on_x, on_x, W_Delta, bias, -alpha * shape, softplus, exp)[f]
            Delta = softplus(U @ W_Delta.mT + bias)[:, f]
            wanted, first, most = arb(0), arb(0), arb(0)
            for t in range(N):
                later = sum(Delta[t + 1 :], arb(0))
                step = Delta[t] * Y[t, 0]
                wanted += step * (X[t, :] @ x_q)
                first -= alpha * later * step * sum((n + 1) * X[t, n] * x_q[n] for n in range(f))
                most += alpha * later * abs(step) * sum((n + 1) * abs(X[t, n] * x_q[n]) for n in range(f))
            rows.append((alpha, found - wanted, first, most))
    return rows


@never_exceeded()
def bounds(settings: Settings, factor: int | fmpq = 1) -> Iterator[Bound]:
    """Every distance to the weighted step against `factor` times its bound; and that it is not 0."""
    for alpha, error, _, most in errors(settings):
        yield Bound("distance", abs(error), most * factor, {"size of A": alpha})
        yield Bound("not reached", arb(0), abs(error), {"size of A": alpha})


@orders()
def measure(settings: Settings, order: float = 1) -> Iterator[Rate]:
    """The fitted orders of the distance, and of what its first-order term leaves over."""
    found = errors(settings)
    sizes = [float(alpha.mid()) for alpha, *_ in found]
    whole, rest = (
        [float(abs(x).mid()) for x in xs] for xs in ([e for _, e, _, _ in found], [e - g for _, e, g, _ in found])
    )
    yield Rate("order in A", fit(sizes, whole, to_zero=True), order)
    yield Rate("order of the rest after the first term", fit(sizes, rest, to_zero=True), order + 1)


def derive(kept: int = 1) -> Iterator[Obligation]:
    """One entry: the state is the undecayed sum G less E, and a token of decay a takes E to a E + (1 - a) G."""
    G, E, a, write = scalar("G"), scalar("E"), scalar("a"), scalar("w")
    yield Obligation(
        "one more token",
        accumulate(G - E, write, a),
        (G + write) - (kept * a * E + (1 - a) * G),
        r"At the start $E = 0$; every decay lets in $(1 - a) G \le |A| \Delta \, |G|$, since $1 - e^{-z} \le z$, and keeps no "
        r"more of $E$ than "
        r"there was. A decay $a < 1$ after a pair therefore never leaves it whole.",
    )


@checked(Rung.UNIVERSAL, part="how one more token changes the error of one entry; not the bound, nor its order")
def universal(settings: Settings, kept: int = 1) -> Finding:
    """The derivation."""
    return derivation.decide(partial(derive, kept))


def defect(X: Array, Y: Array, x_q: Array, Delta: Array) -> Array:
    """The y outputs less the weighted step, for A = -(1, ..., f): (m,).

    Step sizes Delta (N+1,), the query's last, in place of softplus's; 1/(1 - z), in (0, 1) for z < 0 as exp is, for exp.
    """
    (N, f), m = X.shape, Y.shape[1]
    p, on_x = f + m, selections(f, m, X)
    row = torch.stack([0 * X[0, 0] - n - 1 for n in range(f)])
    found = selective_mamba.layer(
        two_layers.tokens(X, Y, x_q), on_x, on_x, 0 * (on_x.mT @ on_x), 0 * on_x[0, :], row[None, :].expand(p, f),
        lambda z: Delta[:, None].expand(N + 1, p), lambda z: 1 / (1 - z),
    )  # fmt: skip
    return found[f:] - weighted(X, Y, x_q, Delta[:N, None].expand(N, m))


def apart(X: Array, Y: Array, x_q: Array, Delta: Array, last: Array, common: int = 0) -> Array:
    """The defect where X fills the first half of the channels and x_q the second (`common` times the first too): (m,)."""
    return defect(torch.cat([X, 0 * X], dim=1), Y, torch.cat([common * x_q, x_q]), torch.cat([Delta, last[None]]))


def none(X: Array, Y: Array, x_q: Array, Delta: Array, last: Array) -> Array:
    """No defect: (m,)."""
    return 0 * Y[0, :]


APART = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "m"), "x_q": ("f",), "Delta": ("N",), "last": ()},
    left=apart,
    right=none,
    names=("output less step", "0"),
    sizes=({"f": 2, "m": 2, "N": 2}, {"f": 4, "m": 3, "N": 6}),
    large=Large({"f": 20, "m": 21, "N": 130}),
    rungs=(Rung.EXACT,),
)
SHARED = {"X": [[1]], "Y": [[1]], "x_q": [1], "Delta": [1, 2]}


@exactly((1,))
def exact(N: int, shared: int = 1) -> Iterator[Same]:
    """The error is Delta_1 (a_2 - 1) for x = y = x_q = 1 (times the given), which is not 0."""
    found, _ = rational(recorded(defect, own=True), point(SHARED))
    yield Same("output less step", found.tolist(), [shared * (Fraction(1, 3) - 1)], SHARED)


CLAIM = claim(
    __name__,
    together(
        bounds.checks(),
        measure.checks(),
        {
            Rung.EXACT: covering(
                "where the step is reached and one context where it is not, with another function for exp",
                both(exact.check(), APART.exact),
            )
        },
        universal.checks(),
    ),
    measure.mutant("second_order", "the error is of order 2", order=2),
    bounds.mutant("smaller_bound", "a hundredth of the bound", factor=fmpq(1, 100)),
    exact.mutant("reached", "the step is reached for x = y = x_q = 1", shared=0),
    APART.mutant("common_channels", "the step is reached with common channels too", left={"common": 1}),
    universal.mutant("doubled", "twice the old error is kept", kept=2),
    kind=Kind.RATE,
)
