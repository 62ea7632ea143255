"""The published non-linear form sees its context only through four numbers: no kernel that is non-linear in x."""

from collections.abc import Iterator

from constructions import affine_embedding
from constructions.namespace import Array, namespace
from numeric.derivation import Obligation
from numeric.words import matrix, scalar
from proofs.claim import Claim, System
from proofs.evidence import Kind, Rung
from proofs.identity import Identity

EXACTLY = (Rung.EXACT, Rung.SYMBOLIC)


def layer(X: Array, Y: Array, x_q: Array, w: Array, b: Array, scale: Array) -> Array:
    """z, before the read-out: (p,)."""
    return affine_embedding.layer(X, Y, x_q, w, b, scale)


def from_sums(X: Array, Y: Array, x_q: Array, w: Array, b: Array, scale: Array) -> Array:
    """z from N, Sx, Sy and Sxy: (p,)."""
    return affine_embedding.from_sums(X.shape[0], *affine_embedding.sums(X, Y), x_q, w, b, scale)


def squared_kernel(X: Array, Y: Array, x_q: Array, w: Array, b: Array, scale: Array) -> Array:
    """A step with the kernel (phi(x_s) . phi(x_q))^2, non-linear in x."""
    query, z = affine_embedding.embed(x_q, w, b), 0 * w
    for s in range(X.shape[0]):
        inner = affine_embedding.embed(X[s], w, b) @ query
        z = z - scale * affine_embedding.embed(Y[s], w, b) * inner * inner
    return z


def without_offset(X: Array, Y: Array, x_q: Array, w: Array, b: Array, scale: Array) -> Array:
    """The closed form without the terms that the constant of the embedding of y brings."""
    xp = namespace(X)
    return affine_embedding.from_sums(0, 0 * xp.sum(X), xp.sum(Y), xp.sum(X * Y), x_q, w, b, scale)


def derive(lost: int = 1) -> Iterator[Obligation]:
    """One token's share is linear in 1, x, y and x y; so the sum over tokens depends on their sums only."""
    w, b = matrix("w", "p", 1), matrix("b", "p", 1)
    x, y, q, scale = scalar("x"), scalar("y"), scalar("q"), scalar("c")
    u_1 = (w.mT @ w) * q * x * y + (w.mT @ b) * x * y + (w.mT @ b) * q * y + (b.mT @ b) * y
    u_2 = (w.mT @ w) * q * x + (w.mT @ b) * x + lost * (w.mT @ b) * q + (b.mT @ b)
    yield Obligation(
        "one token",
        -scale * ((y * w + b) * ((x * w + b).mT @ (q * w + b))),
        -scale * (w * u_1 + b * u_2),
        r"With $\alpha = \norm{w}^2$, $\beta = w \cdot b$, $\gamma = \norm{b}^2$: multiply out. Every coefficient of $1, x, y, xy$ "
        r"is free of the token, so the sum over tokens is the closed form in $N$, $S_x$, $S_y$, $S_{xy}$.",
    )


IDENTITY = Identity(
    shapes={"X": ("N",), "Y": ("N",), "x_q": (), "w": ("p",), "b": ("p",), "scale": ()},
    left=layer,
    right=from_sums,
    names=("published layer", "closed form in the sums"),
    sizes=({"N": 4, "p": 3}, {"N": 12, "p": 8}),
    symbolic_sizes={"N": 3, "p": 2},
    derive=derive,
)

CLAIM = Claim(
    __name__,
    title="The published non-linear form is a step for linear regression with a bias",
    kind=Kind.IDENTITY,
    statement=r"""With scalar tokens embedded by the affine map $\phi(u) = u w + b$ the one-layer form computes,
    before its read-out,

$$ z = -c \left( w \, u_1 + b \, u_2 \right), \quad
\begin{aligned}
u_1 &= \alpha x_q S_{xy} + \beta S_{xy} + \beta x_q S_y + \gamma S_y, \\
u_2 &= \alpha x_q S_x + \beta S_x + N \beta x_q + N \gamma,
\end{aligned} $$

with $\alpha = \norm{w}^2$, $\beta = w \cdot b$, $\gamma = \norm{b}^2$. It depends on the context only through $N$,
$S_x = \sum x_s$,
$S_y = \sum y_s$ and $S_{xy} = \sum x_s y_s$: two contexts with the same four numbers get the same output, whatever
the read-out is.
So it is a gradient-descent step for linear regression with a bias and a non-linear read-out, not descent on features
that are
non-linear in $x$.""",
    derivation=r"""Multiply out $\phi(y_s) \, (\phi(x_s) \cdot \phi(x_q))$: it is a combination of $1$, $x_s$, $y_s$
    and $x_s y_s$ with
coefficients free of $s$.""",
    assumptions=("one layer; one embedding for all tokens; the read-out sees nothing but $z$",),
    source="arXiv 2410.11687, published code of the non-linear regression",
    departures=("the source calls it gradient descent on non-linear regression",),
    systems=(
        System(
            "GD-SSM, non-linear",
            "the published form is one step for linear regression with a bias, not descent on non-linear features",
        ),
    ),
    checks=IDENTITY.checks(),
    mutants=(
        IDENTITY.mutant("kernel_non_linear", "a step with a kernel non-linear in x", left=squared_kernel),
        IDENTITY.mutant(
            "linear_embedding", "the constant of the embedding forgotten", right=without_offset, rungs=EXACTLY
        ),
        IDENTITY.mutant("term_lost", "the closed form without N beta x_q", derive=lambda: derive(lost=0)),
    ),
)
