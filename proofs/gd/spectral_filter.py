r"""Gradient descent from zero is a filter of the spectrum.

If $A u = \lambda u$ for $A = X^\top X$, then $k$ gradient-descent steps of size $\eta = cN$ from $W_0 = 0$ give

$$ W_k u = h_k(\lambda) \, Y^\top X u, \qquad
   h_k(\lambda) = c \sum_{j<k} (1 - c\lambda)^j = \frac{1 - (1 - c\lambda)^k}{\lambda} . $$

Least squares has $1/\lambda$ in place of $h_k$: $k$ steps tend to it on every eigendirection with $0 < c\lambda < 2$,
and are it exactly where $c\lambda = 1$, so that with orthonormal inputs and $c = 1$ one step is least squares. Ridge
has $1/(\lambda + \rho)$, which agrees with $h_k$ at $k$ eigenvalues at most.

Why.
$W_{k+1} u = W_k u - c(W_k A u - Y^\top X u)$, so $h_{k+1} = h_k + c(1 - \lambda h_k)$, whose solution from $0$ is the
sum. $\lambda h_k(\lambda) = 1$ where $(1 - c\lambda)^k = 0$. And $(\lambda + \rho) h_k(\lambda) - 1$ is a polynomial of
degree $k$ in $\lambda$ that is $-1$ at $\lambda = -\rho$, so it has at most $k$ zeros.

Assumes.
- $\lambda \ne 0$ for the quotient; checked exactly at eigenvectors of reflected orthogonal inputs
- the quotient loses digits in floating point when $c\lambda$ is small, so the sampled rung is left out

Source.
derived here
"""

# Over 120 lines: the filter, where it is least squares, and a figure of both.

from collections.abc import Iterator

import numpy as np

from constructions import autograd_descent, gradient_descent, newton_schulz, spectral_filter
from constructions.gradient_descent import step
from constructions.namespace import Array, filled, namespace
from numeric.words import matrix, scalar
from numeric.words.derivation import Obligation
from proofs.figure import Columns, Figure, Series, one
from proofs.forms import Identity, Large, Rung, both, claim, covering

STEPS = 3


def context(d: Array, v: Array) -> Array:
    """Inputs (f, f) whose second moment has the eigenvectors H e_i and values d_i^2; H = I - 2 v v^T/(v . v)."""
    xp = namespace(v)
    rows = []
    for i in range(v.shape[0]):
        e = xp.stack([filled(1 if i == j else 0, v[0]) for j in range(v.shape[0])])
        rows.append(d[i] * (e - 2 * v[i] / (v @ v) * v))
    return xp.stack(rows)


def descent(d: Array, v: Array, Y: Array, eta: Array, steps: int = STEPS) -> Array:
    """Autograd steps from 0, asked at the first input, an eigenvector: (m,)."""
    X = context(d, v)
    return autograd_descent.descend(X.new_zeros(Y.shape[1], X.shape[1]), X, Y, eta=eta, steps=steps) @ X[0, :]


def filtered(d: Array, v: Array, Y: Array, eta: Array, steps: int = STEPS) -> Array:
    """h(d_1^2) B u for the first input u: (m,)."""
    X = context(d, v)
    return spectral_filter.gain(d[0] * d[0], eta / X.shape[0], steps) * (Y.mT @ X @ X[0, :])


def solved(d: Array, v: Array, Y: Array, part: int = 1) -> Array:
    """One autograd step with c lambda = 1 at the first input's eigenvalue (1/`part` of that), asked there: (m,)."""
    return descent(d, v, Y, v.shape[0] / (part * d[0] * d[0]), steps=1)


def least_squares(d: Array, v: Array, Y: Array) -> Array:
    """1/lambda B u for the first input u: (m,)."""
    X = context(d, v)
    return 1 / (d[0] * d[0]) * (Y.mT @ X @ X[0, :])


def ridge(d: Array, v: Array, Y: Array, eta: Array) -> Array:
    """The filter of ridge regression with 1/ridge = k scale, which agrees at lam = 0 only."""
    X = context(d, v)
    return 1 / (d[0] * d[0] + X.shape[0] / (eta * STEPS)) * (Y.mT @ X @ X[0, :])


def derive(known: bool = True) -> Iterator[Obligation]:
    """Induction on k with W_k u = h B u and A u = lam u; then the closed form of h."""
    X, Y, u = matrix("X", "N", "f"), matrix("Y", "N", "m"), matrix("u", "f", 1)
    W, eta, lam, h = matrix("W_k", "m", "f"), scalar("eta"), scalar("lambda"), scalar("h")
    scale, B = eta / scalar("N"), Y.mT @ X
    rules = ((X.mT @ X @ u, lam * u), (W @ u, h * (B @ u)))
    yield Obligation(
        "one more step",
        step(W, X, Y, eta) @ u,
        spectral_filter.extend(h, lam, scale) * (B @ u),
        r"$W_{k+1} u = W_k u - c (W_k A u - B u) = (h + c(1 - \lambda h)) B u$; at $k = 0$ both are 0.",
        rules,
    )
    p, c = scalar("p"), scalar("c")
    yield Obligation(
        "closed form",
        lam * spectral_filter.extend((1 - p) / lam, lam, c),
        1 - p * (1 - c * lam if known else 1 + c * lam),
        r"With $p = (1 - c\lambda)^k$: $h_k = (1 - p)/\lambda$ becomes $(1 - p (1 - c\lambda))/\lambda$, and $h_0 = 0$ at $p = 1$.",
    )


IDENTITY = Identity(
    shapes={"d": ("f",), "v": ("f",), "Y": ("f", "m"), "eta": ()},
    left=filtered,
    right=descent,
    names=("filter", "gradient descent"),
    sizes=({"f": 2, "m": 2}, {"f": 4, "m": 3}),
    large=Large({"f": 20, "m": 21}),
    derive=derive,
    rungs=(Rung.EXACT, Rung.UNIVERSAL),
)
SOLVED = Identity(
    shapes={"d": ("f",), "v": ("f",), "Y": ("f", "m")},
    left=least_squares,
    right=solved,
    names=("least squares", "one step"),
    sizes=({"f": 2, "m": 2}, {"f": 4, "m": 3}),
    large=Large({"f": 20, "m": 21}),
    rungs=(Rung.EXACT,),
)

COUNTS = (1, 2, 4, 16)


def columns() -> Columns:
    """lam h_k(lam) from the formula, from gradient descent and from Newton-Schulz on one diagonal problem; scale 1."""
    lam = np.linspace(0.02, 1.98, 99)
    X, Y = np.diag(np.sqrt(lam[::7])), np.diag(np.sqrt(lam[::7]))  # Y^T X = A, so that W u = lam h(lam) u
    found: dict[str, np.ndarray] = {"c lambda": lam, "run at": lam[::7], "at": lam[3::7]}
    for k in COUNTS:
        found[f"{k}, formula"] = lam * spectral_filter.gain(lam, 1.0, k)
        W = 0 * X
        for _ in range(k):
            W = gradient_descent.step(W, X, Y, float(len(X)))
        found[f"{k} steps"] = np.diag(W)
    A = np.diag(lam[3::7])
    for k in (2, 4):
        found[f"Newton-Schulz {k}"] = np.diag(newton_schulz.weights(A, A, 1.0, k))
    return found


CLAIM = claim(
    __name__,
    {
        Rung.EXACT: covering("the filter, and where it is that of least squares", both(IDENTITY.exact, SOLVED.exact)),
        Rung.UNIVERSAL: covering("the filter and its closed form", IDENTITY.universal),
    },
    IDENTITY.mutant("ridge", "k steps are ridge with penalty 1/(kc)", left=ridge),
    SOLVED.mutant("solved_elsewhere", "one step is least squares where c lambda = 1/2 too", right={"part": 2}),
    IDENTITY.mutant("one_step_less", "k - 1 steps", left={"steps": STEPS - 1}),
    IDENTITY.mutant("sign", "powers of 1 + c lambda", derive={"known": False}),
    figures=(
        Figure(
            "filters",
            r"""How much of the least-squares answer $k$ steps have learned along an eigendirection, $\lambda h_k(\lambda)$, against
$c\lambda$: the formula (lines), gradient descent run on a diagonal problem (dots with lines), and $k$ iterations of
Newton-Schulz (dots alone), which lie on the curve of $2^k$ steps.""",
            columns,
            one(
                r"$c \lambda$ (step size times eigenvalue)",
                r"share learned, $\lambda h_k(\lambda)$",
                [
                    *(Series(f"$k = {k}$", "c lambda", theory=f"{k}, formula") for k in COUNTS),
                    *(Series(f"$k = {k}$", "run at", f"{k} steps") for k in COUNTS),
                    *(Series(f"Newton-Schulz, {k} iterations", "at", f"Newton-Schulz {k}") for k in (2, 4)),
                ],
            ),
        ),
    ),
)
