"""The programs of an operator's contracts: a call of whole arrays, and what has to be equal to it.

A contract is two programs of the same inputs: the call and the call in parts, say, or with other entries where none may
matter. Entries that are redrawn are inputs of their own, `NAME_other`, so that equality holds for every pair of values.
Main definition: `Operator`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from numeric.deciding.programs import Program, Shapes, Sizes
from numeric.entropy import Entropy
from numeric.finding import Told
from proofs.audit.calls import Calls
from proofs.audit.compared import Question
from proofs.audit.findings import Incomparable
from proofs.audit.fresh import leaves
from proofs.audit.gentle import gentle
from proofs.audit.handed import Handed, Seen
from proofs.contract.handed import Arguments
from proofs.target.adapters import Adapter, Cells, Whole, adapt
from proofs.target.calling import raised
from proofs.target.case import Case
from proofs.target.gates import is_logarithm
from proofs.target.loading import Target

OTHER = "_other"
"""What the names of redrawn inputs end with."""
FACTOR = "factor"
_STEPS = 4
LINEAR = ("v", "S", "W0")
"""The inputs in which an operator is linear: values, and the memory that is made of them."""

Side = Callable[..., Any]
"""A method of `Operator`, or a function of one: it takes the inputs by name, and returns one array."""


@dataclass(frozen=True)
class Operator(Calls):
    """The programs of whole calls of one target, from the state S where `state` has its axes, else from none.

    loaded, adapter: the target, for calls through changed arguments. after: whether a state comes back.
    redrawn: inputs that are given a second time. given: further arguments of the target by name.
    sequences: of which the tokens of one batch entry are made, in packed calls.
    """

    loaded: Target | None = None
    adapter: Any = None
    after: bool = False
    redrawn: frozenset[str] = frozenset()
    given: Mapping[str, Any] = field(default_factory=dict)
    sequences: int = 0

    @property
    def own_shapes(self) -> Shapes:
        """The inputs' shapes, those of the second ones left out."""
        found = super().shapes
        return {**found, "S": ("P", "H", *self.state)} if self.sequences and self.state is not None else found

    @property
    def shapes(self) -> Shapes:
        """The inputs' shapes."""
        own = self.own_shapes
        twice = {name + OTHER: own.get(name, ()) for name in sorted(self.redrawn)}
        return {**own, **twice}

    def names_with(self, axis: str) -> frozenset[str]:
        """The inputs that have this axis."""
        return frozenset(name for name, shape in self.own_shapes.items() if axis in shape)

    # --- calls ---------------------------------------------------------------------------------------------------

    def _cells(self, inputs: Mapping[str, Any], N: Any, part: slice = slice(None)) -> Cells:
        return [[{**cell, **self.given} for cell in row] for row in super()._cells(inputs, N, part)]

    def _ran(
        self, inputs: Mapping[str, Any], part: slice = slice(None), state: Any = None, N: int | None = None
    ) -> tuple[Tensor, Any]:
        """Outputs (B, tokens, H, m) and the state after, of a call of these tokens."""
        own = {name: array for name, array in inputs.items() if not name.endswith(OTHER)}
        count = Fraction(own["k"].shape[1] if N is None else N)
        return self._call(own, count, part, own.get("S") if state is None else state, True if self.after else None)

    def _other(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        ending = -len(OTHER)
        return {name[:ending]: array for name, array in inputs.items() if name.endswith(OTHER)}

    def _but(self, inputs: Mapping[str, Any], axis: str, kept: slice) -> dict[str, Any]:
        """The inputs, with the second ones wherever this axis is outside `kept`."""
        out, shapes = dict(inputs), self.own_shapes
        for name, other in self._other(inputs).items():
            d = shapes[name].index(axis)
            own, size = inputs[name], inputs[name].shape[d]
            start, stop, _ = kept.indices(size)
            pieces = [
                other.narrow(d, 0, start),
                own.narrow(d, start, stop - start),
                other.narrow(d, stop, size - stop),
            ]
            out[name] = torch.cat([piece for piece in pieces if piece.shape[d]], d)
        return out

    def full(self, **inputs: Any) -> Any:
        """Outputs and state after of one call, as one row."""
        return _flat(*self._ran(inputs))

    def from_none(self, **inputs: Any) -> Any:
        """Outputs of a call that no state is handed to, and that is not asked for one."""
        alone = {name: array for name, array in inputs.items() if name != "S"}
        return replace(self, after=False)._ran(alone)[0]

    def from_zeros(self, **inputs: Any) -> Any:
        """Outputs of one from a state of zeros."""
        return self._ran({**inputs, "S": torch.zeros_like(inputs["S"])})[0]

    # --- tokens to come ------------------------------------------------------------------------------------------

    def cuts_of(self, N: int) -> Sequence[int]:
        """Where a call of N tokens is cut."""
        return [c for c in self.cuts if c < N] or range(1, max(N, 2))

    def until(self, **inputs: Any) -> Any:
        """For each cut the outputs before it, (cuts, B, N, H, m)."""
        out, _ = self._ran(inputs)
        return torch.stack([_first(out, t) for t in self.cuts_of(out.shape[1])])

    def until_others(self, **inputs: Any) -> Any:
        """The same where the tokens after the cut are others."""
        found = []
        for t in self.cuts_of(inputs["k"].shape[1]):
            out, _ = self._ran(self._but(inputs, "N", slice(0, t)))
            found.append(_first(out, t))
        return torch.stack(found)

    def until_end(self, **inputs: Any) -> Any:
        """The same where the call ends at the cut."""
        N = inputs["k"].shape[1]
        return torch.stack([_first(self._ran(inputs, slice(0, t), N=N)[0], t, N) for t in self.cuts_of(N)])

    # --- cells ---------------------------------------------------------------------------------------------------

    def _each(self, inputs: Mapping[str, Any], axis: str, others: bool) -> Any:
        """What the call gives for each head or batch entry, (cells, numbers)."""
        d = {"B": 0, "H": 2}[axis]
        run = self._ran(inputs)
        found = []
        for c in range(inputs["k"].shape[d]):
            out, after = self._ran(self._but(inputs, axis, slice(c, c + 1))) if others else run
            whole = (inputs["k"].shape[0], inputs["k"].shape[2])
            states = [s.select(min(d, 1), c) for s in leaves(after) if s.shape[:2] == whole]
            found.append(_flat(out.select(d, c), states))
        return torch.stack(found)

    def by_head(self, **inputs: Any) -> Any:
        """Each head's outputs and state after."""
        return self._each(inputs, "H", False)

    def by_head_others(self, **inputs: Any) -> Any:
        """The same where the other heads hold other numbers."""
        return self._each(inputs, "H", True)

    def by_entry(self, **inputs: Any) -> Any:
        """Each batch entry's outputs and state after."""
        return self._each(inputs, "B", False)

    def by_entry_others(self, **inputs: Any) -> Any:
        """The same where the other entries hold other numbers."""
        return self._each(inputs, "B", True)

    # --- the state handed on -------------------------------------------------------------------------------------

    def in_one(self, **inputs: Any) -> Any:
        """One call, once for each cut: outputs and the state after."""
        return torch.stack([self.full(**inputs)] * len(self.cuts_of(inputs["k"].shape[1])))

    def in_two(self, **inputs: Any) -> Any:
        """Two calls, cut there, the second from the state that the first returns."""
        N = inputs["k"].shape[1]
        return torch.stack([self._chain(inputs, (0, cut, N)) for cut in self.cuts_of(N)])

    def in_steps(self, **inputs: Any) -> Any:
        """A call of the tokens before the cut, then one for each token; of a long call one for all after a few of them."""
        N = inputs["k"].shape[1]
        ends = [(0, *range(cut, min(cut + _STEPS, N)), N) for cut in self.cuts_of(N)]
        return torch.stack([self._chain(inputs, each) for each in ends])

    def _chain(self, inputs: Mapping[str, Any], ends: Sequence[int]) -> Any:
        state, outs = None, []
        for a, b in pairwise(ends):
            if b > a:
                out, state = self._ran(inputs, slice(a, b), state, N=ends[-1])
                outs.append(out)
        return _flat(torch.cat(outs, 1), state)

    # --- packed sequences ----------------------------------------------------------------------------------------

    def packed(self, name: str, dtype: torch.dtype, **inputs: Any) -> Any:
        """One call of all sequences, told where each begins."""
        ends = self._ends(inputs["k"].shape[1])
        return replace(self, given={**self.given, name: torch.tensor(ends, dtype=dtype)}).full(**inputs)

    def separate(self, **inputs: Any) -> Any:
        """One call for each sequence."""
        ends, outs, states = self._ends(inputs["k"].shape[1]), [], []
        alone = {name: array for name, array in inputs.items() if name != "S"}
        for k, (a, b) in enumerate(pairwise(ends)):
            start = inputs["S"][k : k + 1] if "S" in inputs else None
            out, after = self._ran(alone, slice(a, b), start)
            outs.append(out)
            states.append(leaves(after))
        return _flat(torch.cat(outs, 1), [torch.cat(each) for each in zip(*states, strict=True)])

    def _ends(self, N: int) -> list[int]:
        """Where sequences begin, and the end: as long as each other, the last one with what is left."""
        return [*(k * (N // self.sequences) for k in range(self.sequences)), N]

    # --- values --------------------------------------------------------------------------------------------------

    def of_sum(self, **inputs: Any) -> Any:
        """The call at v + factor v_other, and so with the memory."""
        other = self._other(inputs)
        factor = other.pop(FACTOR)
        return self.full(**{**inputs, **{name: inputs[name] + factor * array for name, array in other.items()}})

    def sum_of(self, **inputs: Any) -> Any:
        """The call at v, plus factor times that at v_other."""
        other = self._other(inputs)
        factor = other.pop(FACTOR)
        return self.full(**inputs) + factor * self.full(**{**inputs, **other})

    # --- what a call leaves --------------------------------------------------------------------------------------

    def arguments_before(self, **inputs: Any) -> Any:
        """The target's arguments as they were handed over."""
        return self._arguments(inputs).before

    def arguments_after(self, **inputs: Any) -> Any:
        """The same arrays once the call is over."""
        return self._arguments(inputs).after

    def _arguments(self, inputs: Mapping[str, Any]) -> Arguments:
        assert self.loaded is not None
        logs = {name for name, text in self.case.gates.items() if is_logarithm(text)}
        seen = Arguments(self.loaded.call, logs)
        self.through(seen).full(**inputs)
        return seen

    def read_at_once(self, **inputs: Any) -> Any:
        """The call's outputs and state, twice."""
        return torch.stack([self.full(**inputs)] * 2)

    def read_later(self, **inputs: Any) -> Any:
        """Those of a first call, read after one with other numbers; then the first call again."""
        first = self._ran(inputs)
        self._ran({**inputs, **self._other(inputs)})
        return torch.stack([_flat(*first), self.full(**inputs)])

    def through(self, call: Callable[..., Any]) -> Operator:
        """These calls with another callable in the target's place."""
        assert self.loaded is not None
        return replace(self, whole=whole_of(adapt(replace(self.loaded, call=call), self.adapter)))

    def handed(self, change: Callable[[Any], Any], **inputs: Any) -> Any:
        """The call with the target's arguments changed on their way in."""
        assert self.loaded is not None
        return self.through(Seen(self.loaded.call, Handed(change))).full(**inputs)

    def under(self, mode: Callable[[], Any], change: Callable[[Any], Any] | None, **inputs: Any) -> Any:
        """The call in a mode of torch, or of the module."""
        here = replace(self, case=replace(self.case, grad=False))
        with mode():
            found = here.full(**inputs) if change is None else here.handed(change, **inputs)
        return found.detach()

    # --- what it takes and gives ------------------------------------------------------------------------------------

    def returns_state(self, sizes: Sizes) -> bool:
        """Whether numbers come back beside the outputs."""
        return bool(self._left(sizes))

    def returns_its_state(self, sizes: Sizes) -> bool:
        """Whether a state of these axes can be handed in, and one like it comes back."""
        assert self.state is not None
        shape = tuple(sizes[axis] for axis in ("B", "H", *self.state))
        return [tuple(left.shape) for left in self._left(sizes)] == [shape]

    def _left(self, sizes: Sizes) -> list[Tensor]:
        draw = {n: torch.tensor(a) for n, a in drawn(self.case, self.shapes, sizes, Entropy(0)).items()}
        try:
            with torch.no_grad():
                return leaves(self._ran(draw)[1])
        except Exception:  # the target is anybody's code
            return []

    # --- questions -----------------------------------------------------------------------------------------------

    def ask(
        self, left: Side, right: Side, sizes: Sizes, names: tuple[str, str], least: Mapping[str, int] | None = None
    ) -> Asked:
        """Whether two of these programs agree. least: sizes below which there is nothing to ask."""

        def sides(case: Case) -> tuple[Program, Program]:
            here = replace(self, case=case)
            return _bound(left, here), _bound(right, here)

        def admits(tried: Sizes) -> bool:
            if any(tried[name] < size for name, size in (least or {}).items()):
                return False
            return self.runs((left, right), tried)

        return Asked(self.case, sides, self.shapes, sizes, names, admits, operator=self)

    def runs(self, sides: Sequence[Side], sizes: Sizes) -> bool:
        """Whether plain calls of these programs give numbers at these sizes."""
        return self.refused(sides, sizes) is None

    def refused(self, sides: Sequence[Side], sizes: Sizes) -> Told | None:
        """Why they do not; None if they do."""
        draw = {n: torch.tensor(a) for n, a in drawn(self.case, self.shapes, sizes, Entropy(0)).items()}
        try:
            with torch.no_grad():
                found = [_bound(side, self)(**draw) for side in sides]
        except Exception as error:  # the target is anybody's code
            return raised(error)
        return None if all(bool(torch.isfinite(one).all()) for one in found) else Incomparable.NOT_FINITE


@dataclass(frozen=True)
class Asked(Question):
    """A question of an operator's programs: inputs that are redrawn have the domains of the first ones."""

    operator: Operator = field(kw_only=True)

    @property
    def positive(self) -> tuple[str, ...]:
        """Inputs between 0 and 1."""
        known = set(self.case.positive)
        return tuple(name for name in self.shapes if name.removesuffix(OTHER) in known)


def drawn(case: Case, shapes: Shapes, sizes: Sizes, entropy: Entropy) -> dict[str, np.ndarray]:
    """A point at which long calls have numbers, keys being short and decays near 1; redrawn inputs likewise."""
    found: dict[str, np.ndarray] = {}
    for ending in ("", OTHER):
        named = {n.removesuffix(OTHER): s for n, s in shapes.items() if n.endswith(OTHER) is bool(ending)}
        point = gentle(case, named, sizes, entropy.child("drawn", ending))
        found |= {name + ending: np.asarray(a, dtype=np.float64) for name, a in point.items()}
    return found


def _bound(side: Side, operator: Operator) -> Program:
    return partial(side, operator)


def _flat(out: Tensor, after: Any) -> Tensor:
    return torch.cat([out.reshape(-1), *(state.reshape(-1).to(out.dtype) for state in leaves(after))])


def _first(out: Tensor, t: int, N: int | None = None) -> Tensor:
    """The outputs of the first t tokens, and zeros for the others of N."""
    N = out.shape[1] if N is None else N
    rest = out.new_zeros(out.shape[0], N - t, *out.shape[2:])
    return torch.cat([out[:, :t], rest], 1)


def whole_of(adapter: Adapter) -> Whole:
    """How it is called on whole arrays; one of one sequence has an output at its last position alone."""
    return adapter.whole or Whole(partial(_one_sequence, adapter), last=True)


def _one_sequence(
    adapter: Adapter, q: Tensor, k: Tensor, v: Tensor, cells: Cells, state: Any = None, wide: bool = False, **after: Any
) -> tuple[Any, Any]:
    found = adapter.call(k[0, :, 0, :], v[0, :, 0, :], q[0, -1, 0, :], **cells[0][0])
    if not isinstance(found, Tensor) or found.numel() != v.shape[-1]:
        return found, None
    out = found.reshape(1, 1, 1, -1)
    return torch.cat([out.new_zeros(1, k.shape[1] - 1, 1, v.shape[-1]), out], 1), None
