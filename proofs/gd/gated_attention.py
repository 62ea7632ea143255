"""Gated linear attention is one gradient step on keys that have faded channel by channel."""

from collections.abc import Iterator

import torch

from constructions import gated_linear_attention
from constructions.autograd_descent import gradient
from constructions.namespace import Array, namespace
from numeric.blocks import blocks
from numeric.derivation import Obligation, loss_expansion
from numeric.words import matrix, scalar, zeros
from proofs.claim import Claim, System
from proofs.evidence import Kind, Rung
from proofs.identity import Identity, Large
from proofs.kernel import kernel_check


def layer(K: Array, V: Array, alpha: Array, rate: Array) -> Array:
    """The memory after all tokens: (m, f)."""
    return gated_linear_attention.memory(K, V, alpha, rate)


def weighted_loss(W: Array, K: Array, V: Array, rates: Array) -> Array:
    """1/2 sum_t rate_t |W k_t - v_t|^2, the rates on the diagonal of a matrix (N, N)."""
    residual = W @ K.mT - V.mT
    return namespace(W, K, V).sum((residual @ rates) * residual) / 2


def learner(K: Array, V: Array, alpha: Array, rate: Array, newest: bool = False, faded: bool = True) -> Array:
    """Minus the autograd gradient at 0 of the loss on keys k_t times the later gates (`newest`: its own too): (m,
    f)."""
    keys = []
    for t in range(K.shape[0]):
        key = K[t, :]
        for s in range(t if newest else t + 1, K.shape[0]):
            key = key * alpha[s, :]
        keys.append(key)
    used = torch.stack(keys) if faded else K
    return -gradient(K.new_zeros(V.shape[1], K.shape[1]), used, V, torch.diag_embed(rate), of=weighted_loss)


def derive(newest: bool = False) -> Iterator[Obligation]:
    """Induction on tokens: a gate multiplies all earlier keys, the newest key is written as it is; then the gradient."""
    K, U, D = matrix("K", "N", "f"), matrix("U", "N", "m"), matrix("D", "f", "f", "diagonal")
    k, v, r = matrix("k", "f", 1), matrix("v", "m", 1), scalar("r")
    yield Obligation(
        "one more token",
        gated_linear_attention.step(U.mT @ K, k, v, D, r),
        blocks([[U], [r * v.mT]]).mT @ blocks([[K @ D], [k.mT @ D if newest else k.mT]]),
        r"With $D = \operatorname{diag}(\alpha_{t+1})$ the memory $U^\top \tilde K$ of the faded keys $\tilde K$ and the "
        r"values times their rates, $U$, becomes that of $(\tilde K D, k)$ and $(U, r v)$; with no tokens it is 0.",
    )
    W, V, R = matrix("W", "m", "f"), matrix("V", "N", "m"), matrix("R", "N", "N", "diagonal")
    slope = (W @ K.mT - V.mT) @ R @ K
    yield from loss_expansion(lambda at: weighted_loss(at, K, V, R), W, slope, name="the weighted loss")
    yield Obligation(
        "the step",
        -slope.substitute(W, zeros("m", "f")),
        (R @ V).mT @ K,
        r"Minus the gradient at $0$ is $U^\top \tilde K$ with $U = R V$, the rates on the diagonal of $R$.",
    )


IDENTITY = Identity(
    shapes={"K": ("N", "f"), "V": ("N", "m"), "alpha": ("N", "f"), "rate": ("N",)},
    left=layer,
    right=learner,
    sizes=({"f": 3, "m": 2, "N": 4}, {"f": 6, "m": 6, "N": 16}),
    large=Large({"f": 20, "m": 21, "N": 130}),
    symbolic_sizes={"f": 2, "m": 1, "N": 3},
    torch_only=True,
    positive=("alpha", "rate"),
    derive=derive,
)

CLAIM = Claim(
    __name__,
    title="Gated linear attention is one gradient step on faded keys",
    kind=Kind.IDENTITY,
    statement=r"""The memory $W_t = W_{t-1} \operatorname{diag}(\alpha_t) + r_t v_t k_t^\top$, $W_0 = 0$, is

$$ W_N = -\nabla L(0), \qquad L(W) = \tfrac12 \sum_{t=1}^{N} r_t \norm{W \tilde k_t - v_t}^2, \qquad
   \tilde k_t = \alpha_N \odot \cdots \odot \alpha_{t+1} \odot k_t , $$

one gradient-descent step of size 1 from $0$ on keys that have faded channel by channel. With one gate for all channels
(RetNet: a constant; Mamba-2: $e^{\Delta_t a}$, with $r_t = \Delta_t$) it is a step on discounted least squares with
the weights
$r_t \prod_{s>t} \alpha_s$; with gates and rates $1$ (linear attention) on plain least squares.""",
    derivation=r"""A gate multiplies the columns of everything written before it. $\nabla L(0) = -\sum_t r_t v_t
    \tilde k_t^\top$.""",
    assumptions=(r"gates and rates are given, however the layer computes them; no normalisation of keys or outputs",),
    source="arXiv 2312.06635 (GLA), 2307.08621 (RetNet), 2405.21060 (Mamba-2), 2006.16236 (linear attention); derived here",
    systems=(
        System("Mamba-2 (SSD)", "one gradient step on least squares discounted by the data-dependent gates"),
        System("RetNet", "one gradient step on exponentially discounted least squares"),
        System("GLA", "one gradient step on keys that fade channel by channel"),
        System("Linear attention", "one gradient step from 0 on plain least squares, nothing divided by $N$"),
    ),
    checks={
        **IDENTITY.checks(),
        Rung.KERNEL: kernel_check("gated_attention_step", "gated_attention_discounted", "weighted_loss_expansion"),
    },
    mutants=(
        IDENTITY.mutant(
            "own_gate",
            "a key is faded by its own gate too",
            right=lambda K, V, alpha, rate: learner(K, V, alpha, rate, newest=True),
            derive=lambda: derive(newest=True),
        ),
        IDENTITY.mutant(
            "not_faded",
            "the gates are ignored",
            right=lambda K, V, alpha, rate: learner(K, V, alpha, rate, faded=False),
            rungs=(Rung.EXACT, Rung.SYMBOLIC),
        ),
    ),
)
