"""Mamba-2 in both of its forms is a gradient step on discounted least squares, decay and step size tied by Delta."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from constructions import ssd
from constructions.autograd_descent import descend
from constructions.gradient_descent import weighted_loss
from constructions.namespace import Array
from numeric.blocks import blocks
from numeric.derivation import Obligation, loss_expansion
from numeric.words import Words, matrix, scalar, trace, zeros
from proofs.claim import Claim, System, covering
from proofs.evidence import Kind, Rung
from proofs.identity import Identity, Large


def forms(x: Array, B: Array, C: Array, Delta: Array, a: Array) -> Array:
    """The outputs of the recurrence and of the masked product: (2, N, p)."""
    return torch.stack([ssd.recurrent(x, B, C, Delta, a), ssd.dual(x, B, C, Delta, a)])


def learner(x: Array, B: Array, C: Array, Delta: Array, a: Array, stepped: bool = True, newest: bool = False) -> Array:
    """At every token one autograd step from 0 on its pairs so far, weights Delta_s a_{s+1} ... a_t; twice: (2, N, p).

    Not `stepped`: without Delta; `newest`: a pair is discounted by its own decay too.
    """
    rows = []
    for t in range(1, x.shape[0] + 1):
        weights = []
        for s in range(t):
            weight = Delta[s] if stepped else Delta[s] - Delta[s] + 1
            for r in range(s if newest else s + 1, t):
                weight = weight * a[r]
            weights.append(weight)
        W0 = x.new_zeros(x.shape[1], B.shape[1])
        rows.append(descend(W0, B[:t, :], x[:t, :], torch.stack(weights), eta=t, of=weighted_loss) @ C[t - 1, :])
    return torch.stack([torch.stack(rows)] * 2)


def derive(decayed: bool = True, signed: bool = True) -> Iterator[Obligation]:
    """One more token of X^T D B, D the discounted step sizes; the loss, its gradient, and the step from 0."""
    B, X, D = matrix("B", "N", "n"), matrix("X", "N", "p"), matrix("D", "N", "N", "diagonal")
    b, x, a, delta = matrix("b", "n", 1), matrix("x", "p", 1), scalar("a"), scalar("Delta")
    state = X.mT @ D @ B
    faded = a * D if decayed else D
    weights = blocks([[faded, zeros("N", 1)], [zeros(1, "N"), delta * blocks([[1]])]])
    yield Obligation(
        "one more token",
        ssd.step(state, x, b, delta, a),
        blocks([[X], [x.mT]]).mT @ weights @ blocks([[B], [b.mT]]),
        r"All earlier weights are multiplied by $a_t$, the newest is $\Delta_t$.",
    )
    W = matrix("W", "p", "n")

    def discounted(at: Words) -> Words:
        residual = at @ B.mT - X.mT
        return trace(residual @ D @ residual.mT) / 2

    slope = (W @ B.mT - (1 if signed else -1) * X.mT) @ D @ B
    yield from loss_expansion(discounted, W, slope, name="the discounted loss")
    yield Obligation(
        "the step",
        -slope.substitute(W, zeros("p", "n")),
        state,
        r"Minus the gradient of $\frac12 \sum_s D_{ss} \norm{W B_s - x_s}^2$ at $0$.",
    )


IDENTITY = Identity(
    shapes={"x": ("N", "p"), "B": ("N", "n"), "C": ("N", "n"), "Delta": ("N",), "a": ("N",)},
    left=forms,
    right=learner,
    names=("Mamba-2's two forms", "discounted step, twice"),
    sizes=({"p": 2, "n": 2, "N": 3}, {"p": 4, "n": 4, "N": 10}),
    large=Large({"p": 3, "n": 2, "N": 40}),
    symbolic_sizes={"p": 1, "n": 1, "N": 3},
    torch_only=True,
    positive=("Delta", "a"),
    derive=derive,
)

CLAIM = Claim(
    __name__,
    title="Mamba-2 is a discounted gradient step at every token",
    kind=Kind.IDENTITY,
    statement=r"""The recurrence $S_t = a_t S_{t-1} + \Delta_t x_t B_t^\top$, $y_t = S_t C_t$, and its dual $(L \odot C
B^\top) \operatorname{diag}(\Delta) x$ with $L_{ts} = a_t \cdots a_{s+1}$ are the same, and at every token

$$ y_t = W_1 C_t, \qquad W_1 = -\nabla \Bigl( \tfrac12 \sum_{s \le t} \Delta_s \, a_{s+1} \cdots a_t \norm{W B_s - x_s}^2
\Bigr)_{W = 0} , $$

one gradient-descent step of size 1 from $0$ on discounted least squares with keys $B$, values $x$ and query $C$. $\Delta_t$
is the weight of its own pair and, as $a_t = e^{\Delta_t A}$, $A < 0$, also the discount of all earlier ones: the two cannot
be chosen apart, and no pair is kept in full once a later one is written with weight (gd.mamba_limit).""",
    derivation=r"""By induction on tokens the state is $X^\top D B$ with $D_{ss} = \Delta_s a_{s+1} \cdots a_t$.""",
    assumptions=(r"$\Delta$ and $a$ given, however the layer computes them; without skip, convolution and norm",),
    systems=(
        System(
            "Mamba-2 (SSD)",
            r"in both forms one gradient step on discounted least squares, discount and step tied by $\Delta$",
        ),
    ),
    source="arXiv 2405.21060 (both forms); the reading derived here",
    checks={
        **IDENTITY.checks(),
        Rung.UNIVERSAL: covering(
            "the recurrence as a step; its dual is compared on the other rungs", IDENTITY.universal
        ),
    },
    mutants=(
        IDENTITY.mutant(
            "own_decay",
            "a pair is discounted by its own decay too",
            right=lambda x, B, C, Delta, a: learner(x, B, C, Delta, a, newest=True),
        ),
        IDENTITY.mutant(
            "no_step_size",
            "weights without Delta",
            right=lambda x, B, C, Delta, a: learner(x, B, C, Delta, a, stepped=False),
            rungs=(Rung.EXACT, Rung.SYMBOLIC),
        ),
        IDENTITY.mutant("not_decayed", "earlier weights stay", derive=lambda: derive(decayed=False)),
        IDENTITY.mutant("wrong_gradient", "the gradient of another loss", derive=lambda: derive(signed=False)),
    ),
)
