"""Griffin's recurrent block: a convolution and the RG-LRU on one branch, an activation on the other, multiplied.

    x_t = sum_{j < 4} w_j * (W_x u_{t-j}),   h_t = RG-LRU(x)_t,   o_t = W_o (g(W_g u_t) * h_t)
Tokens U (T, p), W_x and W_g (d, p), w (4, d), W_o (q, d). The gates of the RG-LRU are given by t and i (T, d) as in
`constructions.rg_lru`; in the layer they are sigmoids of x. g is GELU in the layer, here an argument.
Source: arXiv 2402.19427, section 2.3 and figure 2 (Griffin and Hawk differ in what stands between such blocks).
"""

from __future__ import annotations

from collections.abc import Callable

from constructions import rg_lru
from constructions.namespace import Array, namespace, zeros


def convolved(V: Array, w: Array) -> Array:
    """The causal convolution (T, d) of V (T, d) with w (k, d), zeros before the first token."""
    xp = namespace(V)
    before = zeros((w.shape[0] - 1, V.shape[1]), V)
    return xp.sum(xp.windows(xp.concat([before, V], axis=0), w.shape[0], 1) * xp.flip(w, axis=0), axis=1)


def last(
    U: Array, W_x: Array, W_g: Array, W_o: Array, w: Array, t: Array, i: Array, activation: Callable[[Array], Array]
) -> Array:
    """The output (q,) at the last token."""
    x = convolved(U @ W_x.mT, w)
    h = rg_lru.layer(0 * x[0, :], x, t, i)
    return W_o @ (activation(W_g @ U[-1, :]) * h)
