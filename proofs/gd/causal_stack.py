"""A causal stack of layers is not k steps of gradient descent: it replaces the Gram matrix by its lower triangle."""

from collections.abc import Iterator
from typing import Any

from constructions import autograd_descent, causal_stack
from constructions.namespace import Array
from numeric.blocks import Matrix, blocks
from numeric.derivation import Obligation
from numeric.words import matrix, scalar
from proofs.claim import Claim, System
from proofs.evidence import Kind, Rung
from proofs.identity import Identity
from proofs.kernel import kernel_check

LAYERS = 3
EXACTLY = (Rung.EXACT, Rung.SYMBOLIC)


def layer(X: Array, Y: Array, x_q: Array, W0: Array, eta: Array) -> Array:
    """Three causal layers with scale eta/N: (m,)."""
    return causal_stack.predict(X, Y, x_q, W0, eta / X.shape[0], LAYERS)


def formula(X: Array, Y: Array, x_q: Array, W0: Array, eta: Array, T: Array | None = None) -> Array:
    """W0 x_q + scale R^T M X x_q with R = Y - X W0^T and M the sum of powers of I - scale T^T: (m,)."""
    scale = eta / X.shape[0]
    T = causal_stack.prefix_gram(X) if T is None else T
    M = causal_stack.powers_summed(T.mT, scale, LAYERS)
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
    symbolic_sizes={"f": 1, "m": 1, "N": 2},
    derive=derive,
)

CLAIM = Claim(
    __name__,
    title="A causal stack replaces the Gram matrix by its lower triangle",
    kind=Kind.IDENTITY,
    statement=r"""Let each of $k$ layers update every token from its own prefix, $S_t = S_{t-1} + r_t x_t^\top$,
$r_t \leftarrow r_t - c S_t x_t$, and the query from the last state, $p \leftarrow p + c S_N x_q$, with $c = \eta/N$,
$r_t = y_t - W_0 x_t$ and $p = W_0 x_q$ at the start. Then

$$ p = W_0 x_q + c \, (Y - X W_0^\top)^\top M X x_q, \qquad M = \sum_{j<k} (I - c \, T^\top)^j,
   \qquad T = \operatorname{tril}(X X^\top) . $$

Gradient descent has $G = X X^\top$ in place of $T^\top$: one layer agrees with it, two or more do not.""",
    derivation=r"""In matrix form a layer is $R \leftarrow R - c T R$: row $t$ of $T R$ is $\sum_{s \le t} (x_t \cdot
x_s) r_s^\top
= (S_t x_t)^\top$. So $R_j = (I - cT)^j R_0$, and layer $j$ adds $c R_j^\top X x_q$ to the prediction.""",
    assumptions=(r"each token reads its own prefix, itself included",),
    source="derived here",
    departures=(r"gd.stacked_steps is the two-pass stack, where every token reads the final state",),
    systems=(
        System(
            "GD-SSM, several steps",
            r"a causal stack is not gradient descent: it has $\operatorname{tril}(X X^\top)$ for the Gram matrix",
        ),
    ),
    checks={
        **IDENTITY.checks(),
        Rung.KERNEL: kernel_check(
            "causal_stack_closed_form",
            "causal_stack_first",
            "causal_stack_gap",
            "causal_stack_not_gd",
            states="that exactly two layers differ from two steps; for three and more only the closed form",
        ),
    },
    mutants=(
        IDENTITY.mutant(
            "is_gradient_descent",
            "the causal stack is three steps of gradient descent",
            right=lambda X, Y, x_q, W0, eta: autograd_descent.descend(W0, X, Y, eta=eta, steps=LAYERS) @ x_q,
            rungs=EXACTLY,
        ),
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
