r"""A gated linear recurrent network computes linear self-attention.

The network $h_t = \lambda \odot h_{t-1} + (W_m v_t) \odot (W_x v_t)$, $o_t = D \bigl( (O_m h_t) \odot (O_x h_t) \bigr)$
with $v_t = (u_t, 1)$ and $\lambda \in \{0, 1\}^n$ computes

$$ o_t = \sum_{s \le t} (W_V u_s) (W_K u_s)^\top (W_Q u_t) $$

exactly, for all $W_V \in \mathbb{R}^{a \times d}$, $W_K, W_Q \in \mathbb{R}^{r \times d}$, with $n = ar + r$ neurons:
$ar$ key-value products with $\lambda = 1$ and $r$ queries with $\lambda = 0$.

Why.
Neuron $(i, j)$ accumulates $(W_V u)_i (W_K u)_j$; a query neuron takes $(W_Q u)_j \cdot 1$. The output gate multiplies
neuron $(i, j)$ by query $j$, and $D$ adds over $j$.

Source.
Zucchet et al. 2023 (arXiv 2309.01775)

Departs.
- the constant 1 beside the input replaces biases; the weights are not compressed

Systems.
- Gated linear RNN: linear self-attention, exactly, and with it one step of gradient descent
"""

# Over 120 lines: five equations, from the neurons that write to the readout.

from collections.abc import Iterator
from typing import Any

from constructions import gated_accumulator, gated_rnn
from constructions.namespace import Array, namespace
from numeric.words import Words, eye, matrix, zeros
from numeric.words.blocks import blocks
from numeric.words.derivation import Obligation
from proofs.forms import Identity, Large, Rung, Short, claim
from proofs.gd._attention_weights import attention_decays


def network(U: Array, W_V: Array, W_K: Array, W_Q: Array) -> Array:
    """All outputs of the network: (T, a)."""
    return gated_rnn.layer(U, gated_rnn.attention_weights(W_V, W_K, W_Q))


def attention(U: Array, W_V: Array, W_K: Array, W_Q: Array, before: int = 1) -> Array:
    """sum_{s<=t} W_V u_s (W_K u_s . W_Q u_t), by its definition (`before` 0: s < t): (T, a)."""
    rows = []
    for t in range(U.shape[0]):
        row = 0 * (W_V @ U[t, :])
        for s in range(t + before):
            row = row + (W_V @ U[s, :]) * ((W_K @ U[s, :]) @ (W_Q @ U[t, :]))
        rows.append(row)
    return namespace(U).stack(rows)


def derive(transposed: bool = False) -> Iterator[Obligation]:
    """One neuron of each kind; the memory V^T K by induction on tokens; and what the product neurons read at the query."""
    kept, dropped = attention_decays()
    u, one = matrix("u", "d", 1), eye(1)
    value, key, query = (matrix(name, 1, "d") for name in ("v_i", "k_j", "q_j"))
    row = blocks([[u.mT, one]])

    def weights(word: Words) -> Any:
        return blocks([[word, zeros(1, 1)]])

    yield Obligation(
        "key-value neuron",
        gated_rnn.products(row, weights(value), weights(key)),
        (value @ u) * (key @ u),
        r"With row $i$ of $W_V$ and row $j$ of $W_K$ the neuron $(i, j)$ writes $(W_V u)_i (W_K u)_j$.",
    )
    yield Obligation(
        "query neuron",
        gated_rnn.products(row, weights(query), blocks([[zeros(1, "d"), one]])),
        query @ u,
        r"With row $j$ of $W_Q$ and the constant the query neuron $j$ writes $(W_Q u)_j$.",
    )
    U, old = matrix("U", "t", "d"), matrix("h", "r", 1)
    W_V, W_K, W_Q = matrix("W_V", "a", "d"), matrix("W_K", "r", "d"), matrix("W_Q", "r", "d")
    memory = (U @ W_V.mT).mT @ (U @ W_K.mT)
    longer = blocks([[U], [u.mT]])
    yield Obligation(
        "one more token",
        gated_accumulator.accumulate(memory, (W_V @ u) @ (W_K @ u).mT, kept),
        W_V @ (longer.mT @ longer) @ W_K.mT,
        r"The neurons $(i, j)$ with their decay add what they write; with no token they are 0.",
    )
    yield Obligation(
        "query",
        gated_accumulator.accumulate(old, W_Q @ u, dropped),
        W_Q @ u,
        r"The query neurons, with theirs, hold the query of the token alone.",
    )
    yield Obligation(
        "readout",
        memory @ (W_Q @ u),
        W_V @ (U.mT @ U) @ (W_Q.mT @ W_K if transposed else W_K.mT @ W_Q) @ u,
        r"The outputs multiply neuron $(i, j)$ by query neuron $j$, and $D$ adds over $j$.",
    )


IDENTITY = Identity(
    shapes={"U": ("T", "d"), "W_V": ("a", "d"), "W_K": ("r", "d"), "W_Q": ("r", "d")},
    left=network,
    right=attention,
    names=("gated network", "linear self-attention"),
    sizes=({"T": 3, "d": 2, "a": 2, "r": 2}, {"T": 6, "d": 4, "a": 3, "r": 2}),
    large=Large({"T": 40, "d": 5, "a": 2, "r": 3}, short=Short.WORK),
    symbolic_sizes={"T": 2, "d": 2, "a": 1, "r": 1},
    derive=derive,
    numpy=True,
)

CLAIM = claim(
    __name__,
    IDENTITY.checks(),
    IDENTITY.mutant("strictly_before", "attention to earlier tokens only", right={"before": 0}),
    IDENTITY.mutant(
        "keys_for_queries",
        "keys and queries exchanged",
        right=lambda U, W_V, W_K, W_Q: attention(U, W_V, W_Q, W_K),
        rungs=(Rung.EXACT,),
    ),
    IDENTITY.mutant("transposed_form", "W_Q^T W_K for W_K^T W_Q", derive={"transposed": True}),
)
