"""What the claims about the last row of the three-layer block share."""

from __future__ import annotations

from constructions import gd_ssm, three_layer_block
from constructions.namespace import Array
from constructions.three_layer_block import PUBLISHED, Window
from numeric.deciding.programs import Program
from proofs.forms.identity import Derive, Identity, Large


def last_row(X: Array, Y: Array, x_q: Array, eta: Array, weights: tuple[Window, ...] = PUBLISHED) -> Array:
    """Minus the block's last row with scale eta/N: (f,)."""
    return -three_layer_block.block(gd_ssm.tokens(X, Y, x_q), eta / X.shape[0], weights)[-1, :]


def identity(learner: Program, derive: Derive, layer: Program = last_row) -> Identity:
    """That the last row is the learner's prediction."""
    return Identity(
        shapes={"X": ("N", "f"), "Y": ("N", "f"), "x_q": ("f",), "eta": ()},
        left=layer,
        right=learner,
        sizes=({"f": 3, "N": 4}, {"f": 8, "N": 20}),
        large=Large({"f": 20, "N": 130}),
        symbolic_sizes={"f": 2, "N": 1},
        derive=derive,
    )
