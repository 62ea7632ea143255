"""Whether a target is a loop over its tokens: the ground on which an answer for every N can stand.

Main definition: `looped`. Two bare runs, a token apart and beyond every integer of the code, are compared as recordings
(`numeric.tape.blocks`).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from numeric.deciding.programs import Sizes, concrete
from numeric.entropy import Entropy
from numeric.finding import Said
from numeric.tape.blocks import Loop, loop
from numeric.tape.recorder import record
from proofs.audit.inference import infer
from proofs.audit.notes import FailsAt, LargeInteger
from proofs.target.case import Case

SHORT, LONG = 16, 400
"""The least length, and the largest that is recorded for this."""


def looped(case: Case, sizes: Sizes, integers: Sequence[int], entropy: Entropy) -> Loop | Said:
    """The loop that the layer is at these f and m, or why none can be said to be."""
    length = max((SHORT, *(n + 2 for n in integers)))
    if length > LONG:
        return LargeInteger(length - 2, LONG, recorded=True)
    tokens = [name for name, axes in case.shapes.items() if axes[:1] == ("N",)]
    tapes = []
    for T in (length, length + 1):
        here = {**sizes, "N": T}
        try:
            infer(case, here)
            generator = torch.Generator().manual_seed(entropy.child(T).below(2**31))
            drawn = {
                name: torch.rand(shape, generator=generator, dtype=torch.float64) * 0.9 + 0.05
                if name in case.positive
                else torch.randn(shape, generator=generator, dtype=torch.float64)
                for name, shape in concrete(case.shapes, here).items()
            }
            tapes.append(record(case.layer, drawn)[0])
        except Exception as error:  # the target is anybody's code, and its memory may have another form there
            return FailsAt(T, type(error).__name__)
    return loop(tapes[0], tapes[1], tokens, 1, entropy.child("loop"))
