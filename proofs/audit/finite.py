"""How far the floats carry a layer: the length, or the strength of its decays, at which it leaves their range.

Powers of a decay, or exp of cumulated logarithms, as quotients are the identity in exact numbers, and 0/0 or infinity in
floats once a context is long, or decays are strong, enough; a mask of powers only fades. So the largest and the smallest
exponent that a call meets are taken at three lengths: where they grow by the same number a token, the length at which a
type of floats ends is known, and the layer is called past it, and then halfway to where it was right, until that length
is found. Decays of a token each are made strong in one context. Both types of floats, and plain calls alone.
Main definition: `limits`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from constructions.learners import Domain
from numeric.deciding.programs import Sizes
from numeric.entropy import Entropy
from numeric.tape.dispatch import Dispatch
from proofs.audit.inference import at_length
from proofs.audit.longer import Counted, TooMany
from proofs.audit.preflight import in_blocks
from proofs.audit.sweep import PART, apart
from proofs.audit.world import Limit
from proofs.target.case import Case
from proofs.target.source.lines import Lines

_LENGTHS = (16, 32, 64)
_STRONG = (2, 20)
"""Decays of 2**-k at these k, all tokens alike."""
_ALIKE, _LEAST = 0.1, 2.0**-6
"""Exponents grow along a line where two slopes are alike to this part, and by so much a token at least: else it is
nothing, or takes more tokens than are called."""
_PAST = 1.05
"""How far past the length foreseen a layer is called, relatively: data moves it a little."""
_FARTHEST, _BUDGET = 4096, 40_000
"""The longest context called, and the operations of one call."""
_TYPES = (torch.float64, torch.float32)


def limits(case: Case, sizes: Sizes, fixed: Sizes, entropy: Entropy, lifted: bool) -> tuple[Limit, ...]:
    """Where the layer is not the learner any more in each type, as far as it is met. fixed: sizes that stay. lifted: whether
    plain calls lift casts to float32, of which there are no runs in float32 then."""
    held = replace(case, lines=Lines(()), lifted=lifted or case.lifted)
    run = _Run(held, sizes, entropy)
    found: list[Limit] = []
    types = _TYPES[:1] if held.lifted or held.needs_lift else _TYPES
    try:
        found += () if "N" in fixed else run.by_length(types)
        found += run.by_strength(types)
    except Exception:  # the target is anybody's code; what it raises at other lengths was said
        return tuple(found)
    return tuple(found)


class _Exponents(Dispatch):  # type: ignore[no-untyped-call]
    """Notes the largest and the smallest power of 2 among all numbers that a call makes."""

    def __init__(self) -> None:
        super().__init__()
        self.high, self.low = -math.inf, math.inf

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        # a largest entry of the zeros that forward-mode derivatives begin with ends the process (torch 2.13)
        if isinstance(out, Tensor) and out.is_floating_point() and out.numel() and not out._is_zerotensor():
            size = out.detach().abs()
            top = float(size.max())
            if 0 < top < math.inf:
                self.high = max(self.high, math.log2(top))
                self.low = min(self.low, math.log2(float(size.where(size > 0, top).min())))
        return out


@dataclass
class _Run:
    case: Case
    sizes: Sizes
    entropy: Entropy

    def by_length(self, types: tuple[torch.dtype, ...]) -> Iterator[Limit]:
        """At lengths past those foreseen."""
        seen = []
        for N in dict.fromkeys(in_blocks(N, self.sizes) for N in _LENGTHS):
            with _Exponents() as noted, torch.no_grad():
                self.case.layer(**self._alike(N))
            seen.append((N, noted.high, noted.low))
        if len(seen) < len(_LENGTHS):
            return
        for dtype in types:
            info = torch.finfo(dtype)
            ends = (math.log2(info.max), math.log2(info.tiny) + math.log2(info.eps))
            foreseen = [_meets([(N, found[k]) for N, *found in seen], ends[k]) for k in range(2)]
            for first in sorted(N for N in foreseen if N is not None):
                far = in_blocks(math.ceil(first * _PAST) + 1, self.sizes)
                block = in_blocks(1, self.sizes)

                def off(blocks: int, dtype: torch.dtype = dtype, block: int = block) -> bool:
                    return self._off(self._alike(blocks * block), dtype)

                if far <= _FARTHEST and off(far // block):
                    good, bad = _halved(seen[-1][0] // block, far // block, off)
                    yield Limit(_name(dtype), bad * block, good * block)
                    break

    def by_strength(self, types: tuple[torch.dtype, ...]) -> Iterator[Limit]:
        """With strong decays of every token."""
        units = {p.name for p in self.case.chosen.parameters if p.domain is Domain.UNIT}
        names = tuple(n for n, axes in self.case.axes.items() if n in units and "N" in axes)
        N = self.sizes["N"] if not names else in_blocks(_LENGTHS[-1], self.sizes)
        for dtype in types if names else ():

            def off(k: int, dtype: torch.dtype = dtype) -> bool:
                point = self._alike(N)
                return self._off(point | {n: torch.full_like(point[n], 2.0**-k) for n in names}, dtype)

            strong = next((k for k in _STRONG if off(k)), None)
            if strong is not None:
                good, bad = _halved(0, strong, off)
                yield Limit(_name(dtype), N, N, names, -bad, -good)

    def _alike(self, N: int) -> dict[str, Tensor]:
        """A point at which nothing grows with the length by itself: all tokens are one short one, decays nearly 1."""
        sizes = {**self.sizes, "N": N}
        at_length(self.case, sizes, law=True)
        generator = torch.Generator().manual_seed(self.entropy.child("token").below(2**31))
        point = self.case.draw({**sizes, "N": 1}, generator)
        units = {p.name for p in self.case.chosen.parameters if p.domain is Domain.UNIT}
        for name, axes in self.case.shapes.items():
            held = point[name].expand(
                [N if axis == "N" else size for axis, size in zip(axes, point[name].shape, strict=True)]
            )
            point[name] = held * 0 + 1 - 1 / (2 * N) if name in units else held / math.sqrt(N) if name == "X" else held
        return {name: held.clone() for name, held in point.items()}

    def _off(self, point: Mapping[str, Tensor], dtype: torch.dtype) -> bool:
        """Whether the layer is no learner there: not finite, or in float64 other numbers, where the learner is finite. What
        is too dear to call is taken to be."""
        inputs = {name: t.to(dtype) for name, t in point.items()}
        try:
            with torch.no_grad(), Counted(_BUDGET):
                out = self.case.layer(**inputs)
                if bool(torch.isfinite(out).all()) and dtype is not torch.float64:
                    return False
                right = self.case.learner(**inputs)
        except TooMany:
            return False
        return bool(torch.isfinite(right).all()) and apart(out, right) > PART


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _meets(points: list[tuple[int, float]], end: float) -> int | None:
    """The length at which a line through these points meets an end; None where they lie on none that does."""
    (a, u), (b, v), (c, w) = points
    first, second = (v - u) / (b - a), (w - v) / (c - b)
    if not (math.isfinite(first) and math.isfinite(second)) or abs(second - first) > _ALIKE * abs(second):
        return None
    towards = second if end > 0 else -second
    return math.ceil(c + (end - w) / second) if towards >= _LEAST else None


def _halved(good: int, bad: int, off: Callable[[int], bool]) -> tuple[int, int]:
    """Neighbours of which the second is off, between these."""
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (good, middle) if off(middle) else (middle, bad)
    return good, bad
