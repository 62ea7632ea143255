"""What the claims about one step with scalar targets share."""

from __future__ import annotations

from constructions import autograd_descent
from constructions.namespace import Array
from numeric.deciding.programs import Program
from proofs.claim import Mutant
from proofs.forms.identity import Derive, Identity, Large


def prefix_steps(X: Array, y: Array, x_q: Array, eta: Array) -> Array:
    """One autograd step on each prefix, asked at the next input: (N, 1)."""
    return autograd_descent.prefix_predictions(X, y[:, None], x_q, eta)


def identity(layer: Program, learner: Program, derive: Derive) -> Identity:
    """That layer and learner agree at every prefix."""
    return Identity(
        shapes={"X": ("N", "f"), "y": ("N",), "x_q": ("f",), "eta": ()},
        left=layer,
        right=learner,
        sizes=({"f": 4, "N": 6}, {"f": 10, "N": 20}),
        large=Large({"f": 20, "N": 130}),
        symbolic_sizes={"f": 2, "N": 3},
        derive=derive,
    )


def sign(found: Identity) -> Mutant:
    """The prediction is the output itself; `derive` takes a sign."""
    return found.mutant(
        "sign",
        "the outputs without the minus sign",
        left=lambda X, y, x_q, eta: -found.left(X, y, x_q, eta),
        derive={"sign": -1},
    )
