"""A gated linear recurrent network computes linear self-attention exactly, with key-value products as neurons."""

from collections.abc import Iterator

from constructions import gated_rnn
from constructions.gated_accumulator import accumulate
from constructions.namespace import Array, namespace
from numeric.blocks import blocks
from numeric.derivation import Obligation
from numeric.words import matrix
from proofs.claim import Claim, System
from proofs.evidence import Kind, Rung
from proofs.identity import Identity

EXACTLY = (Rung.EXACT, Rung.SYMBOLIC)


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
    """The key-value neurons hold V^T K by induction on tokens; the product neurons read it at the query."""
    U, u = matrix("U", "t", "d"), matrix("u", "d", 1)
    W_V, W_K, W_Q = matrix("W_V", "a", "d"), matrix("W_K", "r", "d"), matrix("W_Q", "r", "d")
    memory = (U @ W_V.mT).mT @ (U @ W_K.mT)
    longer = blocks([[U], [u.mT]])
    yield Obligation(
        "one more token",
        accumulate(memory, (W_V @ u) @ (W_K @ u).mT, 1),
        W_V @ (longer.mT @ longer) @ W_K.mT,
        r"The neurons $(i, j)$ with decay 1 add $(W_V u)_i (W_K u)_j$; with no token they are 0.",
    )
    yield Obligation(
        "readout",
        memory @ (W_Q @ u),
        W_V @ (U.mT @ U) @ (W_Q.mT @ W_K if transposed else W_K.mT @ W_Q) @ u,
        r"The outputs multiply neuron $(i, j)$ by query neuron $j$, decay 0, and $D$ adds over $j$.",
    )


IDENTITY = Identity(
    shapes={"U": ("T", "d"), "W_V": ("a", "d"), "W_K": ("r", "d"), "W_Q": ("r", "d")},
    left=network,
    right=attention,
    names=("gated network", "linear self-attention"),
    sizes=({"T": 3, "d": 2, "a": 2, "r": 2}, {"T": 6, "d": 4, "a": 3, "r": 2}),
    symbolic_sizes={"T": 2, "d": 2, "a": 1, "r": 1},
    derive=derive,
)

CLAIM = Claim(
    __name__,
    title="A gated linear recurrent network computes linear self-attention",
    kind=Kind.IDENTITY,
    statement=r"""The network $h_t = \lambda \odot h_{t-1} + (W_m v_t) \odot (W_x v_t)$, $o_t = D \bigl( (O_m h_t)
    \odot (O_x h_t) \bigr)$ with
$v_t = (u_t, 1)$ and $\lambda \in \{0, 1\}^n$ computes

$$ o_t = \sum_{s \le t} (W_V u_s) (W_K u_s)^\top (W_Q u_t) $$

exactly, for all $W_V \in \mathbb{R}^{a \times d}$, $W_K, W_Q \in \mathbb{R}^{r \times d}$, with $n = ar + r$
neurons: $ar$ key-value
products with $\lambda = 1$ and $r$ queries with $\lambda = 0$.""",
    derivation=r"""Neuron $(i, j)$ accumulates $(W_V u)_i (W_K u)_j$; a query neuron takes $(W_Q u)_j \cdot 1$. The
    output gate multiplies
neuron $(i, j)$ by query $j$, and $D$ adds over $j$.""",
    source="Zucchet et al. 2023 (arXiv 2309.01775)",
    departures=("the constant 1 beside the input replaces biases; the weights are not compressed",),
    systems=(System("Gated linear RNN", "linear self-attention, exactly, and with it one step of gradient descent"),),
    checks=IDENTITY.checks(),
    mutants=(
        IDENTITY.mutant(
            "strictly_before",
            "attention to earlier tokens only",
            right=lambda U, W_V, W_K, W_Q: attention(U, W_V, W_K, W_Q, before=0),
        ),
        IDENTITY.mutant(
            "keys_for_queries",
            "keys and queries exchanged",
            right=lambda U, W_V, W_K, W_Q: attention(U, W_V, W_Q, W_K),
            rungs=(Rung.EXACT,),
        ),
        IDENTITY.mutant("transposed_form", "W_Q^T W_K for W_K^T W_Q", derive=lambda: derive(transposed=True)),
    ),
)
