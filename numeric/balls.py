"""A program's value at a point, enclosed in balls of 256 bits (Arb): its tape replayed on real balls.

Main definition: `evaluate`. Here exp, softmax, roots and norms have a meaning, which they have not in the exact
arithmetics. Two balls that do not meet prove that two programs differ; two that meet agree to as many digits as the radii
say, which is no proof.
Source: F. Johansson, Arb, IEEE Trans. Computers 66 (2017); the rules for torch's functions are their definitions.
"""

from __future__ import annotations

from collections.abc import Mapping

import flint
import numpy as np

from numeric.carriers.balls import BITS, Balls, ball
from numeric.programs import Program, recorded, replayed
from numeric.tape.notes import Record, notes

__all__ = ["BITS", "ball", "evaluate"]


def evaluate(program: Program, inputs: Mapping[str, np.ndarray]) -> tuple[np.ndarray, Record]:
    """The program's value at a point (object arrays of Fraction or of balls), as balls, and what it did on the way.

    Raises Refused for an operation without a rule, or a comparison that the precision does not decide.
    """
    with flint.ctx.workprec(BITS):
        carrier = Balls()
        parts = {name: carrier.put([ball(v) for v in array.reshape(-1)], array.shape) for name, array in inputs.items()}
        tape = recorded(program).at({name: tuple(array.shape) for name, array in inputs.items()})
        return carrier.get(replayed(tape, carrier, parts)), notes(tape)
