r"""Hyena of order two takes one weighted gradient step; with an exponential filter it is H3.

On the typed tokens $(x_1, 0), (0, y_1), \dots, (x_q, 0)$ let Hyena of order 2 have a channel for each pair $(i, j)$
with the value $x_j$, the gates $y_i$ and $x_j$, a shift by one token as its first filter and any second filter $h$, the
same in all channels. Then $\frac{\eta}{N}$ times its last output, summed over $j$, is one gradient-descent step of size
$\eta$ from $W_0 = 0$ on

$$ \frac{1}{2N} \sum_{t=1}^{N} h_{2(N-t)+1} \norm{W x_t - y_t}^2 , $$

asked at $x_q$: every weighting of the pairs is reached, the plain step with $h = 1$. With $h_j = a^j$ it is, channel by
channel, H3 (gd.h3_weighted_step), keys and values exchanged.

Why.
At $y_t$ the shifted value is $x_{t,j}$ and the gate $y_{t,i}$; at $x_t$ the gate is $0$. The query reads these products
$2(N-t)+1$ tokens later.

Assumes.
- $W_0 = 0$; typed tokens; filters fixed, not computed from tokens

Source.
arXiv 2302.10866 (Hyena, and that H3 is its order 2); the reading derived here

Systems.
- Hyena: at order 2 one gradient step on least squares weighted by its filter
"""

import torch

from constructions import h3, hyena
from constructions.autograd_descent import descend
from constructions.gradient_descent import weighted_loss
from constructions.namespace import Array, filled, namespace
from constructions.two_layers import pairs
from proofs.forms import EXACTLY, Identity, Large, Rung, claim, together


def layer(X: Array, Y: Array, x_q: Array, h: Array, eta: Array) -> Array:
    """eta/N times the last output on the typed tokens, one channel for each pair (i, j), summed over j: (m,).

    First a shift of x_j gated by y_i, then the filter with the values h[N-t] at pair t, gated by x_j of the query.
    """
    U = h3.tokens(X, Y, x_q)
    f, m, N = X.shape[1], Y.shape[1], X.shape[0]
    x_of, y_of = pairs(f, m, X)
    on_x, on_y = U[:, :f] @ x_of.mT, U[:, f:] @ y_of.mT
    # pair t is written 2 (N - t) + 1 tokens before the query
    taps = torch.stack([h[(lag - 1) // 2] if lag % 2 else 0 * h[0] for lag in range(2 * N + 1)])
    filters = (hyena.shift(2 * N + 1, on_x), taps[:, None] + 0 * on_x)
    return eta / N * (y_of.mT @ hyena.layer(on_x, (on_y, on_x), filters)[-1, :])


def learner(X: Array, Y: Array, x_q: Array, h: Array, eta: Array, reverse: bool = False) -> Array:
    """One autograd step from 0 on the loss with the weight h[N-t] at pair t (`reverse`: h[t-1]): (m,)."""
    W0 = X.new_zeros(Y.shape[1], X.shape[1])
    return descend(W0, X, Y, h if reverse else h.flip(0), eta=eta, of=weighted_loss) @ x_q


def order_two(U: Array, W_V: Array, W_K: Array, W_Q: Array, decay: Array) -> Array:
    """Hyena of order 2 with a shift and an exponential filter: (T, d)."""
    T = U.shape[0]
    keys = U @ W_K.mT
    powers = [filled(1, decay)]
    for _ in range(T - 1):
        powers.append(powers[-1] * decay)
    exponential = namespace(U).stack(powers)[:, None] + 0 * keys
    return hyena.layer(keys, (U @ W_V.mT, U @ W_Q.mT), (hyena.shift(T, keys), exponential))


def heads(U: Array, W_V: Array, W_K: Array, W_Q: Array, decay: Array) -> Array:
    """H3 with heads of one channel: (T, d)."""
    rows = [
        h3.layer(U, W_V[c : c + 1, :], W_K[c : c + 1, :], W_Q[c : c + 1, :], decay)[:, 0] for c in range(W_V.shape[0])
    ]
    return namespace(U).stack(rows, axis=1)


IDENTITY = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "m"), "x_q": ("f",), "h": ("N",), "eta": ()},
    left=layer,
    right=learner,
    names=("Hyena", "weighted step"),
    sizes=({"f": 2, "m": 2, "N": 3}, {"f": 3, "m": 2, "N": 6}),
    large=Large({"f": 17, "m": 18, "N": 100}),
    symbolic_sizes={"f": 1, "m": 1, "N": 2},
)
H3 = Identity(
    shapes={"U": ("T", "p"), "W_V": ("d", "p"), "W_K": ("d", "p"), "W_Q": ("d", "p"), "decay": ()},
    left=order_two,
    right=heads,
    names=("Hyena of order 2", "H3"),
    sizes=({"T": 4, "p": 2, "d": 2}, {"T": 8, "p": 3, "d": 4}),
    large=Large({"T": 130, "p": 17, "d": 3}),
    numpy=True,
    rungs=(Rung.EXACT,),
)

CLAIM = claim(
    __name__,
    together(IDENTITY.checks(), H3.checks()),
    IDENTITY.mutant("reversed_weights", "the filter weights the pairs in reverse order", right={"reverse": True}),
    IDENTITY.mutant(
        "unweighted",
        "the plain step with every filter",
        right=lambda h, **at: learner(h=filled(1, h), **at),
        rungs=EXACTLY,
    ),
    H3.mutant(
        "not_exchanged",
        "H3 with keys and values as they are",
        right=lambda U, W_V, W_K, W_Q, decay: heads(U, W_K, W_V, W_Q, decay),
    ),
)
