"""A causal stack of layers is not k steps of gradient descent: it replaces the Gram matrix by its lower triangle."""

from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from typing import Any

import torch

from constructions import autograd_descent, causal_stack
from constructions.namespace import Array
from numeric.blocks import Matrix, blocks
from numeric.derivation import Obligation
from numeric.programs import rational
from numeric.words import matrix, scalar
from proofs.claim import Check, Claim, Mutant, System
from proofs.evidence import Kind, Rung
from proofs.gd._witness import both, point
from proofs.hippo._checks import Same, exactly
from proofs.identity import Identity, Large
from proofs.kernel import kernel_check

LAYERS = 3
MOST = 12
"""Layers, and steps, up to which the witness is run."""
EXACTLY = (Rung.EXACT, Rung.SYMBOLIC)


def layer(X: Array, Y: Array, x_q: Array, W0: Array, eta: Array, layers: int = LAYERS) -> Array:
    """Causal layers with scale eta/N: (m,)."""
    return causal_stack.predict(X, Y, x_q, W0, eta / X.shape[0], layers)


def formula(
    X: Array, Y: Array, x_q: Array, W0: Array, eta: Array, T: Array | None = None, layers: int = LAYERS
) -> Array:
    """W0 x_q + scale R^T M X x_q with R = Y - X W0^T and M the sum of powers of I - scale T^T: (m,)."""
    scale = eta / X.shape[0]
    T = causal_stack.prefix_gram(X) if T is None else T
    M = causal_stack.powers_summed(T.mT, scale, layers)
    return W0 @ x_q + scale * ((Y - X @ W0.mT).mT @ M @ X @ x_q)


def strict(X: Array) -> Array:
    """The strict lower triangle of the Gram matrix."""
    T = causal_stack.prefix_gram(X)
    return T - T * causal_stack.prefix_gram(X[:, :1] * 0 + 1) * causal_stack.prefix_gram(X[:, :1] * 0 + 1).mT


def derive(own: int = 1) -> Iterator[Obligation]:
    """The scan over tokens computes R - c T R with T = tril(G), by induction on N; then induction on the layers."""
    X, R, T = matrix("X", "N", "f"), matrix("R", "N", "m"), matrix("T", "N", "N")
    x, r, c = matrix("x", "f", 1), matrix("r", "m", 1), scalar("c")
    Y, W0, query = matrix("Y", "N", "m"), matrix("W_0", "m", "f"), matrix("q", "f", 1)
    residuals, start = causal_stack.start(X, Y, query, W0)
    yield Obligation("start, residuals", residuals, Y - X @ W0.mT, r"$R_0 = Y - X W_0^\top$.")
    yield Obligation("start, prediction", start, W0 @ query, r"The prediction starts at $W_0 x_q$.")
    gram = blocks([[T, 0 * (X @ x)], [x.mT @ X.mT, own * (x.mT @ x)]])
    state, row = causal_stack.token(R.mT @ X, r, x, c)
    longer = blocks([[R], [r.mT]])

    def whole(residuals: Matrix, triangle: Matrix) -> Any:
        return residuals - c * (triangle @ residuals)

    yield Obligation(
        "one more token, state", state, longer.mT @ blocks([[X], [x.mT]]), r"$S_t = R^\top X$ grows by $r x^\top$."
    )
    yield Obligation(
        "one more token",
        blocks([[whole(R, T)], [row.mT]]),
        whole(longer, gram),
        r"$\operatorname{tril}(G)$ grows by the row $(x^\top X^\top, \; x^\top x)$; the new token's residual is its row of "
        r"$R - cTR$, older ones do not see it.",
    )
    P, S, p = matrix("P", "N", "N"), matrix("S", "N", "N"), matrix("p_0", "m", 1)
    power, total = causal_stack.power_step(P, S, T.mT, c)
    yield Obligation("one more layer, residuals", whole(P.mT @ R, T), power.mT @ R,
                     r"If $R_j = P^\top R_0$ with $P = (I - cT^\top)^j$, a layer gives the next power.")  # fmt: skip
    yield Obligation(
        "one more layer, prediction",
        causal_stack.readout(p + c * (R.mT @ S @ X @ query), (P.mT @ R).mT @ X, query, c),
        p + c * (R.mT @ total @ X @ query),
        r"Layer $j$ adds $c R_j^\top X x_q$, so the powers add up to $M$; with no layer the sum is empty.",
    )


IDENTITY = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "m"), "x_q": ("f",), "W0": ("m", "f"), "eta": ()},
    left=layer,
    right=formula,
    names=("causal stack", "tril(G) formula"),
    sizes=({"f": 3, "m": 2, "N": 4}, {"f": 6, "m": 6, "N": 12}),
    large=Large({"f": 2, "m": 3, "N": 130}, partial(layer, layers=12), partial(formula, layers=12)),
    symbolic_sizes={"f": 1, "m": 1, "N": 2},
    derive=derive,
)


def descent(X: Array, Y: Array, x_q: Array, W0: Array, eta: Array, steps: int = LAYERS) -> Array:
    """Autograd steps, asked at x_q: (m,)."""
    return autograd_descent.descend(W0, X, Y, eta=eta, steps=steps) @ x_q


ONE_TOKEN = Identity(
    shapes=IDENTITY.shapes,
    left=layer,
    right=descent,
    names=("causal stack", "gradient descent"),
    sizes=({"f": 3, "m": 2, "N": 1}, {"f": 6, "m": 6, "N": 1}),
    torch_only=True,
)
WITNESS = {"X": [[1], [1], [0]], "Y": [[0], [1], [0]], "x_q": [1], "W0": [[0]], "eta": "3/2"}


def run_both(X: Array, Y: Array, x_q: Array, W0: Array, eta: Array, count: int) -> Array:
    """The predictions of `count` causal layers and of `count` steps: (2, m)."""
    stack = causal_stack.predict(X, Y, x_q, W0, eta / X.shape[0], count)
    return torch.stack([stack, descent(X, Y, x_q, W0, eta, count)])


def witness(left: Fraction = Fraction(0)) -> Check:
    """At c = 1/2, x = (1, 1, 0), y = (0, 1, 0), x_q = 1, W_0 = 0: 1 - 2^-k for k layers, 1/2 (and `left`) for k steps."""

    def compare(k: int) -> Iterator[Same]:
        found, _ = rational(lambda **at: run_both(**at, count=k), point(WITNESS))
        yield Same(
            "stack, descent", found.reshape(-1).tolist(), [1 - Fraction(1, 2**k), Fraction(1, 2) + left], WITNESS
        )

    return exactly(compare, range(1, MOST + 1), size="k")


CLAIM = Claim(
    __name__,
    title="A causal stack replaces the Gram matrix by its lower triangle",
    kind=Kind.IDENTITY,
    statement=r"""Let each of $k$ layers update every token from its own prefix, $S_t = S_{t-1} + r_t x_t^\top$,
$r_t \leftarrow r_t - c S_t x_t$, and the query from the last state, $p \leftarrow p + c S_N x_q$, with $c = \eta/N$,
$r_t = y_t - W_0 x_t$ and $p = W_0 x_q$ at the start. Then

$$ p = W_0 x_q + c \, (Y - X W_0^\top)^\top M X x_q, \qquad M = \sum_{j<k} (I - c \, T^\top)^j,
   \qquad T = \operatorname{tril}(X X^\top) . $$

Gradient descent has $G = X X^\top$ in place of $T^\top$. One layer agrees with it, and for $N = 1$ any number of layers does. For
$N \ge 2$ no $k \ge 2$ layers are $k$ steps on all contexts: with $c = \frac12$, $x_1 = x_2 = x_q = 1$, $y_1 = 0$, $y_2 = 1$, $W_0
= 0$ (and all further tokens $0$) the stack gives $1 - 2^{-k}$, gradient descent $\frac12$.""",
    derivation=r"""In matrix form a layer is $R \leftarrow R - c T R$: row $t$ of $T R$ is $\sum_{s \le t} (x_t \cdot
x_s) r_s^\top
= (S_t x_t)^\top$. So $R_j = (I - cT)^j R_0$, and layer $j$ adds $c R_j^\top X x_q$ to the prediction. In the example the first
token's residual stays $0$, each layer halves the second's, and the first step of gradient descent reaches the minimum.""",
    assumptions=(r"each token reads its own prefix, itself included",),
    source="derived here",
    departures=(r"gd.stacked_steps is the two-pass stack, where every token reads the final state",),
    systems=(
        System(
            "GD-SSM, several steps",
            r"a causal stack of two or more layers has $\operatorname{tril}(X X^\top)$ for gradient descent's Gram matrix",
        ),
    ),
    checks={
        **IDENTITY.checks(),
        Rung.EXACT: both(IDENTITY.exact, ONE_TOKEN.exact, witness()),
        Rung.KERNEL: kernel_check(
            "causal_stack_closed_form",
            "causal_stack_first",
            "causal_stack_gap",
            "causal_stack_not_gd",
            states="that two layers differ from two steps; for three and more only the closed form",
        ),
    },
    mutants=(
        IDENTITY.mutant(
            "is_gradient_descent",
            "the causal stack is three steps of gradient descent",
            right=descent,
            rungs=EXACTLY,
        ),
        ONE_TOKEN.mutant(
            "two_tokens",
            "two tokens agree as one does",
            sizes={"f": 3, "m": 2, "N": 2},
            left=layer,
            rungs=(Rung.EXACT,),
        ),
        Mutant("descent_misses", "k steps give something else than 1/2", {Rung.EXACT: witness(Fraction(1, 2))}),
        IDENTITY.mutant(
            "untransposed",
            "powers of I - cT instead of I - cT^T",
            right=lambda X, Y, x_q, W0, eta: formula(X, Y, x_q, W0, eta, causal_stack.prefix_gram(X).mT),
        ),
        IDENTITY.mutant(
            "strict_triangle",
            "a token does not see itself",
            right=lambda X, Y, x_q, W0, eta: formula(X, Y, x_q, W0, eta, strict(X)),
            derive=lambda: derive(own=0),
            rungs=(*EXACTLY, Rung.UNIVERSAL),
        ),
    ),
)
