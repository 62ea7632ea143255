r"""Online descent depends on the order of the tokens, batch descent does not.

Let $W^{12}$ and $W^{21}$ be the results of one online step of size $r$ on each of two tokens, in the two orders, from
$W_0$. With $e_i = W_0 x_i - y_i$,

$$ W^{12} - W^{21} = r^2 \, (x_1 \cdot x_2) \left( e_1 x_2^\top - e_2 x_1^\top \right) , $$

which is not $0$ in general (for instance $f = m = 1$, $x_1 = x_2 = 1$, $W_0 = 0$, $y = (1, 0)$). A batch step, and
hence any number of them, is unchanged by every permutation of the context. So no layer whose output is invariant under
permutations of the context computes the online pass.

Why.
$W^{12} = W_0 - r e_1 x_1^\top - r e_2 x_2^\top + r^2 (x_1 \cdot x_2) e_1 x_2^\top$, and the same with 1 and 2
exchanged. The batch gradient is a sum over tokens.

Source.
derived here
"""

from collections.abc import Iterator

from constructions import online_descent
from constructions.gradient_descent import gradient, step
from constructions.namespace import Array
from numeric.words import matrix, scalar
from numeric.words.blocks import blocks
from numeric.words.derivation import Obligation
from proofs.forms import EXACTLY, Identity, Large, claim


def forth(x: Array, y: Array, rate: Array, W0: Array) -> Array:
    """Two autograd steps in the order 1, 2; x (2, f), y (2, m): (m, f)."""
    return online_descent.online(W0, x, y, rate.expand(2))


def back(x: Array, y: Array, rate: Array, W0: Array) -> Array:
    """Two autograd steps in the order 2, 1, plus the commutator: (m, f)."""
    return forth(x.flip(0), y.flip(0), rate, W0) + commutator(x, y, rate, W0)


def commutator(x: Array, y: Array, rate: Array, W0: Array, start: bool = True) -> Array:
    """rate^2 (x_1 . x_2) (e_1 x_2^T - e_2 x_1^T) with e_i = W0 x_i - y_i (`start`: else e_i = -y_i): (m, f)."""
    e = (x @ W0.mT if start else 0 * (x @ W0.mT)) - y
    return rate * rate * (x[0, :] @ x[1, :]) * (e[0, :, None] * x[1, None, :] - e[1, :, None] * x[0, None, :])


def derive(batch: bool = True) -> Iterator[Obligation]:
    """The swap online, from any start; and the batch gradient, which is a sum over tokens."""
    W, rate = matrix("W_0", "m", "f"), scalar("r")
    x_1, x_2, y_1, y_2 = (matrix(n, "f" if n[0] == "x" else "m", 1) for n in ("x_1", "x_2", "y_1", "y_2"))
    one_two = step(step(W, x_1.mT, y_1.mT, rate), x_2.mT, y_2.mT, rate)
    two_one = step(step(W, x_2.mT, y_2.mT, rate), x_1.mT, y_1.mT, rate)
    e_1, e_2 = W @ x_1 - y_1, W @ x_2 - y_2
    yield Obligation(
        "a swap of neighbours",
        one_two - two_one,
        rate * rate * (x_1.mT @ x_2) * (e_1 @ x_2.mT - e_2 @ x_1.mT) if batch else 0 * one_two,
        r"Each order sees the other token's error after the first step: the two differ by $\pm r^2 (x_1 \cdot x_2) e x^\top$.",
    )
    X, Z = matrix("X", "n", "f"), matrix("Z", "p", "f")
    Y, V = matrix("Y", "n", "m"), matrix("V", "p", "m")
    yield Obligation(
        "a batch in another order",
        gradient(W, blocks([[X], [Z]]), blocks([[Y], [V]])),
        gradient(W, blocks([[Z], [X]]), blocks([[V], [Y]])),
        r"The batch gradient is a sum over tokens, so exchanging two stretches of tokens leaves it alone; such exchanges "
        r"generate all permutations, and every batch step only uses the gradient.",
    )


IDENTITY = Identity(
    shapes={"x": (2, "f"), "y": (2, "m"), "rate": (), "W0": ("m", "f")},
    left=forth,
    right=back,
    names=("order 1, 2", "order 2, 1 plus the commutator"),
    sizes=({"f": 3, "m": 2}, {"f": 8, "m": 8}),
    large=Large({"f": 20, "m": 21}, quick=True),
    symbolic_sizes={"f": 2, "m": 1},
    derive=derive,
)

CLAIM = claim(
    __name__,
    IDENTITY.checks(),
    IDENTITY.mutant(
        "invariant",
        "the order does not matter online",
        right=lambda x, y, **at: forth(x=x.flip(0), y=y.flip(0), **at),
        derive={"batch": False},
    ),
    IDENTITY.mutant(
        "zero_start",
        "the formula of W_0 = 0 for every start",
        right=lambda x, y, rate, W0: forth(x.flip(0), y.flip(0), rate, W0) + commutator(x, y, rate, W0, start=False),
        rungs=EXACTLY,
    ),
)
