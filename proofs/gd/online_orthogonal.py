r"""With orthogonal inputs one online pass is one batch step.

If $x_s \cdot x_t = 0$ for all $s \ne t$, then for every $W_0$ one online pass of step $r$ a token is one batch step on
the sum of the losses,

$$ W_N = W_0 - r \sum_t (W_0 x_t - y_t) x_t^\top . $$

Why.
By induction on $N$: the earlier tokens have moved $W$ by a matrix whose rows are spanned by earlier inputs, and that
matrix vanishes at the new input. The converse fails only where errors vanish: for two tokens from $W_0 = 0$ the
difference is $-r^2 y_1 (x_1 \cdot x_2) x_2^\top$ (gd.online_expansion).

Assumes.
- inputs mutually orthogonal; sampled as multiples of a reflected basis, so $N \le f$ there

Source.
derived here
"""

from collections.abc import Iterator

from constructions import online_descent
from constructions.autograd_descent import descend
from constructions.gradient_descent import gradient, step
from constructions.namespace import Array, filled, namespace
from numeric.words import matrix, scalar, zeros
from numeric.words.blocks import blocks
from numeric.words.derivation import Obligation
from proofs.forms import Identity, Large, Rung, Short, claim


def orthogonal(d: Array, v: Array, width: int) -> Array:
    """Orthogonal rows d_i H e_i, H = I - 2 v v^T/(v . v) a reflection: (N, width) for d (N,), v (width,)."""
    xp = namespace(v)
    rows = []
    for i in range(d.shape[0]):
        e = xp.stack([filled(1 if i == j else 0, v[j]) for j in range(width)])
        rows.append(d[i] * (e - 2 * v[i] / (v @ v) * v))
    return xp.stack(rows)


def online(d: Array, v: Array, Y: Array, rate: Array, W0: Array, slanted: bool = False) -> Array:
    """One autograd step a token: (m, f). `slanted`: the second input is moved towards the first."""
    return online_descent.online(W0, inputs(d, v, slanted), Y, rate.expand(d.shape[0]))


def inputs(d: Array, v: Array, slanted: bool) -> Array:
    """The orthogonal inputs, or with the first one added to the second."""
    X = orthogonal(d, v, v.shape[0])
    if slanted:
        X = namespace(X).concat([X[:1, :], X[1:2, :] + X[:1, :], X[2:, :]], axis=0)
    return X


def batch(d: Array, v: Array, Y: Array, rate: Array, W0: Array, slanted: bool = False) -> Array:
    """One autograd step on the summed loss: (m, f)."""
    return descend(W0, inputs(d, v, slanted), Y, eta=rate, of=online_descent.token_loss)


def derive(assumed: bool = True) -> Iterator[Obligation]:
    """Induction on tokens: the batch step on the tokens so far, then one token orthogonal to them."""
    X, Y, W0 = matrix("X", "N", "f"), matrix("Y", "N", "m"), matrix("W_0", "m", "f")
    x, y, rate = matrix("x", "f", 1), matrix("y", "m", 1), scalar("r")
    so_far = step(W0, X, Y, rate * scalar("N"))
    longer, targets = blocks([[X], [x.mT]]), blocks([[Y], [y.mT]])
    count = scalar("N") + 1
    yield Obligation(
        "one more token",
        step(so_far, x.mT, y.mT, rate),
        W0 - rate * count * gradient(W0, longer, targets),
        r"The new token meets the sum over the earlier ones only through $X x = 0$.",
        ((X @ x, zeros("N", 1)),) if assumed else (),
    )


IDENTITY = Identity(
    shapes={"d": ("N",), "v": ("f",), "Y": ("N", "m"), "rate": (), "W0": ("m", "f")},
    left=batch,
    right=online,
    names=("batch step", "online pass"),
    sizes=({"f": 3, "m": 2, "N": 3}, {"f": 6, "m": 3, "N": 5}),
    large=Large({"f": 20, "m": 21, "N": 6}, short=Short.DEGREE),
    admits=lambda sizes: sizes["N"] <= sizes["f"],
    derive=derive,
)

CLAIM = claim(
    __name__,
    IDENTITY.checks(),
    IDENTITY.mutant(
        "not_orthogonal",
        "the second input not orthogonal to the first",
        left={"slanted": True},
        right={"slanted": True},
        rungs=(Rung.SAMPLED, Rung.EXACT),
    ),
    IDENTITY.mutant("no_assumption", "for all inputs", derive={"assumed": False}),
)
