"""A program's value at a point, enclosed in balls of 256 bits (Arb): its tape replayed on real balls.

Main definitions: `evaluate`, `evaluate_both`. Here exp, softmax, roots and norms have a meaning, which they have not in the exact
arithmetics. Two balls that do not meet prove that two programs differ; two that meet agree to as many digits as the radii
say, which is no proof.
Source: F. Johansson, Arb, IEEE Trans. Computers 66 (2017); the rules for torch's functions are their definitions.
"""

from __future__ import annotations

from collections.abc import Mapping

import flint
import numpy as np

from numeric.carriers.balls import BITS, Balls, ball
from numeric.carriers.computed import DIGITS, share_of
from numeric.deciding.findings import ByConstants
from numeric.deciding.programs import Program, recorded, replayed
from numeric.deciding.readings import Reading, readings
from numeric.finding import Said
from numeric.tape.notes import Record, notes
from numeric.tape.storage_tape import Tape

__all__ = ["BITS", "ball", "by_constants", "evaluate", "evaluate_both"]


def evaluate(program: Program, inputs: Mapping[str, np.ndarray]) -> tuple[np.ndarray, Record]:
    """The program's value at a point (object arrays of Fraction or of balls), as balls, and what it did on the way.

    Raises Refused for an operation without a rule, or a comparison that the precision does not decide.
    """
    tape = recorded(program).at({name: tuple(array.shape) for name, array in inputs.items()})
    return _replayed(tape, inputs, {}), notes(tape)


def evaluate_both(
    left: Program, right: Program, inputs: Mapping[str, np.ndarray], read: bool = False, computed: bool = False
) -> tuple[np.ndarray, np.ndarray, Mapping[float, Reading]]:
    """Both programs at a point as `evaluate` has them, and what constants were read as.

    read: constants that may be roundings (1/3, f**-0.5) are the numbers they stand for (`numeric.deciding.readings`).
    computed: those that may have been computed are balls of what that may be off by (`numeric.carriers.computed`).
    """
    shapes = {name: tuple(array.shape) for name, array in inputs.items()}
    tapes = recorded(left).at(shapes), recorded(right).at(shapes)
    known = readings(*tapes) if read else {}
    share = share_of(1 + max((n for shape in shapes.values() for n in shape), default=0)) if computed else 0.0
    a, b = (_replayed(tape, inputs, known, share) for tape in tapes)
    return a, b, known


def by_constants(
    left: Program, right: Program, inputs: Mapping[str, np.ndarray], sides: tuple[str, str], difference: Said
) -> ByConstants | None:
    """That a few roundings in computed constants explain this difference at a point; None where they do not.

    Raises as `evaluate` does.
    """
    one, other, _ = evaluate_both(left, right, inputs, computed=True)
    pairs = list(zip(one.reshape(-1), other.reshape(-1), strict=True))
    given = (float(v) for array in inputs.values() for v in array.reshape(-1))
    size = max((abs(v) for v in (*given, *(float(v.mid()) for pair in pairs for v in pair))), default=0.0)
    wide = max((float(v.rad()) for pair in pairs for v in pair), default=0.0)
    if not all(a.overlaps(b) for a, b in pairs) or not wide <= 10.0**-DIGITS * size:
        return None
    tapes = (recorded(p).at({name: tuple(array.shape) for name, array in inputs.items()}) for p in (left, right))
    found = tuple((side, *c) for side, tape in zip(sides, tapes, strict=True) for c in notes(tape).computed)
    return ByConstants(difference, found) if found else None


def _replayed(
    tape: Tape, inputs: Mapping[str, np.ndarray], known: Mapping[float, Reading], share: float = 0.0
) -> np.ndarray:
    with flint.ctx.workprec(BITS):
        carrier = Balls({value: _enclosed(reading) for value, reading in known.items()}, share)
        parts = {name: carrier.put([ball(v) for v in array.reshape(-1)], array.shape) for name, array in inputs.items()}
        return carrier.get(replayed(tape, carrier, parts))


def _enclosed(reading: Reading) -> flint.arb:
    number = flint.arb(flint.fmpq(reading.top, reading.bottom) ** reading.power)
    return reading.sign * (number if reading.root == 1 else number.root(reading.root))
