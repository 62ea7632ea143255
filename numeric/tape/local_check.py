"""Each recorded operation's rule against what torch's kernel gave, on that operation's own operands.

Main definition: `differences`. The tape is replayed with torch's kernels, operation by operation; beside it the rules
that exact arithmetic and balls use run on the same operands, and result and mutated operands have to agree within the
rounding error of that one operation (`numeric.carriers.rounded`), whatever the program's own rounding has grown to.
Operations of one signature (function, sizes, strides, scalars, aliasing) are the same rule on other numbers, and are
checked a few times: in each recording of somebody's code, and in all recordings together of code that can't choose.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from numeric.carriers.a_priori import smallest_subnormal, unit_roundoff
from numeric.carriers.carrier import NoRule
from numeric.carriers.rounded import Rounded
from numeric.tape.float_replay import Floats
from numeric.tape.numbers import Logarithms, Numbers, Pair
from numeric.tape.planning import plan, real_rule
from numeric.tape.refusals import Refused
from numeric.tape.replay import Machine
from numeric.tape.steps import Kind, Step
from numeric.tape.storage_tape import Constant, Operation, Place, Tape, Window, leaves

TIMES, LASTING = 2, 4
"""Operations of one signature that are checked in a recording, and in all recordings that share what they know."""
Known = Counter[Any]
"""How often operations of a signature were found to be as their rule says, in recordings so far."""


@dataclass(frozen=True)
class Difference:
    """Where a rule is not what torch computes. output: which result. apart, allowed: at the worst entry; None where
    the two have other shapes, or answers to a comparison."""

    operation: str
    place: Place
    output: int
    apart: float | None = None
    allowed: float | None = None


@dataclass(frozen=True)
class Unchecked:
    """An operation whose rounding has no finite bound at these operands (overflow, a singular matrix)."""

    operation: str
    place: Place


def differences(
    tape: Tape, inputs: Mapping[str, Tensor], known: Known | None = None
) -> Iterator[Difference | Unchecked]:
    """What the check finds against the rules of a tape at one point. known: what other recordings found, and this one adds
    to."""
    signatures = list(_signatures(tape, lasting=known is not None))
    open_steps = [k for k, signature in enumerate(signatures) if known is None or known[signature] < LASTING]
    if not open_steps:
        return
    with torch.no_grad():
        floats = Floats(tape, inputs)
        exact = _Single(tape, Rounded(logarithms=True), floats)
        real = _Single(tape, Rounded(), floats)
        left: Counter[Any] = Counter()
        open_: dict[Any, Unchecked] = {}
        for step, signature in zip(exact.plan.steps[: open_steps[-1] + 1], signatures, strict=False):
            operation = step.operation
            found: list[tuple[Any, list[Any]]] = []
            if left[signature] < TIMES and (known is None or known[signature] < LASTING):
                for machine, rule in ((exact, step.rule), (real, _other_rule(step, exact))):
                    if rule is not None and (values := machine.results(operation, rule)) is not None:
                        found.append((machine, values))
            exact.turn(step)
            floats.step(operation)
            if not found:
                continue
            said = False
            for machine, values in found:
                difference, assessed = machine.compared(operation, values, step)
                said |= assessed
                if difference is not None:
                    yield difference
                    return
            if said:
                left[signature] += 1
                if known is not None:
                    known[signature] += 1
                open_.pop(signature, None)
            elif not left[signature]:
                open_.setdefault(signature, Unchecked(operation.name, operation.place))
        yield from open_.values()


class _Single(Machine):
    """A machine that reads its operands from torch's storages."""

    def __init__(self, tape: Tape, carrier: Rounded, floats: Floats) -> None:
        self.tape, self.carrier, self.source = tape, carrier, floats
        self.rounded = carrier
        self.plan = plan(tape, _EXACT)
        self.kinds = dict(self.plan.before) if carrier.keeps_logarithms else _Plainly(tape)
        self.floats = None
        self.held = {}
        self._lifted = {}

    def results(self, operation: Operation, rule: Callable[..., Any]) -> list[Any] | None:
        """What the rule gives now; None where it has no meaning here, which a replay says too."""
        dtypes = {w.dtype.to_real() if w.dtype.is_complex else w.dtype for w in _windows(operation)}
        dtypes |= {c.value.dtype for c in operation.operands() if isinstance(c, Constant)}
        self.carrier = self.rounded = Rounded(dtypes, logarithms=self.rounded.keeps_logarithms)
        self._lifted = {}
        try:
            values = rule(self, operation)
        except (NoRule, ZeroDivisionError):
            return None
        return list(values) if isinstance(values, (tuple, list)) else [values]

    def turn(self, step: Step) -> None:
        """What the storages stand for after the step."""
        for number in step.anew:
            self.kinds[number] = step.kinds[0]

    def read(self, window: Window) -> Any:
        value = self.source.read(window).detach().clone()
        if window.dtype.is_complex:
            plain = torch.view_as_real(value.resolve_conj().resolve_neg())
            return Pair(*(Numbers(self.carrier, self.carrier.lift(plain[..., k])) for k in (0, 1)))
        kind = self.kinds[window.storage]
        if kind is Kind.INDEX:
            return value[None]
        if kind is Kind.LOGARITHM:
            return Logarithms(self.carrier, _REAL.exp(self.carrier.lift(value)))
        return Numbers(self.carrier, self.carrier.lift(value))

    def compared(self, operation: Operation, values: list[Any], step: Step) -> tuple[Difference | None, bool]:
        """The first difference, and whether any result could be assessed."""
        assessed = False
        for number, (window, value) in enumerate(zip(operation.outputs, values, strict=False)):
            if window is None or value is None:
                continue
            kernel = self.source.read(window)
            try:
                worst = self._apart(kernel, value)
            except RuntimeError:  # the shapes do not broadcast
                return Difference(operation.name, operation.place, number), True
            if worst is None:
                continue
            assessed = True
            if worst[0]:
                return Difference(operation.name, operation.place, number, *worst[1:]), True
        return None, assessed

    def _apart(self, kernel: Tensor, value: Any) -> tuple[bool, float | None, float | None] | None:
        """Whether they differ, and how far at the worst entry; None where nothing can be said."""
        if isinstance(value, Pair) or kernel.is_complex():
            plain = (
                torch.view_as_real(kernel.resolve_conj())
                if kernel.is_complex()
                else torch.stack([kernel, 0 * kernel], -1)
            )
            pair = value if isinstance(value, Pair) else Pair(value, None)
            zero = Numbers(self.carrier, self.carrier.zeros(kernel.shape))
            halves = [
                self._apart(plain[..., k], zero if half is None else half)
                for k, half in enumerate((pair.real, pair.imaginary))
            ]
            said = [h for h in halves if h is not None]
            return max(said, key=lambda h: h[0], default=None)
        if isinstance(value, Tensor):
            same = torch.equal(value.expand(1, *kernel.shape)[0].to(kernel.dtype), kernel)
            return not same, None, None
        if isinstance(value, Logarithms):
            value = Numbers(self.carrier, _REAL.log(value.parts))
        if not kernel.dtype.is_floating_point:
            return None
        parts = value.expand(kernel.shape).parts
        middle, allowed = parts[0][0], self.rounded.allowed(parts)[0]
        wide = kernel.double()
        if kernel.dtype != torch.float64:  # what is written into a narrower tensor is rounded
            allowed = allowed + middle.abs() * unit_roundoff(kernel.dtype) + smallest_subnormal(kernel.dtype)
        if not kernel.numel():
            return False, None, None
        fine = (allowed == 0) | (torch.isfinite(allowed) & (middle.abs() + allowed < torch.finfo(kernel.dtype).max))
        fine &= ~wide.isnan()  # the point lies outside the program's domain
        apart = torch.where(wide == middle, 0.0, (wide - middle).abs())
        over = fine & ~(apart <= allowed)
        if bool(over.any()):
            where = int(torch.where(over, apart - allowed, -torch.inf).nan_to_num(nan=math.inf).argmax())
            return True, float(apart.reshape(-1)[where]), float(allowed.reshape(-1)[where])
        return (False, None, None) if bool(fine.any()) else None


class _Plainly(dict[int, Kind]):
    """Kinds where logarithms are numbers like others."""

    def __init__(self, tape: Tape) -> None:
        for number, storage in enumerate(tape.storages):
            self[number] = Kind.NUMBER if storage.dtype.is_floating_point else Kind.INDEX


def _other_rule(step: Step, exact: _Single) -> Callable[..., Any] | None:
    """The rule in real arithmetic, where it is another than the exact one."""
    operation = step.operation
    windows = _windows(operation)
    log = Kind.LOGARITHM in step.kinds or any(exact.kinds[w.storage] is Kind.LOGARITHM for w in windows)
    return real_rule(operation, anyway=log or step.rule is None)


def _windows(operation: Operation) -> list[Window]:
    return [o for o in (*operation.operands(), *operation.outputs) if isinstance(o, Window)]


def _signatures(tape: Tape, lasting: bool) -> Iterator[Any]:
    """The signature of each step; lasting: one that means the same in another tape."""
    made = plan(tape, _EXACT)
    kinds = dict(made.before)
    for step in made.steps:
        yield _signature(step.operation, [kinds[w.storage] for w in _windows(step.operation)], lasting)
        kinds |= dict.fromkeys(step.anew, step.kinds[0])


def _signature(operation: Operation, kinds: list[Kind], lasting: bool) -> Any:
    """What one operation has in common with another on which its rule does the same."""
    known: dict[int, tuple[int, int]] = {}
    described: list[Any] = [operation.function, *kinds]
    for operand in (*leaves(operation.args), *leaves(operation.kwargs), *operation.outputs):
        if isinstance(operand, Window):
            number, start = known.setdefault(operand.storage, (len(known), operand.offset))
            described.append((number, operand.offset - start, operand.size, operand.stride, operand.dtype,
                              operand.conjugated, operand.negated))  # fmt: skip
        elif isinstance(operand, Constant):
            value = operand.value
            plain = value.dtype.is_floating_point or value.dtype.is_complex
            exactly = None if plain else tuple(value.reshape(-1).tolist()) if lasting else id(operand)
            described.append((value.shape, value.dtype, exactly))
        else:
            described.append(repr(operand))
    return tuple(described)


_EXACT, _REAL = Rounded(logarithms=True), Rounded()


def check(tape: Tape, inputs: Mapping[str, Tensor], known: Known | None = None) -> None:
    """Raises Refused, naming operation and line, if a rule is not what torch computes, or if that can't be said.

    What has no finite value at `inputs` (the logarithm of a negative number) is checked between 0 and 1, then near 0
    (a triangular solve of many unknowns, which grows with the power of their number).
    """
    from numeric.tape.places import shown

    inside = {name: value.abs() / (1 + value.abs()) for name, value in inputs.items()}
    longest = max((n for value in inputs.values() for n in value.shape), default=1)
    near = {name: value / longest for name, value in inside.items()}
    found = list(differences(tape, inputs, known))
    for point in (inside, near):
        if found and all(isinstance(f, Unchecked) for f in found):
            again = list(differences(tape, point, known))
            found = [f for f in again if f in found or isinstance(f, Difference)]
    for one in found:
        raise Refused(one.operation, shown(one.place), DIFFERS if isinstance(one, Difference) else NO_BOUND)


DIFFERS = "its rule is not what torch's kernel computes here, so that no exact verdict can rest on it"
NO_BOUND = "has no finite value at ordinary points, so that its rule can't be compared with torch's kernel"
