r"""The three-layer block with a causal product is two steps on every prefix.

With $Z_1(t)$ in place of $Z_1(N)$, row $t$ of the three-layer block (before its skip connection) is

$$ -\left( Z_1(t) + Z_1(t) Z_2(t) + Z_3(t) \right) x_{t+1} = W_2^{(t)} x_{t+1} , $$

two gradient-descent steps of size $\eta t / N$ from $0$ on the mean loss of the first $t$ pairs, for every $t$.

Why.
$Z_1(t) = Z_3(t) = -cB_t$ and $Z_2(t) = -cA_t$ with $c = \eta/N = (\eta t/N)/t$, so the sum is $-(2cB_t - c^2 B_t A_t)$,
minus the second iterate on the prefix.

Assumes.
- $f = m$; decay 1; $W_0 = 0$

Source.
derived here, as the correction of the published code of arXiv 2410.11687

Systems.
- GD-SSM, several steps: with a causal product the three-layer block is two steps on every prefix
"""

from collections.abc import Callable

from constructions import autograd_descent, gd_ssm, three_layer_block
from constructions.namespace import Array, namespace, zeros
from numeric.words.whole import Spec
from proofs.forms import EVERYWHERE, Identity, Large, claim
from proofs.gd.one_step_start import ACCUMULATORS


def layer(X: Array, Y: Array, x_q: Array, eta: Array) -> Array:
    """Minus the corrected block's rows, before the skip, with scale eta/N: (N, f)."""
    sequence = gd_ssm.tokens(X, Y, x_q)
    return -three_layer_block.rows(three_layer_block.causal(sequence, eta / X.shape[0]), sequence)


def published(X: Array, Y: Array, x_q: Array, eta: Array) -> Array:
    """The same of the published block: (N, f)."""
    sequence = gd_ssm.tokens(X, Y, x_q)
    return -three_layer_block.rows(three_layer_block.explicit(sequence, eta / X.shape[0]), sequence)


def share(eta: Array, t: int, N: int) -> Array:
    """The step size on the first t of N pairs."""
    return eta * t / N


def learner(X: Array, Y: Array, x_q: Array, eta: Array, size: Callable[..., Array] = share) -> Array:
    """Two autograd steps of size eta t/N on the first t pairs, asked at x_{t+1}: (N, f)."""
    start, xp = zeros((Y.shape[1], X.shape[1]), X), namespace(X)
    N = X.shape[0]

    def weights(t: int, X: Array, Y: Array) -> Array:
        return autograd_descent.descend(start, X, Y, eta=size(eta, t, N), steps=2)

    return (xp.prefixes(weights, X, Y) @ xp.following(X, x_q)[:, :, None])[:, :, 0]


IDENTITY = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "f"), "x_q": ("f",), "eta": ()},
    left=layer,
    right=learner,
    sizes=({"f": 2, "N": 3}, {"f": 6, "N": 12}),
    large=Large({"f": 20, "N": 130}),
    symbolic_sizes={"f": 1, "N": 2},
    whole=Spec({"gated_accumulator.recurrence": ACCUMULATORS}),
)

CLAIM = claim(
    __name__,
    IDENTITY.checks(),
    IDENTITY.mutant("as_published", "Z_1 at the last window", left=published),
    IDENTITY.mutant(
        "full_step",
        "steps of size eta on every prefix",
        right=lambda X, Y, x_q, eta: learner(X, Y, x_q, eta, size=lambda eta, t, N: eta),
        rungs=EVERYWHERE,
    ),
)
