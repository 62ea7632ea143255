r"""Gradient descent converges to the solution nearest to its start.

After any number of gradient-descent steps $W_k = W_0 + M_k X$: where $X z = 0$, $W_k z = W_0 z$. Of all least-squares
solutions exactly one has this form; it is the nearest to $W_0$, for $W_0 = 0$ the one of least norm, and the only one
that gradient descent can converge to (with a step size as in gd.convergence_rate it does). Weight decay,
$W \leftarrow W - \eta \nabla L(W) - \delta W$, moves $W z$ too: $W_k z = (1 - \delta)^k W_0 z$.

Why.
The gradient $\frac1N (W X^\top - Y^\top) X$ is a matrix times $X$. Solutions differ by an $H$ with $H A = 0$, hence
$H X^\top = 0$, which is orthogonal to every $M X$. The weights $W_0 + M X$ are a closed set, so a limit is one of them.

Assumes.
- exact check: $N < f$ and inputs of full rank

Source.
derived here
"""

# Over 120 lines: what moves in the row space, what decays outside it, and which limit that leaves are one theorem.

from collections.abc import Iterator

from constructions import autograd_descent, conjugate_gradient
from constructions.gradient_descent import gradient, step
from constructions.namespace import Array
from numeric.words import matrix, scalar, trace, zeros
from numeric.words.derivation import Obligation
from proofs.forms import Identity, Large, Rung, Short, Witness, both, claim, covering

STEPS = 3


def descent(X: Array, Y: Array, W0: Array, z: Array, eta: Array) -> Array:
    """The move of the weights after autograd steps, at a direction orthogonal to all inputs: (m,)."""
    return (autograd_descent.descend(W0, X, Y, eta=eta, steps=STEPS) - W0) @ outside(X, z)


def inside(X: Array, Y: Array, W0: Array) -> Array:
    """One autograd step of size 1: (m, f)."""
    return autograd_descent.descend(W0, X, Y, eta=1)


def nothing(X: Array, Y: Array, W0: Array, z: Array, eta: Array) -> Array:
    """0, which is what the move should be: (m,)."""
    return 0 * (W0 @ z)


def outside(X: Array, z: Array) -> Array:
    """z less its part in the row space of X (N < f, full rank): the residual of its own least squares on the rows."""
    found = conjugate_gradient.iterates(0 * X[None, :, 0], X.mT, z[:, None], X.shape[0])[-1, 0, :]
    return z - X.mT @ found


def decayed(X: Array, Y: Array, W0: Array, z: Array, eta: Array) -> Array:
    """The move under weight decay of strength eta."""
    W = W0
    for _ in range(STEPS):
        W = autograd_descent.descend(W, X, Y, eta=eta) - eta * W
    return (W - W0) @ outside(X, z)


def decay_outside(X: Array, Y: Array, W0: Array, z: Array, eta: Array) -> Array:
    """The weights after steps with weight decay of strength eta, at a direction orthogonal to all inputs: (m,)."""
    return decayed(X, Y, W0, z, eta) + W0 @ outside(X, z)


def shrunk(X: Array, Y: Array, W0: Array, z: Array, eta: Array, steps: int = STEPS) -> Array:
    """(1 - eta)^k W_0 z: (m,)."""
    found = W0 @ outside(X, z)
    for _ in range(steps):
        found = (1 - eta) * found
    return found


def derive(inside: bool = True, only: bool = True, solves: bool = True) -> Iterator[Obligation]:
    """Iterates stay in W_0 + row space; there is one solution there, no other, and it is the nearest."""
    X, Y, W, M = matrix("X", "N", "f"), matrix("Y", "N", "m"), matrix("W_0", "m", "f"), matrix("M", "m", "N")
    eta, N = scalar("eta"), scalar("N")
    here = W + M @ X
    yield Obligation(
        "stays in the row space",
        step(here, X, Y, eta),
        W + (M - eta / N * (here @ X.mT - Y.mT) if inside else M) @ X,
        r"Every gradient is a matrix times $X$; at the start $M = 0$.",
    )
    H, z = matrix("H", "m", "f"), matrix("z", "f", 1)
    K = matrix("K", "N", "N", "symmetric")
    there = W - (here @ X.mT - Y.mT).substitute(M, zeros("m", "N")) @ K @ X
    yield Obligation(
        "one solution there",
        gradient(there, X, Y) if solves else gradient(W, X, Y),
        zeros("m", "f"),
        r"With $K$ the pseudoinverse of $X X^\top$, which has $K X X^\top X = X$, this is a solution $W_0 + M X$.",
        ((K @ X @ X.mT @ X, X),),
        {"X": [[1]], "K": [[1]], "Y": [[1]], "W_0": [[0]], "M": [[0]], "N": 1, "m": 1, "f": 1},
    )
    yield Obligation(
        "no other there",
        trace((M @ X).mT @ (M @ X)) if only else trace(M.mT @ M),
        scalar(0),
        r"Two solutions $W_0 + MX$ differ by an $M X$ with $M X X^\top = 0$, whose norm is $0$.",
        ((M @ X @ X.mT, zeros("m", "N")),),
        {"X": [[0]], "M": [[1]]},
    )
    yield Obligation(
        "nothing outside",
        (step(here, X, Y, eta) - here) @ z,
        0 * (W @ z),
        r"Where $X z = 0$ no step moves $W z$.",
        ((X @ z, 0 * (X @ z)),),
        {"X": [[0]], "z": [[1]], "Y": [[1]], "W_0": [[1]], "M": [[1]], "eta": 1, "N": 1},
    )
    yield Obligation(
        "nearest",
        trace((M @ X + H).mT @ (M @ X + H)) - trace((M @ X).mT @ (M @ X)),
        trace(H.mT @ H),
        r"Another solution differs from $W_0 + MX$ by an $H$ with $H X^\top = 0$, and is farther from $W_0$ by $\norm{H}^2$.",
        ((H @ X.mT, 0 * (H @ X.mT)),),
        {"X": [[0]], "H": [[1]], "M": [[1]]},
    )


DECAY = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "m"), "W0": ("m", "f"), "z": ("f",), "eta": ()},
    left=decay_outside,
    right=shrunk,
    names=("weights with decay", "(1 - eta)^k W_0"),
    sizes=({"f": 3, "m": 2, "N": 2}, {"f": 5, "m": 3, "N": 3}),
    large=Large({"f": 131, "m": 21, "N": 3}, quick=True, short=Short.DEGREE),
    admits=lambda sizes: sizes["N"] < sizes["f"],
    rungs=(Rung.EXACT,),
)
IDENTITY = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "m"), "W0": ("m", "f"), "z": ("f",), "eta": ()},
    left=descent,
    right=nothing,
    names=("move outside the row space", "nothing"),
    sizes=({"f": 3, "m": 2, "N": 2}, {"f": 5, "m": 3, "N": 3}),
    large=Large({"f": 131, "m": 21, "N": 3}, quick=True, short=Short.DEGREE),
    derive=derive,
    admits=lambda sizes: sizes["N"] < sizes["f"],
)
WITHIN = {"X": [[1], [2]], "Y": [[1], [1]], "W0": [[0]]}

CLAIM = claim(
    __name__,
    {
        Rung.SAMPLED: covering("that nothing moves outside the row space", IDENTITY.sampled),
        Rung.EXACT: covering(
            "that nothing moves outside the row space, and what weight decay does there",
            both(
                IDENTITY.exact,
                DECAY.exact,
                Witness(inside, WITHIN, [["3/2"]], "one step from 0 for the pairs (1, 1), (2, 1)"),
            ),
        ),
        Rung.UNIVERSAL: covering(
            "all but what weight decay does, and that a limit is one of these weights", IDENTITY.universal
        ),
    },
    IDENTITY.mutant("weight_decay", "the same with weight decay", left=decayed),
    DECAY.mutant("decays_once", "weight decay acts once", right={"steps": 1}),
    IDENTITY.mutant("any_weights", "all weights solve", derive={"solves": False}),
    IDENTITY.mutant("any_matrix", "M is unique, not only M X", derive={"only": False}),
    IDENTITY.mutant("does_not_move", "the iterates do not move at all", derive={"inside": False}),
    IDENTITY.mutant(
        "every_direction",
        "no direction is moved",
        left=lambda X, Y, W0, z, eta: (autograd_descent.descend(W0, X, Y, eta=eta, steps=STEPS) - W0) @ z,
        rungs=(Rung.EXACT,),
    ),
)
