"""A target on whole arrays: batch entries and heads with data of their own, every position, the state handed on.

The target's side is one call; the learner's side is the learner on each batch entry, head and prefix, or the same call of
another layer. So what a call of one sequence, read at its end, can't show is decided: a missing mask, heads or batch
entries mixed, another head's gate, positions left out, a state that is cleared, turned, old or ignored.
Main definition: `whole_rows`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor

from numeric.deciding.programs import Sizes
from numeric.entropy import Entropy
from numeric.finding import Said, Told, Verdict
from proofs.audit.calls import Calls
from proofs.audit.compared import How, Question, compared
from proofs.audit.findings import Incomparable, StateShape
from proofs.audit.induction import memories
from proofs.audit.rows import Row
from proofs.audit.world import Positions, Refusal, State
from proofs.target.adapters import Whole
from proofs.target.calling import raised
from proofs.target.case import Case

POSITIONS = "all positions"
STATE = "state handed on"
START = "state handed in"
SHARED = "state handed in and out"
_TOKENS = 3
"""Tokens of a whole call, where the target takes so few."""
_PAIRS = ("two calls", "one call")


@dataclass(frozen=True)
class Found:
    """What whole calls showed, and in which world."""

    rows: tuple[Row, ...] = ()
    batch: int = 1
    heads: int = 1
    positions: Positions = Positions.NONE
    tokens: int = 0
    state: State = State.NONE
    refusals: tuple[Refusal, ...] = ()
    by_head: tuple[Mapping[str, Said], ...] = ()
    wide: bool = False
    axes: tuple[str, str] | None = None
    """Of a state that can be handed on."""


@dataclass
class _Search:
    """Whole calls of one case, as far as the target takes them."""

    case: Case
    kinds: tuple[How, ...]
    entropy: Entropy
    target_log2: float
    rows: list[Row] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)

    def ask(self, what: str, asked: Question) -> Verdict:
        """Decide on the first rung that has an answer, and keep the row if there is one."""
        finding = None
        for number, kind in enumerate(self.kinds):
            finding = compared(kind, asked, self.entropy.child(what, number), self.target_log2)
            if finding.verdict is not Verdict.UNDECIDED:
                self.rows.append(Row(kind.check, asked.sizes, finding, what))
                return finding.verdict
        if finding is not None:
            self.refusals.append(Refusal(what, asked.sizes, finding.reason))
        return Verdict.UNDECIDED


def whole_rows(
    case: Case, at: Sizes, fixed: Sizes, kinds: tuple[How, ...], entropy: Entropy, target_log2: float
) -> Found:
    """What whole calls show at the audit's f and m. kinds: the rungs to use, see `compared.how`."""
    whole = case.adapter.whole
    if whole is None or not kinds:
        return Found()
    search = _Search(case, kinds, entropy, target_log2)
    calls = Calls(case, whole)
    sizes = _sizes(calls, at, fixed, search.refusals)
    if sizes is None:
        return Found(positions=Positions.LAST, refusals=tuple(search.refusals))
    calls = replace(calls, wide=_wide(calls, sizes))
    verdict = search.ask(POSITIONS, calls.asked(Calls.layer, Calls.learner, sizes))
    by_head: tuple[Mapping[str, Said], ...] = ()
    if verdict is Verdict.REFUTED and sizes["H"] > 1 and case.inferred.names:
        verdict, by_head = _by_head(search, calls, sizes)
    state, axes = State.NONE if not whole.state else State.NOT_RUN, None
    if verdict is Verdict.CONFIRMED and whole.state:
        state, axes = _states(search, whole, sizes, fixed, calls.wide)
    compared_at = calls.positions(sizes["N"])
    every = Positions.EVERY if len(compared_at) == sizes["N"] else Positions.SOME
    positions = Positions.LAST if case.reads_last or verdict is Verdict.UNDECIDED else every
    refusals = tuple(search.refusals)
    sized = (sizes["B"], sizes["H"], positions, sizes["N"])
    return Found(tuple(search.rows), *sized, state, refusals, by_head, calls.wide, axes)


def _sizes(calls: Calls, at: Sizes, fixed: Sizes, refusals: list[Refusal]) -> dict[str, int] | None:
    """Two batch entries and two heads, if the target takes them; None where it has no position but the last."""
    tried: dict[str, int] = {}
    lengths = dict.fromkeys((fixed["N"],) if "N" in fixed else (_TOKENS, at["N"]))
    for N in lengths:
        pairs = ((2, 2), (1, 2), (2, 1), (1, 1)) if calls.whole.heads else ((2, 1), (1, 1))
        for B, H in pairs:
            tried = {"B": B, "H": H, "f": at["f"], "m": at["m"], "N": N}
            why = calls.refuses(tried)
            if why is None or replace(calls, wide=True).refuses(tried) is None:
                return tried
            if pairs[0] == (B, H):
                refusals.append(Refusal("whole call", tried, why))
    return None


def _wide(calls: Calls, sizes: Sizes) -> bool:
    """Whether gates have to be given for each channel."""
    return calls.refuses(sizes) is not None


def _by_head(search: _Search, calls: Calls, sizes: Sizes) -> tuple[Verdict, tuple[Mapping[str, Said], ...]]:
    """The same question with the numbers of each head inferred by themselves, as where heads have their own decays.

    It replaces the refutation if it agrees.
    """
    heads = tuple(_headed(calls, h, sizes) for h in range(sizes["H"]))
    calls = replace(calls, heads=heads)
    try:
        calls.prepare(sizes)
    except Exception:  # whatever a target raises with a context in another head
        return Verdict.REFUTED, ()
    refuted = next(row for row in search.rows if row.finding.verdict is Verdict.REFUTED)
    search.rows[:] = [row for row in search.rows if row is not refuted]
    if search.ask(POSITIONS, calls.asked(Calls.layer, Calls.learner, sizes)) is Verdict.CONFIRMED:
        return Verdict.CONFIRMED, tuple(h.inferred.described({k: sizes[k] for k in "Nfm"}) for h in heads)
    search.rows[:] = [*(r for r in search.rows if r.finding.verdict is not Verdict.REFUTED), refuted]
    return Verdict.REFUTED, ()


def _headed(calls: Calls, head: int, sizes: Sizes) -> Case:
    """The case of one sequence in this head, the other heads holding other numbers made of it."""
    case = calls.case

    def call(X: Tensor, Y: Tensor, x_q: Tensor, **given: Any) -> Any:
        factors = [1 if h == head else h + 2 for h in range(sizes["H"])]
        q = torch.cat([X[:-1, :] + x_q, x_q[None, :]])
        q, k, v = (torch.stack([a * factor for factor in factors], 1)[None] for a in (q, X, Y))
        out, _ = calls.whole.call(q, k, v, [[given] * sizes["H"]], None, calls.wide)
        return out[0, -1, head, :]

    return replace(case.anew(adapter=replace(case.adapter, call=call, stateful=None)), lines=case.lines)


def _states(
    search: _Search, whole: Whole, sizes: Sizes, fixed: Sizes, wide: bool
) -> tuple[State, tuple[str, str] | None]:
    """Whether the state can be handed on, at these sizes and at f = m, and whether it is where the learner starts; of two
    layers, whether they are one function from any state, and leave the same one.

    With the axes of a state that can.
    """
    pair = Calls(search.case, whole).twin
    if search.case.other is not None and (pair is None or not pair.whole.state):
        search.refusals.append(Refusal(SHARED, sizes, Incomparable.STATELESS))
        return State.NOT_RUN, None
    continued: list[tuple[str, str]] = []
    square = {**sizes, "f": sizes["m"], "N": fixed.get("N", min(2, sizes["N"]))}
    single = {**square, "B": 1, "H": 1}
    for here in [sizes] if {"f", "m"} & set(fixed) or sizes["f"] == sizes["m"] else [sizes, square, single]:
        if here is not sizes and Calls(search.case, whole, wide=wide).refuses(here) is not None:
            continue
        for axes in (("f", "m"), ("m", "f")):
            calls = Calls(search.case, whole, axes, wide=wide)
            lifted = replace(calls, case=replace(search.case, lifted=True))
            why = _turned(calls, here)
            if why is not None:  # a state is often kept in float32
                why = _turned(lifted, here)
            if why is not None:
                search.refusals.append(Refusal(STATE, here, why))
                continue
            if pair is not None:
                verdict = search.ask(SHARED, replace(calls, cuts=(1,)).asked(Calls.in_one, Calls.in_one, here))
            else:
                verdict = search.ask(STATE, calls.asked(Calls.in_two, Calls.in_one, here, _PAIRS))
            if verdict is Verdict.REFUTED:
                return State.BROKEN if pair is None else State.APART, None
            if verdict is Verdict.CONFIRMED and here is sizes:
                continued.append(axes)
            break
    if not continued:
        return State.NOT_RUN, None
    if pair is not None:
        return State.SHARED, continued[0]
    started = _starts(search, whole, sizes, continued[0], wide)
    return State.START if started else State.CONTINUES, continued[0]


def _turned(calls: Calls, sizes: Sizes) -> Told | None:
    """Why a state of these axes can't be handed on, if so: it is refused, or one of another shape comes back."""
    why = calls.refuses(sizes)
    if why is not None:
        return why
    inputs = calls.case.draw(sizes, torch.Generator().manual_seed(0), calls.shapes)
    wanted = tuple(inputs["S"].shape)
    for side in calls.both:
        try:
            with torch.no_grad():
                _, after = side._call(inputs, Fraction(sizes["N"]), state=inputs["S"])
        except Exception as error:  # the target is anybody's code
            return raised(error)
        shape = tuple(getattr(after, "shape", ()))
        if shape != wanted:
            return StateShape(wanted, shape)
    return None


def _starts(search: _Search, whole: Whole, sizes: Sizes, axes: tuple[str, str], wide: bool) -> bool:
    """Whether a state that is handed in is the learner's W0, in one of the ways to hold it."""
    case = search.case
    if not case.chosen.start or case.chosen.step is None or case.starts:
        return False
    for memory in memories(case):
        if memory.transposed is not (axes == ("f", "m")):
            continue
        calls = Calls(case, whole, axes, memory, wide=wide)
        asked = calls.asked(Calls.from_state, Calls.from_weights, {**sizes, "B": 1, "H": 1}, shrinking=False)
        try:
            found = compared(search.kinds[0], asked, search.entropy.child(START), search.target_log2)
        except Exception:  # the factor is no number here
            continue
        if found.verdict is Verdict.CONFIRMED:
            search.rows.append(Row(search.kinds[0].check, asked.sizes, found, START))
            return True
    return False
