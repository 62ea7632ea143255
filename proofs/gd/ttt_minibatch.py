r"""TTT-Linear is mini-batch gradient descent inside the layer.

Without layer norm, TTT-Linear in dual form with mini-batches of $b$ tokens outputs

$$ o_t = W_t q_t, \qquad W_t = W_{t'} - r \sum_{s=t'+1}^{t} \nabla L_s(W_{t'}), \qquad
   L_s(W) = \tfrac12 \norm{W k_s - v_s}^2 , $$

where $t'$ is the end of the mini-batch before: mini-batch gradient descent on the sum of the tokens' losses. $b = 1$ is
the delta rule (gd.delta_rule), $b \ge N$ one batch step on every prefix.

Why.
All gradients of a mini-batch are taken at its start $W_{t'}$, and $\sum_s (W k_s - v_s)(k_s \cdot q_t)$ over $s \le t$
is row $t$ of $\operatorname{tril}(Q K^\top)$ times the errors.

Assumes.
- no layer norm, no residual connection in the inner model

Source.
arXiv 2407.04620, dual form

Systems.
- TTT-Linear: mini-batch gradient descent inside the layer, all gradients of a batch at its start
"""

from functools import partial

from constructions import ttt_linear
from constructions.autograd_descent import descend
from constructions.namespace import Array, namespace
from constructions.online_descent import token_loss
from numeric.words.whole import Spec
from proofs.forms import EXACTLY, Identity, Large, claim

SIZE = 2


def layer(K: Array, V: Array, Q: Array, rate: Array, W0: Array) -> Array:
    """All outputs with mini-batches of two: (N, m)."""
    return ttt_linear.layer(W0, K, V, Q, rate, SIZE)


def learner(K: Array, V: Array, Q: Array, rate: Array, W0: Array) -> Array:
    """Output t: an autograd step from the mini-batch's start on its tokens up to t, asked at q_t: (N, m)."""
    return in_batches(K, V, Q, rate, W0, SIZE)


def in_batches(K: Array, V: Array, Q: Array, rate: Array, W0: Array, size: int) -> Array:
    """The same with mini-batches of another size."""

    def after(W: Array, k: Array, v: Array, q: Array) -> Array:
        return descend(W, k, v, eta=rate, of=token_loss)

    def outputs(W: Array, k: Array, v: Array, q: Array) -> Array:
        def weights(t: int, k: Array, v: Array) -> Array:
            return descend(W, k, v, eta=rate, of=token_loss)

        return (namespace(k).prefixes(weights, k, v) @ q[:, :, None])[:, :, 0]

    return namespace(K).chunks(after, W0, K, V, Q, size=size, read=outputs)[1]


def strictly_before(K: Array, V: Array, Q: Array, rate: Array, W0: Array) -> Array:
    """The newest token is left out."""

    def after(W: Array, K: Array, V: Array, Q: Array) -> Array:
        return ttt_linear.after(W, K, V, rate)

    def outputs(W: Array, K: Array, V: Array, Q: Array) -> Array:
        return Q @ W.mT - rate * (namespace(W).tril(Q @ K.mT, k=-1) @ ttt_linear.errors(W, K, V))

    return namespace(K).chunks(after, W0, K, V, Q, size=SIZE, read=outputs)[1]


IDENTITY = Identity(
    shapes={"K": ("N", "f"), "V": ("N", "m"), "Q": ("N", "f"), "rate": (), "W0": ("m", "f")},
    left=layer,
    right=learner,
    sizes=({"f": 2, "m": 2, "N": 4}, {"f": 6, "m": 6, "N": 11}),
    large=Large({"f": 20, "m": 21, "N": 130}),
    symbolic_sizes={"f": 1, "m": 1, "N": 3},
    whole=Spec(),
)

CLAIM = claim(
    __name__,
    IDENTITY.checks(),
    IDENTITY.mutant("token_by_token", "one step a token", right=partial(in_batches, size=1)),
    IDENTITY.mutant("strictly_before", "the newest token is left out", left=strictly_before),
    IDENTITY.mutant(
        "one_batch",
        "all gradients at the start",
        right=lambda K, V, Q, rate, W0: in_batches(K, V, Q, rate, W0, K.shape[0]),
        rungs=EXACTLY,
    ),
)
