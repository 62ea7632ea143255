"""Is a bound that no call reached one that no call can cross? Calls past it say: they are refused, or they agree.

Plain calls, that no verdict rests on: they only decide whether a bound is a doubt.
Main definition: `crossing`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map_only

from constructions.learners import Domain
from numeric.deciding.programs import Program, Sizes
from numeric.entropy import Entropy
from numeric.tape.dispatch import Dispatch
from proofs.audit.edges import Edge
from proofs.audit.inference import at_length
from proofs.target.case import Case
from proofs.target.loading import Stop
from proofs.target.source.lines import Lines

_OPERATIONS, _ENTRIES = 60_000, 2**24
"""Operations that all plain calls past bounds may take, and entries of the largest array there."""
_FIRST = 2000
"""Operations after which a call that can't be afforded is given up: a refusal comes before."""
_SHORT, _LONG = 64, 128
"""Lengths from which the cost of a longer call is told."""
_NOTED = 1e-6
"""The sides differ by more than any rounding does if by this part of the larger one."""


@dataclass
class Crossing:
    """taken: sizes past a bound, or at the end of a table, where plain calls agree. refused: edges that no call crosses.
    fresh: sizes past all of an edge's that agree, at which nothing was called: what longer calls left, such as a mask that
    grows with them, ends there."""

    calls: _Calls
    taken: list[Sizes] = field(default_factory=list)
    refused: set[Edge] = field(default_factory=set)
    fresh: list[Sizes] = field(default_factory=list)

    def agree(self, sizes: Sizes) -> bool:
        """Whether plain calls agree at these sizes."""
        return self.calls.told(dict(sizes))[1] is _Said.AGREE


class _Many(Stop):
    """More operations than allowed; no target catches it."""


class _Weighed(Dispatch):  # type: ignore[no-untyped-call]
    """Counts operations up to a limit, and the entries of the largest array; one too large is not made."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit, self.number, self.largest = limit, 0, 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        self.number += 1
        if self.number > self.limit or _entries(func, args, kwargs) > _ENTRIES:
            raise _Many
        out = func(*args, **kwargs)
        if isinstance(out, Tensor):
            self.largest = max(self.largest, out.numel())
        return out


def _entries(func: Any, args: Any, kwargs: Any) -> int:
    """Of what an operation is about to make: where all it is given is small, it is not asked."""
    given = [a for a in tree_leaves((args, kwargs)) if isinstance(a, (Tensor, int))]
    sizes = [a.numel() if isinstance(a, Tensor) else abs(a) for a in given]
    if math.prod(sorted(sizes)[-2:]) <= _ENTRIES:
        return 0
    args, kwargs = tree_map_only(Tensor, lambda t: torch.empty_like(t, device="meta"), (args, kwargs))
    if any(a.name == "device" for a in func._schema.arguments):
        kwargs = {**kwargs, "device": "meta"}
    try:
        return max((t.numel() for t in tree_leaves(func(*args, **kwargs)) if isinstance(t, Tensor)), default=0)
    except Exception:  # an operation that needs the numbers
        return 0


def crossing(
    case: Case, edges: Sequence[Edge], at: Sizes, entropy: Entropy, called: Mapping[str, int] | None = None
) -> Crossing:
    """Calls past each edge, and up to the end of what has one. called: the largest of each size that was called before."""
    calls = _Calls(replace(case, lines=Lines(())), entropy)  # nothing is compared here that counts
    found = Crossing(calls)
    for edge in edges:
        if not edge.turn:
            continue
        further = edge.turn + 2 + entropy.child(edge.name, edge.turn).below(edge.turn + 1)
        past = [calls.told({**at, edge.name: size}) for size in (edge.turn + 1, further)]
        found.taken += [sizes for sizes, said in past if said is _Said.AGREE]
        if edge.rest and all(said is _Said.AGREE for _, said in past):
            before = [further, (called or {}).get(edge.name, 0), *(sizes[edge.name] for sizes in found.fresh)]
            found.fresh.append({**at, edge.name: max(before) + 1})
        if all(said is _Said.REFUSED for _, said in past):
            ends = (calls.told({**at, edge.name: size})[1] for size in (edge.turn, edge.turn - 1) if edge.rest)
            last = next((said for said in ends if said is not _Said.REFUSED), _Said.AGREE)
            found.refused |= {edge} if last is _Said.AGREE else set()
    return found


class _Said(Enum):
    """What plain calls say: the sides agree, the layer raises, or neither is known."""

    AGREE = "agree"
    REFUSED = "refused"
    OPEN = "open"


@dataclass
class _Calls:
    case: Case
    entropy: Entropy
    left: int = _OPERATIONS

    def told(self, sizes: dict[str, int]) -> tuple[Sizes, _Said]:
        """What plain calls of both sides say at these sizes."""
        try:
            at_length(self.case, {k: n for k, n in sizes.items() if k in ("N", "f", "m")}, law=True)
            data = _gentle(self.case, sizes, self.entropy.child("past", sizes["N"]))
            dear = self._operations(sizes) > self.left
        except Exception:  # the target is anybody's code, and its numbers may have no law
            return sizes, _Said.OPEN
        try:
            one = self._run(self.case.layer, data, _FIRST if dear else self.left)
        except _Many:
            return sizes, _Said.OPEN
        except Exception:  # the target is anybody's code: it refuses
            return sizes, _Said.REFUSED
        try:
            other = self._run(self.case.learner, data, self.left)
        except (Exception, _Many):  # a learner of the user's may refuse too; one that can't be afforded says nothing
            return sizes, _Said.OPEN
        alike = bool((one - other).abs().max() <= _NOTED * other.abs().max())
        return sizes, _Said.AGREE if alike else _Said.OPEN

    def _operations(self, sizes: Sizes) -> int:
        """About how many operations a call takes there, as shorter ones tell."""
        seen = []
        for N in (_SHORT, _LONG):
            here = {**sizes, "N": min(N, sizes["N"])}
            with _Weighed(_OPERATIONS) as weighed, torch.no_grad(), suppress(Exception, _Many):
                self.case.layer(**_gentle(self.case, here, self.entropy.child("weighed")))
            seen.append(weighed.number)
        few, many = seen
        return max(many, (many - few) * sizes["N"] // (_LONG - _SHORT))

    def _run(self, program: Program, data: Mapping[str, Tensor], limit: int) -> Tensor:
        with _Weighed(limit) as weighed, torch.no_grad():
            try:
                out: Tensor = program(**{name: t.clone() for name, t in data.items()})
            finally:
                self.left -= min(self.left, weighed.number)
        return out.detach()


def _gentle(case: Case, sizes: Sizes, entropy: Entropy) -> dict[str, Tensor]:
    """Keys whose squares sum to about 1, and decays within 1/N of 1: nothing overflows, and no token is forgotten."""
    data = case.draw(sizes, torch.Generator().manual_seed(entropy.below(2**31)))
    decays = {p.name for p in case.chosen.parameters if p.domain is Domain.UNIT}
    data["X"] = data["X"] / (sizes["N"] * sizes["f"]) ** 0.5
    return {name: 1 - (t.abs() / (1 + t.abs())) / sizes["N"] if name in decays else t for name, t in data.items()}
