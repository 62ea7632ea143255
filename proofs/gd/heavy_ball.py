r"""The momentum delta rule is heavy ball.

The memory $M_t = \mu M_{t-1} + (W_{t-1} k_t - v_t) k_t^\top$, $W_t = W_{t-1} - \eta M_t$, $M_0 = 0$, is

$$ W_t = W_{t-1} - \eta \nabla L_t(W_{t-1}) + \mu (W_{t-1} - W_{t-2}), \qquad
   L_t(W) = \tfrac12 \norm{W k_t - v_t}^2 , $$

Polyak's heavy ball with one step a token, $W_{-1} = W_0$. At $\mu = \frac12$ it is compared with
`torch.optim.SGD(momentum=0.5)`, the optimiser's own code, too.

Why.
$W_{t-1} - W_{t-2} = -\eta M_{t-1}$ holds at the start and is kept by every token.

Assumes.
- $\mu$ and $\eta$ constant in time (a varying $\eta$ separates the two forms)
- no weight decay

Source.
Polyak 1964; arXiv 2501.00663 for the memory; derived here

Systems.
- Momentum delta rule: heavy ball: stochastic gradient descent with momentum
"""

from collections.abc import Iterator

import torch

from constructions import momentum_rule
from constructions.autograd_descent import gradient
from constructions.gradient_descent import gradient as written
from constructions.namespace import Array, filled
from constructions.online_descent import token_loss
from constructions.optimiser import SGD
from numeric.words import matrix, scalar
from numeric.words.derivation import Obligation
from proofs.forms import EXACTLY, Identity, Large, claim


def layer(K: Array, V: Array, mu: Array, eta: Array, W0: Array) -> Array:
    """The memory after all tokens: (m, f)."""
    return momentum_rule.layer(W0, K, V, mu, eta)


def learner(K: Array, V: Array, mu: Array, eta: Array, W0: Array, damped: bool = False) -> Array:
    """W_{t+1} = W_t - eta grad + mu (W_t - W_{t-1}), gradients by autograd; `damped`: eta (1 - mu) for eta."""
    before = W = W0
    rate = eta * (1 - mu) if damped else eta
    for t in range(K.shape[0]):
        move = mu * (W - before) - rate * gradient(W, K[t : t + 1, :], V[t : t + 1, :], of=token_loss)
        before, W = W, W + move
    return W


def optimiser(K: torch.Tensor, V: torch.Tensor, eta: Array, W0: torch.Tensor) -> torch.Tensor:
    """torch.optim.SGD with momentum 1/2 at learning rate 1 on eta times each token's loss: (m, f)."""
    with torch.enable_grad():
        weight = torch.nn.Parameter(W0.detach().clone())
        sgd = SGD([weight], lr=1.0, momentum=0.5, foreach=False)
        for t in range(K.shape[0]):
            sgd.zero_grad()
            (eta * token_loss(weight, K[t : t + 1, :], V[t : t + 1, :])).backward()
            sgd.step()
    return weight.detach()


def both(K: Array, V: Array, mu: Array, eta: Array, W0: Array) -> Array:
    """The layer at mu, and the layer at momentum 1/2: (2, m, f)."""
    return torch.stack([layer(K, V, mu, eta, W0), momentum_rule.layer(W0, K, V, filled(0.5, mu), eta)])


def learners(K: Array, V: Array, mu: Array, eta: Array, W0: Array) -> Array:
    """Heavy ball at mu, and torch.optim.SGD with momentum 1/2: (2, m, f)."""
    return torch.stack([learner(K, V, mu, eta, W0), optimiser(K, V, eta, W0)])


def derive(nesterov: bool = False) -> Iterator[Obligation]:
    """With W - W_before = -eta M, one token of the layer is one heavy-ball step, and the relation is kept."""
    W, M, k, v = matrix("W", "m", "f"), matrix("M", "m", "f"), matrix("k", "f", 1), matrix("v", "m", 1)
    mu, eta = scalar("mu"), scalar("eta")
    moved, buffer = momentum_rule.step(W, M, k, v, mu, eta)
    at = W - eta * mu * M if nesterov else W
    yield Obligation(
        "one token",
        moved,
        W - eta * written(at, k.mT, v.mT) + mu * (-eta * M),
        r"With $W - W_{-} = -\eta M$ the layer's move is the heavy ball's; at the start $M = 0$ and $W_{-} = W$.",
    )
    yield Obligation(
        "the buffer", moved - W, -eta * buffer, r"The next difference of iterates is again $-\eta$ times the buffer."
    )


IDENTITY = Identity(
    shapes={"K": ("N", "f"), "V": ("N", "m"), "mu": (), "eta": (), "W0": ("m", "f")},
    left=both,
    right=learners,
    names=("momentum rule", "heavy ball and torch.optim.SGD"),
    sizes=({"f": 2, "m": 2, "N": 3}, {"f": 6, "m": 6, "N": 12}),
    large=Large({"f": 20, "m": 21, "N": 130}),
    symbolic_sizes={"f": 1, "m": 1, "N": 3},
    positive=("mu",),
    derive=derive,
)

CLAIM = claim(
    __name__,
    IDENTITY.checks(),
    IDENTITY.mutant(
        "damped",
        "the gradient weighted 1 - mu, as an exponential average",
        right=lambda K, V, mu, eta, W0: torch.stack(
            [learner(K, V, mu, eta, W0, damped=True), optimiser(K, V, eta, W0)]
        ),
    ),
    IDENTITY.mutant("nesterov", "the gradient at the extrapolated point", derive={"nesterov": True}),
    IDENTITY.mutant(
        "no_momentum", "momentum ignored", right=lambda mu, **at: learners(mu=filled(0, mu), **at), rungs=EXACTLY
    ),
)
