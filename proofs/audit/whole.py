"""A target on whole arrays: batch entries and heads with data of their own, every position, the state handed on.

The target's side is one call; the learner's side is the learner on each batch entry, head and prefix. So what a call of
one sequence, read at its end, can't show is decided: a missing mask, heads or batch entries mixed, another head's gate,
positions left out, a state that is cleared, turned, old or ignored.
Main definitions: `whole_rows`, `Whole calls`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from types import MethodType
from typing import Any

import torch
from torch import Tensor

from constructions.learners import Each
from numeric.deciding.programs import Program, Shapes, Sizes, WrongResult
from numeric.entropy import Entropy
from numeric.finding import Said, Told, Verdict
from proofs.audit.compared import How, Question, compared
from proofs.audit.findings import Incomparable, StateShape
from proofs.audit.induction import Memory, memories
from proofs.audit.inference import at_length
from proofs.audit.rows import Row
from proofs.audit.world import Positions, Refusal, State
from proofs.target.adapters import Cells, Whole
from proofs.target.calling import raised
from proofs.target.case import NAMES, Case
from proofs.target.gates import mentioned

POSITIONS = "all positions"
STATE = "state handed on"
START = "state handed in"
_TOKENS = 3
"""Tokens of a whole call, where the target takes so few."""
_EVERY = 5
"""Up to so many tokens every position is compared; of longer calls the first, the last and one in the middle."""
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


@dataclass(frozen=True)
class Calls:
    """The programs of whole calls of one case. inputs q, k (B, N, H, f), v (B, N, H, m), one of each variable a cell."""

    case: Case
    whole: Whole
    state: tuple[str, str] | None = None
    """The axes of the state, where one is handed in."""
    memory: Memory | None = None
    marks: tuple[int, ...] | None = None
    """Positions to compare besides the last one, if not those that `positions` chooses."""
    wide: bool = False
    """Whether gates of one number a token and head are given for each channel."""
    cuts: tuple[int, ...] = ()
    """Where a call is cut in two, if not everywhere."""
    heads: tuple[Case, ...] = ()
    """For each head the case that knows its numbers, where they are inferred and not those of the first."""

    @cached_property
    def common(self) -> frozenset[str]:
        """Variables that are the same for all cells, since a call takes one of them."""
        case = self.case
        linked = {g: mentioned(case.gates.get(g, g)) | {g} for g in case.adapter.named}
        single = linked if not self.whole.heads else {g: n for g, n in linked.items() if g in case.adapter.single}
        matrices = {p.name for p in case.chosen.parameters if p.each is Each.MATRIX}
        return frozenset(set().union(*single.values()) | matrices | {"W0"})

    @cached_property
    def by_length(self) -> bool:
        """Whether an argument depends on the number of tokens, so that each position needs a call of its own."""
        return any("N" in mentioned(self.case.gates.get(g, "")) for g in self.case.adapter.named)

    @property
    def shapes(self) -> Shapes:
        """The inputs' shapes."""
        found: dict[str, tuple[str | int, ...]] = {
            "q": ("B", "N", "H", "f"),
            "k": ("B", "N", "H", "f"),
            "v": ("B", "N", "H", "m"),
        }
        for name, shape in self.case.shapes.items():
            if name not in ("X", "Y", "x_q"):
                found[name] = shape if name in self.common else ("B", "H", *shape)
        return found if self.state is None else found | {"S": ("B", "H", *self.state)}

    def positions(self, N: int) -> tuple[int, ...]:
        """The positions that are compared, from 0."""
        if self.whole.last:
            return (N - 1,)
        if self.marks is not None:
            return (*(p for p in self.marks if p < N - 1), N - 1)
        return tuple(range(N)) if N <= _EVERY else (0, N // 2, N - 1)

    # --- the target's side ---------------------------------------------------------------------------------------

    def _cell(self, inputs: Mapping[str, Any], b: int, h: int, part: slice = slice(None)) -> dict[str, Any]:
        """The variables of one batch entry and head, for some of the tokens."""
        out = {}
        for name, array in inputs.items():
            if name in ("q", "k", "v", "S"):
                continue
            array = array if name in self.common else array[b, h]
            out[name] = array[part] if "N" in self.case.axes.get(name, ()) else array
        return out

    def _cells(self, inputs: Mapping[str, Any], N: Any, part: slice = slice(None)) -> Cells:
        k, v = inputs["k"], inputs["v"]
        return [
            [
                self.case.arguments(k[b, part, h, :], v[b, part, h, :], self._cell(inputs, b, h, part), N)
                for h in range(k.shape[2])
            ]
            for b in range(k.shape[0])
        ]

    def _call(
        self,
        inputs: Mapping[str, Any],
        N: Any = None,
        part: slice = slice(None),
        state: Any = None,
        after: bool | None = None,
    ) -> tuple[Tensor, Any]:
        with self.case.copies({**inputs, "S": state}) as given:
            arrays = [given[name][:, part, :, :] for name in ("q", "k", "v")]
            with self.case.running(arrays[0]):
                asked = {} if after is None else {"after": after}
                out, left = self.whole.call(*arrays, self._cells(given, N, part), given["S"], self.wide, **asked)
        wanted = (*arrays[0].shape[:3], arrays[2].shape[-1])
        if not isinstance(out, Tensor) or tuple(out.shape) != wanted:
            shape = tuple(out.shape) if isinstance(out, Tensor) else type(out).__name__
            raise WrongResult(f"returned {shape}, expected {wanted} for all positions")
        return out, left

    def layer(self, **inputs: Any) -> Any:
        """The outputs at the positions compared, (B, positions, H, m)."""
        N = inputs["k"].shape[1]
        places = self.positions(N)
        if not self.by_length:
            out, _ = self._call(inputs)
            return torch.stack([out[:, p] for p in places], 1)
        reads = self.whole.reads(N)
        return torch.stack([self._call(inputs, Fraction(reads[p]))[0][:, p] for p in places], 1)

    # --- the learner's side --------------------------------------------------------------------------------------

    def learner(self, **inputs: Any) -> Any:
        """The learner for each batch entry, head and prefix."""
        k, v = inputs["k"], inputs["v"]
        q, N = self.whole.queries(inputs["q"], k), k.shape[1]
        reads = self.whole.reads(N)

        def one(b: int, p: int, h: int) -> Any:
            part = slice(0, reads[p])
            case = self.heads[h] if self.heads else self.case
            return case.learner(k[b, part, h, :], v[b, part, h, :], q[b, p, h, :], **self._cell(inputs, b, h, part))

        return torch.stack(
            [
                torch.stack([torch.stack([one(b, p, h) for h in range(k.shape[2])]) for p in self.positions(N)])
                for b in range(k.shape[0])
            ]
        )

    # --- the state -----------------------------------------------------------------------------------------------

    def in_one(self, **inputs: Any) -> Any:
        """One call from the state S: outputs and the state after, once for each way to split it."""
        N = inputs["k"].shape[1]
        out, after = self._call(inputs, Fraction(N), state=inputs["S"])
        both = torch.cat([out.reshape(-1), after.reshape(-1)])
        return torch.stack([both] * len(self._cuts(N)))

    def in_two(self, **inputs: Any) -> Any:
        """Two calls, the second from the state that the first returns."""
        N = inputs["k"].shape[1]
        found = []
        for cut in self._cuts(N):
            first, S = self._call(inputs, Fraction(N), slice(0, cut), inputs["S"])
            parts = [first]
            if cut < N:
                second, S = self._call(inputs, Fraction(N), slice(cut, N), S)
                parts.append(second)
            found.append(torch.cat([torch.cat(parts, 1).reshape(-1), S.reshape(-1)]))
        return torch.stack(found)

    def _cuts(self, N: int) -> Sequence[int]:
        return self.cuts or (range(1, N) if N > 1 else (N,))

    def from_state(self, **inputs: Any) -> Any:
        """The last position after a call from S, and the weights that the state after holds."""
        out, after = self._call(inputs, Fraction(inputs["k"].shape[1]), state=inputs["S"])
        return self._read(inputs, lambda b, h, c: torch.cat([out[b, -1, h].reshape(-1), self._held(after[b, h], c)]))

    def from_weights(self, **inputs: Any) -> Any:
        """The learner from the weights that S holds: its prediction, and its weights by the answers to unit queries."""
        case = self.case

        def one(b: int, h: int, c: Any) -> Any:
            X, Y, cell = inputs["k"][b, :, h, :], inputs["v"][b, :, h, :], self._cell(inputs, b, h)
            assert self.memory is not None
            W0, values = self.memory.weights(inputs["S"][b, h], c), case.parameters(X, Y, cell)
            out, *columns = (case.chosen.call(X, Y, x, W0, **values) for x in (inputs["q"][b, -1, h, :], *_units(X)))
            factor = case.factor(X, Y, cell)
            return torch.cat([out if factor is None else factor * out, torch.stack(columns, 1).reshape(-1)])

        return self._read(inputs, one)

    def _held(self, S: Any, c: Any) -> Any:
        assert self.memory is not None
        return self.memory.weights(S, c).reshape(-1)

    def _read(self, inputs: Mapping[str, Any], one: Any) -> Any:
        k, v = inputs["k"], inputs["v"]
        assert self.memory is not None
        rows = []
        for b in range(k.shape[0]):
            for h in range(k.shape[2]):
                cell = self._cell(inputs, b, h)
                c = self.memory.number(self.case, k[b, :, h, :], v[b, :, h, :], cell, Fraction(k.shape[1]))
                rows.append(one(b, h, c))
        return torch.stack(rows)

    # --- sizes ---------------------------------------------------------------------------------------------------

    def asked(
        self,
        left: Callable[..., Any],
        right: Callable[..., Any],
        sizes: Sizes,
        names: tuple[str, str] = NAMES,
        shrinking: bool = True,
    ) -> Question:
        """Whether two methods of these calls agree."""

        def sides(case: Case) -> tuple[Program, Program]:
            calls = replace(self, case=case)
            return MethodType(left, calls), MethodType(right, calls)

        return Question(self.case, sides, self.shapes, sizes, names, self._admits, shrinking)

    def _admits(self, sizes: Sizes) -> bool:
        return self.refuses(sizes) is None

    def refuses(self, sizes: Sizes) -> Told | None:
        """What is wrong with a plain call at these sizes; None if nothing is."""
        try:
            self.prepare(sizes)
            program = self.layer if self.state is None else self.in_one
            with torch.no_grad():
                for draw in self.case.gentler(sizes, torch.Generator().manual_seed(0), self.shapes):
                    if bool(torch.isfinite(program(**draw)).all()):
                        return None
        except Exception as error:  # the target is anybody's code
            return raised(error)
        return Incomparable.NOT_FINITE

    def prepare(self, sizes: Sizes, law: bool = False) -> None:
        """Infer what has to be inferred, for all prefixes that are compared; `law`: from other lengths if possible."""
        reads = self.whole.reads(sizes["N"])
        for length in sorted({reads[p] for p in self.positions(sizes["N"])}):
            for case in self.heads or (self.case,):
                at_length(case, {"f": sizes["f"], "m": sizes["m"], "N": length}, law)


def _units(X: Any) -> Iterator[Any]:
    return iter(torch.eye(X.shape[1], dtype=torch.float64).to(X.dtype).unbind())


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
    positions = Positions.LAST if whole.last or verdict is Verdict.UNDECIDED else every
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
    """Whether the state can be handed on, at these sizes and at f = m, and whether it is where the learner starts.

    With the axes of a state that can.
    """
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
            verdict = search.ask(STATE, calls.asked(Calls.in_two, Calls.in_one, here, _PAIRS))
            if verdict is Verdict.REFUTED:
                return State.BROKEN, None
            if verdict is Verdict.CONFIRMED and here is sizes:
                continued.append(axes)
            break
    if not continued:
        return State.NOT_RUN, None
    started = _starts(search, whole, sizes, continued[0], wide)
    return State.START if started else State.CONTINUES, continued[0]


def _turned(calls: Calls, sizes: Sizes) -> Told | None:
    """Why a state of these axes can't be handed on, if so: it is refused, or one of another shape comes back."""
    why = calls.refuses(sizes)
    if why is not None:
        return why
    inputs = calls.case.draw(sizes, torch.Generator().manual_seed(0), calls.shapes)
    try:
        with torch.no_grad():
            _, after = calls._call(inputs, Fraction(sizes["N"]), state=inputs["S"])
    except Exception as error:  # the target is anybody's code
        return raised(error)
    shape, wanted = tuple(getattr(after, "shape", ())), tuple(inputs["S"].shape)
    return None if shape == wanted else StateShape(wanted, shape)


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
