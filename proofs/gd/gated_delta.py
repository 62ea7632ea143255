r"""Gated DeltaNet: decay first, then a gradient step at the decayed point.

The gated delta rule $W_t = \alpha_t W_{t-1} (I - \beta_t k_t k_t^\top) + \beta_t v_t k_t^\top$ is

$$ W_t = \alpha_t W_{t-1} - \beta_t \nabla L_t(\alpha_t W_{t-1}), \qquad L_t(W) = \tfrac12 \norm{W k_t - v_t}^2 . $$

The gradient is taken at $\alpha_t W_{t-1}$, not at $W_{t-1}$ as decoupled weight decay does.

Why.
Put $\alpha W$ for $W$ in gd.delta_rule.

Assumes.
- $\alpha_t$, $\beta_t$ are given; however the layer computes them

Source.
arXiv 2412.06464 (update); the reading as descent derived here

Systems.
- Gated DeltaNet: the memory decays, then a gradient step at the decayed point
"""

from constructions import delta_rule, online_descent
from constructions.autograd_descent import descend
from constructions.namespace import Array, filled, namespace
from numeric.words.whole import Spec
from proofs.forms import Identity, Large, claim


def layer(K: Array, V: Array, beta: Array, alpha: Array, W0: Array) -> Array:
    """The memory after all tokens: (m, f)."""
    return delta_rule.layer(W0, K, V, beta, alpha)


def learner(K: Array, V: Array, beta: Array, alpha: Array, W0: Array) -> Array:
    """W <- alpha_t W, then one autograd step of size beta_t there: (m, f)."""

    def token(W: Array, k: Array, v: Array, beta: Array, alpha: Array) -> Array:
        return descend(alpha * W, k[None, :], v[None, :], eta=beta, of=online_descent.token_loss)

    return namespace(K).fold(token, W0, K, V, beta, alpha)


def undecayed(K: Array, V: Array, beta: Array, alpha: Array, W0: Array) -> Array:
    """The gradient at the undecayed memory, as optimisers with decoupled weight decay take it."""

    def token(W: Array, k: Array, v: Array, beta: Array, alpha: Array) -> Array:
        return descend(W, k[None, :], v[None, :], eta=beta, of=online_descent.token_loss) - W + alpha * W

    return namespace(K).fold(token, W0, K, V, beta, alpha)


def stepped_first(K: Array, V: Array, beta: Array, alpha: Array, W0: Array) -> Array:
    """The step first, then the decay."""

    def token(W: Array, k: Array, v: Array, beta: Array, alpha: Array) -> Array:
        return alpha * descend(W, k[None, :], v[None, :], eta=beta, of=online_descent.token_loss)

    return namespace(K).fold(token, W0, K, V, beta, alpha)


IDENTITY = Identity(
    shapes={"K": ("N", "f"), "V": ("N", "m"), "beta": ("N",), "alpha": ("N",), "W0": ("m", "f")},
    left=layer,
    right=learner,
    sizes=({"f": 3, "m": 2, "N": 3}, {"f": 8, "m": 8, "N": 20}),
    large=Large({"f": 20, "m": 21, "N": 130}),
    symbolic_sizes={"f": 2, "m": 1, "N": 2},
    positive=("alpha",),
    whole=Spec(),
)

CLAIM = claim(
    __name__,
    IDENTITY.checks(),
    IDENTITY.mutant("gradient_undecayed", "the gradient at the undecayed memory", right=undecayed),
    IDENTITY.mutant("decay_last", "the step first, then the decay", right=stepped_first),
    IDENTITY.mutant(
        "no_decay", "the decay is ignored", right=lambda alpha, **at: learner(alpha=filled(1, alpha), **at)
    ),
)
