"""Whole calls past the integers of the code: three batch entries and heads, the state handed in and out, cut near chunks.

The layer is compared with itself, which costs no learner: one call is the calls of each batch entry and of each head
alone, and two calls are one. Of two layers each such call of the one is that of the other. What a call of one sequence
computes at such lengths is `proofs.audit.longer`'s question.
Main definition: `far_calls`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from numeric.deciding.programs import Shapes, Sizes
from numeric.entropy import Entropy
from numeric.finding import Finding, Verdict
from proofs.audit.calls import Calls
from proofs.audit.compared import How, Question, by_lifting, enclosed, of_the_state, within_rounding
from proofs.audit.findings import BallsOnly, Incomparable
from proofs.audit.gentle import gentle
from proofs.audit.longer import operations
from proofs.audit.preflight import in_blocks
from proofs.audit.rows import Row
from proofs.audit.whole import POSITIONS, SHARED, STATE, Found
from proofs.audit.world import Refusal
from proofs.target.calling import raised
from proofs.target.case import Case
from proofs.target.source.lines import Lines

ALONE = "each entry and head alone"
FREE = 13
"""The length at which every code is called."""
LARGEST = 130
"""Integers up to here are passed."""
ENTRIES = 3
"""Batch entries and heads, where the target took two: mixed ones may start with the third."""
_FEW, _MANY = 4, 16
"""Entries and heads that are passed whatever the code says, and up to which its integers are."""
_BUDGET = 24_000
"""Operations of torch that these calls may cost."""
UNASKED, GROUPS = "state left out", "grouped heads"
SIDES = ("one call", "calls taken apart")
UNASKED_SIDES = ("arguments left out", "all arguments")
GROUP, GROUPED_SIDES = 2, ("grouped heads", "heads repeated")
_BALLS = 40
"""The longest calls in balls."""


@dataclass(frozen=True)
class Far:
    """Rows, the token counts at which all agreed, and what was refused or too costly. cells: the most batch entries and
    heads that agreed with each alone."""

    rows: tuple[Row, ...] = ()
    tokens: tuple[int, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    cells: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Parts(Calls):
    """The programs: `together` and `alone`; `in_one` and `in_two` are those of the state."""

    by_head: bool = True
    """Whether a head alone is called, which it can't be where heads have numbers of their own."""

    def together(self, **inputs: Any) -> Any:
        """One call, once for each way to take it apart."""
        out = self.cells(inputs)
        return torch.stack([out] * (1 + self._has_heads(inputs)))

    def alone(self, **inputs: Any) -> Any:
        """A call for each batch entry, and one for each head."""
        B, _, H, _ = inputs["k"].shape
        parts = [torch.cat([self.cells(self._part(inputs, slice(b, b + 1), slice(None))) for b in range(B)])]
        if self._has_heads(inputs):
            heads = [self.cells(self._part(inputs, slice(None), slice(h, h + 1))) for h in range(H)]
            parts.append(torch.cat(heads, 1))
        return torch.stack(parts)

    def _has_heads(self, inputs: Mapping[str, Any]) -> bool:
        return self.by_head and bool(inputs["k"].shape[2] > 1)

    def cells(self, inputs: Mapping[str, Any]) -> Any:
        """All positions, and the state after if one is handed in, for each entry and head."""
        out, after = self._call(inputs, Fraction(inputs["k"].shape[1]), state=inputs.get("S"))
        cells = out.transpose(1, 2).flatten(2)
        return cells if self.state is None else torch.cat([cells, after.flatten(2)], 2)

    def _part(self, inputs: Mapping[str, Any], b: slice, h: slice) -> dict[str, Any]:
        """The inputs of some entries and heads."""

        def cut(name: str, array: Any) -> Any:
            if name in self.common:
                return array
            return array[b, :, h] if name in ("q", "k", "v") else array[b, h]

        return {name: cut(name, array) for name, array in inputs.items()}


@dataclass(frozen=True)
class Unasked(Calls):
    """The programs: `left_out` and `zeros`. A state that is not handed in is one of zeros, and the outputs are the same
    whether the state after is asked for or not."""

    gives: bool = True
    """Whether the state after can be had where none is handed in."""

    def left_out(self, **inputs: Any) -> Any:
        """From no state, asking for the one after; and from one, not asking."""
        N = Fraction(inputs["k"].shape[1])
        from_none, after = self._call(inputs, N, after=True)
        unasked, _ = self._call(inputs, N, state=inputs["S"], after=False)
        return self._laid(from_none, unasked, after)

    def zeros(self, **inputs: Any) -> Any:
        """From a state of zeros; and from one, asking for the one after."""
        N = Fraction(inputs["k"].shape[1])
        from_zeros, after = self._call(inputs, N, state=torch.zeros_like(inputs["S"]))
        asked, _ = self._call(inputs, N, state=inputs["S"])
        return self._laid(from_zeros, asked, after)

    def _laid(self, *found: Any) -> Any:
        """For each entry and head: both outputs, and the state."""
        outs, after = found[:-1], found[-1]
        rows = [out.transpose(1, 2).flatten(2) for out in outs]
        return torch.cat([*rows, after.flatten(2)] if self.gives else rows, 2)

    def without_a_state(self, **inputs: Any) -> bool:
        """Whether the state after can't be had where none is handed in."""
        N = Fraction(inputs["k"].shape[1])
        return not all(isinstance(side._call(inputs, N, after=True)[1], torch.Tensor) for side in self.both)


@dataclass(frozen=True)
class Grouped(Calls):
    """The programs: `grouped` and `repeated`. Queries have GROUP heads for each of the keys, one beside the other, where a
    target takes that."""

    @property
    def shapes(self) -> Shapes:
        """The inputs' shapes: G heads of queries."""
        return {**super().shapes, "q": ("B", "N", "G", "f")}

    def grouped(self, **inputs: Any) -> Any:
        """All heads of queries in one call, with the fewer heads of keys."""
        return self._call(inputs)[0].transpose(1, 2).flatten(2)

    def repeated(self, **inputs: Any) -> Any:
        """Each head of keys and values given once for each of its heads of queries."""
        more = {name: inputs[name].repeat_interleave(GROUP, 2) for name in ("k", "v")}
        return self._call({**inputs, **more})[0].transpose(1, 2).flatten(2)


@dataclass
class _Search:
    case: Case
    kinds: Sequence[How]
    entropy: Entropy
    left: int = field(default_factory=lambda: _BUDGET)
    rows: list[Row] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)

    def ask(
        self, what: str, calls: Calls, left: Callable[..., Any], right: Callable[..., Any], sizes: Sizes
    ) -> Verdict:
        """Compare at one point; what is refused or too costly is kept as a refusal."""
        asked = calls.asked(left, right, sizes, SIDES)
        try:
            calls.prepare(sizes, law=True)
            point = gentle(self.case, asked.shapes, sizes, self.entropy.child(what, sizes["N"]))
            draw = {n: np.asarray(a, dtype=np.float64) for n, a in point.items()}
            unseen = replace(
                calls, case=replace(self.case, lines=Lines(()))
            )  # what is only counted is compared with nothing
            cost = operations(unseen.asked(left, right, sizes, SIDES), draw, self.left)
            if cost > self.left:
                self.refusals.append(Refusal(what, sizes, Incomparable.DEAR))
                return Verdict.UNDECIDED
            self.left -= cost
            kind = next((k for k in self.kinds if k in (How.FLOAT, How.LIFTED)), How.BALLS)
            balls = kind is How.BALLS
            if balls and sizes["N"] > _BALLS:
                self.refusals.append(Refusal(what, sizes, BallsOnly(_BALLS)))
                return Verdict.UNDECIDED
            if balls:
                found = enclosed(asked, [point])
            else:
                same = same_bits(asked, draw)
                found = same or within_rounding(kind, asked, [draw], self.entropy, here=True)
                kind, found = of_the_state(kind, asked, found, [draw], self.entropy)
        except Exception as error:  # the target is anybody's code
            self.refusals.append(Refusal(what, sizes, raised(error)))
            return Verdict.UNDECIDED
        if found.verdict is Verdict.UNDECIDED:
            self.refusals.append(Refusal(what, sizes, found.reason))
        else:
            self.rows.append(Row(kind.check, sizes, found, what))
        return found.verdict


def same_bits(asked: Question, draw: Mapping[str, np.ndarray]) -> Finding | None:
    """That plain calls of a layer and of itself have the same bits, which no rounding has to explain; None where not."""
    inputs = {n: torch.tensor(a) for n, a in draw.items()}
    with torch.no_grad():
        one, other = asked.left(**inputs), asked.right(**inputs)
    if not bool(torch.isfinite(one).all()) or not torch.equal(one, other):
        return None
    return Finding(Verdict.CONFIRMED, figures={"outputs of the same bits": one.numel()})


def far_calls(
    case: Case, found: Found, at: Sizes, fixed: Sizes, kinds: Sequence[How], mentioned: Sequence[int], entropy: Entropy
) -> Far:
    """Whole calls on 2 c + r tokens for the integers c, of a target whose whole calls on few tokens agreed."""
    whole = case.adapter.whole
    if whole is None or not found.rows or not kinds or "N" in fixed:
        return Far()
    case = replace(case, lifted=by_lifting(kinds))
    search = _Search(case, kinds, entropy)
    tokens: list[int] = []
    near = [c for c in mentioned if c <= LARGEST]
    lengths = {2 * c + 1 + entropy.child("length", c).below(max(1, c - 1)): c for c in near}
    lengths.setdefault(FREE, FREE // 2)
    for N, c in {in_blocks(N, at): c for N, c in lengths.items()}.items():
        B, H = (ENTRIES if n > 1 else 1 for n in (found.batch, found.heads))
        sizes = {"B": B, "H": H, "f": at["f"], "m": at["m"], "N": N}
        cuts = tuple(dict.fromkeys(cut for n in (1, c - 1, c, c + 1) if 0 < (cut := in_blocks(n, at)) < N))
        calls = Parts(case, whole, found.axes, wide=found.wide, cuts=cuts, by_head=not found.by_head)
        pair = calls.twin is not None
        asked = [(POSITIONS if pair else ALONE, Parts.together, Parts.alone)] if B * H > 1 or pair else []
        asked += [(SHARED if pair else STATE, Calls.in_one, Calls.in_two)] if found.axes is not None else []
        said = []
        for what, one, parts in asked:
            said.append(search.ask(what, calls, one, parts, sizes))
            if said[-1] is Verdict.REFUTED:
                return Far(tuple(search.rows), tuple(tokens), tuple(search.refusals))
        tokens += [N] if said and all(v is Verdict.CONFIRMED for v in said) else []
    cells = (0, 0)
    for c in sorted({_FEW, *(c for c in mentioned if c <= _MANY)}):
        B, H = (c + 1 if found.batch > 1 else 1), (c + 2 if found.heads > 1 and not found.by_head else found.heads)
        sizes = {"B": B, "H": H, "f": at["f"], "m": at["m"], "N": in_blocks(2, at)}
        calls = Parts(case, whole, wide=found.wide, by_head=not found.by_head)
        what = ALONE if calls.twin is None else POSITIONS
        several = B * H > 1 or calls.twin is not None
        verdict = search.ask(what, calls, Parts.together, Parts.alone, sizes) if several else Verdict.UNDECIDED
        if verdict is Verdict.REFUTED:
            break
        cells = (B, H) if verdict is Verdict.CONFIRMED else cells
    return Far(tuple(search.rows), tuple(tokens), tuple(search.refusals), cells)
