r"""One family W = r Y^T M X: batch, causal, online and decaying descent differ in M.

From $W_0 = 0$, with step $r$ on sums over tokens ($r = \eta/N$ for the mean loss), $G = X X^\top$,
$T = \operatorname{tril}(G)$ and $L$ the strict lower triangle of $G$, each algorithm gives $W = r \, Y^\top M X$ with

$$ \begin{array}{ll}
\text{one batch step (GD-SSM)} & M = I \\
k \text{ batch steps} & M = \sum_{j<k} (I - rG)^j \\
\text{causal stack of } k \text{ layers} & M = \sum_{j<k} (I - rT^\top)^j \\
\text{one online pass (delta rule)} & M = (I + rL^\top)^{-1} = \sum_{j<N} (-rL^\top)^j \\
\text{scalar decay } a & M = \operatorname{diag}(a^{N-t})
\end{array} $$

Why.
Batch: a step takes $M$ to $I + M(I - rG)$ (derived here for every $k$ and all sizes). Causal stack: gd.causal_stack.
Online: gd.online_update_matrix. Decay: gd.recency_weighted.

Assumes.
- $W_0 = 0$

Source.
derived here
"""

from collections.abc import Callable, Iterator

import torch

from constructions import causal_stack, gd_ssm, online_descent, update_matrices
from constructions.autograd_descent import descend
from constructions.gradient_descent import step
from constructions.namespace import Array
from numeric.words import eye, matrix, scalar, zeros
from numeric.words.derivation import Obligation
from proofs.forms import EXACTLY, Identity, Large, Rung, Short, claim
from proofs.kernel.rung import kernel_check

STEPS = 3


def family(
    X: Array, Y: Array, a: Array, rate: Array, causal: Callable[..., Array] = update_matrices.causal, steps: int = STEPS
) -> Array:
    """rate Y^T M X for M of one batch step, k batch steps, the causal stack, the online pass, decay: (5, m, f)."""
    matrices = (
        update_matrices.batch(X, rate, 1),
        update_matrices.batch(X, rate, steps),
        causal(X, rate, STEPS),
        update_matrices.online(X, rate),
        update_matrices.discounted(X, a),
    )
    return torch.stack([update_matrices.weights(M, X, Y, rate) for M in matrices])


def algorithms(X: Array, Y: Array, a: Array, rate: Array) -> Array:
    """Each algorithm by its own definition: autograd, the stack's layers, autograd token by token, the layer:
    (5, m, f)."""
    W0 = X.new_zeros(Y.shape[1], X.shape[1])
    one, many = (descend(W0, X, Y, eta=rate, steps=k, of=online_descent.token_loss) for k in (1, STEPS))
    units = X.new_ones(X.shape[1]).diag_embed()
    stack = torch.stack([causal_stack.predict(X, Y, e, W0, rate, STEPS) for e in units], 1)
    online = online_descent.online(W0, X, Y, rate.expand(X.shape[0]))
    decayed = []
    for e in units:
        sequence = gd_ssm.tokens(X, Y, e)
        decayed.append(-gd_ssm.layer(sequence, gd_ssm.published(rate, sequence.shape[1], a))[-1, : Y.shape[1]])
    return torch.stack([one, many, stack, online, torch.stack(decayed, 1)])


def untransposed(X: Array, rate: Array, layers: int) -> Array:
    """The causal stack's M with T in place of T^T."""
    return update_matrices.causal(X, rate, layers).mT


def derive(sign: int = -1) -> Iterator[Obligation]:
    """Batch steps by induction on k in Gram form; the other rows of the table are claims of their own."""
    X, Y, M = matrix("X", "N", "f"), matrix("Y", "N", "m"), matrix("M_k", "N", "N")
    rate, one = scalar("r"), eye("N")
    W = update_matrices.weights(M, X, Y, rate)
    yield Obligation(
        "no step yet",
        update_matrices.weights(zeros("N", "N"), X, Y, rate),
        zeros("m", "f"),
        r"At $k = 0$ the sum is empty, $M = 0$ and $W = 0$.",
    )
    yield Obligation(
        "one more batch step",
        step(W, X, Y, rate * scalar("N")),
        update_matrices.weights(one + M @ (one + sign * rate * (X @ X.mT)), X, Y, rate),
        r"A step of the summed loss takes $M$ to $I + M (I - rG)$, and $\sum_{j<k}(I - rG)^j$ to the sum with one term more.",
    )


IDENTITY = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "m"), "a": (), "rate": ()},
    left=family,
    right=algorithms,
    names=("rate Y^T M X", "the algorithms"),
    sizes=({"f": 2, "m": 1, "N": 3}, {"f": 3, "m": 2, "N": 6}),
    large=Large({"f": 2, "m": 3, "N": 40}, short=Short.WORK),
    symbolic_sizes={"f": 1, "m": 1, "N": 3},
    positive=("a",),
    derive=derive,
    part={Rung.UNIVERSAL: "the rows of the table for batch steps"},
)

CLAIM = claim(
    __name__,
    IDENTITY.checks()
    | kernel_check(
        "gd_gram_form",
        "causal_stack_closed_form",
        "published_layer_discounted",
        states="the rows of the table for batch steps, the causal stack and decay, not that of the online pass",
    ).checks(),
    IDENTITY.mutant("causal_untransposed", "the causal stack with T for T^T", left={"causal": untransposed}),
    IDENTITY.mutant("one_term_less", "k batch steps with k - 1 terms", left={"steps": STEPS - 1}, rungs=EXACTLY),
    IDENTITY.mutant("sign", "powers of I + rG", derive={"sign": 1}),
)
