"""The programs of a target's calls on whole arrays, and of what they are compared with.

Main definition: `Calls`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from types import MethodType
from typing import Any, Self

import torch
from torch import Tensor

from constructions.learners import Each
from numeric.deciding.programs import Program, Shapes, Sizes, WrongResult
from numeric.finding import Told
from proofs.audit.compared import Question
from proofs.audit.findings import Incomparable
from proofs.audit.induction import Memory
from proofs.audit.inference import at_length
from proofs.target.adapters import Cells, Whole
from proofs.target.calling import raised
from proofs.target.case import Case
from proofs.target.gates import mentioned

_EVERY = 5
"""Up to so many tokens every position is compared; of longer calls the first, the last and one in the middle."""


@dataclass(frozen=True)
class Calls:
    """The programs of whole calls of one case, or of both layers where two are compared.

    inputs q, k (B, N, H, f), v (B, N, H, m), one of each variable a cell.
    """

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
        found = {"W0", *(p.name for p in self.case.chosen.parameters if p.each is Each.MATRIX)}
        for calls in self.both:
            case = calls.case
            linked = {g: mentioned(case.gates.get(g, g)) | {g} for g in case.adapter.named}
            found |= set().union(*(n for g, n in linked.items() if not calls.whole.heads or g in case.adapter.single))
        return frozenset(found)

    @cached_property
    def twin(self) -> Self | None:
        """The same calls of the other layer, where two are compared and it has whole ones."""
        twin = self.case.twin
        if twin is None or twin.adapter.whole is None:
            return None
        return replace(self, case=twin, whole=twin.adapter.whole)

    @property
    def both(self) -> tuple[Self, ...]:
        """These calls, and those of the other layer where there are such."""
        return (self,) if self.twin is None else (self, self.twin)

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
        if self.case.reads_last:
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
        with self.case.copies({**inputs, "S": self._held_as(state)}) as given:
            arrays = [given[name][:, part, :, :] for name in ("q", "k", "v")]
            with self.case.running(arrays[0]):
                asked = {} if after is None else {"after": after}
                out, left = self.whole.call(*arrays, self._cells(given, N, part), given["S"], self.wide, **asked)
        wanted = (*arrays[0].shape[:3], arrays[2].shape[-1])
        if not isinstance(out, Tensor) or tuple(out.shape) != wanted:
            shape = tuple(out.shape) if isinstance(out, Tensor) else type(out).__name__
            raise WrongResult(f"returned {shape}, expected {wanted} for all positions")
        return out, self._held_as(left)

    def _held_as(self, state: Any) -> Any:
        """A state as this layer holds it, where two layers hold theirs with the axes in another order; and back."""
        return state.transpose(-1, -2) if self.case.turned and isinstance(state, Tensor) else state

    def layer(self, **inputs: Any) -> Any:
        """The outputs at the positions compared, (B, positions, H, m)."""
        if self.twin is not None:  # where the other layer can't choose its queries, both get those
            inputs = {**inputs, "q": self.twin.whole.queries(inputs["q"], inputs["k"])}
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

    def returned(self, **inputs: Any) -> tuple[Any, Any]:
        """The outputs of one call that asks for the state after, and that state where there is one."""
        return self._call(inputs, Fraction(inputs["k"].shape[1]), after=True)

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
        names: tuple[str, str] | None = None,
        shrinking: bool = True,
    ) -> Question:
        """Whether two methods of these calls agree; of two layers, whether `left` of the one is `left` of the other."""
        if names is None or self.twin is not None:
            names = self.case.sides

        def sides(case: Case) -> tuple[Program, Program]:
            calls = replace(self, case=case)
            if calls.twin is not None:
                return MethodType(left, calls), MethodType(left, calls.twin)
            return MethodType(left, calls), MethodType(right, calls)

        return Question(self.case, sides, self.shapes, sizes, names, self._admits, shrinking)

    def _admits(self, sizes: Sizes) -> bool:
        return self.refuses(sizes) is None

    def refuses(self, sizes: Sizes) -> Told | None:
        """What is wrong with a plain call at these sizes; None if nothing is."""
        try:
            self.prepare(sizes)
            programs = [calls.layer if self.state is None else calls.in_one for calls in self.both]
            with torch.no_grad():
                for draw in self.case.gentler(sizes, torch.Generator().manual_seed(0), self.shapes):
                    if all(bool(torch.isfinite(program(**draw)).all()) for program in programs):
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
