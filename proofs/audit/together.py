"""Modes together: `self.training and q.requires_grad` is true in none of the modes alone.

Every two of the modes are tried at once; all of those that the target's code names, if they are more. What neither mode
alone gives is compared with the learner.
Main definition: `together`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from numeric.deciding.programs import Program
from numeric.finding import Finding, Told, Verdict
from proofs.audit.handed import Handed
from proofs.audit.world import Same
from proofs.target.calling import raised
from proofs.target.case import Case

NAME = "two of these at once"
AUTOCAST, FLOAT32, TRAINING, GRADIENTS, STRIDES = "autocast", "float32", "training", "gradients", "strides"
_NAMED: Mapping[str, frozenset[str]] = {
    TRAINING: frozenset(("training",)),
    GRADIENTS: frozenset(
        "requires_grad is_grad_enabled is_inference_mode_enabled is_inference is_leaf grad_fn".split()
    ),
    AUTOCAST: frozenset(("is_autocast_enabled", "get_autocast_dtype", "get_autocast_cpu_dtype")),
    FLOAT32: frozenset("dtype float32 element_size itemsize finfo is_floating_point get_default_dtype".split()),
    STRIDES: frozenset("is_contiguous stride storage_offset".split()),
}
"""The attributes by which code asks for a mode."""
_DEEP = 3
"""Modes at once from which only those run that the code names."""


@dataclass(frozen=True)
class Way:
    """A mode: of two of one kind only one can be on. around: what is entered; change: what becomes of the inputs; handed:
    what becomes of the target's arguments."""

    kind: str
    name: str
    around: Callable[[], AbstractContextManager[Any]] = nullcontext
    change: Callable[[Mapping[str, Any]], Mapping[str, Any]] = lambda inputs: inputs
    handed: Handed | None = None

    def __str__(self) -> str:
        return self.name


Through = Callable[..., Callable[[Case], Program]]
"""From changes of the target's arguments to the layer of a case."""
Add = Callable[[str, Same, Told, Finding | None], None]


@dataclass
class _Pairs:
    case: Case
    data: Mapping[str, Tensor]
    within: Callable[[Callable[[Case], Program], str], Finding]
    through: Through

    def out(self, ways: Iterable[Way]) -> Tensor:
        """What the layer returns in these modes."""
        found: Tensor = layered(ways, self.through)(self.case)(**self.data)
        return found.detach().clone()

    def differs(self, ways: tuple[Way, ...], alone: Mapping[Way, Tensor]) -> Finding | None:
        """What speaks against the layer in these modes; nothing where it does as in one of them."""
        out = self.out(ways)
        if any(_equal(out, alone[way]) for way in ways):
            return None
        single = any(way.kind == FLOAT32 for way in ways)
        rest = tuple(way for way in ways if way.kind != FLOAT32)
        return self.within(layered(rest, self.through), "float32" if single else "float64")


def together(
    case: Case,
    ways: Iterable[Way],
    data: Mapping[str, Tensor],
    within: Callable[[Callable[[Case], Program], str], Finding],
    through: Through,
    named: frozenset[str],
    add: Add,
) -> None:
    """Run the ways two at once, and more where the code names their kinds; `add` is told what came of it.

    data: the inputs. within: the layer of a case against its learner, in a dtype. through: the
    layer of a case with its target's arguments changed. named: the names in the code.
    """
    pairs = _Pairs(case, data, within, through)
    alone: dict[Way, Tensor] = {}
    for way in ways:
        try:
            alone[way] = pairs.out((way,))
        except Exception:  # the target is anybody's code; this mode was said to be refused
            continue
    bad = False
    for chosen in _chosen(tuple(alone), named):
        name = ", ".join(map(str, chosen))
        try:
            found = pairs.differs(chosen, alone)
        except Exception as error:  # the target is anybody's code
            add(name, Same.RAISES, raised(error), None)
            bad = True
            continue
        if found is not None and found.verdict is not Verdict.CONFIRMED:
            refuted = found.verdict is Verdict.REFUTED
            add(name, Same.DIFFERS if refuted else Same.UNCOMPARED, found.reason, found if refuted else None)
            bad = True
    if len(alone) > 1 and not bad:
        add(NAME, Same.ROUNDING, "", None)


def _chosen(ways: tuple[Way, ...], named: frozenset[str]) -> Iterator[tuple[Way, ...]]:
    kinds = [kind for kind, names in _NAMED.items() if names & named]
    for count in range(2, max(2, len(kinds)) + 1):
        for chosen in itertools.combinations(ways, count):
            held = [way.kind for way in chosen]
            rounds = AUTOCAST in held and FLOAT32 in held  # bfloat16 is another number
            if len(set(held)) == count and not rounds and (count < _DEEP or set(held) <= set(kinds)):
                yield chosen


def layered(ways: Iterable[Way], through: Through) -> Callable[[Case], Program]:
    ways = tuple(ways)

    def layer(case: Case) -> Program:
        handed = [way.handed for way in ways if way.handed is not None]
        inner = through(*handed)(case) if handed else case.layer

        def run(**inputs: Any) -> Any:
            given: Mapping[str, Any] = inputs
            for way in ways:
                given = way.change(given)
            with ExitStack() as stack:
                for way in ways:
                    stack.enter_context(way.around())
                return inner(**given)

        return run

    return layer


def _equal(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype and bool(((a == b) | (a.isnan() & b.isnan())).all())
