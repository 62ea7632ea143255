"""Plain calls at many sizes: every short context, powers of two, multiples of what the code computes, at several widths.

Both sides are called in float64 and no rounding bound is derived, so a size costs two calls: a path for some lengths, for
square states or for one target is met, and every position of long calls is held against the learner. Where the sides
differ by more than rounding does, or the code takes a way that no compared call took, they are compared on the rungs; a
difference which those can't decide is a doubt. No verdict rests on the plain calls alone.
Main definition: `sweep`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial

import numpy as np
import torch
from torch import Tensor

from numeric.deciding.programs import Sizes, WrongResult
from numeric.entropy import Entropy
from numeric.finding import Verdict
from proofs.audit.calls import Calls
from proofs.audit.compared import How, Question, by_lifting, of_one_sequence
from proofs.audit.far_calls import (
    ALONE,
    GROUP,
    GROUPED_SIDES,
    GROUPS,
    UNASKED,
    UNASKED_SIDES,
    Grouped,
    Parts,
    Unasked,
)
from proofs.audit.far_calls import SIDES as ALONE_NAMES
from proofs.audit.gentle import gentle
from proofs.audit.inference import at_length, borrow
from proofs.audit.longer import Counted, Search, TooMany
from proofs.audit.notes import OtherNumbers
from proofs.audit.preflight import in_blocks
from proofs.audit.rows import Row
from proofs.audit.whole import POSITIONS, STATE, Found
from proofs.audit.world import Grouping, Left, Plain, Refusal
from proofs.target.calling import raised
from proofs.target.case import Case
from proofs.target.gates import mentioned
from proofs.target.inferred import key_of
from proofs.target.source.lines import Lines

EVERY = 40
"""Every context up to so many tokens."""
_FAR = (48, 64, 96, 128, 192, 256, 512, 1024)
_ELSEWHERE = (4, 5, 8, 13, 33, 40)
"""Contexts at other widths, besides those past the integers of the code."""
_SHORT = 13
"""Contexts at other widths that come before calls with several entries and heads; longer ones of those are from a state alone,
where there is one."""
WIDTHS = ((3, 3), (4, 1), (1, 1), (8, 3), (2, 6), (16, 16))
"""(f, m), besides the audit's: square ones, one target, more channels than tokens to come."""
_RATIOS = ((2, 16),)
"""(f, m) with many targets to a channel, in a short context; not to one channel alone, which arrays of m are added to."""
_SQUARES, _PAST = (3, 3), (64, 129)
"""A square width and contexts of many blocks there, since code can tell its start, or its keys from its values, no more."""
_BETWEEN = (2, 5, 8, 16, 24)
"""Positions that are compared in calls at other widths than the audit's."""
_WHOLE = (8, 33)
"""Calls of which every position is compared, besides those past the chunks of the code."""
_HANDED = (66, 100)
"""Calls that are cut in two, with the state between, besides those that are blocks of some of the widths."""
_BLOCKS = (1, 2, 3, 4)
"""So many times four widths, or integers that the code computes of them, are lengths of calls with entries and heads."""
_MANY, _SQUARE = 2, ((2, 2), (4, 4), (8, 8), (3, 16))
"""Batch entries and heads of those calls; and (N, entries or heads) that a layout could be mistaken for."""
_GROUPS, _LARGEST = 32, 2
"""The most heads of a call: as many as integers of the code, and twice as many; entries and heads pass so many of those up
to `_TILE`, the largest."""
_TILE, _BOTH = 64, 8
"""The largest integer of the code up to which several tiles of both widths are called, and the tokens of a call of which
positions are compared there."""
_CHUNK, _WIDEST = 130, 1024
"""The largest integers of the code that are passed in N, and in f and m."""
_BUDGET = 160_000
"""Operations of torch that these calls may cost, about two seconds; those of one size may cost a tenth."""
_SPREAD = 16
"""Of a call of more than `EVERY` tokens about so many positions are compared, and those about its chunks' ends."""
CLOSE, PART = 1e-9, 1e-6
"""Sides that differ by more than the first part of an output are compared on the rungs, since rounding is less as a rule; by
the second they differ, whatever the rungs make of it."""
_HALVED = 3
"""So many sizes of the variables are tried: log(1 - a b) has no value at every a and b."""
_PAIR = ("two calls", "one call")


@dataclass(frozen=True)
class Swept:
    """Rows and refusals of what was looked at closer, and where plain calls agreed."""

    rows: tuple[Row, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    plain: Plain = field(default_factory=Plain)


def sweep(
    case: Case,
    at: Sizes,
    fixed: Sizes,
    kinds: tuple[How, ...],
    whole: Found,
    mentioned: Sequence[int],
    at_width: Sequence[int],
    entropy: Entropy,
    target_log2: float,
) -> Swept:
    """Plain calls of a case whose sides agree at the audit's sizes. mentioned: integers of the code; at_width: those that it
    computes of the audit's f and m."""
    if not kinds:
        return Swept()
    run = _Sweep(Search(case, kinds, entropy, target_log2), case, kinds, entropy, _BUDGET, 1 < at["m"] != at["f"] > 1)
    chunks = [c for c in mentioned if 1 < c <= _CHUNK]
    lengths: list[int] = []
    elsewhere: dict[tuple[int, int], list[int]] = {}
    first, later = ((), ()) if "N" in fixed else _lengths(at, [c for c in {*chunks, *at_width} if c <= _CHUNK])
    first, later = (tuple(dict.fromkeys(in_blocks(N, at) for N in some)) for some in (first, later))
    fitted = bool(case.inferred.fits)  # then numbers are those of one width, and fits at others cost seconds
    others = () if {"f", "m"} & set(fixed) or fitted else tuple(_elsewhere(at, fixed, mentioned))

    def along(contexts: Sequence[int]) -> None:
        for N in contexts:
            if run.same("plain calls", of_one_sequence(case, {**at, "N": N}), novel=True):
                lengths.append(N)

    along(first)
    across = () if {"f", "m", "N"} & set(fixed) or fitted else tuple(_across(mentioned))
    for f, m, N in across:
        if run.same("plain calls", of_one_sequence(case, {"f": f, "m": m, "N": N}), novel=True):
            elsewhere.setdefault((f, m), []).append(N)
    along([N for N in later if N <= EVERY])
    every, handed = run.whole(whole, at, fixed, chunks)

    def beside(short: bool) -> None:
        for f, m, N in others:
            asked = of_one_sequence(case, {"f": f, "m": m, "N": N})
            if (f, m, N) not in across and (N <= _SHORT) is short and run.same("plain calls", asked, novel=True):
                elsewhere.setdefault((f, m), []).append(N)

    beside(short=True)
    for f, m, N in _lent(case, at) if fitted and not {"f", "m", "N"} & set(fixed) else ():
        if run.lent(of_one_sequence(case, {"f": f, "m": m, "N": N}), at):
            elsewhere.setdefault((f, m), []).append(N)
    run.unasked(whole, at, fixed)
    groups = run.grouped(whole, at, fixed)
    parts, cells = run.parts(whole, at, fixed, chunks, at_width)
    beside(short=False)
    along([N for N in later if N > EVERY])
    widths = tuple((width, tuple(sorted({*N}))) for width, N in elsewhere.items())
    plain = Plain(tuple(lengths), widths, every, handed, parts, groups, cells)
    return Swept(tuple(run.search.rows), tuple(run.search.refusals), plain)


def _lengths(at: Sizes, integers: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """At the audit's widths: powers of two and multiples of widths and integers, then all short contexts and some long."""
    f, m = at["f"], at["m"]
    steps = sorted({f, m, f * m, f + m, *integers})
    multiples = [N for c in steps for N in (c, c + 1, 2 * c, 2 * c + 1, 3 * c, 3 * c + 1, 4 * c)]
    first = dict.fromkeys([8, 16, 32, 64, *sorted(N for N in multiples if N <= 64)])
    later = [*range(1, EVERY + 1), *sorted(N for N in multiples if N > 64), *_FAR]
    return tuple(first), tuple(dict.fromkeys(N for N in later if N not in first))


def _elsewhere(at: Sizes, fixed: Sizes, mentioned: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """(f, m, N) at other widths, and at those which the code mentions."""
    chunks = [c for c in mentioned if 1 < c <= 64]
    wanted = dict.fromkeys((*_ELSEWHERE, *(2 * c + 1 for c in chunks))) if "N" not in fixed else {fixed["N"]: None}
    for f, m in (width for width in WIDTHS if width != (at["f"], at["m"])):
        yield from ((f, m, N) for N in wanted)
    if "N" not in fixed:
        yield from ((*_SQUARES, N) for N in _PAST)
    yield from ((f, m, fixed.get("N", 5)) for f, m in (*_RATIOS, *tiles(mentioned)))
    short, long = fixed.get("N", 5), fixed.get("N", 2 * max(chunks) + 1 if chunks else 5)
    for c in (c for c in mentioned if 1 < c <= _WIDEST):
        pairs = dict.fromkeys(((c, 2), (c + 1, 2), (2, c), (2, c + 1), *([(c, c)] if c <= 64 else [])))
        yield from ((f, m, short) for f, m in pairs)
        if c <= 256:
            yield c + 2, 2, long  # a second tile of two channels, which can be mixed
            yield 2, c + 2, long


def _across(mentioned: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """(f, m, N) past an integer of the code in one width and past two chunks in the context, before all that may be too
    dear together: code may take its chunks at some widths alone."""
    chunks = [c for c in mentioned if 1 < c <= 64]
    for c in chunks:
        yield c + 2, 2, 2 * max(chunks) + 1
        yield 2, c + 2, 2 * max(chunks) + 1


def _lent(case: Case, at: Sizes) -> Iterator[tuple[int, int, int]]:
    """(f, m, N) at other widths where the numbers of a fit at the audit's were held against the target in one context."""
    held = dict.fromkeys((k["f"], k["m"]) for k in map(dict, case.inferred.borrowed))
    for f, m in (width for width in held if width != (at["f"], at["m"])):
        yield from ((f, m, N) for N in _ELSEWHERE)


@dataclass
class _Sweep:
    search: Search
    case: Case
    kinds: tuple[How, ...]
    entropy: Entropy
    left: int
    unequal: bool = False
    """Whether the target takes keys and values of different widths."""

    def same(
        self, what: str, asked: Question, prepare: Callable[[], object] | None = None, novel: bool = False
    ) -> bool:
        """Whether plain calls of both sides agree. novel: also compare on the rungs where the code takes another way."""
        if self.left <= 0 or any(row.finding.verdict is Verdict.REFUTED for row in self.search.rows):
            return False
        sizes = asked.sizes
        seen = Lines(self.case.lines.roots)
        try:
            if prepare is None:
                at_length(self.case, {k: n for k, n in sizes.items() if k in ("N", "f", "m")}, law=True)
            else:
                prepare()
            drawn = gentle(self.case, asked.shapes, sizes, self.entropy.child(what, *sorted(sizes.items())))
            followed = replace(self.case, lines=seen if novel else Lines(()))
            held = replace(asked, case=followed).lifting(by_lifting(self.kinds) or self.case.needs_lift)
            for halved in range(_HALVED):
                part = Fraction(1, 2**halved)
                point = {n: a * part if n in self.case.axes else a for n, a in drawn.items()}
                apart = self._apart(held, {n: np.asarray(a, dtype=np.float64) for n, a in point.items()})
                if math.isfinite(apart):
                    break
        except TooMany:
            return False
        except Exception as error:  # the target is anybody's code
            several = self.unequal and min(sizes["f"], sizes["m"]) > 1
            unlike = several and isinstance(error, WrongResult)  # it has a result there, and not one number a target
            self.search.refusals.append(Refusal(what, sizes, raised(error), unlike))
            return False
        taken = novel and self._new(seen)
        if apart <= CLOSE and not taken:
            return True
        before = len(self.search.refusals)
        found = self.search.decide(what, asked, [point], sizes, differs=apart > PART)
        if found is Verdict.UNDECIDED and apart <= PART and not taken:
            del self.search.refusals[before:]  # six digits agree, of a way that was compared
        return apart <= PART and found is not Verdict.REFUTED

    def lent(self, asked: Question, at: Sizes) -> bool:
        """Whether plain calls agree with numbers that were found at another width; where they do not, those may be other
        numbers here, which is a doubt."""
        sizes, known = asked.sizes, key_of(asked.sizes)
        if self.left <= 0 or known in self.case.inferred.known:
            return False
        try:
            borrow(self.case, sizes, at)
            drawn = gentle(self.case, asked.shapes, sizes, self.entropy.child("lent", *sorted(sizes.items())))
            point = {n: np.asarray(a, dtype=np.float64) for n, a in drawn.items()}
            lifted = by_lifting(self.kinds) or self.case.needs_lift
            apart = self._apart(replace(asked, case=replace(self.case, lines=Lines(()))).lifting(lifted), point)
        except TooMany:
            return False
        except Exception as error:  # the target is anybody's code
            self.search.refusals.append(Refusal("plain calls", sizes, raised(error)))
            return False
        finally:
            self.case.inferred.known.pop(known, None)  # it was lent for this call alone
            self.case.inferred.borrowed.discard(known)
        if apart > PART:
            self.search.refusals.append(Refusal("plain calls", sizes, OtherNumbers(self.case.inferred.names), True))
        return apart <= PART

    def _apart(self, asked: Question, draw: Mapping[str, np.ndarray]) -> float:
        with Counted(min(self.left, _BUDGET // 10)) as counted, torch.no_grad():
            try:
                one, other = (
                    program(**{n: torch.tensor(a) for n, a in draw.items()}).detach()
                    for program in (asked.left, asked.right)
                )
            finally:
                self.left -= counted.number
        return apart(one, other)

    def _new(self, seen: Lines) -> bool:
        """Whether the code took a step that it took in no call which was compared."""
        known = self.case.lines.steps
        return any(steps - known.get(code, set()) for code, steps in seen.steps.items())

    def whole(
        self, found: Found, at: Sizes, fixed: Sizes, chunks: Sequence[int]
    ) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Calls of which every position is compared, and calls that are cut in two."""
        adapter = self.case.adapter.whole
        if adapter is None or not found.tokens:
            return (), ()
        long = [2 * c + 1 for c in chunks if c <= 64]
        every, handed = [], []
        every_of = dict.fromkeys(in_blocks(N, at) for N in (*_WHOLE, *long))
        for N in () if self.case.reads_last or "N" in fixed else every_of:
            calls = Calls(self.case, adapter, marks=_marks(N, chunks), wide=found.wide)
            sizes = {"B": 1, "H": 1, "f": at["f"], "m": at["m"], "N": N}
            asked = calls.asked(Calls.layer, Calls.learner, sizes)
            if self.same(POSITIONS, asked, partial(calls.prepare, sizes, True)):
                every.append(N)
        free = not (self.case.reads_last or {"f", "m", "N"} & set(fixed) or self.case.inferred.fits)
        for (f, m), N in ((_SQUARES, _WHOLE[-1]), *((width, _BOTH) for width in tiles(chunks))) if free else ():
            calls = Calls(self.case, adapter, marks=tuple(p for p in _BETWEEN if p < N), wide=found.wide)
            sizes = {"B": 1, "H": 1, "f": f, "m": m, "N": N}
            asked = calls.asked(Calls.layer, Calls.learner, sizes)
            self.same(POSITIONS, asked, partial(calls.prepare, sizes, True))
        cut = dict.fromkeys(in_blocks(N, at) for N in (*_HANDED, *(n + 1 for n in long)))
        for N in () if found.axes is None or "N" in fixed else cut:
            cuts = tuple(dict.fromkeys((in_blocks(N // 2, at), N - in_blocks(1, at))))
            calls = Calls(self.case, adapter, found.axes, wide=found.wide, cuts=cuts)
            sizes = {"B": 1, "H": 1, "f": at["f"], "m": at["m"], "N": N}
            asked = calls.asked(Calls.in_two, Calls.in_one, sizes, _PAIR)
            if self.same(STATE, asked, partial(self._ready, calls, sizes)):
                handed.append(N)
        return tuple(every), tuple(handed)

    def unasked(self, found: Found, at: Sizes, fixed: Sizes) -> None:
        """Calls without a state, which is one of zeros, and calls that do not ask for the state after."""
        adapter = self.case.adapter.whole
        if adapter is None or found.axes is None or "N" in fixed:
            return
        for N in (_BOTH, _WHOLE[-1]):
            sizes = {"B": _MANY if found.batch > 1 else 1, "H": _MANY if found.heads > 1 else 1, **at, "N": N}
            calls = Unasked(self.case, adapter, found.axes, wide=found.wide)
            try:
                self._ready(calls, sizes)
                draw = self.case.draw(sizes, torch.Generator().manual_seed(0), calls.shapes)
                with torch.no_grad():
                    calls = replace(calls, gives=not calls.without_a_state(**draw))
            except Exception as error:  # the target is anybody's code
                self.search.refusals.append(Refusal(UNASKED, sizes, raised(error)))
                return
            if not calls.gives and N == _BOTH:
                self.search.refusals.append(Refusal(UNASKED, sizes, Left.NOTHING))
            asked = calls.asked(Unasked.left_out, Unasked.zeros, sizes, UNASKED_SIDES)
            self.same(UNASKED, asked, partial(self._ready, calls, sizes), novel=True)

    def grouped(self, found: Found, at: Sizes, fixed: Sizes) -> tuple[int, ...]:
        """Calls with several heads of queries for each of the keys, where the target takes them: those with heads repeated.
        Heads that are paired in another way are a doubt, since no learner says how."""
        adapter = self.case.adapter.whole
        if adapter is None or found.heads < 2 or "N" in fixed:
            return ()
        calls = Grouped(self.case, adapter, wide=found.wide)
        if not {*calls.shapes} <= {"q", "k", "v", *calls.common}:
            return ()  # which heads have gates is not known
        agreed = []
        for N in (_BOTH, _WHOLE[-1]):
            sizes = {"B": 1, "H": _MANY, "G": GROUP * _MANY, **at, "N": N}
            try:
                self._ready(calls, sizes)
                draw = self.case.draw(sizes, torch.Generator().manual_seed(0), calls.shapes)
                with torch.no_grad():
                    one, other = calls.grouped(**draw), calls.repeated(**draw)
            except Exception:  # it takes as many heads of keys as of queries
                return ()
            if calls.twin is None and apart(one, other) > PART:
                self.search.refusals.append(Refusal(GROUPS, sizes, Grouping.OTHER, True))
                return ()
            asked = calls.asked(Grouped.grouped, Grouped.repeated, sizes, GROUPED_SIDES)
            if self.same(GROUPS, asked, partial(self._ready, calls, sizes), novel=True):
                agreed.append(N)
        return tuple(agreed)

    def _ready(self, calls: Calls, sizes: Sizes) -> None:
        """Infer numbers for calls of the layer beside itself, which needs them where its arguments are made of them alone."""
        gates, inferred = self.case.gates, {*self.case.inferred.names}
        if any(inferred & {g, *mentioned(gates.get(g, ""))} for g in self.case.adapter.named):
            calls.prepare(sizes, True)

    def parts(
        self, found: Found, at: Sizes, fixed: Sizes, chunks: Sequence[int], at_width: Sequence[int]
    ) -> tuple[tuple[int, ...], tuple[int, int]]:
        """Calls of several batch entries and heads that are the calls of each alone, the state handed in where there is one,
        and cut in two at blocks: their lengths, and the most entries and heads."""
        adapter = self.case.adapter.whole
        if adapter is None or not found.tokens or found.batch < 2 or "N" in fixed:
            return (), (1, 1)
        heads = _MANY if found.heads > 1 else 1
        tried = [{"B": _MANY, "H": heads, **at, "N": N} for N in _blocks(at["f"], at_width)]
        tried += [{"B": n, "H": 1, **at, "N": N} for N, n in _SQUARE]
        tried += [{"B": 1, "H": n, **at, "N": N} for N, n in _SQUARE if found.heads > 1]
        past = sorted(c + 1 for c in chunks if 4 < c <= _TILE)[-_LARGEST:]
        groups = [*(n for c in chunks for n in (c, 2 * c) if 4 < n <= _GROUPS), *past]
        tried += [{"B": n, "H": 1, **at, "N": 2} for n in past]
        tried += [{"B": 1, "H": n, **at, "N": 2} for n in dict.fromkeys(groups) if found.heads > 1]
        own = at["f"], at["m"]  # an axis of heads or entries that is as long as another is taken for it
        tried += [{"B": 1, "H": n, **at, "N": _SHORT} for n in dict.fromkeys(own) if found.heads > 1]
        tried += [{"B": n, "H": 1, **at, "N": _SHORT} for n in dict.fromkeys(own)]
        if not {"f", "m"} & set(fixed):
            widths = [(f, m, 5) for f, m in tiles(chunks)]
            if not self.case.inferred.fits:
                widths += [(f, m, N) for f, m in WIDTHS for N in (5, 4 * f, 8 * f) if N <= 64]
            tried += [{"B": _MANY, "H": heads, "f": f, "m": m, "N": N} for f, m, N in widths]
        agreed, cells = [], (1, 1)
        for sizes in sorted(tried, key=lambda s: s["N"] * (s["B"] + s["H"])):
            states: list[tuple[str, str] | None] = [found.axes] if found.axes is not None else []
            if not states or sizes["N"] <= _SHORT:
                states.insert(0, None)
            same = True
            for state in states:
                calls = Parts(self.case, adapter, state, wide=found.wide, by_head=not found.by_head)
                asked = calls.asked(Parts.together, Parts.alone, sizes, ALONE_NAMES)
                what = ALONE if calls.twin is None else POSITIONS
                same = same and self.same(what, asked, partial(self._ready, calls, sizes))
                if state is None:
                    continue
                cut = Calls(self.case, adapter, state, wide=found.wide, cuts=(sizes["N"] // 2, sizes["N"] - 1))
                asked = cut.asked(Calls.in_two, Calls.in_one, sizes, _PAIR)
                same = same and self.same(STATE, asked, partial(self._ready, cut, sizes))
            if same and sizes["f"] == at["f"] and sizes["m"] == at["m"]:
                agreed.append(sizes["N"])
                cells = max(cells[0], sizes["B"]), max(cells[1], sizes["H"])
        return tuple(sorted({*agreed})), cells


def tiles(integers: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """(f, m) of several tiles each, not as many, full ones too: for the largest of these integers that may be a tile."""
    c = max((c for c in integers if 4 < c <= _TILE), default=0)
    return ((2 * c + 1, c + 1), (c + 1, 2 * c + 1), (2 * c, 3 * c)) if c else ()


def _blocks(f: int, at_width: Sequence[int]) -> list[int]:
    """Contexts of whole blocks of 4 f tokens, or of what the code computes of its widths, and some that are none."""
    steps = dict.fromkeys((4 * f, *(c for c in at_width if 4 < c <= EVERY)))
    return sorted({5, 8, 33, *(k * c for c in steps for k in _BLOCKS if k * c <= 64)})


def _marks(N: int, chunks: Sequence[int]) -> tuple[int, ...]:
    """The positions of a call that are compared: all of a short one, of a long one some, and where chunks end and begin."""
    if N <= EVERY:
        return tuple(range(N))
    ends = {p for c in chunks for k in (c, 2 * c) for p in (k - 1, k, k + 1)}
    return tuple(sorted(p for p in {*range(0, N, max(1, N // _SPREAD)), *ends, N - 2} if p < N - 1))


def apart(one: Tensor, other: Tensor) -> float:
    """By which part of a row of `other` that of `one` differs from it at most, as far as these are not tiny beside others;
    infinity for another shape, and 0 where numbers that are not finite on the right tell nothing."""
    one, other = one.reshape(-1, one.shape[-1]), other.reshape(-1, other.shape[-1])
    if one.shape != other.shape:
        return math.inf
    if not other.numel() or not bool(torch.isfinite(other).all()):
        return 0.0
    size = other.abs().amax(-1, keepdim=True).clamp(min=PART * float(other.abs().max()))
    found = ((one - other).abs() / size).nan_to_num(nan=math.inf)
    found = torch.where(one == other, torch.zeros_like(found), found)
    return float(found.max())
