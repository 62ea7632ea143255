r"""A symmetric memory halves the gated network's neurons.

The gated linear recurrent network of gd.gated_rnn_attention computes linear self-attention, for any $W_V$, $W_K$ and
$W_Q$, also with

$$ \frac{d (d + 3)}{2} $$

neurons: $d (d+1)/2$ that accumulate $u_i u_j$, $i \le j$, and $d$ for the query $W_K^\top W_Q u$. On joint tokens with
$m = f$, $d = 2f$, these are $2f^2 + 3f$ in place of the generic $d^2 + d = 4f^2 + 2f$. The memory has $d (d+1)/2$
numbers, the least for linear self-attention (gd.state_size).

Why.
$\sum_s (W_V u_s)(W_K u_s)^\top W_Q u_t = W_V \bigl( \sum_s u_s u_s^\top \bigr) W_K^\top W_Q u_t$, and the middle is
symmetric.

Source.
arXiv 2309.01775; the count derived here

Systems.
- Gated linear RNN: linear self-attention with $d(d+3)/2$ neurons, the memory being symmetric
"""

from collections.abc import Callable, Iterator

import numpy as np

from constructions import gated_rnn, gated_rnn_symmetric
from constructions.gated_accumulator import accumulate
from constructions.namespace import Array
from numeric.finding import Counterexample, Finding, Verdict
from numeric.words import matrix
from numeric.words.blocks import blocks
from numeric.words.derivation import Obligation
from proofs.forms import Identity, Large, Rung, Settings, Short, checked, claim, together
from proofs.gd.gated_rnn_attention import attention

LARGEST = 6


def network(U: Array, W_V: Array, W_K: Array, W_Q: Array) -> Array:
    """All outputs of the network with the symmetric memory: (T, a)."""
    return gated_rnn.layer(U, gated_rnn_symmetric.attention_weights(W_V, W_K, W_Q))


def derive(transposed: bool = False) -> Iterator[Obligation]:
    """The memory sum u u^T, which is symmetric, and what attention reads from it."""
    U, u = matrix("U", "t", "d"), matrix("u", "d", 1)
    W_V, W_K, W_Q = matrix("W_V", "a", "d"), matrix("W_K", "r", "d"), matrix("W_Q", "r", "d")
    memory, longer = U.mT @ U, blocks([[U], [u.mT]])
    yield Obligation(
        "one more token",
        accumulate(memory, u @ u.mT, 1),
        longer.mT @ longer,
        r"Neuron $(i, j)$ adds $u_i u_j$; the memory $M$ is symmetric, so $i \le j$ is enough.",
    )
    yield Obligation(
        "readout",
        W_V @ memory @ (W_K.mT @ W_Q @ u),
        (U @ W_V.mT).mT @ ((U @ W_K.mT) @ (W_Q @ u) if not transposed else (U @ W_Q.mT) @ (W_K @ u)),
        r"$\sum_{ij} (W_V)_{ai} M_{ij} (W_K^\top W_Q u)_j$ is attention, for any $W_V$, $W_K$, $W_Q$.",
    )


@checked(Rung.EXACT)
def neurons(settings: Settings, claimed: Callable[[int], int] = lambda d: d * (d + 3) // 2) -> Finding:
    """The number of neurons of the construction's own arrays for d = 1, ..., LARGEST."""
    for d in range(1, LARGEST + 1):
        one = np.eye(d)
        found = gated_rnn_symmetric.attention_weights(one, one, one).neurons
        if found != claimed(d):
            return Finding(
                Verdict.REFUTED,
                reason=f"{found} neurons at d = {d}, {claimed(d)} claimed",
                counterexample=Counterexample({"d": d}, {}, str(found), str(claimed(d)), "counted", "claimed"),
            )
    return Finding(
        Verdict.CONFIRMED,
        figures={f"neurons, d = {LARGEST}": found},
        settings={"engine": "array sizes", "sizes": f"1 to {LARGEST}"},
        trust=("the count is a polynomial of degree 2 in d, as the code's shapes show",),
    )


IDENTITY = Identity(
    shapes={"U": ("T", "d"), "W_V": ("a", "d"), "W_K": ("r", "d"), "W_Q": ("r", "d")},
    left=network,
    right=attention,
    names=("gated network, symmetric", "linear self-attention"),
    sizes=({"T": 3, "d": 2, "a": 2, "r": 2}, {"T": 6, "d": 4, "a": 3, "r": 2}),
    large=Large({"T": 40, "d": 4, "a": 2, "r": 3}, short=Short.WORK),
    symbolic_sizes={"T": 2, "d": 2, "a": 1, "r": 1},
    derive=derive,
    numpy=True,
)

CLAIM = claim(
    __name__,
    together(IDENTITY.checks(), neurons.checks()),
    IDENTITY.mutant(
        "keys_for_queries",
        "W_Q^T W_K for W_K^T W_Q",
        right=lambda U, W_V, W_K, W_Q: attention(U, W_V, W_Q, W_K),
        derive={"transposed": True},
    ),
    IDENTITY.mutant(
        "newest_left_out",
        "attention to earlier tokens only",
        right=lambda U, W_V, W_K, W_Q: attention(U, W_V, W_K, W_Q, before=0),
        rungs=(Rung.EXACT, Rung.SYMBOLIC),
    ),
    neurons.mutant("no_queries", "the query neurons are not counted", claimed=lambda d: d * (d + 1) // 2),
)
