r"""No order of Hyena takes two gradient steps.

With linear projections of the tokens, Hyena of order $n$ with any filters is homogeneous of degree $n + 1$:
$o(sU) = s^{n+1} o(U)$. The prediction of two gradient-descent steps from $0$ has terms of degree 3 and of degree 5, so
it is homogeneous of no degree; at $f = m = N = 1$, all tokens 1 and $\eta = 1$,

$$ F(2U)^2 - F(U) F(4U) \ne 0 . $$

So a single Hyena layer takes one step (order 2, gd.hyena_weighted_step) and no order takes two. With a bias the degree
is at most $n + 1$, and $n \ge 2k$ is necessary for $k$ steps (gd.degrees).

Why.
A convolution is linear, and every gate multiplies by a linear function of the tokens.

Assumes.
- projections without bias, filters fixed; checked at orders 2 and 3

Source.
arXiv 2302.10866 (layer); derived here

Systems.
- Hyena: no order takes two gradient steps
"""

from functools import partial

import torch

from constructions import autograd_descent, hyena
from constructions.namespace import Array, filled
from proofs.forms import Identity, Kind, Large, Rung, Witness, both, claim, impossible


def scaled(U: Array, W: Array, h: Array, s: Array) -> Array:
    """Hyena on s U with the projections W (order + 1, d, p) and filters h (order, T, d): (T, d)."""
    v, *gates = ((s * U) @ W[n].mT for n in range(W.shape[0]))
    return hyena.layer(v, gates, [h[n] for n in range(h.shape[0])])


def powered(U: Array, W: Array, h: Array, s: Array, more: int = 1) -> Array:
    """s^(order + more) times Hyena on U: (T, d)."""
    found = scaled(U, W, h, filled(1, s))
    for _ in range(h.shape[0] + more):
        found = found * s
    return found


def biased(U: Array, W: Array, h: Array, s: Array) -> Array:
    """The same with a constant 1 in the place of every token's first entry, as a bias gives: (T, d)."""
    v, *gates = (torch.cat([0 * U[:, :1] + 1, s * U[:, 1:]], dim=1) @ W[n].mT for n in range(W.shape[0]))
    return hyena.layer(v, gates, [h[n] for n in range(h.shape[0])])


def two_steps(X: Array, Y: Array, x_q: Array, eta: Array) -> Array:
    """F(2U)^2 - F(U) F(4U) for the prediction F of two autograd steps from 0; 0 if F were homogeneous: (m,)."""

    def at(s: int) -> Array:
        W0 = X.new_zeros(Y.shape[1], X.shape[1])
        return autograd_descent.descend(W0, s * X, s * Y, eta=eta, steps=2) @ (s * x_q)

    return at(2) * at(2) - at(1) * at(4)


SHAPES = {"U": ("T", "p"), "s": ()}
SIZES = ({"T": 3, "p": 2, "d": 2}, {"T": 6, "p": 3, "d": 4})


def identity(order: int) -> Identity:
    """Homogeneity at this order."""
    return Identity(
        shapes=SHAPES | {"W": (order + 1, "d", "p"), "h": (order, "T", "d")},
        left=scaled,
        right=powered,
        names=("Hyena on s U", "a power of s times Hyena on U"),
        sizes=SIZES,
        large=Large({"T": 130, "p": 17, "d": 18}),
    )


TWO, THREE = identity(2), identity(3)
WITNESS = {"X": [[1]], "Y": [[1]], "x_q": [1], "eta": 1}

CLAIM = claim(
    __name__,
    impossible(
        {Rung.SAMPLED: TWO.sampled, Rung.EXACT: both(TWO.exact, THREE.exact)},
        Witness(two_steps, WITNESS, [1152], "F(2U)^2 - F(U) F(4U) of two steps, all tokens 1, eta = 1"),
    ),
    TWO.mutant("degree_order", "degree n", right=partial(powered, more=0)),
    THREE.mutant("with_bias", "with a bias too", left=biased, rungs=(Rung.EXACT,)),
    THREE.mutant("degree_two_more", "degree n + 2", right=partial(powered, more=2), rungs=(Rung.EXACT,)),
    kind=Kind.IMPOSSIBILITY,
)
