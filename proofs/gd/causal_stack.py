r"""A causal stack replaces the Gram matrix by its lower triangle.

Let each of $k$ layers update every token from its own prefix, $S_t = S_{t-1} + r_t x_t^\top$,
$r_t \leftarrow r_t - c S_t x_t$, and the query from the last state, $p \leftarrow p + c S_N x_q$, with $c = \eta/N$,
$r_t = y_t - W_0 x_t$ and $p = W_0 x_q$ at the start. Then

$$ p = W_0 x_q + c \, (Y - X W_0^\top)^\top M X x_q, \qquad M = \sum_{j<k} (I - c \, T^\top)^j, \qquad
   T = \operatorname{tril}(X X^\top) . $$

Gradient descent has $G = X X^\top$ in place of $T^\top$. One layer agrees with it, and for $N = 1$ any number of layers
does. For $N \ge 2$ no $k \ge 2$ layers are $k$ steps on all contexts: with $c = \frac12$, $x_1 = x_2 = x_q = 1$,
$y_1 = 0$, $y_2 = 1$, $W_0 = 0$ (and all further tokens $0$) the stack gives $1 - 2^{-k}$, gradient descent $\frac12$.

Why.
In matrix form a layer is $R \leftarrow R - c T R$: row $t$ of $T R$ is
$\sum_{s \le t} (x_t \cdot x_s) r_s^\top = (S_t x_t)^\top$. So $R_j = (I - cT)^j R_0$, and layer $j$ adds
$c R_j^\top X x_q$ to the prediction. In the example the first token's residual stays $0$, each layer halves the
second's, and the first step of gradient descent reaches the minimum.

Assumes.
- each token reads its own prefix, itself included

Source.
derived here

Departs.
- gd.stacked_steps is the two-pass stack, where every token reads the final state

Systems.
- GD-SSM, several steps: a causal stack of two or more layers has $\operatorname{tril}(X X^\top)$ for gradient descent's
  Gram matrix
"""

# Over 120 lines: two recursions with what each keeps, for all depths, and a witness at every depth.

from collections.abc import Iterator
from fractions import Fraction
from functools import partial

from constructions import autograd_descent, causal_stack
from constructions.namespace import Array, identity, namespace
from numeric.deciding.programs import rational, recorded
from numeric.words.session import Invariant, Iterated
from numeric.words.whole import Spec
from proofs.forms import EVERYWHERE, Identity, Large, Rung, Same, Short, claim, exactly, together
from proofs.forms.impossibility import point
from proofs.kernel.rung import kernel_check

LAYERS = 3
MOST = 12
"""Layers, and steps, up to which the witness is run."""


def layer(X: Array, Y: Array, x_q: Array, W0: Array, eta: Array, layers: int = LAYERS) -> Array:
    """k causal layers with scale eta/N: (m,)."""
    return causal_stack.predict(X, Y, x_q, W0, eta / X.shape[0], layers)


def formula(X: Array, Y: Array, x_q: Array, W0: Array, eta: Array, layers: int = LAYERS) -> Array:
    """W0 x_q + scale R^T M X x_q with R = Y - X W0^T and M the sum of powers of I - scale T^T: (m,)."""
    return with_triangle(causal_stack.prefix_gram(X).mT, X, Y, x_q, W0, eta, layers)


def with_triangle(T: Array, X: Array, Y: Array, x_q: Array, W0: Array, eta: Array, layers: int) -> Array:
    """The formula with powers of I - scale T."""
    scale = eta / X.shape[0]
    M = causal_stack.powers_summed(T, scale, layers)
    return W0 @ x_q + scale * ((Y - X @ W0.mT).mT @ M @ X @ x_q)


def untransposed(X: Array, Y: Array, x_q: Array, W0: Array, eta: Array, layers: int = LAYERS) -> Array:
    """Powers of I - cT instead of I - cT^T."""
    return with_triangle(causal_stack.prefix_gram(X), X, Y, x_q, W0, eta, layers)


def strict(X: Array, Y: Array, x_q: Array, W0: Array, eta: Array, layers: int = LAYERS) -> Array:
    """The strict lower triangle of the Gram matrix."""
    return with_triangle(namespace(X).tril(X @ X.mT, k=-1).mT, X, Y, x_q, W0, eta, layers)


def descent(X: Array, Y: Array, x_q: Array, W0: Array, eta: Array, layers: int = LAYERS) -> Array:
    """As many steps of gradient descent."""
    return autograd_descent.descend(W0, X, Y, eta=eta, steps=layers) @ x_q


def state(X: Array, residual: Array) -> Array:
    """R^T X over the tokens so far."""
    return residual.mT @ X


def corrected(X: Array, residual: Array, eta: Array, N: Array) -> Array:
    """R - c tril(G) R."""
    return residual - eta / N * (causal_stack.prefix_gram(X) @ residual)


def no_power(X: Array) -> tuple[Array, Array]:
    """I and the empty sum."""
    one = identity(X.shape[0], X)
    return one, 0 * one


def next_power(powers: tuple[Array, Array], X: Array, eta: Array) -> tuple[Array, Array]:
    """The next power of I - c T^T, and the sum with this power."""
    return causal_stack.power_step(powers[0], powers[1], causal_stack.prefix_gram(X).mT, eta / X.shape[0])


def after_layers(
    X: Array, Y: Array, x_q: Array, W0: Array, eta: Array, powers: tuple[Array, Array]
) -> tuple[Array, Array]:
    """The residuals (I - cT)^j R_0, and the prediction with the sum of powers so far."""
    first = Y - X @ W0.mT
    return powers[0].mT @ first, W0 @ x_q + eta / X.shape[0] * (first.mT @ powers[1] @ X @ x_q)


IDENTITY = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "m"), "x_q": ("f",), "W0": ("m", "f"), "eta": ()},
    left=layer,
    right=formula,
    names=("causal stack", "tril(G) formula"),
    sizes=({"f": 3, "m": 2, "N": 4}, {"f": 6, "m": 6, "N": 12}),
    large=Large({"f": 20, "m": 21, "N": 130}, partial(layer, layers=12), partial(formula, layers=12)),
    symbolic_sizes={"f": 1, "m": 1, "N": 2},
    whole=Spec(
        {
            "causal_stack.predict": Invariant(after_layers, companions={"powers": Iterated(no_power, next_power)}),
            "causal_stack.layer": Invariant(state, rows=corrected),
        },
        counts={"layers": "k"},
    ),
    numpy=True,
)

ONE_TOKEN = Identity(
    shapes=IDENTITY.shapes,
    left=layer,
    right=descent,
    names=("causal stack", "gradient descent"),
    sizes=({"f": 3, "m": 2, "N": 1}, {"f": 6, "m": 6, "N": 1}),
    large=Large(
        {"f": 20, "m": 21, "N": 1},
        partial(layer, layers=12),
        partial(descent, layers=12),
        quick=True,
        short=Short.STATED,
    ),
    rungs=(Rung.EXACT,),
)
WITNESS = {"X": [[1], [1], [0]], "Y": [[0], [1], [0]], "x_q": [1], "W0": [[0]], "eta": "3/2"}


def run_both(X: Array, Y: Array, x_q: Array, W0: Array, eta: Array, count: int) -> Array:
    """The predictions of `count` causal layers and of `count` steps: (2, m)."""
    stack = causal_stack.predict(X, Y, x_q, W0, eta / X.shape[0], count)
    return namespace(X).stack([stack, descent(X, Y, x_q, W0, eta, count)])


@exactly(range(1, MOST + 1), size="k")
def witness(k: int, left: Fraction = Fraction(0)) -> Iterator[Same]:
    """At c = 1/2, x = (1, 1, 0), y = (0, 1, 0), x_q = 1, W_0 = 0: 1 - 2^-k for k layers, 1/2 (and `left`) for k steps."""
    found, _ = rational(recorded(partial(run_both, count=k), own=True), point(WITNESS))
    yield Same("stack, descent", found.reshape(-1).tolist(), [1 - Fraction(1, 2**k), Fraction(1, 2) + left], WITNESS)


CLAIM = claim(
    __name__,
    together(
        IDENTITY.checks(),
        ONE_TOKEN.checks(),
        witness.checks(),
        kernel_check(
            "causal_stack_closed_form",
            "causal_stack_first",
            "causal_stack_gap",
            "causal_stack_not_gd",
            states="that two layers differ from two steps; for three and more only the closed form",
        ).checks(),
    ),
    IDENTITY.mutant(
        "is_gradient_descent", "the causal stack is k steps of gradient descent", right=descent, rungs=EVERYWHERE
    ),
    ONE_TOKEN.mutant("two_tokens", "two tokens agree as one does", sizes={"f": 3, "m": 2, "N": 2}, left=layer),
    witness.mutant("descent_misses", "k steps give something else than 1/2", left=Fraction(1, 2)),
    IDENTITY.mutant("untransposed", "powers of I - cT instead of I - cT^T", right=untransposed),
    IDENTITY.mutant("strict_triangle", "a token does not see itself", right=strict, rungs=EVERYWHERE),
)
