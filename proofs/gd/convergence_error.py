r"""Gradient descent's distance to least squares or ridge is multiplied by I - cA every step.

Let $V$ be any least-squares solution, $V A = B$. For every $W_0$ and every step size $\eta = cN$

$$ W_k - V = (W_0 - V) (I - cA)^k . $$

With weight decay $\rho$, that is on $L(W) + \frac{\rho}{2} \norm{W}^2$ as `torch.optim.SGD(weight_decay=rho)` does it,
the same holds for the ridge solution $V (A + N \rho I) = B$ with $\bigl( (1 - \eta \rho) I - cA \bigr)^k$. So what is
reached, and how fast, is a matter of the spectrum of $A$ alone (gd.convergence_rate); the targets only set the
distance.

Why.
The gradient at $V + E$ is $\frac1N (V A - B) + \frac1N E A$, and the first part is $0$.

Assumes.
- least squares: every input occurs twice, with opposite residuals, which makes the solution an input of the check; the
  derivation needs no such thing
- ridge: $A + N \rho I$ regular; the optimiser's own weight decay, which takes numbers only, is run at
  $\eta \rho = \frac12$
- the two forms lose digits in different places where $W_0$ and $V$ differ in size, so the sampled rung is left out

Source.
derived here
"""

# Over 120 lines: two limits, least squares and ridge, each with its own learner and derivation.

from collections.abc import Iterator
from functools import partial

import torch

from constructions import descent_limit, mesa_layer
from constructions.autograd_descent import descend
from constructions.gradient_descent import loss, step
from constructions.namespace import Array
from constructions.optimiser import SGD, sgd
from numeric.words import Words, matrix, scalar
from numeric.words.derivation import Obligation
from proofs.forms import EVERYWHERE, Identity, Kind, Large, Rung, Short, claim, together

STEPS = 3


def twice(Z: Array, V: Array, R: Array) -> tuple[Array, Array]:
    """Inputs and targets with the least-squares solution V and the residuals R, -R: every input occurs twice."""
    return torch.cat([Z, Z]), torch.cat([Z @ V.mT + R, Z @ V.mT - R])


def plain(Z: Array, V: Array, R: Array, W0: Array, eta: Array, steps: int = STEPS) -> Array:
    """Autograd steps on the mean squared loss: (m, f)."""
    return descend(W0, *twice(Z, V, R), eta=eta, steps=steps)


def to_least_squares(Z: Array, V: Array, R: Array, W0: Array, eta: Array, steps: int = STEPS) -> Array:
    """The error recursion with the limit V: (m, f)."""
    X, _ = twice(Z, V, R)
    return descent_limit.after(W0, V, X.mT @ X, eta / X.shape[0], steps)


def penalised(W: torch.Tensor, X: torch.Tensor, Y: torch.Tensor, ridge: torch.Tensor) -> torch.Tensor:
    """The mean squared loss plus ridge/2 |W|^2: what torch.optim.SGD with weight_decay = ridge descends on."""
    total: torch.Tensor = loss(W, X, Y) + ridge * (W * W).sum() / 2
    return total


def optimised(X: torch.Tensor, Y: torch.Tensor, W0: torch.Tensor, eta: Array) -> torch.Tensor:
    """torch.optim.SGD with weight_decay 1/2 at learning rate 1 on eta times the mean squared loss: (m, f)."""
    with torch.enable_grad():
        weight = torch.nn.Parameter(W0.detach().clone())
        optimiser = SGD([weight], lr=1.0, weight_decay=0.5, foreach=False)
        for _ in range(STEPS):
            optimiser.zero_grad()
            (eta * loss(weight, X, Y)).backward()
            optimiser.step()
    return weight.detach()


def decayed(X: Array, Y: Array, W0: Array, eta: Array, ridge: Array) -> Array:
    """Steps on the penalised loss, and the optimiser's own weight decay, eta ridge = 1/2: (2, m, f)."""
    return torch.stack([sgd(W0, X, Y, ridge, eta=eta, steps=STEPS, of=penalised), optimised(X, Y, W0, eta)])


def to_ridge(X: Array, Y: Array, W0: Array, eta: Array, ridge: Array, per_token: bool = True) -> Array:
    """The error recursion at ridge and at 1/(2 eta): (2, m, f).

    Its limit is the ridge solution with penalty N ridge (`per_token`: else ridge).
    """
    N, found = X.shape[0], []
    for strength in (ridge, 1 / (2 * eta)):
        limit = mesa_layer.weights(X, Y, strength * N if per_token else strength)
        found.append(descent_limit.after(W0, limit, X.mT @ X, eta / N, STEPS, 1 - eta * strength))
    return torch.stack(found)


def derive(decay: bool = True, sign: int = 1) -> Iterator[Obligation]:
    """A step from V + E goes to V + E Q, for every stationary V."""
    X, Y = matrix("X", "N", "f"), matrix("Y", "N", "m")
    V, E = matrix("V", "m", "f"), matrix("E", "m", "f")
    eta, ridge, N = scalar("eta"), scalar("rho"), scalar("N")
    A = X.mT @ X

    def following(W: Words, decay: Words | int) -> Words:
        return step(W, X, Y, eta) - eta * decay * W

    yield Obligation(
        "least squares",
        following(V + E, 0),
        descent_limit.after(V + E, V, A, sign * eta / N, 1),
        r"Where $V A = B$, the gradient at $V + E$ is $\frac1N E A$.",
        ((Y.mT @ X, V @ A),),
        {"X": [[1]], "Y": [[1]], "V": [[1]], "E": [[1]], "eta": 1, "N": 1},
    )
    yield Obligation(
        "ridge",
        following(V + E, ridge),
        descent_limit.after(V + E, V, A, eta / N, 1, 1 - eta * ridge if decay else 1),
        r"Where $V (A + N \rho I) = B$, the penalised gradient at $V + E$ is $\frac1N E A + \rho E$.",
        ((Y.mT @ X, V @ A + N * ridge * V),),
        {"X": [[1]], "Y": [[2]], "V": [[1]], "E": [[1]], "eta": 1, "N": 1, "rho": 1},
    )
    c = scalar("c")
    yield Obligation(
        "several steps",
        descent_limit.after(descent_limit.after(V + E, V, A, c, 1), V, A, c, 1),
        descent_limit.after(V + E, V, A, c, 2),
        r"The form after one step is the form of the next one's start.",
    )


LEAST_SQUARES = Identity(
    shapes={"Z": ("n", "f"), "V": ("m", "f"), "R": ("n", "m"), "W0": ("m", "f"), "eta": ()},
    left=to_least_squares,
    right=plain,
    names=("limit plus contracted distance", "gradient descent"),
    sizes=({"f": 3, "m": 2, "n": 2}, {"f": 6, "m": 4, "n": 8}),
    large=Large({"n": 65, "f": 20, "m": 21}, partial(to_least_squares, steps=12), partial(plain, steps=12), quick=True),
    symbolic_sizes={"f": 1, "m": 1, "n": 1},
    derive=derive,
    rungs=EVERYWHERE,
)
RIDGE = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "m"), "W0": ("m", "f"), "eta": (), "ridge": ()},
    left=to_ridge,
    right=decayed,
    names=("limit plus contracted distance", "SGD with weight decay"),
    sizes=({"f": 2, "m": 2, "N": 3}, {"f": 4, "m": 3, "N": 8}),
    large=Large({"f": 20, "m": 21, "N": 4}, short=Short.DEGREE),
    positive=("ridge",),
    derive=derive,
)

CLAIM = claim(
    __name__,
    together(LEAST_SQUARES.checks(), {Rung.EXACT: RIDGE.exact}),
    LEAST_SQUARES.mutant("one_power_less", "the power k - 1", left={"steps": STEPS - 1}),
    RIDGE.mutant(
        "penalty_not_scaled",
        "the ridge solution with penalty rho in place of N rho",
        left={"per_token": False},
        rungs=(Rung.EXACT,),
    ),
    LEAST_SQUARES.mutant("grows", "multiplied by I + cA", derive={"sign": -1}),
    RIDGE.mutant("decay_forgotten", "the factor I - cA for ridge too", derive={"decay": False}),
    kind=Kind.CONVERGENCE,
)
