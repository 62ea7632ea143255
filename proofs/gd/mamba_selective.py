r"""Selective Mamba takes one gradient step a channel, on keys that fade with the step sizes.

On joint tokens $(x_t, y_t)$ and the query $(x_q, 0)$, with $B$ and $C$ reading $x$, S6 with any step sizes
$\Delta_{t,c} > 0$ and decays $a_{t,c} = e^{\Delta_{t,c} A_c}$ (vectors over the state) gives in the channel of $y_c$

$$ w_c \cdot x_q, \qquad
   w_c = -\nabla \Bigl( \tfrac12 \sum_t \Delta_{t,c} \, (w \cdot \tilde x_{t,c} - y_{t,c})^2 \Bigr)_{w = 0}, \qquad
   \tilde x_{t,c} = a_{N,c} \odot \cdots \odot a_{t+1,c} \odot x_t : $$

one gradient-descent step a channel, with a step size for every token and channel, on keys that fade entry by entry. The
outputs of one problem are not descended on alike unless all channels have the same $\Delta$. At $A = 0$ the keys do not
fade and it is the step on least squares weighted by $\Delta$; with $\Delta$ constant too, the plain step. For $A < 0$
the fading is tied to $\Delta$ (gd.mamba_selective_limit).

Why.
A channel's state is a row; a decay multiplies its entries, a token adds $\Delta_{t,c} \, y_{t,c} x_t^\top$.

Assumes.
- $\Delta$ and $a$ given, however the layer computes them from the tokens
- the query's token does not decay the state (it would fade all keys once more)

Source.
arXiv 2312.00752 (S6); derived here

Systems.
- Mamba (S6): one gradient step a channel, with its own step sizes and fading keys
"""

# Over 120 lines: the layer and its undecayed limit, each channel a learner of its own.

from collections.abc import Iterator

import torch

from constructions import selective_mamba
from constructions.autograd_descent import gradient
from constructions.gated_accumulator import accumulate
from constructions.namespace import Array, identity, namespace, zeros
from constructions.two_layers import tokens
from numeric.words import Words, matrix, scalar, trace
from numeric.words import zeros as zero_words
from numeric.words.blocks import blocks
from numeric.words.derivation import Obligation, loss_expansion
from proofs.forms import Identity, Large, Rung, Short, claim, together


def selections(f: int, m: int, like: Array) -> Array:
    """W_B = W_C = [I_f 0] on tokens (x, y): (f, f + m)."""
    return namespace(like).concat([identity(f, like), zeros((f, m), like)], axis=1)


def layer(X: Array, Y: Array, x_q: Array, Delta: Array, decay: Array) -> Array:
    """The y channels at the query's token (x_q, 0), for step sizes (N, m) and decays (N, m, f) of the y channels: (m,).

    The query's own decay is taken as 1, its step size does not matter.
    """
    f, m = X.shape[1], Y.shape[1]
    on_x = selections(f, m, X)
    steps = torch.cat([torch.cat([Delta[:, :1].expand(-1, f), Delta], dim=1), 0 * X[:1, :1].expand(1, f + m)])
    kept = torch.cat(
        [torch.cat([decay[:, :1, :].expand(-1, f, -1), decay], dim=1), 0 * decay[:1, :1, :].expand(1, f + m, f) + 1]
    )
    return selective_mamba.last(tokens(X, Y, x_q), on_x, on_x, steps, kept)[f:]


def channel_loss(w: torch.Tensor, keys: torch.Tensor, y: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """1/2 sum_t weights_t (w . k_t - y_t)^2 of one channel."""
    residual = keys @ w - y
    return (weights * residual * residual).sum() / 2


def learner(
    X: Array, Y: Array, x_q: Array, Delta: Array, decay: Array, shared: bool = False, newest: bool = False
) -> Array:
    """Channel by channel minus the autograd gradient at 0 on faded keys, asked at x_q: (m,).

    `shared`: the first channel's step sizes and decays for all; `newest`: a key is faded by its own decay too.
    """
    rows = []
    for c in range(Y.shape[1]):
        own = 0 if shared else c
        keys = []
        for t in range(X.shape[0]):
            key = X[t, :]
            for s in range(t if newest else t + 1, X.shape[0]):
                key = key * decay[s, own, :]
            keys.append(key)
        rows.append(-gradient(0 * X[0, :], torch.stack(keys), Y[:, c], Delta[:, own], of=channel_loss) @ x_q)
    return torch.stack(rows)


def undecayed(X: Array, Y: Array, x_q: Array, Delta: Array) -> Array:
    """The layer at A = 0, all decays 1: (m,)."""
    N, f = X.shape
    return layer(X, Y, x_q, Delta, 0 * Delta[:, :, None].expand(N, Y.shape[1], f) + 1)


def weighted(X: Array, Y: Array, x_q: Array, Delta: Array, per_channel: bool = True) -> Array:
    """Channel by channel minus the gradient at 0 on the keys themselves (not `per_channel`: channel 0's weights): (m,)."""
    columns = [c if per_channel else 0 for c in range(Y.shape[1])]
    found = [-gradient(0 * X[0, :], X, Y[:, c], Delta[:, k], of=channel_loss) @ x_q for c, k in enumerate(columns)]
    return torch.stack(found)


def derive(newest: bool = False, signed: bool = True) -> Iterator[Obligation]:
    """One channel: its state is a row y^T diag(Delta) K with faded keys K; a decay multiplies the columns. Then its loss."""
    K, y = matrix("K", "N", "f"), matrix("y", "N", 1)
    D, E = matrix("D", "N", "N", "diagonal"), matrix("E", "f", "f", "diagonal")
    k, v, delta = matrix("k", "f", 1), scalar("v"), scalar("Delta")
    weights = blocks([[D, zero_words("N", 1)], [zero_words(1, "N"), delta * blocks([[1]])]])
    # the entrywise decay of a row, as the product with diag(decay)
    yield Obligation(
        "one more token",
        accumulate((y.mT @ D @ K) @ E, delta * v * k.mT, 1),
        blocks([[y], [v * blocks([[1]])]]).mT @ weights @ blocks([[K @ E], [k.mT @ E if newest else k.mT]]),
        r"With $E = \operatorname{diag}(e^{\Delta A})$ all earlier keys fade, the newest is written as it is with weight $\Delta$.",
    )
    q, w = matrix("q", "f", 1), matrix("w", 1, "f")

    def weighted_loss(at: Words) -> Words:
        residual = at @ K.mT - y.mT
        return trace(residual @ D @ residual.mT) / 2

    slope = (w @ K.mT - (1 if signed else -1) * y.mT) @ D @ K
    yield from loss_expansion(weighted_loss, w, slope, name="the channel's loss")
    yield Obligation(
        "the step",
        -slope.substitute(w, zero_words(1, "f")) @ q,
        y.mT @ D @ K @ q,
        r"Minus the gradient of $\frac12 \sum_t \Delta_t (w \cdot \tilde k_t - y_t)^2$ at $0$, asked at $q$.",
    )


IDENTITY = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "m"), "x_q": ("f",), "Delta": ("N", "m"), "decay": ("N", "m", "f")},
    left=layer,
    right=learner,
    sizes=({"f": 2, "m": 2, "N": 3}, {"f": 4, "m": 3, "N": 8}),
    large=Large({"f": 2, "m": 3, "N": 40}, short=Short.WORK),
    symbolic_sizes={"f": 1, "m": 1, "N": 2},
    positive=("Delta", "decay"),
    derive=derive,
)
UNDECAYED = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "m"), "x_q": ("f",), "Delta": ("N", "m")},
    left=undecayed,
    right=weighted,
    sizes=({"f": 2, "m": 2, "N": 3}, {"f": 4, "m": 3, "N": 8}),
    large=Large({"f": 20, "m": 21, "N": 130}),
    positive=("Delta",),
    rungs=(Rung.EXACT,),
)

CLAIM = claim(
    __name__,
    together(IDENTITY.checks(), UNDECAYED.checks()),
    IDENTITY.mutant(
        "one_step_for_all", "all channels take the first one's steps", right={"shared": True}, rungs=(Rung.EXACT,)
    ),
    IDENTITY.mutant(
        "own_decay", "a key is faded by its own decay too", right={"newest": True}, derive={"newest": True}
    ),
    IDENTITY.mutant("wrong_gradient", "the gradient of another loss", derive={"signed": False}),
    UNDECAYED.mutant("one_weight", "at A = 0 all channels have the first one's weights", right={"per_channel": False}),
)
