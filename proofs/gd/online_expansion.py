r"""Online gradient descent expanded in the step size.

One online pass of step $\eta$ a token from $W_0 = 0$ is

$$ W_N = \sum_{k=1}^{N} (-1)^{k-1} \eta^k \sum_{t_1 < \dots < t_k} y_{t_1} x_{t_1}^\top x_{t_2} x_{t_2}^\top \cdots
   x_{t_k} x_{t_k}^\top . $$

The first term is one batch step on the sum of the losses; the first difference from it is
$-\eta^2 \sum_{t<s} y_t (x_t \cdot x_s) x_s^\top$.

Why.
Multiply out $W_t = W_{t-1}(I - \eta x_t x_t^\top) + \eta y_t x_t^\top$: each term picks a first token, whose write it
keeps, and later tokens whose $-\eta x x^\top$ it takes. The universal rung shows orders 1 and 2, and that the rest is
of order 3, for every $N$; the other rungs compare all orders.

Assumes.
- $W_0 = 0$

Source.
derived here
"""

from collections.abc import Iterator
from itertools import combinations, combinations_with_replacement

from constructions.gradient_descent import step
from constructions.namespace import Array
from numeric.words import matrix, scalar
from numeric.words.derivation import Obligation
from proofs.forms import EXACTLY, Identity, Large, Rung, Short, claim
from proofs.gd._learners import online


def expansion(X: Array, Y: Array, eta: Array, *, repeated: bool = False, reverse: bool = False) -> Array:
    """sum over k and t_1 < ... < t_k of (-1)^(k-1) eta^k y_{t1} x_{t1}^T x_{t2} x_{t2}^T ... x_{tk} x_{tk}^T: (m,
    f)."""
    N = X.shape[0]
    total = 0 * (Y.mT @ X)
    for k in range(1, N + 1):
        for chosen in (combinations_with_replacement if repeated else combinations)(range(N), k):
            places = chosen[::-1] if reverse else chosen
            term = eta * Y[places[0], :][:, None] @ X[places[0], :][None, :]
            for t in places[1:]:
                term = -eta * (term @ X[t, :][:, None]) @ X[t, :][None, :]
            total = total + term
    return total


def derive(sign: int = 1) -> Iterator[Obligation]:
    """Induction on tokens for the terms of order 1 and 2 and an arbitrary rest R of order 3."""
    F_1, F_2, R = (matrix(name, "m", "f") for name in ("F_1", "F_2", "R"))
    x, y, eta = matrix("x", "f", 1), matrix("y", "m", 1), scalar("eta")
    W = eta * F_1 - eta * eta * F_2 + eta * eta * eta * R
    parts = step(W, x.mT, y.mT, eta).coefficients(eta)
    yield Obligation(
        "first order", parts[1], F_1 + y @ x.mT, r"$F_1 = \sum_t y_t x_t^\top$ gains $y x^\top$: the batch step."
    )
    yield Obligation(
        "second order",
        parts[2],
        -(F_2 + sign * F_1 @ x @ x.mT),
        r"$F_2 = \sum_{t<s} y_t (x_t \cdot x_s) x_s^\top$ gains all pairs that end at the new token.",
    )
    yield Obligation(
        "the rest",
        eta * eta * eta * parts[3] + (eta * eta * eta * eta) * parts[4],
        eta * eta * eta * (R + F_2 @ x @ x.mT - eta * R @ x @ x.mT),
        r"What is left stays of order 3; with no token $F_1 = F_2 = R = 0$.",
    )


IDENTITY = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "m"), "eta": ()},
    left=expansion,
    right=online,
    names=("expansion", "online gradient descent"),
    sizes=({"f": 2, "m": 1, "N": 3}, {"f": 3, "m": 2, "N": 6}),
    large=Large({"f": 20, "m": 21, "N": 10}, short=Short.WORK),
    symbolic_sizes={"f": 2, "m": 1, "N": 3},
    derive=derive,
    part={Rung.UNIVERSAL: "the orders 1 and 2, and that the rest is of order 3"},
)

CLAIM = claim(
    __name__,
    IDENTITY.checks(),
    IDENTITY.mutant("repeated_tokens", "t_1 <= ... <= t_k", left={"repeated": True}),
    IDENTITY.mutant("reversed_order", "the target of the last token", left={"reverse": True}, rungs=EXACTLY),
    IDENTITY.mutant("sign", "the second-order term with the other sign", derive={"sign": -1}),
)
