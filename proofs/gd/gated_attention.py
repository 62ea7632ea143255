"""Gated linear attention is one gradient step on keys that have faded channel by channel."""

from collections.abc import Iterator

import torch

from constructions import gated_linear_attention
from constructions.autograd_descent import gradient
from constructions.gradient_descent import step
from constructions.namespace import Array
from numeric.blocks import blocks
from numeric.derivation import Obligation
from numeric.words import eye, matrix, scalar, zeros
from proofs.claim import Claim, System
from proofs.evidence import Kind, Rung
from proofs.identity import Identity


def layer(K: Array, V: Array, alpha: Array, rate: Array) -> Array:
    """The memory after all tokens: (m, f)."""
    return gated_linear_attention.memory(K, V, alpha, rate)


def weighted_loss(W: torch.Tensor, K: torch.Tensor, V: torch.Tensor, rate: torch.Tensor) -> torch.Tensor:
    """1/2 sum_t rate_t |W k_t - v_t|^2."""
    residual = W @ K.mT - V.mT
    return (rate * residual * residual).sum() / 2


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
    return -gradient(K.new_zeros(V.shape[1], K.shape[1]), used, V, rate, of=weighted_loss)


def derive(newest: bool = False) -> Iterator[Obligation]:
    """Induction on tokens: a gate multiplies all earlier keys, the newest key is written as it is."""
    K, V, D = matrix("K", "N", "f"), matrix("V", "N", "m"), matrix("D", "f", "f", "diagonal")
    k, v = matrix("k", "f", 1), matrix("v", "m", 1)
    write = v @ k.mT
    yield Obligation(
        "one more token",
        (V.mT @ K) @ D + write,
        blocks([[V], [v.mT]]).mT @ blocks([[K @ D], [k.mT @ D if newest else k.mT]]),
        r"With $D = \operatorname{diag}(\alpha_{t+1})$ the memory $V^\top \tilde K$ of the faded keys $\tilde K$ becomes that of "
        r"$(\tilde K D, k)$; with no tokens it is 0.",
    )
    yield Obligation(
        "the step",
        step(zeros("m", "f"), K, V, scalar("N")),
        V.mT @ K @ eye("f"),
        r"A step of size $N$ on the mean loss, size 1 on the sum, from $0$ is $V^\top \tilde K$; a rate $r_t$ multiplies $v_t$.",
    )


IDENTITY = Identity(
    shapes={"K": ("N", "f"), "V": ("N", "m"), "alpha": ("N", "f"), "rate": ("N",)},
    left=layer,
    right=learner,
    sizes=({"f": 3, "m": 2, "N": 4}, {"f": 6, "m": 6, "N": 16}),
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
    checks=IDENTITY.checks(),
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
