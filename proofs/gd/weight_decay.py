r"""SGD with weight decay is the gated delta rule up to a readout scale and a shift of the gates.

Stochastic gradient descent on $\frac12 \norm{W k_t - v_t}^2$ with learning rate $lr_t = \alpha_t \beta_t$ and weight
decay $wd_t$, $1 - lr_t \, wd_t = \alpha_t$, has the iterates

$$ S_t = \alpha_t U_t, \qquad U_t = \alpha_{t-1} U_{t-1} (I - \beta_t k_t k_t^\top) + \beta_t v_t k_t^\top, \quad
   \alpha_0 = 1, \; U_0 = S_0 . $$

So with a constant gate the two compute the same function up to the readout scale $\alpha$ (and the start), and with
varying gates also up to a shift of the gates by one token.

Why.
$S_t = S_{t-1} - lr_t \left( (S_{t-1} k_t - v_t) k_t^\top + wd_t S_{t-1} \right) = \alpha_t \left( S_{t-1} (I - \beta_t
k_t k_t^\top) + \beta_t v_t k_t^\top \right)$, and $S_{t-1} = \alpha_{t-1} U_{t-1}$.

Assumes.
- coupled weight decay, as in torch.optim.SGD

Source.
derived here; gated delta rule of arXiv 2412.06464

Departs.
- the optimiser runs at learning rate 1 on the scaled loss, so that rates can stay indeterminates

Systems.
- Gated DeltaNet: for constant gates SGD with weight decay, up to a readout scale
"""

from collections.abc import Iterator

import torch

from constructions import delta_rule
from constructions.namespace import Array, filled, namespace
from constructions.online_descent import token_loss
from constructions.optimiser import sgd
from numeric.words import matrix, scalar
from numeric.words.derivation import Obligation
from proofs.forms import EXACTLY, Identity, Large, claim


def layer(K: Array, V: Array, beta: Array, alpha: Array, W0: Array, late: bool = True) -> Array:
    """alpha_N times the gated delta rule with gates 1, alpha_1, ..., alpha_{N-1}: (m, f)."""
    xp = namespace(K)
    gates = xp.concat([filled(1, alpha[:1]), alpha[:-1]], axis=0) if late else alpha
    return alpha[-1] * delta_rule.layer(W0, K, V, beta, gates)


def penalised(W: torch.Tensor, k: torch.Tensor, v: torch.Tensor, rate: Array, decay: Array) -> torch.Tensor:
    """rate 1/2 |W k - v|^2 + (1 - decay) 1/2 |W|^2: learning rate `rate`, weight decay (1 - decay)/rate."""
    total: torch.Tensor = rate * token_loss(W, k, v) + (1 - decay) * (W * W).sum() / 2
    return total


def learner(K: Array, V: Array, beta: Array, alpha: Array, W0: Array) -> Array:
    """torch.optim.SGD on the penalised loss, learning rate alpha_t beta_t: (m, f)."""
    W = W0
    for t in range(K.shape[0]):
        rate = alpha[t] * beta[t]
        W = sgd(W, K[t : t + 1, :], V[t : t + 1, :], rate, alpha[t], eta=1, of=penalised)
    return W


def derive(rate_scaled: bool = True) -> Iterator[Obligation]:
    """If S = alpha U, one penalised step gives alpha' times one gated delta step of U with gate alpha."""
    U, k, v = matrix("U", "m", "f"), matrix("k", "f", 1), matrix("v", "m", 1)
    gate, following, beta = scalar("alpha"), scalar("alpha'"), scalar("beta")
    S, rate = gate * U, following * beta if rate_scaled else beta
    yield Obligation(
        "one token",
        S - rate * ((S @ k - v) @ k.mT) - (1 - following) * S,
        following * delta_rule.step(U, k, v, beta, gate),
        r"$S = \alpha U$ becomes $\alpha' U'$ with $U' = \alpha U (I - \beta k k^\top) + \beta v k^\top$; at the start "
        r"$S = W_0 = U$ with gate 1.",
    )


IDENTITY = Identity(
    shapes={"K": ("N", "f"), "V": ("N", "m"), "beta": ("N",), "alpha": ("N",), "W0": ("m", "f")},
    left=layer,
    right=learner,
    names=("scaled gated delta rule", "torch.optim.SGD with weight decay"),
    sizes=({"f": 3, "m": 2, "N": 3}, {"f": 8, "m": 8, "N": 20}),
    large=Large({"f": 20, "m": 21, "N": 130}),
    symbolic_sizes={"f": 2, "m": 1, "N": 2},
    positive=("alpha",),
    derive=derive,
)

CLAIM = claim(
    __name__,
    IDENTITY.checks(),
    IDENTITY.mutant("gates_not_shifted", "the gates are not shifted", left={"late": False}),
    IDENTITY.mutant(
        "not_rescaled",
        "the readout scale is missing",
        left=lambda K, V, beta, alpha, W0: delta_rule.layer(W0, K, V, beta, alpha),
        rungs=EXACTLY,
    ),
    IDENTITY.mutant("rate_is_beta", "learning rate beta_t", derive={"rate_scaled": False}),
)
