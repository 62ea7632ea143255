r"""RetNet is a discounted gradient step at every token.

The recurrent form $S_t = \gamma S_{t-1} + v_t k_t^\top$, $o_t = S_t q_t$, the parallel form $(Q K^\top \odot D) V$ with
$D_{ts} = \gamma^{t-s}$, $s \le t$, and the chunkwise form of retention are the same, and at every token

$$ o_t = W_1 q_t, \qquad
   W_1 = -\nabla \Bigl( \tfrac12 \sum_{s \le t} \gamma^{t-s} \norm{W k_s - v_s}^2 \Bigr)_{W = 0} , $$

one gradient-descent step of size 1 from $0$ on least squares that forgets with $\gamma$, for every $\gamma$, so for
each head's $1 - 2^{-5-h}$ too.

Why.
By induction on tokens, or on chunks, the state is $\sum_{s \le t} \gamma^{t-s} v_s k_s^\top$.

Assumes.
- without rotation of keys and queries, group norm and gate

Source.
arXiv 2307.08621, equations 5 to 8 (forms); the reading derived here

Systems.
- RetNet: in all three forms one gradient step on exponentially discounted least squares
"""

from constructions import retnet
from constructions.autograd_descent import descend
from constructions.gradient_descent import weighted_loss
from constructions.namespace import Array, filled, namespace, zeros
from numeric.words.session import Invariant
from numeric.words.whole import Spec
from proofs.forms import EVERYWHERE, Identity, Large, Rung, claim

SIZE = 2
"""Tokens in a chunk."""


def forms(Q: Array, K: Array, V: Array, gamma: Array) -> Array:
    """The outputs of the recurrent, parallel and chunkwise form: (3, N, m)."""
    return namespace(K).stack(
        [retnet.recurrent(Q, K, V, gamma), retnet.parallel(Q, K, V, gamma), retnet.chunkwise(Q, K, V, gamma, SIZE)]
    )


def learner(Q: Array, K: Array, V: Array, gamma: Array) -> Array:
    """At every token one autograd step of size t on t pairs weighted gamma^(t - s), asked at q_t; three times: (3, N, m)."""
    return weighted(Q, K, V, gamma, filled(1, gamma))


def weighted(Q: Array, K: Array, V: Array, gamma: Array, newest: Array) -> Array:
    """The same with all weights multiplied by `newest`."""
    start = zeros((V.shape[1], K.shape[1]), K)

    def weights(t: int, K: Array, V: Array) -> Array:
        return descend(start, K, V, newest * namespace(K).decay_to_end(gamma, K), eta=t, of=weighted_loss)

    rows = (namespace(K).prefixes(weights, K, V) @ Q[:, :, None])[:, :, 0]
    return namespace(K).stack([rows, rows, rows])


def not_decayed(Q: Array, K: Array, V: Array, gamma: Array) -> Array:
    """Chunks that leave the earlier weights, three times."""
    xp = namespace(K)

    def after(S: Array, q: Array, k: Array, v: Array) -> Array:
        return retnet.chunk(S, k, v, gamma) + (1 - xp.decay_total(gamma, k)) * S

    def outputs(S: Array, q: Array, k: Array, v: Array) -> Array:
        return retnet.parallel(q, k, v, gamma) + xp.decay_from_start(gamma, k)[:, None] * (q @ S.mT)

    _, rows = xp.chunks(after, zeros((V.shape[1], K.shape[1]), K), Q, K, V, size=SIZE, read=outputs)
    return xp.stack([rows, rows, rows])


def state(K: Array, V: Array, gamma: Array) -> Array:
    """V^T diag(gamma^{t-s}) K over the tokens so far."""
    return V.mT @ (namespace(K).decay_to_end(gamma, K)[:, None] * K)


IDENTITY = Identity(
    shapes={"Q": ("N", "f"), "K": ("N", "f"), "V": ("N", "m"), "gamma": ()},
    left=forms,
    right=learner,
    names=("RetNet's three forms", "discounted step, three times"),
    sizes=({"f": 2, "m": 2, "N": 3}, {"f": 4, "m": 4, "N": 11}),
    large=Large({"f": 20, "m": 21, "N": 130}),
    symbolic_sizes={"f": 1, "m": 1, "N": 3},
    positive=("gamma",),
    whole=Spec({"retnet.recurrent": Invariant(state), "retnet.chunkwise": Invariant(state, rows=retnet.parallel)}),
)

CLAIM = claim(
    __name__,
    IDENTITY.checks(),
    IDENTITY.mutant(
        "newest_discounted",
        "the newest pair is discounted too",
        right=lambda Q, K, V, gamma: weighted(Q, K, V, gamma, gamma),
    ),
    IDENTITY.mutant(
        "no_discount",
        "plain least squares",
        right=lambda gamma, **at: learner(gamma=filled(1, gamma), **at),
        rungs=EVERYWHERE,
    ),
    IDENTITY.mutant(
        "wrong_gradient",
        "the gradient of another loss",
        right=lambda V, **at: learner(V=-V, **at),
        rungs=(Rung.EXACT, Rung.UNIVERSAL),
    ),
    IDENTITY.mutant(
        "chunk_not_decayed", "a chunk leaves the earlier weights", left=not_decayed, sizes={"f": 1, "m": 1, "N": 5}
    ),
)
