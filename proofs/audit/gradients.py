"""Gradients: what the layer's own backward pass gives, against the derivatives of what the learner computes.

Both sides are the derivatives of one number, the outputs and the state after, each times an indeterminate cotangent. On the
left the target is called with gradients on and its own backward pass runs, custom functions and detached states as they
are; on the right the recording of the learner, or of the other layer, is differentiated operation by operation. Where the
state is none of the learner's, the layer's own recording is. Both are programs that are recorded and compared as any other.
Main definition: `gradient_rows`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from numeric.deciding.gradients import Backward, Derivative
from numeric.deciding.programs import Program, Shapes, Sizes, text
from numeric.entropy import Entropy
from numeric.finding import Counterexample, Finding, Told, Verdict
from numeric.trust import Trust
from proofs.audit.answer import Parting
from proofs.audit.compared import How, Question, compared, within_rounding
from proofs.audit.findings import (
    Argument,
    Exactly,
    GradientNotFinite,
    GradientOf,
    GradientOff,
    GradientsDiffer,
    Incomparable,
    Special,
)
from proofs.audit.gentle import gentle
from proofs.audit.gradient_calls import AFTER, OUTPUTS, Functional, Make, data, of_one_sequence
from proofs.audit.induction import memories
from proofs.audit.inference import at_length
from proofs.audit.longer import Counted, TooMany
from proofs.audit.parting import digits
from proofs.audit.preflight import in_blocks
from proofs.audit.rows import Check, Row
from proofs.audit.sweep import PART, apart
from proofs.audit.whole import Found
from proofs.audit.world import Gradients, Refusal
from proofs.target.calling import raised
from proofs.target.case import Case
from proofs.target.gates import mentioned

GRADIENTS = "gradients"
_ALWAYS = (1, 9, 33, 129)
"""Context lengths that are run whatever the code says."""
_CHUNK = 300
"""The largest integers of the code that are passed in N."""
_WIDTHS, _TILE = ((3, 3), (1, 1), (4, 2)), 64
"""Further (f, m), and the largest integers of the code that are passed in them."""
_SPECIAL, _TINY = (2, 13), Fraction(1, 2**100)
"""Tokens of calls at special points, and gates next to 0: differences of their logarithms overflow exponentials there."""
_EXACT, _BUDGET = 48_000, 120_000
"""Operations of torch, of both sides, that exact comparisons may cost, and plain ones."""
_SMALL = 33
"""Up to so many tokens each N is tried for the first difference, and a small point is looked for; beyond, N is halved."""


@dataclass(frozen=True)
class Compared:
    """Rows, what they cover, and where the sides part if they do."""

    rows: tuple[Row, ...] = ()
    covers: Gradients | None = None
    refusals: tuple[Refusal, ...] = ()
    parting: Parting | None = None


def gradient_rows(
    case: Case,
    found: Found,
    at: Sizes,
    fixed: Sizes,
    kinds: tuple[How, ...],
    mentioned: Sequence[int],
    entropy: Entropy,
    target_log2: float,
) -> Compared:
    """The gradients of a case whose forward values agree, up to the first difference. found: what whole calls showed;
    mentioned: integers of the code."""
    search = _Search(case, kinds, entropy, target_log2)
    calls = _calls(case, found)
    make: Make = partial(of_one_sequence, case) if calls is None else calls.question
    one = {} if calls is None else {"B": 1, "H": 1}
    cells = {**at, "B": found.batch, "H": found.heads, "N": found.tokens} if calls is not None else dict(at)
    stateful = None if calls is None or found.axes is None else _from_state(calls, found.axes, cells)
    search.ask(make, cells, exact=True, vital=True)
    if stateful is not None:
        search.ask(stateful.question, cells, exact=True, vital=True)
    for f, m in () if {"f", "m"} & set(fixed) or case.inferred.fits else _widths(at, mentioned):
        search.ask(make, {**one, "f": f, "m": m, "N": fixed.get("N", in_blocks(3, at))})
    for N in dict.fromkeys(fixed.get("N", in_blocks(n, at)) for n in _SPECIAL):
        search.special(make, {**one, **at, "N": N})
    chunks = [c for c in mentioned if 1 < c <= _CHUNK]
    past = [in_blocks(n, at) for c in chunks for n in (2 * c + 1, c + 1)]
    for N in () if "N" in fixed else dict.fromkeys((*past, *(in_blocks(n, at) for n in _ALWAYS))):
        here, exact = {**one, **at, "N": N}, N in past or N <= _SMALL
        search.ask(make if calls is None else replace(calls, marks=_marks(N, chunks)).question, here, exact)
        if (
            stateful is not None and N != 1
        ):  # against its own recording, which costs no learner for each entry of a state
            search.ask(replace(stateful, memory=None).question, here, exact)
    return search.result(cells, (at["f"], at["m"]))


def _calls(case: Case, found: Found) -> Functional | None:
    """Calls on whole arrays, where both sides take them."""
    whole = case.adapter.whole
    calls = Functional(case, whole, wide=found.wide) if whole is not None and found.tokens else None
    return calls if calls is None or case.other is None or calls.twin is not None else None


def _marks(N: int, chunks: Sequence[int]) -> tuple[int, ...]:
    """The position just past the last integer c with 2 c < N, where a second chunk begins."""
    last = max((c for c in chunks if 2 * c < N), default=N // 2)
    return (last,) if 0 < last < N - 1 else ()


def _widths(at: Sizes, mentioned: Sequence[int]) -> Iterator[tuple[int, int]]:
    tiles = [c for c in mentioned if 1 < c <= _TILE]
    pairs = (*_WIDTHS, *((2 * c + 1, 2) for c in tiles), *((2, 2 * c + 1) for c in tiles))
    yield from (pair for pair in dict.fromkeys(pairs) if pair != (at["f"], at["m"]))


def _from_state(calls: Functional, axes: tuple[str, str], sizes: Sizes) -> Functional:
    """The calls from a state, with the way in which it holds the learner's weights where it does."""
    calls = replace(calls, state=axes)
    if calls.twin is not None or not calls.case.chosen.start or calls.case.chosen.step is None or calls.case.starts:
        return calls
    draw = _floats(gentle(calls.case, calls.shapes, sizes, Entropy(0)))
    for memory in memories(calls.case):
        if memory.transposed is not (axes == ("f", "m")):
            continue
        held = replace(calls, memory=memory)
        try:
            with torch.no_grad():
                one, other = held.number(**draw), held.of_learner(**draw)
        except Exception:  # the target is anybody's code, and the factor may be no number
            continue
        if apart(one.reshape(1), other.reshape(1)) <= PART:
            return held
    return calls


def _floats(point: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    return {name: torch.tensor(np.asarray(array, dtype=np.float64)) for name, array in point.items()}


@dataclass
class _Search:
    """Comparisons of gradients, each paid for."""

    case: Case
    kinds: tuple[How, ...]
    entropy: Entropy
    target_log2: float
    left: int = _BUDGET
    dear: int = _EXACT
    rows: list[Row] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    of: dict[Argument, None] = field(default_factory=dict)
    """What gradients by and (`state`) of were compared."""
    state: bool = False
    parting: Parting | None = None

    def ask(self, make: Make, sizes: Sizes, exact: bool = False, vital: bool = False) -> None:
        """Compare at these sizes; what is refused or too costly is kept as a refusal. exact: also on exact numbers, as far
        as that can be afforded. vital: without an answer there the gradients are in doubt."""
        if self.parting is not None:
            return
        asked = make(sizes, None)
        try:
            point = self._point(asked)
            cost, off = self._plainly(asked, _floats(point))
        except TooMany:
            self.refusals.append(Refusal(GRADIENTS, sizes, Incomparable.DEAR, unlike=vital))
            return
        except Exception as error:  # the target is anybody's code, and may have no gradients
            self.refusals.append(Refusal(GRADIENTS, sizes, raised(error), unlike=vital))
            return
        why: Told = ""
        decided = False
        affordable, differs = exact and cost <= self.dear, off > PART
        for number, kind in enumerate(self._rungs(affordable, differs and sizes["N"] <= _SMALL, differs)):
            child = self.entropy.child(GRADIENTS, *sorted(sizes.items()), "S" in asked.shapes, number)
            kind, finding = self._compared(kind, asked, point, child)
            if kind is How.EXACT:
                self.dear -= cost
            if finding.verdict is Verdict.REFUTED:
                told, self.parting = self._parted(make, sizes)
                finding = replace(finding, reason=told or finding.reason, counterexample=self.parting.counterexample)
            if finding.verdict in (Verdict.CONFIRMED, Verdict.REFUTED):
                decided = True
                finding = replace(finding, trust=(*finding.trust, Trust.DERIVATIVES))
                self.rows.append(Row(kind.check, sizes, finding, GRADIENTS))
            why = why or finding.reason
            if self.parting is not None:
                return
        if decided:
            self.of |= {_argument(self.case, name): None for name in data(asked.shapes)}
            self.state = self.state or AFTER in asked.shapes
        else:
            self.refusals.append(Refusal(GRADIENTS, sizes, why, unlike=differs or vital))

    def special(self, make: Make, sizes: Sizes) -> None:
        """Plain calls at points where derivatives may have no value, or other ones, though the outputs are as they should."""
        if self.parting is not None:
            return
        asked = make(sizes, None)
        left, right = _backward(asked.left), _backward(asked.right)
        try:
            generic = self._point(asked)
        except Exception:  # the target is anybody's code, and may refuse these sizes
            return
        for kind, point in _special(self.case, asked.shapes, generic):
            draw = _floats(point)
            try:
                with torch.no_grad():
                    finite = bool(torch.isfinite(left.program(**draw)))
                found = {name: part for name, part in left.paths(**draw).items() if part is not None}
                wanted = right(**draw)
                off = apart(left(**draw)[None], wanted[None])
            except Exception:  # as above
                continue
            if not finite or not bool(torch.isfinite(wanted).all()) or off <= PART:
                continue
            lost = [name for name, part in found.items() if not bool(torch.isfinite(part).all())]
            if lost:
                reason = GradientNotFinite(tuple(_argument(self.case, name) for name in lost), kind)
                finding = Finding(Verdict.REFUTED, reason=reason)
            else:
                _, finding = self._compared(self.kinds[-1], asked, point, self.entropy.child(kind.name))
            if finding.verdict is Verdict.REFUTED:
                part = make(sizes, (lost[0],)) if lost else asked
                note: Told = GradientOf(_argument(self.case, lost[0])) if lost else ""
                self.parting = Parting(self._shown(part, point, sizes, note))
                finding = replace(finding, counterexample=self.parting.counterexample)
                self.rows.append(Row(Check.SAMPLED, sizes, finding, GRADIENTS))
                return

    def _rungs(self, affordable: bool, small: bool, differs: bool) -> Iterator[How]:
        """The rungs to ask: exact numbers where they can be afforded, and wherever plain calls differ; of long calls that do
        the cheaper ones first."""
        exact = (How.EXACT,) if How.EXACT in self.kinds and (affordable or differs) else ()
        others = tuple(k for k in self.kinds if k is not How.EXACT)[:1]
        yield from (*others, *exact) if differs and not small else (*exact, *others)

    def _compared(
        self, kind: How, asked: Question, point: Mapping[str, np.ndarray], entropy: Entropy
    ) -> tuple[How, Finding]:
        if kind in (How.EXACT, How.BALLS):
            return kind, compared(kind, replace(asked, shrinking=False), entropy, self.target_log2)
        draw = {name: array.numpy() for name, array in _floats(point).items()}
        try:
            found = within_rounding(kind, asked, [draw], entropy, here=True)
            if kind is How.FLOAT and found.verdict is Verdict.REFUTED:  # a gradient may be cast where no output is
                lifted = within_rounding(How.LIFTED, asked, [draw], entropy, here=True)
                if lifted.verdict is Verdict.CONFIRMED:
                    self.case.note(*found.flags)
                    return How.LIFTED, lifted
            return kind, found
        except Exception as error:  # the target is anybody's code
            return kind, Finding(Verdict.UNDECIDED, reason=raised(error))

    def _point(self, asked: Question) -> dict[str, np.ndarray]:
        """A point of ordinary numbers there, with what has to be inferred inferred."""
        sizes = asked.sizes
        at_length(self.case, {name: sizes[name] for name in ("f", "m", "N")}, law=True)
        return gentle(self.case, asked.shapes, sizes, self.entropy.child("point", *sorted(sizes.items())))

    def _plainly(self, asked: Question, draw: Mapping[str, Tensor]) -> tuple[int, float]:
        """What both sides cost in operations, and how far apart they are."""
        left, right = asked.left, asked.right
        assert isinstance(right, Derivative)
        with Counted(self.left) as counted, torch.no_grad():
            one = left(**draw)
            own = counted.number
            right.forward(**draw)
        cost = own + 4 * (counted.number - own)  # a derivative takes some three times as many
        self.left -= min(cost, self.left)
        with torch.no_grad():
            return cost, apart(one[None], right(**draw)[None])

    def result(self, cells: Sizes, width: tuple[int, int]) -> Compared:
        """What was found, and what it covers."""
        held = [r for r in self.rows if r.finding.verdict is Verdict.CONFIRMED]
        exact = [r for r in held if r.check is Check.EXACT]

        def lengths(rows: Sequence[Row]) -> tuple[int, ...]:
            return tuple(sorted({r.sizes["N"] for r in rows if (r.sizes["f"], r.sizes["m"]) == width}))

        some = lengths(exact)
        covers = Gradients(
            of=tuple(self.of),
            exact=some,
            rounded=tuple(N for N in lengths(held) if N not in some),
            widths=tuple(dict.fromkeys(w for r in held if (w := (r.sizes["f"], r.sizes["m"])) != width)),
            cells=(cells.get("B", 1), cells.get("H", 1)),
            state=self.state,
        )
        return Compared(tuple(self.rows), covers if self.of else None, tuple(self.refusals), self.parting)

    # --- where they part ---------------------------------------------------------------------------------------------

    def _parted(self, make: Make, sizes: Sizes) -> tuple[GradientsDiffer | None, Parting]:
        """Which gradients part, first where, and at which point."""
        N, off, first = self._first(make, sizes)
        here = {**sizes, "N": N}
        name = next(iter(off), None)
        found = self._small(make(here, (name,) if name else None), name)
        told = GradientsDiffer(tuple(off.values()), N, first, self._detached(make(here, None))) if off else None
        return told, replace(found, first=N if first else None)

    def _detached(self, asked: Question) -> bool:
        """Whether no gradient comes back from the state after where the other side's does."""
        if AFTER not in asked.shapes:
            return False
        draw = _floats(self._point(asked))
        draw[OUTPUTS] = torch.zeros_like(draw[OUTPUTS])
        left, right = (_backward(side).paths(**draw) for side in (asked.left, asked.right))
        none, some = (any(p is not None and bool(p.any()) for p in side.values()) for side in (left, right))
        return some and not none

    def _first(self, make: Make, sizes: Sizes) -> tuple[int, dict[str, GradientOff], bool]:
        """The first N at which plain calls part and what parts there; and whether all smaller ones were tried."""
        top = sizes["N"]
        short = top <= _SMALL or self._off(make, {**sizes, "N": _SMALL})
        for N in range(1, min(top, _SMALL) + 1) if short else ():
            off = self._off(make, {**sizes, "N": N})
            if off:
                return N, off, True
        last = self._off(make, sizes)
        low, high = min(top, _SMALL), top
        while last and high - low > 1:
            middle = (low + high) // 2
            off = self._off(make, {**sizes, "N": middle})
            low, high, last = (low, middle, off) if off else (middle, high, last)
        return high, last, False

    def _off(self, make: Make, sizes: Sizes) -> dict[str, GradientOff]:
        """The gradients that differ in plain calls there, by input."""
        try:
            asked = make(sizes, None)
            draw = _floats(self._point(asked))
            left, right = (_backward(side).paths(**draw) for side in (asked.left, asked.right))
        except Exception:  # the target is anybody's code, and may refuse these sizes
            return {}
        zeros = {name: torch.zeros_like(draw[name]) for name in left}
        wanted = {name: zeros[name] if part is None else part for name, part in right.items()}
        size = max(float(part.abs().max()) for part in wanted.values())
        found = {}
        for name, part in left.items():
            gap = ((zeros[name] if part is None else part) - wanted[name]).abs()
            there = (gap.nan_to_num(nan=float("inf")) > PART * size).nonzero()
            if len(there):
                axes = asked.shapes[name]
                token = int(there[:, axes.index("N")].min()) + 1 if "N" in axes else None
                found[name] = GradientOff(_argument(self.case, name), part is None, token)
        missing = {name: one for name, one in found.items() if one.missing}
        return {**missing, **found}

    def _small(self, asked: Question, name: str | None) -> Parting:
        """A small point at which the sides differ, run again as plain calls; where none is known, the point drawn."""
        note: Told = GradientOf(_argument(self.case, name)) if name else ""
        point: Mapping[str, Any] = self._point(asked)
        sizes: Mapping[str, int] = asked.sizes
        if asked.sizes["N"] <= _SMALL and How.EXACT in self.kinds:
            small = compared(How.EXACT, asked, Entropy(0).child("small"), -60.0).counterexample
            if small is not None:
                exact = {
                    n: np.vectorize(Fraction, otypes=[object])(np.array(v, dtype=object))
                    for n, v in small.inputs.items()
                }
                again = self._shown(asked, exact, small.sizes, note)
                if again.left != again.right:
                    return Parting(again)
                return Parting(replace(small, note=Exactly.ONLY), reproduced=False)
        return Parting(self._shown(asked, point, sizes, note))

    def _shown(
        self, asked: Question, point: Mapping[str, np.ndarray], sizes: Mapping[str, int], note: Told
    ) -> Counterexample:
        with torch.no_grad():
            sides: list[Any] = [side(**_floats(point)).tolist() for side in (asked.left, asked.right)]
        left, right = digits(sides)
        inputs = {n: text(array) for n, array in point.items()}
        return Counterexample(sizes, inputs, left, right, *asked.names, note=note)


def _special(
    case: Case, shapes: Shapes, generic: Mapping[str, np.ndarray]
) -> Iterator[tuple[Special, dict[str, np.ndarray]]]:
    """Points of each kind; gates are the case's variables."""
    plain = [name for name in data(shapes) if name not in case.axes]
    zero = {name: generic[name].copy() for name in plain if "N" in shapes[name]}
    for name, array in zero.items():
        array[(slice(None),) * shapes[name].index("N") + (0,)] = Fraction(0)
    yield Special.ZERO_TOKEN, {**generic, **zero}

    def gates(value: Fraction, names: Sequence[str]) -> dict[str, np.ndarray]:
        return {**generic, **{name: np.full(generic[name].shape, value, dtype=object) for name in names}}

    positive = [name for name in case.axes if name in case.positive]
    if positive:
        yield Special.TINY_GATES, gates(_TINY, positive)
        yield Special.ONES, gates(Fraction(1), positive)
    others = [name for name in case.axes if name not in positive]
    if others:
        yield Special.ZERO_GATES, gates(Fraction(0), others)


def _backward(side: Program) -> Backward:
    """The program of gradients that is recorded."""
    program = getattr(side, "program", side)
    assert isinstance(program, Backward)
    return program


def _argument(case: Case, name: str) -> Argument:
    """What the gradient by this input is called: the target's argument, and the variable that it is computed from."""
    fed = [n for n in case.adapter.named if name in mentioned(case.gates.get(n, n))]
    if name in fed or len(fed) != 1:
        return Argument(name)
    return Argument(fed[0], name)
