"""What a program takes the exponential of, and the signs of inputs with which that does not grow.

Main definition: `negative`. A decay is exp(g) at a negative g, and exp(-dt) at a positive dt: which of the two an input is,
its recording shows. Derived here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from numeric.deciding.programs import Program, recorded
from numeric.tape.float_replay import Floats
from numeric.tape.storage_tape import Tape

_EXPONENTIALS = frozenset({"exp", "exp2", "expm1"})


def negative(program: Program, point: Mapping[str, Tensor], names: Iterable[str]) -> frozenset[str]:
    """Those of the inputs `names`, positive at the point, with which all that is exponentiated grows: at a negative value
    it falls. One after the other, each with those before it at their new sign: of a product exp(A dt) it is one alone.

    Raises Refused, and what the program raises.
    """
    found, here = set[str](), dict(point)
    tape = recorded(program).once({name: tuple(value.shape) for name, value in here.items()})
    for name in names:
        before, after = _exponentials(tape, here), _exponentials(tape, {**here, name: 2 * here[name]})
        apart = [b - a for a, b in zip(before, after, strict=True)]
        if any(bool((d > 0).any()) for d in apart) and all(bool((d >= 0).all()) for d in apart):
            here[name] = -here[name]
            found.add(name)
    return frozenset(found)


def _exponentials(tape: Tape, point: Mapping[str, Tensor]) -> list[Tensor]:
    with torch.no_grad():
        floats = Floats(tape, point)
        made = (out for operation in floats.steps() if operation.base in _EXPONENTIALS for out in operation.outputs)
        return [floats.read(out).clone() for out in made if out is not None]
