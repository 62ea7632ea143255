r"""The published non-linear form is a preconditioned step for linear regression with a bias.

With scalar tokens embedded by the affine map $\phi(u) = u w + b$ the one-layer form computes, before its read-out,
$z = -c \sum_s \phi(y_s) \, (\phi(x_s) \cdot \phi(x_q))$. With $\alpha = \norm{w}^2$, $\beta = w \cdot b$,
$\gamma = \norm{b}^2$ this is

$$ z = - (w \; b) \, W_1 \begin{pmatrix} x_q \\ 1 \end{pmatrix}, \qquad
   W_1 = -cN \, \nabla L(0) \begin{pmatrix} \alpha & \beta \\ \beta & \gamma \end{pmatrix} : $$

minus $(w \; b)$ times one *preconditioned* gradient-descent step from $0$ on the mean loss $L$ of linear regression of
$(y_s, 1)$ on $(x_s, 1)$. Written out, it is

$$ z = -c \left( w \, u_1 + b \, u_2 \right), \quad
\begin{aligned}
u_1 &= \alpha x_q S_{xy} + \beta S_{xy} + \beta x_q S_y + \gamma S_y, \\
u_2 &= \alpha x_q S_x + \beta S_x + N \beta x_q + N \gamma,
\end{aligned} $$

so it depends on the context only through $N$, $S_x = \sum x_s$, $S_y = \sum y_s$ and $S_{xy} = \sum x_s y_s$: two
contexts with the same four numbers get the same output, whatever the read-out is. The features are affine in $x$, so
this is not descent on features that are non-linear in $x$; for orthonormal $w$ and $b$ it is the plain step, in general
not.

Why.
Multiply out $\phi(y_s) \, (\phi(x_s) \cdot \phi(x_q))$: it is a combination of $1$, $x_s$, $y_s$ and $x_s y_s$ with
coefficients free of $s$. With $E = (w \; b)$ and $\tilde u = (u, 1)$ it is
$E \tilde y_s \, \tilde x_s^\top E^\top E \tilde x_q$, and $\sum_s \tilde y_s \tilde x_s^\top = -N \nabla L(0)$.

Assumes.
- one layer; one embedding for all tokens; the read-out sees nothing but $z$

Source.
arXiv 2410.11687, published code of the non-linear regression

Departs.
- the source calls it gradient descent on non-linear regression

Systems.
- GD-SSM, non-linear: the published form is one preconditioned step for linear regression with a bias, not descent on
  non-linear features
"""

# Over 120 lines: the statement is long, and the layer is checked against its closed form and against the step.

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from constructions import affine_embedding
from constructions.autograd_descent import gradient
from constructions.gradient_descent import step
from constructions.namespace import Array, namespace
from numeric.words import eye, matrix, scalar, zeros
from numeric.words.derivation import Obligation
from proofs.forms import EXACTLY, Identity, Large, claim, together


def layer(X: Array, Y: Array, x_q: Array, w: Array, b: Array, scale: Array) -> Array:
    """z, before the read-out: (p,)."""
    return affine_embedding.layer(X, Y, x_q, w, b, scale)


def from_sums(X: Array, Y: Array, x_q: Array, w: Array, b: Array, scale: Array) -> Array:
    """z from N, Sx, Sy and Sxy: (p,)."""
    return affine_embedding.from_sums(X.shape[0], *affine_embedding.sums(X, Y), x_q, w, b, scale)


def with_bias(U: Array) -> Array:
    """Scalars (N,) with a 1 beside each: (N, 2)."""
    return namespace(U).stack([U, 0 * U + 1], axis=1)


def descent(X: Array, Y: Array, x_q: Array, w: Array, b: Array, scale: Array, preconditioned: bool = True) -> Array:
    """Minus [w b] times a step from 0 of size N scale, (y, 1) on (x, 1), its autograd gradient times G, at x_q: (p,).

    Not `preconditioned`: the plain step.
    """
    xp = namespace(X)
    inputs, embedding = with_bias(X), xp.stack([w, b], axis=1)
    moved = -X.shape[0] * scale * gradient(inputs.new_zeros(2, 2), inputs, with_bias(Y))
    if preconditioned:
        moved = moved @ (embedding.mT @ embedding)
    return -embedding @ (moved @ with_bias(x_q[None])[0, :])


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


def derive(lost: int = 1, preconditioned: bool = True) -> Iterator[Obligation]:
    """One token's share is linear in 1, x, y and x y; then all tokens together, against a step by the learner's code."""
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
    X, Y, E, query = matrix("X", "N", "n"), matrix("Y", "N", "n"), matrix("E", "p", "n"), matrix("q'", "n", 1)
    stepped = step(zeros("n", "n"), X, Y, scalar("N") * scale)
    yield Obligation(
        "the step",
        -scale * ((Y @ E.mT).mT @ (X @ E.mT) @ (E @ query)),
        -E @ (stepped @ (E.mT @ E if preconditioned else eye("n")) @ query),
        r"With rows $(x_s, 1)$, $(y_s, 1)$ and $E = (w \; b)$ all tokens are embedded by $E$, and $E^\top E = G$ stands between "
        r"the step and the query, for any number $n$ of features.",
    )


IDENTITY = Identity(
    shapes={"X": ("N",), "Y": ("N",), "x_q": (), "w": ("p",), "b": ("p",), "scale": ()},
    left=layer,
    right=from_sums,
    names=("published layer", "closed form in the sums"),
    sizes=({"N": 4, "p": 3}, {"N": 130, "p": 18}),
    large=Large({"N": 130, "p": 20}),
    symbolic_sizes={"N": 3, "p": 2},
    derive=derive,
    numpy=True,
)
STEP = replace(
    IDENTITY,
    right=descent,
    names=("published layer", "minus [w b] times the preconditioned step"),
    symbolic_sizes={"N": 2, "p": 2},
    derive=None,
    numpy=False,
)

CLAIM = claim(
    __name__,
    together(IDENTITY.checks(), STEP.checks()),
    STEP.mutant(
        "plain_step", "the plain step for linear regression with a bias", right=partial(descent, preconditioned=False)
    ),
    IDENTITY.mutant("no_preconditioner", "the plain step", derive={"preconditioned": False}),
    IDENTITY.mutant("kernel_non_linear", "a step with a kernel non-linear in x", left=squared_kernel),
    IDENTITY.mutant("linear_embedding", "the constant of the embedding forgotten", right=without_offset, rungs=EXACTLY),
    IDENTITY.mutant("term_lost", "the closed form without N beta x_q", derive={"lost": 0}),
)
