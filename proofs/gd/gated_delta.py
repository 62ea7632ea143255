"""Gated DeltaNet decays its memory first and then takes a gradient step at the decayed point."""

from collections.abc import Iterator

from constructions import delta_rule, online_descent
from constructions.autograd_descent import descend
from constructions.gradient_descent import step
from constructions.namespace import Array
from numeric.derivation import Obligation
from numeric.words import matrix, scalar
from proofs.claim import Claim, System
from proofs.evidence import Kind, Rung
from proofs.identity import Identity, Large

EXACTLY = (Rung.EXACT, Rung.SYMBOLIC)


def layer(K: Array, V: Array, beta: Array, alpha: Array, W0: Array) -> Array:
    """The memory after all tokens: (m, f)."""
    return delta_rule.layer(W0, K, V, beta, alpha)


def learner(K: Array, V: Array, beta: Array, alpha: Array, W0: Array) -> Array:
    """W <- alpha_t W, then one autograd step of size beta_t there: (m, f)."""
    W = W0
    for t in range(K.shape[0]):
        W = descend(alpha[t] * W, K[t : t + 1, :], V[t : t + 1, :], eta=beta[t], of=online_descent.token_loss)
    return W


def undecayed(K: Array, V: Array, beta: Array, alpha: Array, W0: Array) -> Array:
    """The gradient at the undecayed memory, as optimisers with decoupled weight decay take it."""
    W = W0
    for t in range(K.shape[0]):
        moved = descend(W, K[t : t + 1, :], V[t : t + 1, :], eta=beta[t], of=online_descent.token_loss)
        W = moved - W + alpha[t] * W
    return W


def derive(decay_first: bool = True) -> Iterator[Obligation]:
    """One token of the layer against decay and step."""
    W, k, v = matrix("W", "m", "f"), matrix("k", "f", 1), matrix("v", "m", 1)
    alpha, beta = scalar("alpha"), scalar("beta")
    yield Obligation(
        "one token",
        delta_rule.step(W, k, v, beta, alpha),
        step(alpha * W, k.mT, v.mT, beta) if decay_first else alpha * step(W, k.mT, v.mT, beta),
        r"$\alpha W (I - \beta k k^\top) + \beta v k^\top$ is a step from $\alpha W$, for any $W$; so all iterates agree.",
    )


IDENTITY = Identity(
    shapes={"K": ("N", "f"), "V": ("N", "m"), "beta": ("N",), "alpha": ("N",), "W0": ("m", "f")},
    left=layer,
    right=learner,
    sizes=({"f": 3, "m": 2, "N": 3}, {"f": 8, "m": 8, "N": 20}),
    large=Large({"f": 20, "m": 21, "N": 130}),
    symbolic_sizes={"f": 2, "m": 1, "N": 2},
    torch_only=True,
    positive=("alpha",),
    derive=derive,
)

CLAIM = Claim(
    __name__,
    title="Gated DeltaNet: decay first, then a gradient step at the decayed point",
    kind=Kind.IDENTITY,
    statement=r"""The gated delta rule $W_t = \alpha_t W_{t-1} (I - \beta_t k_t k_t^\top) + \beta_t v_t k_t^\top$ is

$$ W_t = \alpha_t W_{t-1} - \beta_t \nabla L_t(\alpha_t W_{t-1}), \qquad L_t(W) = \tfrac12 \norm{W k_t - v_t}^2 . $$

The gradient is taken at $\alpha_t W_{t-1}$, not at $W_{t-1}$ as decoupled weight decay does.""",
    derivation=r"""Put $\alpha W$ for $W$ in gd.delta_rule.""",
    assumptions=(r"$\alpha_t$, $\beta_t$ are given; however the layer computes them",),
    source="arXiv 2412.06464 (update); the reading as descent derived here",
    systems=(System("Gated DeltaNet", "the memory decays, then a gradient step at the decayed point"),),
    checks=IDENTITY.checks(),
    mutants=(
        IDENTITY.mutant("gradient_undecayed", "the gradient at the undecayed memory", right=undecayed),
        IDENTITY.mutant("decay_last", "the step first, then the decay", derive=lambda: derive(decay_first=False)),
        IDENTITY.mutant(
            "no_decay",
            "the decay is ignored",
            right=lambda K, V, beta, alpha, W0: learner(K, V, beta, alpha - alpha + 1, W0),
            rungs=EXACTLY,
        ),
    ),
)
