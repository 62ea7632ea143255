r"""Titans' rule is heavy ball with decoupled decay.

With $S_0 = 0$ and $\ell_t(M) = \frac12 \norm{M k_t - v_t}^2$, Titans' memory
$S_t = \mu_t S_{t-1} - \theta_t \nabla \ell_t(M_{t-1})$, $M_t = (1 - \alpha_t) M_{t-1} + S_t$ is

$$ M_t = (1 - \alpha_t) M_{t-1} - \theta_t \nabla \ell_t(M_{t-1}) + \mu_t \bigl( M_{t-1} - (1 - \alpha_{t-1}) M_{t-2} \bigr) : $$

heavy ball whose decay is decoupled (it never enters the momentum) and whose gradient is taken at the undecayed memory.
At a constant $\mu$ it is `torch.optim.SGD(lr=1, momentum=mu)` on the losses $\theta_t \ell_t$, with the parameter
multiplied by $1 - \alpha_t$ between gradient and step (run at $\mu = \frac12$). With two tokens $k = 1$, $v = 0$,
$f = m = 1$, $M_0 = 4$ and $\mu = \alpha = \frac12$ it differs from two others: from SGD on $\ell_t$ with the learning
rate $\theta_t$, which multiplies the momentum by $\theta_t$ too ($\theta = 1, \frac12$: Titans $-2$, SGD $-1$), and
from `torch.optim.SGD(momentum, weight_decay)`, which puts the decay into the buffer ($\theta = 1$). At $\alpha = 0$ it
is gd.heavy_ball.

Why.
$S_t = M_t - (1 - \alpha_t) M_{t-1}$ by definition; put it into the next token.

Assumes.
- linear memory
- gates given, however the layer computes them

Source.
arXiv 2501.00663, section 3.1 (rule); the comparison derived here

Systems.
- Titans: heavy ball with decoupled decay, the gradient at the undecayed memory
"""

# Over 120 lines: four optimisers are written out: the two-term form, SGD decoupled, coupled, and with its own rates.

from collections.abc import Callable, Iterator

import torch

from constructions import titans
from constructions.autograd_descent import gradient
from constructions.gradient_descent import gradient as written
from constructions.namespace import Array, filled
from constructions.online_descent import token_loss
from constructions.optimiser import SGD
from numeric.deciding.programs import Program
from numeric.words import matrix, scalar
from numeric.words.derivation import Obligation
from proofs.forms import EXACTLY, Identity, Large, Rung, Witness, both, claim, impossible


def layer(K: Array, V: Array, mu: Array, theta: Array, alpha: Array, W0: Array) -> Array:
    """The memory after all tokens: (m, f)."""
    return titans.layer(W0, K, V, mu, theta, alpha)


def learner(
    K: Array, V: Array, mu: Array, theta: Array, alpha: Array, W0: Array, at_decayed: bool = False, late: bool = True
) -> Array:
    """Heavy ball in two-term form with decay, gradients by autograd, no second memory: (m, f).

    W_{t+1} = (1 - a_t) W_t - theta_t grad(W_t) + mu_t (W_t - (1 - a_{t-1}) W_{t-1}); `at_decayed`: the gradient at
    (1 - a_t) W_t; not `late`: the momentum W_t - W_{t-1}, as the plain heavy ball has it.
    """
    W, moved = W0, 0 * W0
    for t in range(K.shape[0]):
        kept = (1 - alpha[t]) * W
        at = kept if at_decayed else W
        after = kept + mu[t] * moved - theta[t] * gradient(at, K[t : t + 1, :], V[t : t + 1, :], of=token_loss)
        W, moved = after, after - (kept if late else W)
    return W


def decoupled(K: torch.Tensor, V: torch.Tensor, theta: Array, alpha: Array, W0: torch.Tensor) -> torch.Tensor:
    """torch.optim.SGD with momentum 1/2, the parameter multiplied by 1 - alpha_t between backward() and step()."""
    return _optimise(K, V, W0, alpha, theta=theta)


def coupled(K: torch.Tensor, V: torch.Tensor, theta: Array, W0: torch.Tensor, decay: float) -> torch.Tensor:
    """torch.optim.SGD with momentum 1/2 and weight_decay: the decay enters the momentum buffer."""
    return _optimise(K, V, W0, theta=theta, decay=decay)


def halved(K: torch.Tensor, V: torch.Tensor, alpha: Array, W0: torch.Tensor) -> torch.Tensor:
    """As `decoupled`, with the learning rates 1, 1/2, 1/4, ... on the bare losses."""
    return _optimise(K, V, W0, alpha, rate=lambda t: 0.5**t)


def _optimise(
    K: torch.Tensor,
    V: torch.Tensor,
    W0: torch.Tensor,
    alpha: Array | None = None,
    theta: Array | None = None,
    decay: float = 0.0,
    rate: Callable[[int], float] = lambda t: 1.0,
) -> torch.Tensor:
    # an optimiser's learning rate is a number; with theta on the loss the rates can stay indeterminates
    with torch.enable_grad():
        weight = torch.nn.Parameter(W0.detach().clone())
        sgd = SGD([weight], lr=1.0, momentum=0.5, weight_decay=decay, foreach=False)
        for t in range(K.shape[0]):
            sgd.zero_grad()
            loss = token_loss(weight, K[t : t + 1, :], V[t : t + 1, :])
            (loss if theta is None else theta[t] * loss).backward()
            if alpha is not None:
                with torch.no_grad():
                    weight.mul_(1 - alpha[t])
            sgd.param_groups[0]["lr"] = rate(t)
            sgd.step()
    return weight.detach()


def both_layers(K: Array, V: Array, mu: Array, theta: Array, alpha: Array, W0: Array) -> Array:
    """The layer at mu, and at momentum 1/2: (2, m, f)."""
    return torch.stack([layer(K, V, mu, theta, alpha, W0), layer(K, V, filled(0.5, mu), theta, alpha, W0)])


def both_learners(K: Array, V: Array, mu: Array, theta: Array, alpha: Array, W0: Array) -> Array:
    """The two-term form at mu, and the optimiser with decoupled decay at momentum 1/2: (2, m, f)."""
    return torch.stack([learner(K, V, mu, theta, alpha, W0), decoupled(K, V, theta, alpha, W0)])


def variant(**changes: bool) -> Program:
    """The learners with the two-term form changed."""

    def program(K: Array, V: Array, mu: Array, theta: Array, alpha: Array, W0: Array) -> Array:
        return torch.stack([learner(K, V, mu, theta, alpha, W0, **changes), decoupled(K, V, theta, alpha, W0)])

    return program


def defect(K: Array, V: Array, theta: Array, W0: Array) -> Array:
    """The layer less the optimiser with coupled decay, both with momentum and decay 1/2: (m, f)."""
    half = filled(0.5, theta)
    return layer(K, V, half, theta, half, W0) - coupled(K, V, theta, W0, 0.5)


def layer_halved(K: Array, V: Array, alpha: Array, W0: Array) -> Array:
    """The layer at momentum 1/2 with the rates 1, 1/2, 1/4, ...: (m, f)."""
    theta = torch.stack([filled(0.5**t, alpha[t]) for t in range(K.shape[0])])
    return layer(K, V, filled(0.5, alpha), theta, alpha, W0)


def derive(undecayed: bool = True) -> Iterator[Obligation]:
    """With S = M - (1 - alpha_{t-1}) M_{t-2} one token is one heavy-ball step, and the relation is kept."""
    M, S, k, v = matrix("M", "m", "f"), matrix("S", "m", "f"), matrix("k", "f", 1), matrix("v", "m", 1)
    mu, theta, alpha = scalar("mu"), scalar("theta"), scalar("alpha")
    moved, surprise = titans.step(M, S, k, v, mu, theta, alpha)
    yield Obligation(
        "one token",
        moved,
        (1 - alpha) * M - theta * written(M if undecayed else (1 - alpha) * M, k.mT, v.mT) + mu * S,
        r"The gradient is taken at $M_{t-1}$, the decay acts beside it.",
    )
    yield Obligation(
        "the surprise",
        moved - (1 - alpha) * M,
        surprise,
        r"So $S_t = M_t - (1 - \alpha_t) M_{t-1}$, which is the momentum term of the next token; at the start it is 0.",
    )


IDENTITY = Identity(
    shapes={"K": ("N", "f"), "V": ("N", "m"), "mu": ("N",), "theta": ("N",), "alpha": ("N",), "W0": ("m", "f")},
    left=both_layers,
    right=both_learners,
    names=("Titans", "heavy ball and torch.optim.SGD, decay decoupled"),
    sizes=({"f": 2, "m": 2, "N": 3}, {"f": 6, "m": 6, "N": 10}),
    large=Large({"f": 20, "m": 21, "N": 130}),
    symbolic_sizes={"f": 1, "m": 1, "N": 2},
    positive=("mu", "alpha"),
    derive=derive,
    part={Rung.UNIVERSAL: "the two-term form, not torch's optimiser"},
)
HALVED = {"K": [[1], [1]], "V": [[0], [0]], "alpha": ["1/2", "1/2"], "W0": [[4]]}
POINT = {"K": [[1], [1]], "V": [[0], [0]], "theta": [1, 1], "W0": [[4]]}

CLAIM = claim(
    __name__,
    impossible(
        IDENTITY.checks(),
        both(
            Witness(defect, POINT, [[1]], "Titans less SGD(momentum = 1/2, weight_decay = 1/2), two tokens"),
            Witness(
                lambda K, V, alpha, W0: layer_halved(K, V, alpha, W0) - halved(K, V, alpha, W0),
                HALVED,
                [[-1]],
                "Titans less SGD(momentum = 1/2) with the rates 1, 1/2 as lr, two tokens",
            ),
        ),
    ),
    IDENTITY.mutant(
        "gradient_decayed",
        "the gradient at the decayed memory",
        right=variant(at_decayed=True),
        derive={"undecayed": False},
    ),
    IDENTITY.mutant(
        "plain_momentum",
        "the momentum of the plain heavy ball, M_{t-1} - M_{t-2}",
        right=variant(late=False),
        rungs=EXACTLY,
    ),
    IDENTITY.mutant(
        "rate_on_step",
        "theta = 1, 1/2, 1/4, ... as SGD's learning rate, in place of a factor of the loss",
        left=lambda K, V, mu, theta, alpha, W0: layer_halved(K, V, alpha, W0),
        right=lambda K, V, mu, theta, alpha, W0: halved(K, V, alpha, W0),
        rungs=EXACTLY,
    ),
    IDENTITY.mutant(
        "no_decay",
        "the forgetting gate is ignored",
        right=lambda alpha, **at: both_learners(alpha=filled(0, alpha), **at),
        rungs=EXACTLY,
    ),
)
