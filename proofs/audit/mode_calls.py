"""Modes in calls that are longer, of several entries and heads, from a state: one short sequence shows nothing of them.

`k[:1] if k.requires_grad` is the plain call where there is one entry. Each mode that gave the numbers of the plain run on
one sequence is run again there, and held against the plain run, which was held against the learner.
Main definition: `mode_calls`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from numeric.deciding import float_identity
from numeric.deciding.comparison import Comparison
from numeric.deciding.programs import Program, Shapes, Sizes
from numeric.entropy import Entropy
from numeric.finding import Finding, Verdict
from numeric.tape.notes import Cast
from proofs.audit.far_calls import Parts
from proofs.audit.findings import Incomparable, Moved, MovedBy
from proofs.audit.gentle import gentle
from proofs.audit.inference import at_length
from proofs.audit.longer import Counted, TooMany
from proofs.audit.rows import Check, Row, flagged
from proofs.audit.sweep import PART, apart, tiles
from proofs.audit.together import FLOAT32, Way
from proofs.audit.whole import Found
from proofs.audit.world import Mode, Refusal, Same
from proofs.target.adapters import Adapter
from proofs.target.calling import raised
from proofs.target.case import Case
from proofs.target.source.lines import Lines

_SHORT, _LONG = 5, 66
"""Contexts of these calls; the second is made longer where the code mentions integers up to `_CHUNK`."""
_CHUNK = 130
_SQUARE = (3, 3)
"""(f, m) of a further long call: square states are told from their shape no more."""
_CELLS = 2
"""Batch entries and heads."""
_SINGLE = 2.0**-13
"""Runs in float32 that differ from float64 by more than this part are held against their rounding bound: float32 rounds by
2^-24, bfloat16 and half by 2^-9 and 2^-12."""
_BUDGET = 80_000
"""Operations of torch that these calls may cost."""
_SIDES, _MODES = ("in float32", "in float64"), "modes"

Adapted = Callable[[Sequence[Way]], Adapter]
"""The target's adapter, with its arguments changed as these modes do."""


@dataclass
class ModeCalls:
    """The sizes at which all modes gave the plain run's numbers, and what else came of them."""

    sizes: list[Sizes] = field(default_factory=list)
    modes: list[Mode] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)


def mode_calls(
    case: Case,
    ways: Sequence[Way],
    adapted: Adapted,
    found: Found,
    at: Sizes,
    mentioned: Sequence[int],
    entropy: Entropy,
    fixed: Collection[str] = (),
) -> ModeCalls:
    """Every way in calls of several entries and heads, where the target takes them, in a long one, and at a square width.

    found: what whole calls showed. adapted: see `Adapted`. mentioned: integers of the code. fixed: sizes that stay.
    """
    case = replace(case, lines=Lines(()))  # nothing is compared with the learner here
    run = _Run(case, adapted, found, entropy)
    long = max([_LONG, *(2 * c + 1 for c in mentioned if c <= _CHUNK)])
    lengths = {at["N"]: None} if "N" in fixed else dict.fromkeys((_SHORT, _LONG, long))
    cells = {"B": _CELLS if found.batch > 1 else 1, "H": _CELLS if found.heads > 1 else 1} if run.whole else {}
    tried = [{**cells, "f": at["f"], "m": at["m"], "N": N} for N in lengths if cells or at["N"] != N]
    if not {"f", "m"} & set(fixed) and not case.inferred.fits:
        last = _LONG if "N" not in fixed else at["N"]
        widths = [(*_SQUARE, last), *((f, m, next(iter(lengths))) for f, m in tiles(mentioned))]
        widths += [(at["f"], at["m"], 1)] if cells and "N" not in fixed else []
        tried[1:1] = [{**cells, "f": f, "m": m, "N": N} for f, m, N in widths]
    for sizes in tried:
        run.all(ways, sizes)
        if run.result.rows:
            break
    return run.result


@dataclass
class _Run:
    case: Case
    adapted: Adapted
    found: Found
    entropy: Entropy
    left: int = field(default_factory=lambda: _BUDGET)
    result: ModeCalls = field(default_factory=ModeCalls)

    @property
    def whole(self) -> bool:
        """Whether calls of several entries were compared."""
        return self.case.adapter.whole is not None and self.found.tokens > 0

    def all(self, ways: Iterable[Way], sizes: Sizes) -> None:
        """All modes at these sizes."""
        program, shapes = self._program(self.case.adapter, sizes)
        ways, before = list(ways), self.left
        try:
            data = self._data(shapes, sizes)
            plain = self._out(program, data)
            if (before - self.left) * len(ways) > self.left:  # what is left may do for other sizes
                raise TooMany
        except TooMany:
            return self._dear(sizes)
        except Exception as error:  # the target is anybody's code, and may refuse these sizes
            self.result.refusals.append(Refusal(_MODES, sizes, raised(error)))
            return None
        alike = True
        for way in ways:
            layer = self._layer(way, sizes)
            try:
                out = self._out(layer, data)
            except TooMany:
                return self._dear(sizes)
            except Exception as error:  # as above
                self.result.refusals.append(Refusal(way.name, sizes, raised(error)))
                alike = False
                continue
            single = way.kind == FLOAT32
            part = apart(out.double(), plain)
            if part <= (_SINGLE if single else PART):
                continue
            alike = False
            self._differs(way, sizes, self._bounded(program, data) if single else None, MovedBy(Moved.MODE, part))
        if alike:
            self.result.sizes.append(sizes)
        return None

    def _dear(self, sizes: Sizes) -> None:
        """Say that these calls cost too much."""
        self.result.refusals.append(Refusal(_MODES, sizes, Incomparable.DEAR))

    def _differs(self, way: Way, sizes: Sizes, bounded: Finding | None, moved: MovedBy) -> None:
        """Keep what a mode does there; in float32 as its rounding bound says."""
        if bounded is not None and bounded.verdict is Verdict.CONFIRMED and not _short(bounded):
            return
        if bounded is None or bounded.verdict is Verdict.REFUTED:
            self.result.modes.append(Mode(way.name, Same.DIFFERS, moved, further=(sizes["N"],)))
            self.result.rows.append(Row(Check.MODE, sizes, Finding(Verdict.REFUTED, reason=moved), way.name))
        else:
            self.result.modes.append(Mode(way.name, Same.UNCOMPARED, moved, further=(sizes["N"],)))
        return

    def _bounded(self, program: Program, data: Mapping[str, Tensor]) -> Finding:
        """Whether a run in float32 is as near to that in float64 as its rounding allows."""

        def double(**inputs: Any) -> Any:
            return program(**{n: t.double() for n, t in inputs.items()}).float()

        try:
            return float_identity.decide(
                Comparison(program, double, names=_SIDES),
                [{n: np.asarray(t.numpy()) for n, t in data.items()}],
                dtype="float32",
                shrinking=False,
                followed=(),
                at_point=True,
            )
        except Exception as error:  # as above
            return Finding(Verdict.UNDECIDED, reason=raised(error))

    def _data(self, shapes: Shapes, sizes: Sizes) -> dict[str, Tensor]:
        """Short keys, in numbers that float32 holds."""
        at_length(self.case, {n: sizes[n] for n in ("f", "m", "N")}, law=True)
        point = gentle(self.case, shapes, sizes, self.entropy.child("modes", *sorted(sizes.items())))
        return {n: torch.tensor(np.asarray(a, dtype=np.float32)).double() for n, a in point.items()}

    def _out(self, program: Program, data: Mapping[str, Tensor]) -> Tensor:
        with Counted(self.left) as counted:
            try:
                out: Tensor = program(**{n: t.clone() for n, t in data.items()}).detach()
            finally:
                self.left -= counted.number
        return out

    def _program(self, adapter: Adapter, sizes: Sizes) -> tuple[Program, Shapes]:
        """The layer as this adapter calls it: all outputs and the state after, or one prediction; and its inputs' shapes."""
        if self.whole and "B" in sizes:
            whole = adapter.whole
            assert whole is not None
            calls = Parts(self.case, whole, self.found.axes, wide=self.found.wide)
            return lambda **inputs: calls.cells(inputs), calls.shapes
        return partial(self.case.through, adapter), self.case.shapes

    def _layer(self, way: Way, sizes: Sizes) -> Program:
        """The same in a mode."""
        inner, _ = self._program(self.adapted([way]) if way.handed is not None else self.case.adapter, sizes)

        def run(**inputs: Any) -> Any:
            with ExitStack() as stack:
                stack.enter_context(way.around())
                return inner(**way.change(inputs))

        return run


def _short(found: Finding) -> bool:
    """Whether it casts to types shorter than float32."""
    casts = (f.what for f in flagged(found) if isinstance(f.what, Cast))
    return any(torch.finfo(getattr(torch, c.dtype)).bits < 32 for c in casts)
