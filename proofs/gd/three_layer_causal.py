"""With Z_1 taken at its own window the three-layer block is two steps on every prefix: a one-symbol correction."""

from collections.abc import Iterator

import torch

from constructions import autograd_descent, gd_ssm, three_layer_block
from constructions.gradient_descent import step
from constructions.namespace import Array
from numeric.derivation import Obligation
from numeric.words import Words, matrix, scalar, zeros
from proofs.claim import Claim, System
from proofs.evidence import Kind, Rung
from proofs.identity import Identity, Large

EXACTLY = (Rung.EXACT, Rung.SYMBOLIC)


def layer(X: Array, Y: Array, x_q: Array, eta: Array, causal: bool = True) -> Array:
    """Minus the corrected block's rows, before the skip, with scale eta/N: (N, f)."""
    sequence = gd_ssm.tokens(X, Y, x_q)
    matrices = (three_layer_block.causal if causal else three_layer_block.explicit)(sequence, eta / X.shape[0])
    return -three_layer_block.rows(matrices, sequence)


def learner(X: Array, Y: Array, x_q: Array, eta: Array, whole: bool = False) -> Array:
    """Two autograd steps of size eta t/N (`whole`: eta) on the first t pairs, asked at x_{t+1}: (N, f)."""
    N = X.shape[0]
    following = torch.concat([X[1:, :], x_q[None, :]])
    W0 = X.new_zeros(Y.shape[1], X.shape[1])
    found = []
    for t in range(1, N + 1):
        size = eta if whole else eta * t / N
        W = autograd_descent.descend(W0, X[:t, :], Y[:t, :], eta=size, steps=2)
        found.append(W @ following[t - 1, :])
    return torch.stack(found)


def derive(size: Words | None = None) -> Iterator[Obligation]:
    """The code's combination at the prefix's own states against two steps on the prefix."""
    X, Y = matrix("X", "t", "f"), matrix("Y", "t", "f")
    eta, start = scalar("eta"), zeros("f", "f")
    scale = eta / scalar("N")
    Z_1, Z_2 = -scale * (Y.mT @ X), -scale * (X.mT @ X)
    size = eta * scalar("t") / scalar("N") if size is None else size
    yield Obligation(
        "two steps on the prefix",
        -three_layer_block.combine(Z_1, Z_1, Z_2, Z_1),
        step(step(start, X, Y, size), X, Y, size),
        r"$2cB_t - c^2 B_t A_t$ is $W_2$ for the mean loss of the first $t$ pairs and step size $\eta t / N$.",
    )


IDENTITY = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "f"), "x_q": ("f",), "eta": ()},
    left=layer,
    right=learner,
    sizes=({"f": 2, "N": 3}, {"f": 6, "N": 12}),
    large=Large({"f": 20, "N": 130}),
    symbolic_sizes={"f": 1, "N": 2},
    torch_only=True,
    derive=derive,
)

CLAIM = Claim(
    __name__,
    title="The three-layer block with a causal product is two steps on every prefix",
    kind=Kind.IDENTITY,
    statement=r"""With $Z_1(t)$ in place of $Z_1(N)$, row $t$ of the three-layer block (before its skip connection) is

$$ -\left( Z_1(t) + Z_1(t) Z_2(t) + Z_3(t) \right) x_{t+1} = W_2^{(t)} x_{t+1} , $$

two gradient-descent steps of size $\eta t / N$ from $0$ on the mean loss of the first $t$ pairs, for every $t$.""",
    derivation=r"""$Z_1(t) = Z_3(t) = -cB_t$ and $Z_2(t) = -cA_t$ with $c = \eta/N = (\eta t/N)/t$, so the sum is
$-(2cB_t - c^2 B_t A_t)$, minus the second iterate on the prefix.""",
    assumptions=(r"$f = m$; decay 1; $W_0 = 0$",),
    source="derived here, as the correction of the published code of arXiv 2410.11687",
    systems=(
        System("GD-SSM, several steps", "with a causal product the three-layer block is two steps on every prefix"),
    ),
    checks=IDENTITY.checks(),
    mutants=(
        IDENTITY.mutant(
            "as_published",
            "Z_1 at the last window",
            left=lambda X, Y, x_q, eta: layer(X, Y, x_q, eta, causal=False),
        ),
        IDENTITY.mutant(
            "full_step",
            "steps of size eta on every prefix",
            right=lambda X, Y, x_q, eta: learner(X, Y, x_q, eta, whole=True),
            derive=lambda: derive(scalar("eta")),
            rungs=(*EXACTLY, Rung.UNIVERSAL),
        ),
    ),
)
