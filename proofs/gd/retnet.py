"""RetNet's three forms are one: a gradient step from zero on discounted least squares, at every token."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from constructions import retnet
from constructions.autograd_descent import descend
from constructions.gradient_descent import weighted_loss
from constructions.namespace import Array
from numeric.blocks import blocks
from numeric.derivation import Obligation
from numeric.words import matrix, scalar, zeros
from proofs.claim import Claim, System
from proofs.evidence import Kind, Rung
from proofs.identity import Identity, Large

SIZE = 2
"""Tokens in a chunk."""


def forms(Q: Array, K: Array, V: Array, gamma: Array) -> Array:
    """The outputs of the recurrent, parallel and chunkwise form: (3, N, m)."""
    return torch.stack(
        [retnet.recurrent(Q, K, V, gamma), retnet.parallel(Q, K, V, gamma), retnet.chunkwise(Q, K, V, gamma, SIZE)]
    )


def learner(Q: Array, K: Array, V: Array, gamma: Array, newest: int = 0) -> Array:
    """At every token one autograd step of size t on t pairs weighted gamma^(t - s), asked at q_t; three times: (3, N, m).

    newest: the power of the newest pair's weight.
    """
    rows = []
    for t in range(1, K.shape[0] + 1):
        weights = retnet.powers(gamma, t + newest).flip(0)[:t]
        W0 = K.new_zeros(V.shape[1], K.shape[1])
        rows.append(descend(W0, K[:t, :], V[:t, :], weights, eta=t, of=weighted_loss) @ Q[t - 1, :])
    return torch.stack([torch.stack(rows)] * 3)


def plain(Q: Array, K: Array, V: Array, gamma: Array) -> Array:
    """Without the discount: (3, N, m)."""
    return learner(Q, K, V, gamma - gamma + 1)


def derive(decayed: bool = True) -> Iterator[Obligation]:
    """One more token and one more chunk of V^T diag(gamma^(t-s)) K; the step."""
    K, V, D = matrix("K", "N", "f"), matrix("V", "N", "m"), matrix("D", "N", "N", "diagonal")
    k, v, gamma = matrix("k", "f", 1), matrix("v", "m", 1), scalar("gamma")
    state = V.mT @ D @ K
    yield Obligation(
        "one more token",
        retnet.step(state, k, v, gamma),
        blocks([[V], [v.mT]]).mT @ blocks([[gamma * D, zeros("N", 1)], [zeros(1, "N"), 1]]) @ blocks([[K], [k.mT]]),
        r"All earlier weights are multiplied by $\gamma$, the newest is 1.",
    )
    Z, U, E, c = matrix("K'", "C", "f"), matrix("V'", "C", "m"), matrix("E", "C", "C", "diagonal"), scalar("c")
    faded = c * D if decayed else D
    yield Obligation(
        "one more chunk",
        retnet.chunk(state, Z, U, E, c),
        blocks([[V], [U]]).mT @ blocks([[faded, zeros("N", "C")], [zeros("C", "N"), E]]) @ blocks([[K], [Z]]),
        r"With $c = \gamma^C$ and $E = \operatorname{diag}(\gamma^{C-1}, \dots, 1)$: the state after $C$ tokens more.",
    )
    W, q = zeros("m", "f"), matrix("q", "f", 1)
    gradient = (W @ K.mT - V.mT) @ D @ K
    yield Obligation(
        "the step",
        -gradient @ q,
        state @ q,
        r"Minus the gradient of $\frac12 \sum_s \gamma^{t-s} \norm{W k_s - v_s}^2$ at 0.",
    )


IDENTITY = Identity(
    shapes={"Q": ("N", "f"), "K": ("N", "f"), "V": ("N", "m"), "gamma": ()},
    left=forms,
    right=learner,
    names=("RetNet's three forms", "discounted step, three times"),
    sizes=({"f": 2, "m": 2, "N": 3}, {"f": 4, "m": 4, "N": 11}),
    large=Large({"f": 20, "m": 21, "N": 130}),
    symbolic_sizes={"f": 1, "m": 1, "N": 3},
    torch_only=True,
    positive=("gamma",),
    derive=derive,
)

CLAIM = Claim(
    __name__,
    title="RetNet is a discounted gradient step at every token",
    kind=Kind.IDENTITY,
    statement=r"""The recurrent form $S_t = \gamma S_{t-1} + v_t k_t^\top$, $o_t = S_t q_t$, the parallel form $(Q K^\top
\odot D) V$ with $D_{ts} = \gamma^{t-s}$, $s \le t$, and the chunkwise form of retention are the same, and at every token

$$ o_t = W_1 q_t, \qquad W_1 = -\nabla \Bigl( \tfrac12 \sum_{s \le t} \gamma^{t-s} \norm{W k_s - v_s}^2 \Bigr)_{W = 0} , $$

one gradient-descent step of size 1 from $0$ on least squares that forgets with $\gamma$, for every $\gamma$, so for each
head's $1 - 2^{-5-h}$ too.""",
    derivation=r"""By induction on tokens, or on chunks, the state is $\sum_{s \le t} \gamma^{t-s} v_s k_s^\top$.""",
    assumptions=("without rotation of keys and queries, group norm and gate",),
    systems=(System("RetNet", "in all three forms one gradient step on exponentially discounted least squares"),),
    source="arXiv 2307.08621, equations 5 to 8 (forms); the reading derived here",
    checks=IDENTITY.checks(),
    mutants=(
        IDENTITY.mutant(
            "newest_discounted",
            "the newest pair is discounted too",
            right=lambda Q, K, V, gamma: learner(Q, K, V, gamma, newest=1),
        ),
        IDENTITY.mutant("no_discount", "plain least squares", right=plain, rungs=(Rung.EXACT, Rung.SYMBOLIC)),
        IDENTITY.mutant(
            "chunk_not_decayed", "a chunk leaves the earlier weights", derive=lambda: derive(decayed=False)
        ),
    ),
)
