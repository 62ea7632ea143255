"""One case run in a mode, and what came of it: the same bits, the same within rounding bounds, or another thing.

Main definition: `Runs`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from numeric.deciding import float_identity
from numeric.deciding.comparison import Comparison
from numeric.deciding.programs import Program, Sizes
from numeric.entropy import Entropy
from numeric.finding import Finding, Key, Said, Told, Verdict
from numeric.tape.refusals import Refused
from proofs.audit.compared import How, Question, compared, of_one_sequence
from proofs.audit.findings import MovedBy
from proofs.audit.gentle import gentle
from proofs.audit.inference import at_length
from proofs.audit.longer import operations
from proofs.audit.rows import FAR, Check, Row
from proofs.audit.world import Mode, Same
from proofs.target.calling import raised
from proofs.target.case import Case
from proofs.target.loading import Target
from proofs.target.source.integers import codes, functions
from proofs.target.source.lines import Lines

_LONGEST, _LONGEST_IN_BALLS = 300, 40
"""The longest contexts in float32."""
_FAR_OPERATIONS = 16_000
"""Operations of torch that a comparison there may cost."""
_TRIED = 3
"""Lengths, the farthest ones, that are tried until one can be afforded."""


@dataclass
class Runs:
    """One case with its data, and what came of the modes tried."""

    case: Case
    loaded: Target
    kinds: tuple[How, ...]
    sizes: Sizes
    data: Mapping[str, Tensor]
    plain: Tensor
    entropy: Entropy
    found: list[Mode] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)

    @cached_property
    def words(self) -> frozenset[str]:
        """The names in the target's code."""
        found = functions(self.loaded.call)
        return frozenset(name for f in found for code in codes(f.__code__) for name in code.co_names)

    def add(self, name: str, same: Same, why: Told = "", finding: Finding | None = None) -> None:
        """Keep what a mode did; a finding makes it a refutation."""
        self.found.append(Mode(name, same, why))
        if finding is not None:
            self.rows.append(Row(Check.MODE, self.sizes, finding, name))

    def compare(self, name: str, layer: Callable[[Case], Program], harmless: Said | None = None) -> None:
        """Run in a mode: `layer` of the case is the layer there. harmless: why a difference is none of the target's claim."""
        program = layer(self.case)
        try:
            out = program(**self.data).detach().clone()
            if equal(out, self.plain):
                return self.add(name, Same.BITS)
            again = program(**self.data).detach()
        except Exception as error:  # the target is anybody's code
            return self.add(name, Same.RAISES, raised(error))
        if not equal(out, again):
            self.found.append(Mode(name, Same.RANDOM, harmless or "", harmless is not None))
            return None
        found = self.within(layer)
        if found.verdict in (Verdict.UNDECIDED, Verdict.NOT_RUN):
            return self.add(name, Same.DIFFERS if harmless else Same.UNCOMPARED, harmless or found.reason)
        if found.verdict is Verdict.CONFIRMED:
            return self.add(name, Same.ROUNDING)
        return self.add(name, Same.DIFFERS, harmless or found.reason, None if harmless else found)

    def moved(self, name: str, out: Tensor, why: Said) -> None:
        """The same call gave `out`: a refutation, unless the rounding of the layer's own operations allows it."""
        delta = out.detach() - self.plain
        found = self.within(lambda case: lambda **inputs: case.layer(**inputs) + delta)
        if found.verdict is Verdict.CONFIRMED:
            return self.add(name, Same.ROUNDING, why)
        moved = MovedBy(why, float(delta.abs().max()))
        return self.add(name, Same.DIFFERS, moved, Finding(Verdict.REFUTED, reason=moved))

    def within(self, layer: Callable[[Case], Program], dtype: str = "float64", here: bool = False) -> Finding:
        """The layer against the learner: within rounding bounds, or in balls where the run has none. here: by the bounds of
        recordings made on this very data, which are cheap."""
        found = self._bounded(layer, dtype, here) if set(self.kinds) & {How.FLOAT, How.LIFTED} else None
        if found is not None and found.verdict in (Verdict.CONFIRMED, Verdict.REFUTED):
            return found
        enclosed = self._enclosed(layer, dtype)
        return found if found is not None and enclosed.verdict is Verdict.UNDECIDED else enclosed

    def _enclosed(self, layer: Callable[[Case], Program], dtype: str) -> Finding:
        def sides(case: Case) -> tuple[Program, Program]:
            program = layer(case)
            return program if dtype == "float64" else _in_float32(program), case.learner

        asked = Question(self.case, sides, self.case.shapes, self.sizes, self.case.sides, shrinking=False)
        try:
            return compared(How.BALLS, asked, self.entropy, 0.0)
        except Refused as refused:
            return Finding(Verdict.UNDECIDED, reason=str(refused))
        except Exception as error:  # the target is anybody's code, and may refuse this mode
            return Finding(Verdict.UNDECIDED, reason=raised(error))

    def _bounded(self, layer: Callable[[Case], Program], dtype: str, here: bool) -> Finding:
        draw = {name: np.asarray(t.detach().numpy()) for name, t in self.data.items()}
        case = replace(self.case, lifted=How.FLOAT not in self.kinds and dtype == "float64")
        try:
            return float_identity.decide(
                Comparison(layer(case), case.learner, names=case.sides, entropy=self.entropy),
                [draw],
                dtype=dtype,
                shrinking=False,
                followed=() if here else None,
                at_point=here,
            )
        except Exception as error:  # the target is anybody's code
            return Finding(Verdict.UNDECIDED, reason=raised(error))

    def single(self, lengths: Sequence[int]) -> None:
        """In float32, against the learner in float32; then at the first of these lengths that it can be afforded at."""
        found = self.within(bare, "float32")
        if found.verdict is Verdict.CONFIRMED:
            twin = next((t for N in lengths if (t := self._at(N)) is not None), None)
            far = twin.within(bare, "float32", here=True) if twin is not None else None
            if twin is not None and far is not None and far.verdict is Verdict.REFUTED:
                self.rows.append(Row(Check.MODE, twin.sizes, far, "float32"))
                self.found.append(Mode("float32", Same.DIFFERS, far.reason, further=(twin.sizes["N"],)))
                return None
            further = (twin.sizes["N"],) if twin is not None and far is not None and twin.telling(far) else ()
            self.found.append(Mode("float32", Same.ROUNDING, further=further))
            return None
        if found.verdict is Verdict.REFUTED:
            return self.add("float32", Same.DIFFERS, found.reason, found)
        return self.add("float32", Same.NOT_RUN, found.reason)

    def _at(self, N: int) -> Runs | None:
        """The same with keys that are short, at this N; None where that is refused, or takes too many operations."""
        sizes = {**self.sizes, "N": N}
        try:
            at_length(self.case, sizes, law=True)
            data = gentle(self.case, self.case.shapes, sizes, self.entropy.child("far", N))
            draw = {name: np.asarray(array, dtype=np.float64) for name, array in data.items()}
            unseen = replace(self.case, lines=Lines(()))  # what is only counted is compared with nothing
            if operations(of_one_sequence(unseen, sizes), draw, _FAR_OPERATIONS) > _FAR_OPERATIONS:
                return None
        except Exception:  # the target is anybody's code, and may refuse this length
            return None
        return replace(self, sizes=sizes, data={name: torch.tensor(array) for name, array in draw.items()})

    def telling(self, found: Finding) -> bool:
        """Whether a confirmation in rounding bounds leaves a digit of the largest output."""
        bound = found.figures.get(Key.BOUND)
        if found.verdict is not Verdict.CONFIRMED or not isinstance(bound, (int, float)):
            return found.verdict is Verdict.CONFIRMED
        with torch.no_grad():
            return bound < 0.1 * float(self.case.learner(**self.data).abs().max())


def far_lengths(kinds: Sequence[How], sizes: Sizes, mentioned: Sequence[int]) -> list[int]:
    """The N past the largest integers of the code that a run in another dtype can be afforded at, the farthest first."""
    longest = _LONGEST if set(kinds) & {How.FLOAT, How.LIFTED} else _LONGEST_IN_BALLS
    past = sorted({2 * c + 1 for c in mentioned if 2 * c + 1 <= longest}, reverse=True)
    return [N for N in (*past[:_TRIED], FAR) if sizes["N"] < N]


def equal(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and bool(((a == b) | (a.isnan() & b.isnan())).all())


def bare(case: Case) -> Program:
    return case.layer


def _in_float32(program: Program) -> Program:
    """On inputs of float32, which exact numbers are not rounded to."""
    return lambda **inputs: program(**{n: t.to(torch.float32) for n, t in inputs.items()}).to(torch.float64)
