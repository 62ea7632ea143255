"""TTT-Linear's dual form is mini-batch gradient descent, output by output."""

from collections.abc import Iterator

import torch

from constructions import online_descent, ttt_linear
from constructions.autograd_descent import descend
from constructions.gradient_descent import step
from constructions.namespace import Array
from numeric.blocks import blocks
from numeric.derivation import Obligation
from numeric.words import matrix, scalar
from proofs.claim import Claim, System
from proofs.evidence import Kind, Rung
from proofs.identity import Identity, Large

SIZE = 2
EXACTLY = (Rung.EXACT, Rung.SYMBOLIC)


def layer(K: Array, V: Array, Q: Array, rate: Array, W0: Array) -> Array:
    """All outputs with mini-batches of two: (N, m)."""
    return ttt_linear.layer(W0, K, V, Q, rate, SIZE)


def learner(K: Array, V: Array, Q: Array, rate: Array, W0: Array, size: int = SIZE) -> Array:
    """Output t: an autograd step from the mini-batch's start on its tokens up to t, asked at q_t: (N, m)."""
    W, found = W0, []
    for t in range(K.shape[0]):
        first = size * (t // size)
        if t == first and t:
            W = online_descent.minibatches(W, K[t - size : t, :], V[t - size : t, :], rate, size)
        found.append(
            descend(W, K[first : t + 1, :], V[first : t + 1, :], eta=rate, of=online_descent.token_loss) @ Q[t, :]
        )
    return torch.stack(found)


def derive(own: int = 1) -> Iterator[Obligation]:
    """Inside a mini-batch: the tokens before (K, V) and the newest (k, v) against one step on all of them."""
    W, K, V = matrix("W", "m", "f"), matrix("K", "n", "f"), matrix("V", "n", "m")
    k, v, q, rate = matrix("k", "f", 1), matrix("v", "m", 1), matrix("q", "f", 1), scalar("r")
    keys, values, count = blocks([[K], [k.mT]]), blocks([[V], [v.mT]]), scalar("n") + 1
    error = ttt_linear.errors(W, keys, values)
    weights = blocks([[q.mT @ K.mT, own * (q.mT @ k)]])
    yield Obligation(
        "dual form",
        q.mT @ W.mT - rate * (weights @ error),
        (step(W, keys, values, rate * count) @ q).mT,
        r"Row $t$ of $\operatorname{tril}(Q K^\top)$ times the errors is the step on the tokens up to $t$, read at $q_t$.",
    )
    yield Obligation(
        "end of the mini-batch",
        ttt_linear.after(W, K, V, rate),
        step(W, K, V, rate * scalar("n")),
        r"The next mini-batch starts one step on the summed loss further.",
    )


IDENTITY = Identity(
    shapes={"K": ("N", "f"), "V": ("N", "m"), "Q": ("N", "f"), "rate": (), "W0": ("m", "f")},
    left=layer,
    right=learner,
    sizes=({"f": 2, "m": 2, "N": 4}, {"f": 6, "m": 6, "N": 11}),
    large=Large({"f": 20, "m": 21, "N": 130}),
    symbolic_sizes={"f": 1, "m": 1, "N": 3},
    torch_only=True,
    derive=derive,
)

CLAIM = Claim(
    __name__,
    title="TTT-Linear is mini-batch gradient descent inside the layer",
    kind=Kind.IDENTITY,
    statement=r"""Without layer norm, TTT-Linear in dual form with mini-batches of $b$ tokens outputs

$$ o_t = W_t q_t, \qquad W_t = W_{t'} - r \sum_{s=t'+1}^{t} \nabla L_s(W_{t'}), \qquad L_s(W) = \tfrac12 \norm{W k_s -
v_s}^2 , $$

where $t'$ is the end of the mini-batch before: mini-batch gradient descent on the sum of the tokens' losses. $b = 1$
is the delta
rule (gd.delta_rule), $b \ge N$ one batch step on every prefix.""",
    derivation=r"""All gradients of a mini-batch are taken at its start $W_{t'}$, and
$\sum_s (W k_s - v_s)(k_s \cdot q_t)$ over $s \le t$ is row $t$ of $\operatorname{tril}(Q K^\top)$ times the errors.""",
    assumptions=("no layer norm, no residual connection in the inner model",),
    source="arXiv 2407.04620, dual form",
    systems=(
        System("TTT-Linear", "mini-batch gradient descent inside the layer, all gradients of a batch at its start"),
    ),
    checks=IDENTITY.checks(),
    mutants=(
        IDENTITY.mutant(
            "token_by_token",
            "one step a token",
            right=lambda K, V, Q, rate, W0: learner(K, V, Q, rate, W0, size=1),
        ),
        IDENTITY.mutant("strictly_before", "the newest token is left out", derive=lambda: derive(own=0)),
        IDENTITY.mutant(
            "one_batch",
            "all gradients at the start",
            right=lambda K, V, Q, rate, W0: learner(K, V, Q, rate, W0, size=K.shape[0]),
            rungs=EXACTLY,
        ),
    ),
)
