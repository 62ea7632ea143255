"""Sizes past every integer that a target's code mentions: chunks, windows and limits are where code changes its ways.

Cheap runs: one point a size, float64 within the rounding bound, else balls, else exact. Keys are short and decays near 1
there, so that early tokens still count at the end and bounds stay narrow.
Main definition: `longer_rows`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from numeric.deciding.balls import evaluate
from numeric.deciding.exact_identity import bounds
from numeric.deciding.findings import ByConstants
from numeric.deciding.programs import Program, Sizes, concrete
from numeric.entropy import Entropy
from numeric.finding import Finding, Key, Verdict
from numeric.tape.dispatch import Dispatch
from numeric.tape.refusals import OtherBits, Refused
from proofs.audit.calls import Calls
from proofs.audit.compared import (
    How,
    Question,
    by_lifting,
    compared,
    enclosed,
    of_one_sequence,
    of_the_state,
    within_rounding,
)
from proofs.audit.findings import FewDigits, Incomparable
from proofs.audit.gentle import gentle
from proofs.audit.inference import at_length
from proofs.audit.preflight import in_blocks
from proofs.audit.rows import CONTEXTS, FAR, OTHER, Row
from proofs.audit.world import Refusal
from proofs.target.calling import raised
from proofs.target.case import Case
from proofs.target.loading import Stop
from proofs.target.source.lines import Lines

ALWAYS = (*CONTEXTS, FAR, 129, 7, 14, 47, 257, 1000)
"""Context lengths that are run whatever the code says; `proofs.audit.sweep` calls plainly at more."""
WIDE = ((17, 19), (19, 17), (8, 6), (6, 8), (16, 12))
"""(f, m) that are run whatever the code says."""
_FAR = 129
"""The length that every N takes at least."""
_LONGEST, FARTHEST = 300, 16_384
"""Integers up to the first are passed in N in all ways, those up to the second where that takes few operations, as of a
layer without a loop; further ones leave the lengths beyond them open."""
_LARGE = 2**22
"""Numbers in one array, as of a mask of 2048 tokens by as many, past which a call takes more memory than it shows."""
_ALL_RESTS = 16
"""Integers up to here get contexts with every rest."""
_WIDEST, _BROADEST = 64, 1024
"""Integers up to the first are passed in f and m together, those up to the second in one of them."""
_SHORT = 3
_EXACT, _ENCLOSED = 40, 140
"""The longest contexts on the exact rung and on balls, whose cost is in single numbers."""
_NARROW = 20
"""The widest keys and values of which a small example is searched: each size on the way is recorded."""
_BUDGET, _SPARE = 32_000, 16_000
"""Operations of torch, layer and learner together, that an audit's runs may cost: for the integers of the code (some
three seconds), and for the sizes that are run whatever it says."""
_PLAIN, _NOTED = 400_000, 1e-6
"""Operations of two plain calls, which say whether a dear comparison is worth it: the sides differ by this part of them.
No verdict rests on that."""
_DIGITS = 6
"""A bound that leaves fewer digits of the outputs says nothing here."""


@dataclass(frozen=True)
class Longer:
    """What was found. lengths, widths: the N, and the (f, m), at which the sides agreed; beyond: whether those N pass
    every integer of the code."""

    rows: tuple[Row, ...] = ()
    lengths: tuple[int, ...] = ()
    widths: tuple[tuple[int, int], ...] = ()
    beyond: bool = False
    refusals: tuple[Refusal, ...] = ()


_TRIED = 4
"""So many sizes at which the exact rung has no answer are searched for a point that refutes."""


@dataclass
class Search:
    """Comparisons at further sizes, each paid for."""

    case: Case
    kinds: tuple[How, ...]
    entropy: Entropy
    target_log2: float
    left: int = _BUDGET
    spare: int = _SPARE
    costly: int = sys.maxsize
    """A length that was too long to be paid for."""
    refused: int = 0
    """So often there was no exact answer."""
    rows: list[Row] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)

    def ask(self, what: str, sizes: Sizes, marks: tuple[int, ...] = (), spare: bool = False) -> Verdict:
        """Compare at these sizes; what is refused or too costly is kept as a refusal. spare: what pays for it."""
        case, named = self.case, {k: n for k, n in sizes.items() if k in ("N", "f", "m")}
        try:
            at_length(case, named, law=True)
            asked = _question(case, sizes, marks)
            point = gentle(case, asked.shapes, sizes, self.entropy.child(what, named))
            draw = {n: np.asarray(a, dtype=np.float64) for n, a in point.items()}
            allowed = self.spare if spare else self.left
            unseen = replace(case, lines=Lines(()))  # what is only counted is compared with nothing
            counted = _question(unseen, sizes, marks).lifting(by_lifting(self.kinds))
            cost = operations(counted, draw, allowed) if sizes["N"] < self.costly else allowed + 1
            seen = cost <= allowed or (not spare and _apart(counted, draw))
        except Exception as error:  # the target is anybody's code
            self.refusals.append(Refusal(what, sizes, raised(error)))
            return Verdict.UNDECIDED
        if not seen:
            self.costly = min(self.costly, sizes["N"])
            self.refusals.append(Refusal(what, sizes, Incomparable.DEAR))
            return Verdict.UNDECIDED
        self.spare, self.left = self.spare - spare * cost, self.left - (not spare) * min(cost, self.left)
        return self.decide(what, asked, [point], sizes)

    def decide(
        self,
        what: str,
        asked: Question,
        points: Sequence[Mapping[str, np.ndarray]],
        sizes: Sizes,
        differs: bool = False,
    ) -> Verdict:
        """The answer of the first rung that has one. differs: whether plain calls do: without an answer that is a doubt."""
        first = None
        for number, kind in enumerate(self._kinds(sizes["N"])):
            if kind is How.EXACT and self.refused > _TRIED and any(r.unlike for r in self.refusals):
                continue  # it has no exact meaning there, which is a doubt already; points would be searched again and again
            finding = self._compare(kind, asked, points, self.entropy.child(what, sizes["N"], sizes["f"], number))
            draws = [{n: np.asarray(a, dtype=np.float64) for n, a in point.items()} for point in points]
            kind, finding = of_the_state(kind, asked, finding, draws, self.entropy)
            small = sizes["N"] <= _EXACT and max(sizes["f"], sizes["m"]) <= _NARROW
            if finding.verdict is Verdict.REFUTED and How.EXACT in self.kinds and small:
                exact = self._compare(How.EXACT, asked, points, self.entropy.child(what, "exact"))  # a small example
                kind, finding = (How.EXACT, exact) if exact.verdict is Verdict.REFUTED else (kind, finding)
            if isinstance(finding.reason, ByConstants):
                self.refusals.append(Refusal(what, sizes, finding.reason, unlike=True))
                return Verdict.UNDECIDED
            if finding.verdict is not Verdict.UNDECIDED:
                self.rows.append(Row(kind.check, sizes, finding, what))
                return finding.verdict
            self.refused += kind is How.EXACT
            first = first or finding
        if first is not None:
            unlike = differs or (not any(r.unlike for r in self.refusals) and self._unlike(asked, points))
            self.refusals.append(Refusal(what, sizes, first.reason, unlike))
        return Verdict.UNDECIDED

    def _kinds(self, N: int) -> Iterator[How]:
        floats = [k for k in self.kinds if k in (How.FLOAT, How.LIFTED)]
        yield from floats[-1:] if How.FLOAT not in floats else (How.FLOAT,)
        if N <= _ENCLOSED:
            yield How.BALLS
        if How.EXACT in self.kinds and N <= _EXACT:
            yield How.EXACT

    def _unlike(self, asked: Question, points: Sequence[Mapping[str, np.ndarray]]) -> bool:
        """Whether the layer does something there that has no meaning on the rung which took it at other sizes."""
        here = concrete(asked.shapes, asked.sizes)
        try:
            if How.EXACT in self.kinds:
                bounds(asked.left, here)
            elif asked.sizes["N"] <= _ENCLOSED:
                evaluate(asked.left, points[0])
        except OtherBits:  # sums of many numbers are added in another order; plain calls say whether that is all
            return _apart(asked, {n: np.asarray(a, dtype=np.float64) for n, a in points[0].items()})
        except Refused:
            return True
        except Exception:  # the target is anybody's code, and what it raises was said
            return False
        return False

    def _compare(
        self, kind: How, asked: Question, points: Sequence[Mapping[str, np.ndarray]], entropy: Entropy
    ) -> Finding:
        if kind is How.EXACT:
            return compared(kind, asked, entropy, self.target_log2)
        try:
            if kind is How.BALLS:
                return enclosed(asked, points)
            draws = [{n: np.asarray(a, dtype=np.float64) for n, a in point.items()} for point in points]
            found = within_rounding(kind, asked, draws, entropy, here=True)
            return found if found.verdict is not Verdict.CONFIRMED else _sharp(found, asked, draws[0])
        except Exception as error:  # the target is anybody's code
            return Finding(Verdict.UNDECIDED, reason=raised(error))


def longer_rows(
    case: Case,
    at: Sizes,
    fixed: Sizes,
    kinds: tuple[How, ...],
    mentioned: Sequence[int],
    entropy: Entropy,
    target_log2: float,
    seen: Sequence[int] = (),
    widths_seen: Collection[tuple[int, int]] = (),
) -> Longer:
    """The sides at N = c, c + r, 2 c, 2 c + 1 for every integer c of the code, at f and m past them, and far out.

    seen, widths_seen: N and (f, m) at which the audit has compared them.
    """
    if not kinds:
        return Longer()
    search = Search(case, kinds, entropy, target_log2)
    agreed: set[int] = set()
    tried: set[int] = set()
    widths: list[tuple[int, int]] = []
    refuted = False
    for N, spare in () if "N" in fixed else ((in_blocks(N, at), spare) for N, spare in _lengths(mentioned, entropy)):
        if refuted or N in seen or N in agreed or N in tried:
            continue
        tried.add(N)
        marks = _marks(case, mentioned, N)
        verdict = search.ask("longer", {**at, "N": N}, marks, spare)
        refuted = verdict is Verdict.REFUTED
        if verdict is Verdict.CONFIRMED:
            agreed |= {N, *(p + 1 for p in marks if case.other is None)}  # two layers are read at p of one long call
    short = in_blocks(_SHORT, at)
    wide = () if {"f", "m"} & set(fixed) or refuted else _widths(mentioned, widths_seen)
    full = {WIDE[1], *((f, m) for f, m, spare in wide if not spare)}
    tokens = (
        ()
        if "N" in fixed
        else tuple(
            (f, m, spare, in_blocks(f + 2, at)) for f, m, spare in wide if m < f <= _WIDEST + 1 and (f, m) in full
        )
    )
    for f, m, spare, N in (*((*sizes, fixed.get("N", short)) for sizes in wide), *tokens):
        here = {"f": f, "m": m, "N": N}  # a few tokens span few directions: a rank that is cut shows with more than f
        verdict = search.ask("wider", here, spare=spare)
        if verdict is Verdict.CONFIRMED:
            widths.append((f, m))
        refuted = verdict is Verdict.REFUTED
        if refuted:
            break
    passed = {in_blocks(n, at) for c in mentioned for n in (c, c + 1, 2 * c + 1)} | {in_blocks(_FAR, at)}
    beyond = not refuted and passed <= agreed | set(seen)
    return Longer(tuple(search.rows), tuple(sorted(agreed)), tuple(widths), beyond, tuple(search.refusals))


def _lengths(mentioned: Sequence[int], entropy: Entropy) -> Iterator[tuple[int, bool]]:
    """The N to run, those that show most first, and whether they are run whatever the code says.

    For a chunk of c tokens: two full ones and one token, then every rest after a full one, or some where c is large.
    """
    near = [c for c in mentioned if c <= _LONGEST]
    for times, more in ((2, 1), (1, 1), (2, 0), (1, 0)):
        yield from ((times * c + more, False) for c in near)
    for c in near:
        rests = range(2, c) if c <= _ALL_RESTS else (2, c // 2, c - 1, c + entropy.child("rest", c).below(c))
        yield from ((c + rest, False) for rest in rests)
    yield from ((N, True) for N in ALWAYS)
    for c in (c for c in mentioned if _LONGEST < c <= FARTHEST):
        yield from ((N, False) for N in (c + 1, 2 * c + 1, c))


def _widths(mentioned: Sequence[int], seen: Collection[tuple[int, int]]) -> list[tuple[int, int, bool]]:
    """The (f, m) to run, and whether they are run whatever the code says; those of the exact rung if it left them out."""
    near = [c for c in mentioned if c <= _WIDEST]
    pairs = [*((c + 1, c) for c in near), *((c, c + 1) for c in near)]
    rest = [tries[-1] for tries in OTHER if not set(tries) & set(seen)]
    far = [pair for c in mentioned if _WIDEST < c <= _BROADEST for pair in ((c + 1, 2), (2, c + 1))]
    paid = {*pairs, *far}
    return [(*pair, pair not in paid) for pair in dict.fromkeys([*pairs, *rest, *WIDE, *far]) if pair not in seen]


def _marks(case: Case, mentioned: Sequence[int], N: int) -> tuple[int, ...]:
    """The position just past the last integer c with 2 c < N, of a target with positions: a second chunk begins there."""
    whole = case.adapter.whole
    if whole is None or not whole.heads or case.reads_last:
        return ()
    last = max((c for c in mentioned if 2 * c < N), default=N // 2)
    return (last,) if 0 < last < N - 1 else ()


def _question(case: Case, sizes: Sizes, marks: tuple[int, ...]) -> Question:
    """The call of one sequence, read at its end and at the marks where a target has positions."""
    whole = case.adapter.whole
    if whole is None or not marks:
        return of_one_sequence(case, sizes)
    calls = Calls(case, whole, marks=marks)
    here = {"B": 1, "H": 1, **sizes}
    calls.prepare(here, law=True)
    return calls.asked(Calls.layer, Calls.learner, here)


class Counted(Dispatch):  # type: ignore[no-untyped-call]
    """Counts torch's operations, up to a limit; past it where an array is large."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.number, self.limit = 0, limit

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.number += 1
        out = func(*args, **(kwargs or {}))
        if self.number > self.limit or (isinstance(out, Tensor) and out.numel() > _LARGE):
            self.number = self.limit + 1
            raise TooMany
        return out


class TooMany(Stop):
    """More operations than the limit; no target catches it."""


def operations(asked: Question, draw: Mapping[str, np.ndarray], limit: int) -> int:
    inputs = {name: torch.tensor(array) for name, array in draw.items()}
    with Counted(limit) as counted, torch.no_grad(), suppress(TooMany):
        for program in (asked.left, asked.right):
            program(**inputs)
    return counted.number


def _apart(asked: Question, draw: Mapping[str, np.ndarray]) -> bool:
    """Whether plain calls of both sides differ by more than any rounding does."""
    with Counted(_PLAIN), torch.no_grad(), suppress(TooMany):
        one, other = _run(asked.left, draw), _run(asked.right, draw)
        return bool((one - other).abs().max() > _NOTED * other.abs().max())
    return False


def _run(program: Program, draw: Mapping[str, np.ndarray]) -> Tensor:
    out: Tensor = program(**{name: torch.tensor(array) for name, array in draw.items()})
    return out


def _sharp(found: Finding, asked: Question, draw: Mapping[str, np.ndarray]) -> Finding:
    """The finding with the digits that its bound leaves; undecided where they are too few to say anything."""
    with torch.no_grad():
        size = float(_run(asked.right, draw).abs().max())
    bound = found.figures.get(Key.BOUND)
    if not isinstance(bound, (int, float)) or not size > 0:
        return Finding(Verdict.UNDECIDED, reason=Incomparable.NO_NUMBERS)
    digits = math.floor(math.log10(size / bound)) if bound > 0 else 15
    if digits < _DIGITS:
        return Finding(Verdict.UNDECIDED, reason=FewDigits(max(0, digits)))
    return replace(found, figures={**found.figures, "digits": digits})
