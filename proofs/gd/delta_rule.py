r"""The delta rule is one step of stochastic gradient descent a token.

DeltaNet's memory $W_t = W_{t-1} (I - \beta_t k_t k_t^\top) + \beta_t v_t k_t^\top$ is, for every $t$ and every $W_0$,
the iterate of

$$ W_t = W_{t-1} - \beta_t \nabla L_t(W_{t-1}), \qquad L_t(W) = \tfrac12 \norm{W k_t - v_t}^2 , $$

stochastic gradient descent with one step a token, in the order of the tokens, of size $\beta_t$ (no mean is taken).

Why.
$\nabla L_t(W) = (W k_t - v_t) k_t^\top$ by gd.loss_gradient with $N = 1$.

Assumes.
- $\beta_t$ is given; however the layer computes it

Source.
arXiv 2102.11174, section 4 (delta rule); arXiv 2406.06484

Systems.
- DeltaNet: stochastic gradient descent, one step a token
"""

from constructions import delta_rule, online_descent
from constructions.namespace import Array, namespace
from numeric.words.whole import Spec
from proofs.forms import EVERYWHERE, EXACTLY, Identity, Large, claim
from proofs.kernel.rung import kernel_check


def layer(K: Array, V: Array, beta: Array, W0: Array) -> Array:
    """The memory after all tokens: (m, f)."""
    return delta_rule.layer(W0, K, V, beta)


def learner(K: Array, V: Array, beta: Array, W0: Array) -> Array:
    """One autograd step a token with step size beta_t: (m, f)."""
    return online_descent.online(W0, K, V, beta)


def stale(K: Array, V: Array, beta: Array, W0: Array) -> Array:
    """All gradients at the start: one batch step."""

    def token(W: Array, k: Array, v: Array, beta: Array) -> Array:
        return W + delta_rule.step(W0, k[:, None], v[:, None], beta) - W0

    return namespace(K).fold(token, W0, K, V, beta)


IDENTITY = Identity(
    shapes={"K": ("N", "f"), "V": ("N", "m"), "beta": ("N",), "W0": ("m", "f")},
    left=layer,
    right=learner,
    sizes=({"f": 3, "m": 2, "N": 4}, {"f": 8, "m": 8, "N": 20}),
    large=Large({"f": 20, "m": 21, "N": 130}),
    symbolic_sizes={"f": 2, "m": 1, "N": 2},
    whole=Spec(),
)

CLAIM = claim(
    __name__,
    IDENTITY.checks() | kernel_check("delta_rule_step", "delta_rule_online_gd").checks(),
    IDENTITY.mutant("batch", "all gradients at W_0: one batch step", left=stale),
    IDENTITY.mutant(
        "doubled", "the loss without its 1/2", right=lambda beta, **at: learner(beta=2 * beta, **at), rungs=EVERYWHERE
    ),
    IDENTITY.mutant(
        "reversed",
        "tokens in reverse order",
        right=lambda K, V, beta, W0: learner(K.flip(0), V.flip(0), beta.flip(0), W0),
        rungs=EXACTLY,
    ),
)
