r"""Gated linear attention is one gradient step on faded keys.

The memory $W_t = W_{t-1} \operatorname{diag}(\alpha_t) + r_t v_t k_t^\top$, $W_0 = 0$, is

$$ W_N = -\nabla L(0), \qquad L(W) = \tfrac12 \sum_{t=1}^{N} r_t \norm{W \tilde k_t - v_t}^2, \qquad
   \tilde k_t = \alpha_N \odot \cdots \odot \alpha_{t+1} \odot k_t , $$

one gradient-descent step of size 1 from $0$ on keys that have faded channel by channel. With one gate for all channels
(RetNet: a constant; Mamba-2: $e^{\Delta_t a}$, with $r_t = \Delta_t$) it is a step on discounted least squares with the
weights $r_t \prod_{s>t} \alpha_s$; with gates and rates $1$ (linear attention) on plain least squares.

Why.
A gate multiplies the columns of everything written before it. $\nabla L(0) = -\sum_t r_t v_t \tilde k_t^\top$.

Assumes.
- gates and rates are given, however the layer computes them; no normalisation of keys or outputs

Source.
arXiv 2312.06635 (GLA), 2307.08621 (RetNet), 2405.21060 (Mamba-2), 2006.16236 (linear attention); derived here

Systems.
- Mamba-2 (SSD): one gradient step on least squares discounted by the data-dependent gates
- RetNet: one gradient step on exponentially discounted least squares
- GLA: one gradient step on keys that fade channel by channel
- Linear attention: one gradient step from 0 on plain least squares, nothing divided by $N$
"""

from constructions import gated_linear_attention
from constructions.autograd_descent import gradient
from constructions.namespace import Array, namespace, zeros
from numeric.words.session import Invariant
from numeric.words.whole import Spec
from proofs.forms import Identity, Large, claim
from proofs.kernel.rung import kernel_check


def layer(K: Array, V: Array, alpha: Array, rate: Array) -> Array:
    """The memory after all tokens: (m, f)."""
    return gated_linear_attention.memory(K, V, alpha, rate)


def weighted_loss(W: Array, K: Array, V: Array, rate: Array) -> Array:
    """1/2 sum_t rate_t |W k_t - v_t|^2."""
    residual = W @ K.mT - V.mT
    return namespace(W, K, V).sum(rate[None, :] * residual * residual) / 2


def learner(K: Array, V: Array, alpha: Array, rate: Array) -> Array:
    """Minus the autograd gradient at 0 of the loss on keys k_t times the later gates: (m, f)."""
    return on_keys(namespace(K).decay_to_end(alpha, K) * K, V, rate)


def on_keys(K: Array, V: Array, rate: Array) -> Array:
    """The same on given keys."""
    return -gradient(zeros((V.shape[1], K.shape[1]), K), K, V, rate, of=weighted_loss)


def own_gate(K: Array, V: Array, alpha: Array, rate: Array) -> Array:
    """A key is faded by its own gate too."""
    return learner(K * alpha, V, alpha, rate)


def not_faded(K: Array, V: Array, alpha: Array, rate: Array) -> Array:
    """The gates are ignored."""
    return on_keys(K, V, rate)


def memory(K: Array, V: Array, alpha: Array, rate: Array) -> Array:
    """The values times their rates against the faded keys."""
    return (rate[:, None] * V).mT @ (namespace(K).decay_to_end(alpha, K) * K)


IDENTITY = Identity(
    shapes={"K": ("N", "f"), "V": ("N", "m"), "alpha": ("N", "f"), "rate": ("N",)},
    left=layer,
    right=learner,
    sizes=({"f": 3, "m": 2, "N": 4}, {"f": 6, "m": 6, "N": 16}),
    large=Large({"f": 20, "m": 21, "N": 130}),
    symbolic_sizes={"f": 2, "m": 1, "N": 3},
    positive=("alpha", "rate"),
    whole=Spec({"gated_linear_attention.memory": Invariant(memory)}),
)

CLAIM = claim(
    __name__,
    IDENTITY.checks()
    | kernel_check("gated_attention_step", "gated_attention_discounted", "weighted_loss_expansion").checks(),
    IDENTITY.mutant("own_gate", "a key is faded by its own gate too", right=own_gate),
    IDENTITY.mutant("not_faded", "the gates are ignored", right=not_faded, sizes={"f": 2, "m": 1, "N": 3}),
)
