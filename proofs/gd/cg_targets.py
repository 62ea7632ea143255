r"""Conjugate gradients are no gradient descent: one iteration is not additive in the targets.

The weights after $k$ gradient-descent steps of any size are affine in the targets:
$W_k(Y + V) = W_k(Y) + W_k(V) - W_k(0)$. Conjugate gradients are homogeneous, $W_k(sY) = s W_k(Y)$ from $W_0 = 0$, but
not additive: for $X = \operatorname{diag}(1, 2)$ and targets $e_1$, $e_2$ one iteration gives

$$ W(e_1 + e_2) - W(e_1) - W(e_2) \ne 0 . $$

So with fewer iterations than solve the problem they are no number of gradient-descent steps with step sizes or
preconditioners that do not depend on the targets, and no layer that is linear in the values computes them.

Why.
The step length $\norm{r}^2/(p^\top A p)$ depends on the residual and is homogeneous of degree $0$ in it.

Source.
derived here

Systems.
- Conjugate gradients: no number of gradient-descent steps: not additive in the targets
"""

from collections.abc import Iterator

from constructions import autograd_descent, conjugate_gradient
from constructions.gradient_descent import step
from constructions.namespace import Array
from numeric.words import Words, matrix, scalar
from numeric.words.derivation import Obligation
from proofs.forms import Identity, Kind, Large, Rung, Witness, claim, impossible

STEPS = 2


def descent(X: Array, Y: Array, V: Array, eta: Array, W0: Array) -> Array:
    """Autograd steps on the targets Y + V, from W0: (m, f)."""
    return autograd_descent.descend(W0, X, Y + V, eta=eta, steps=STEPS)


def parts(X: Array, Y: Array, V: Array, eta: Array, W0: Array) -> Array:
    """The steps on Y and on V, less those on 0: (m, f)."""
    one, other, none = (autograd_descent.descend(W0, X, Z, eta=eta, steps=STEPS) for Z in (Y, V, 0 * Y))
    return one + other - none


def defect(X: Array, Y: Array, V: Array) -> Array:
    """What one iteration from 0 misses of additivity: that on Y + V, less those on Y and on V (on 0 it stays): (m, f)."""
    found = [conjugate_gradient.iterates(0 * (Y.mT @ X), X, Z, 1)[0, ...] for Z in (Y + V, Y, V)]
    return found[0] - found[1] - found[2]


def normalised(X: Array, Y: Array, V: Array, eta: Array, W0: Array) -> Array:
    """One gradient step from W0 with exact line search, on the targets Y + V: (m, f)."""
    return conjugate_gradient.iterates(W0, X, Y + V, 1)[0, ...]


def normalised_parts(X: Array, Y: Array, V: Array, eta: Array, W0: Array) -> Array:
    """The same on Y and on V, less that on 0: (m, f)."""
    one, other, none = (conjugate_gradient.iterates(W0, X, Z, 1)[0, ...] for Z in (Y, V, 0 * Y))
    return one + other - none


def derive(scaled: int = 1) -> Iterator[Obligation]:
    """A step keeps additivity of the iterates; iterations of conjugate gradients are only homogeneous."""
    X, Y, V = matrix("X", "N", "f"), matrix("Y", "N", "m"), matrix("V", "N", "m")
    W, U, Z, eta = matrix("W_Y", "m", "f"), matrix("W_V", "m", "f"), matrix("W_0", "m", "f"), scalar("eta")
    yield Obligation(
        "a gradient step",
        step(W + U - Z, X, Y + V, eta),
        step(W, X, Y, eta) + step(U, X, V, eta) - step(Z, X, 0 * Y, eta),
        r"With $W_{Y+V} = W_Y + W_V - W_0$ before a step, so after it: affine in the targets for every number of steps.",
    )
    A, s = matrix("A", "f", "f", "symmetric"), scalar("s")
    w, r, p = (matrix(name, "f", 1) for name in ("w", "r", "p"))
    plain, larger = conjugate_gradient.step(w, r, p, A), conjugate_gradient.step(s * w, s * r, s * p, A)
    for name, left, right in zip(("the iterate", "the residual", "the direction"), larger, plain, strict=True):
        power: Words = s**scaled
        yield Obligation(
            f"{name} scaled", left, power * right, r"From $0$, $s$ times the targets give $s$ times the iterates."
        )


IDENTITY = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "m"), "V": ("N", "m"), "eta": (), "W0": ("m", "f")},
    left=descent,
    right=parts,
    names=("steps on Y + V", "steps on Y and V, less on 0"),
    sizes=({"f": 2, "m": 2, "N": 3}, {"f": 4, "m": 3, "N": 8}),
    large=Large({"f": 20, "m": 21, "N": 130}, quick=True),
    symbolic_sizes={"f": 1, "m": 1, "N": 2},
    derive=derive,
)
POINT = {"X": [[1, 0], [0, 2]], "Y": [[1], [0]], "V": [[0], [1]]}

CLAIM = claim(
    __name__,
    impossible(
        IDENTITY.checks(),
        Witness(defect, POINT, [["-12/17", "3/34"]], "W(e1 + e2) - W(e1) - W(e2) after one iteration, X = diag(1, 2)"),
    ),
    IDENTITY.mutant(
        "cg_affine",
        "one iteration of conjugate gradients is affine in the targets",
        left=normalised,
        right=normalised_parts,
        rungs=(Rung.EXACT,),
    ),
    IDENTITY.mutant(
        "linear",
        "linear, not only affine, from every start",
        right=lambda X, Y, V, eta, W0: (
            parts(X, Y, V, eta, W0) + autograd_descent.descend(W0, X, 0 * Y, eta=eta, steps=STEPS)
        ),
    ),
    IDENTITY.mutant("degree_two", "iterates scale with the square of the targets", derive={"scaled": 2}),
    kind=Kind.IMPOSSIBILITY,
)
