r"""Samba takes the gradient step in its Mamba layer; its window is a smoother of the last tokens.

In a Samba block (Mamba, then attention to the last $w$ tokens, each added to the stream):

- the attention's update is the kernel smoother of the last $w$ tokens and a function of nothing else
  (gd.softmax_smoother), while a gradient-descent step depends on every pair: moving $y_1$ by $v$ moves it by
  $\frac{\eta}{N} v (x_1 \cdot x_q)$. So for $N + 1 > w$ the window alone takes no step;
- with the attention's output map $0$, joint tokens, step size $\frac{\eta}{N}$ and decay $1$, the Mamba layer adds
  exactly one gradient-descent step from $0$ to the query's $y$ part. For the decays below 1 that the layer really has
  it is the step of gd.mamba_selective, reached on all contexts in the limit only.

Regression over the whole context is kept in Mamba's state alone; the window sees what Mamba has added to its last
tokens.

Why.
The sum over the window runs over $w$ tokens. The Mamba layer is linear attention with weights $\Delta$
(gd.mamba_selective); the query's own target is $0$.

Assumes.
- without norms and perceptrons; gates given
- the window's check puts a polynomial for the exponential: which tokens enter does not depend on it; its quotient has a
  running bound only, so the sampled rung is left to the step

Source.
arXiv 2406.07522 (Samba); derived here

Systems.
- Samba: one gradient step in its Mamba layer (decay 1); its window smooths over the last tokens only
"""

import torch

from constructions import samba, softmax_attention
from constructions.namespace import Array, filled, identity, zeros
from constructions.two_layers import tokens
from proofs.forms import Identity, Large, Rung, Witness, claim, impossible, together
from proofs.gd._learners import from_zero

WINDOW = 3


def exponential(z: Array) -> Array:
    """Any function does for where a window reaches: here 1 + z + z^2."""
    return 1 + z + z * z


def window(E: Array, V: Array, K: Array, Q: Array, P: Array, scale: Array) -> Array:
    """The last token's update by sliding-window attention: (d,)."""
    weights = samba.Attention(V, K, Q, P)
    return samba.window_layer(E, weights, WINDOW, scale, exponential)[-1, :] - E[-1, :]


def smoother(E: Array, V: Array, K: Array, Q: Array, P: Array, scale: Array, reach: int = WINDOW) -> Array:
    """P times attention to the last `reach` tokens as if there were no others: (d,)."""
    near = E[-reach:, :]
    return P @ softmax_attention.attend(near @ K.mT, near @ V.mT, Q @ E[-1, :], scale, exponential)


def block(X: Array, Y: Array, x_q: Array, eta: Array, a: Array) -> Array:
    """The y part of the query's token after Mamba (decay a, step size eta/N) and attention with P = 0: (m,)."""
    f, m, N = X.shape[1], Y.shape[1], X.shape[0]
    E = tokens(X, Y, x_q)
    one_f, one_m = identity(f, X), identity(m, X)
    on_x = torch.cat([one_f, zeros((f, m), X)], dim=1)
    on_y = torch.cat([zeros((m, f), X), one_m], dim=1)
    Delta, decay = zeros((N + 1, m), X) + eta / N, zeros((N + 1, m, f), X) + a
    E = samba.mamba_layer(E, samba.Mamba(on_y, on_x, on_x, on_y.mT), Delta, decay)
    off = samba.Attention(on_y, on_x, on_x, 0 * on_y.mT)
    return samba.window_layer(E, off, WINDOW, eta, exponential)[-1, f:]


def undecayed(X: Array, Y: Array, x_q: Array, eta: Array) -> Array:
    """The block with decay 1: (m,)."""
    return block(X, Y, x_q, eta, filled(1, eta))


def halved(X: Array, Y: Array, x_q: Array, eta: Array) -> Array:
    """The block with decay 1/2: (m,)."""
    return block(X, Y, x_q, eta, filled(0.5, eta))


def first_pair(X: Array, Y: Array, x_q: Array, V: Array, eta: Array) -> Array:
    """What the step changes when the first target moves by V: (m,)."""
    return from_zero(X, torch.cat([Y[:1, :] + V, Y[1:, :]]), x_q, eta) - from_zero(X, Y, x_q, eta)


LOCAL = Identity(
    shapes={"E": ("T", "d"), "V": ("a", "d"), "K": ("r", "d"), "Q": ("r", "d"), "P": ("d", "a"), "scale": ()},
    left=window,
    right=smoother,
    names=("sliding window", "smoother of the last tokens"),
    sizes=({"T": 5, "d": 2, "a": 2, "r": 2}, {"T": 9, "d": 4, "a": 3, "r": 3}),
    large=Large({"T": 130, "d": 20, "a": 2, "r": 17}),
    admits=lambda sizes: sizes["T"] >= WINDOW,
    numpy=True,
    rungs=(Rung.EXACT,),
)
STEP = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "m"), "x_q": ("f",), "eta": ()},
    left=undecayed,
    right=from_zero,
    names=("Samba", "one step"),
    sizes=({"f": 2, "m": 2, "N": 3}, {"f": 4, "m": 3, "N": 8}),
    large=Large({"f": 20, "m": 21, "N": 130}),
)
POINT = {"X": [[1]] * 4, "Y": [[1]] * 4, "x_q": [1], "V": [[1]], "eta": 1}
NEAR = {"E": [[5], [1], [2], [1]], "V": [[1]], "K": [[1]], "Q": [[1]], "P": [[1]], "scale": 1}
"""Scores 1, 2, 1, weights 3, 7, 3: (3 + 14 + 3)/13."""

CLAIM = claim(
    __name__,
    impossible(
        together(LOCAL.checks(), STEP.checks()),
        Witness(first_pair, POINT, ["1/4"], "change of the step by the first target, N = 4, all tokens 1"),
        Witness(window, NEAR, ["20/13"], "the window's update for the tokens 5, 1, 2, 1, all maps 1"),
    ),
    LOCAL.mutant("one_token_less", "the window reaches one token less", right={"reach": WINDOW - 1}),
    LOCAL.mutant("whole_context", "attention to all tokens", right={"reach": WINDOW + 1}),
    STEP.mutant("decayed", "with decay 1/2 it is the step too", left=halved),
)
