"""Replaying a tape in a carrier: each operation by its rule, on windows of storages that hold the carrier's numbers.

Main definition: `Machine`. All trials run at once along a leading axis. What an entry stands for (a number, the logarithm
of one, an index) is inferred once a tape; the rules are chosen by that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from numeric.carriers.carrier import Carrier, NoRule, Parts
from numeric.tape.float_replay import Several
from numeric.tape.moves import Move
from numeric.tape.numbers import Logarithms, Numbers, Pair, concatenated
from numeric.tape.places import shown
from numeric.tape.planning import plan
from numeric.tape.refusals import Refused
from numeric.tape.steps import Kind, Step
from numeric.tape.storage_tape import Constant, Tape, Window


class Machine:
    """A carrier on a tape. `run` once; storages are let go with the machine."""

    def __init__(self, tape: Tape, carrier: Carrier) -> None:
        self.tape, self.carrier = tape, carrier
        self.plan = plan(tape, carrier)
        self.held: dict[int, Parts] = {}
        self.whole: dict[int, tuple[Window, Any]] = {}
        """Results that fill a storage, as they were made: most are read as they were written."""
        self.kinds = dict(self.plan.before)
        self.floats: Several | None = None
        self.missing: set[int] = set()
        """Storages that hold a result for which there is no rule."""
        self._kept: set[int] = set()
        self._lifted: dict[int, Numbers] = {}
        self.place = ("", 0)

    def run(
        self, inputs: Mapping[str, Parts], floats: Mapping[str, Tensor] | None = None
    ) -> Numbers | Logarithms | Pair:
        """The result at the inputs' parts (trials, *shape).

        floats: the inputs as torch holds them, (trials, *shape), for a carrier that follows the kernels. Raises Refused for
        an operation without a meaning, ZeroDivisionError for a divisor that is 0.
        """
        if self.tape.faults:
            fault = self.tape.faults[0]
            raise Refused(fault.what, shown(fault.place), "the recording can't hold it")
        with torch.no_grad():
            if self.carrier.follows_kernel:
                assert floats is not None
                self.floats = Several(self.tape, floats)
            for name, parts in inputs.items():
                self._store(self.tape.inputs[name], Numbers(self.carrier, parts), Kind.NUMBER, True)
            for step in self.plan.steps:
                self.step(step)
            out = self.tape.output
            if isinstance(out, Constant):
                return self.numbers(out)
            found = self.read(out)
            if isinstance(found, Tensor):
                raise NoRule("returned indices, expected numbers")
            return found

    def inner(self, tape: Tape) -> Machine:
        """A machine with this one's carrier, on a tape of its own: an operation as smaller ones."""
        return Machine(tape, self.carrier)

    def put(self, window: Window, parts: Parts) -> None:
        """Numbers into an input's window."""
        self._store(window, Numbers(self.carrier, parts), Kind.NUMBER, True)

    def keep(self, storages: set[int]) -> None:
        """Let these storages live on when nothing reads them any more."""
        self._kept = storages

    def step(self, step: Step) -> None:
        """One operation by its rule. Raises Refused."""
        operation = step.operation
        self.place = operation.place
        try:
            if step.rule is None:
                raise NoRule(step.why)
            results = step.rule(self, operation)
            if not isinstance(results, (tuple, list)):
                results = (results,)
            for number in step.anew:
                self._change(number, step.kinds[0])
            if self.floats is not None:
                self.floats.step(operation)
            for window, value, kind, whole in zip(operation.outputs, results, step.kinds, step.whole, strict=False):
                if window is None:
                    continue
                if value is not None:
                    self._store(window, value, kind, whole)
                elif window.numel:
                    self.missing.add(window.storage)
            for number in step.frees:
                if number in self._kept:
                    continue
                self.held.pop(number, None)
                self.whole.pop(number, None)
        except NoRule as error:
            raise Refused(f"{operation.name}", shown(operation.place), str(error)) from None

    # --- operands ------------------------------------------------------------------------------------------------------

    def read(self, window: Window) -> Any:
        """What a window holds: numbers, logarithms, a pair, or plain indices with a trial axis."""
        number = window.storage
        known = self.whole.get(number)
        if (
            known is not None
            and known[0].size == window.size
            and known[0].stride == window.stride
            and not window.negated
        ):
            return known[1]
        if number in self.missing:
            raise NoRule("reads a result that has no rule, beside one that has")
        kind = self.kinds[number]
        if self.floats is not None:
            return self._followed(window, kind)
        parts = _parts(known[1]) if known is not None else self._flat(number)
        if window.dtype.is_complex:
            halves = [
                self._sign(Numbers(self.carrier, tuple(_view(p, window, half) for p in parts)), window.negated)
                for half in (0, 1)
            ]
            return Pair(halves[0], -halves[1] if window.conjugated else halves[1])
        views = tuple(_view(p, window) for p in parts)
        if kind is Kind.INDEX:
            return views[0]
        if kind is Kind.LOGARITHM:
            return Logarithms(self.carrier, views)
        return self._sign(Numbers(self.carrier, views), window.negated)

    def _flat(self, number: int) -> Parts:
        """A storage's entries, (trials, length)."""
        known = self.whole.get(number)
        if known is not None:
            return tuple(p.reshape(p.shape[0], -1) for p in _parts(known[1]))
        if number not in self.held:
            self._begin(number)
        return self.held[number]

    def _followed(self, window: Window, kind: Kind) -> Any:
        assert self.floats is not None
        value = self.floats.read(window)
        if kind is Kind.INDEX:
            return value
        (error,) = self._flat(window.storage)
        if window.dtype.is_complex:
            plain = torch.view_as_real(value.resolve_conj().resolve_neg())
            halves = [Numbers(self.carrier, (plain[..., half], _view(error, window, half))) for half in (0, 1)]
            return Pair(*halves)
        return Numbers(self.carrier, (value, _view(error, window)))

    def _sign(self, value: Numbers, negated: bool) -> Numbers:
        return -value if negated else value

    def numbers(self, value: Any) -> Numbers:
        """An operand as numbers; constants are lifted exactly. Raises NoRule where it is something else."""
        if isinstance(value, Window):
            found = self.read(value)
            if type(found) is Numbers:
                return found
            if isinstance(found, Logarithms):
                raise NoRule("mixes a logarithm with numbers; only its exp is a rational function")
            if isinstance(found, Pair):
                raise NoRule("no rule for complex numbers")
            if self.carrier.follows_kernel or not self.carrier.decides_order:
                raise NoRule("data-dependent: a number made of a comparison of data")
            assert isinstance(found, Tensor)
            if found.shape[0] != 1:
                raise NoRule("data-dependent: comparisons differ from trial to trial")
            return Numbers(self.carrier, self.carrier.lift(found[0].double()))
        if isinstance(value, Constant):
            key = id(value)
            if key not in self._lifted:
                self._lifted[key] = self._lift(value.value)
            return self._lifted[key]
        if isinstance(value, Numbers):
            return value
        if isinstance(value, bool):
            value = int(value)
        if isinstance(value, (int, float)):
            if isinstance(value, float) and not math.isfinite(value) and not (value == -math.inf and self._masks()):
                raise NoRule(
                    f"the constant {value} is not a number: it masks entries of a softmax or a maximum, which are no "
                    "rational functions, or of a logarithm that was given as a plain number (give it as a log gate)"
                )
            return Numbers(self.carrier, self.carrier.constant(value))
        raise NoRule(f"an operand of type {type(value).__name__}")

    def _masks(self) -> bool:
        """Whether minus infinity is a value here."""
        return not self.carrier.keeps_logarithms

    def _lift(self, value: Tensor) -> Numbers:
        if value.dtype.is_complex:
            raise NoRule("a complex constant where real numbers are expected")
        wide = value if value.dtype.is_floating_point and self.carrier.follows_kernel else value.double()
        fine = torch.isfinite(wide)
        if self._masks():
            fine = fine | torch.isneginf(wide)
        if not bool(fine.all()):
            raise NoRule("a constant tensor with NaN or infinite entries")
        return Numbers(self.carrier, self.carrier.lift(wide))

    def pair(self, value: Any) -> Pair:
        """An operand as complex numbers."""
        if isinstance(value, Window):
            found = self.read(value)
            if isinstance(found, Pair):
                return found
        if isinstance(value, Constant) and value.value.dtype.is_complex:
            plain = value.value.to(torch.complex128)
            real, imaginary = plain.real.contiguous(), plain.imag.contiguous()
            halves = [Constant(h, value.place) for h in (real, imaginary)]
            return Pair(*(self._lift(h.value) for h in halves))
        if isinstance(value, complex):
            return Pair(
                self.numbers(value.real) if value.real else None, self.numbers(value.imag) if value.imag else None
            )
        return Pair(self.numbers(value), None)

    def logarithms(self, value: Any) -> Logarithms:
        """The numbers b whose logarithms an operand stands for; the constants 0 and minus infinity are log 1 and log 0."""
        if isinstance(value, Window):
            found = self.read(value)
            if isinstance(found, Logarithms):
                return found
            plain = self.constant(value)
            if plain is not None:
                return Logarithms(self.carrier, self.carrier.lift(_unlogged(plain.double())))
            raise NoRule(
                "transcendental: data added to a logarithm, so that its exp is no rational function; give the factor "
                "inside the exp as a gate of its own"
            )
        plain = value.value.double() if isinstance(value, Constant) else torch.tensor(float(value), dtype=torch.float64)
        return Logarithms(self.carrier, self.carrier.lift(_unlogged(plain)))

    def constant(self, value: Any) -> Tensor | None:
        """The plain numbers of an operand that depends on no input; None for data."""
        if isinstance(value, Constant):
            return value.value
        if isinstance(value, Window) and value.storage in self.tape.folded:
            flat = self.tape.folded[value.storage]
            return (
                torch.empty(0, dtype=flat.dtype)
                .set_(flat.untyped_storage())
                .as_strided(value.size, value.stride, value.offset)
            )
        return None

    def is_logarithm(self, value: Any) -> bool:
        """Whether an operand holds logarithms."""
        return isinstance(value, Window) and self.kinds[value.storage] is Kind.LOGARITHM

    def is_index(self, value: Any) -> bool:
        """Whether an operand holds booleans or integers that depend on the data."""
        return isinstance(value, Window) and self.kinds[value.storage] is Kind.INDEX

    def gathered(self, moved: Move, kind: Kind) -> list[Any]:
        """The results of a move of numbers or logarithms."""
        fetch: Callable[[Any], Numbers] = self.logarithms if kind is Kind.LOGARITHM else self.numbers
        flat = [fetch(s).reshape(-1) for s in moved.sources]
        fill = self.logarithms(0.0) if kind is Kind.LOGARITHM else Numbers(self.carrier, self.carrier.zeros(()))
        pool = concatenated([fill.reshape(1), *flat], 0)
        return [
            pool.moved(lambda p, m=m, s=s: p.index_select(1, m).reshape(p.shape[0], *s))
            for m, s in zip(moved.maps, moved.sizes, strict=True)
        ]

    # --- storages --------------------------------------------------------------------------------------------------------

    def _begin(self, number: int) -> None:
        """Lift what a storage held before data came."""
        storage = self.tape.storages[number]
        if storage.initial is None:
            if storage.length:
                raise NoRule("reads memory that nothing wrote")
            self.held[number] = self.carrier.zeros((0,))
            return
        kind = self.kinds[number]
        if kind is Kind.INDEX:
            self.held[number] = (storage.initial[None],)
        elif kind is Kind.LOGARITHM:
            self.held[number] = _own(self.carrier.lift(_unlogged(storage.initial.double())))
        else:
            parts = self._lift(storage.initial).parts
            self.held[number] = _own(parts[1:] if self.carrier.follows_kernel else parts)

    def _change(self, number: int, kind: Kind) -> None:
        self.kinds[number] = kind
        self.held.pop(number, None)
        self.whole.pop(number, None)

    def _store(self, window: Window, value: Any, kind: Kind, whole: bool) -> None:
        number = window.storage
        if whole:
            if self.missing:
                self.missing.discard(number)
            if type(value) is Numbers and kind is Kind.NUMBER and self.floats is None:  # most results
                parts = value.parts
                plain = not (window.dtype.is_complex or window.conjugated or window.negated)
                if plain and parts[0].shape[1:] == window.size:
                    self.held.pop(number, None)
                    owned = _own(parts)
                    self.whole[number] = (window, value if owned is parts else Numbers(self.carrier, owned))
                    return
        if window.dtype.is_complex and not isinstance(value, Pair):
            value = Pair(value, None)
        if window.conjugated or window.negated:
            value, window = _behind(window, value, kind), replace(window, conjugated=False, negated=False)
        if isinstance(value, Pair):
            zero = Numbers(self.carrier, self.carrier.zeros(window.size))
            for half, part in enumerate((value.real, value.imaginary)):
                parts = (part if part is not None else zero).expand(window.size).parts
                if self.floats is not None:
                    kernel = torch.view_as_real(self.floats.read(window))[..., half]
                    parts = self.carrier.follow(parts, parts[0], kernel)[1:]
                self._write(window, parts, half)
            return
        if isinstance(value, Tensor):
            if kind is Kind.INDEX:
                if whole and self.floats is None and value.shape[1:] == window.size:
                    self.held.pop(number, None)
                    self.whole[number] = (window, _own((value,))[0])
                else:
                    self._write(window, (value,))
                return
            value = self.numbers(1).chosen(value.bool(), self.numbers(0))  # truth values written among numbers
        parts = value.parts
        if parts[0].shape[1:] != window.size:
            parts = value.expand(window.size).parts
        if self.floats is not None and kind is not Kind.INDEX:
            kernel = self.floats.read(window)
            if self.floats.tape.inputs and parts[0] is not kernel:
                parts = self.carrier.follow(parts, parts[0], kernel)
            parts = parts[1:]
        elif whole:
            # held as made: in memory of its own, since operands may be written to later
            self.held.pop(number, None)
            made = Logarithms if kind is Kind.LOGARITHM else Numbers
            self.whole[number] = (window, made(self.carrier, _own(parts)))
            return
        self._write(window, parts)

    def _write(self, window: Window, parts: Parts, half: int = 0) -> None:
        number = window.storage
        storage = self.tape.storages[number]
        if number in self.whole:
            self.held[number] = self._flat(number)
            del self.whole[number]
        trials = max(p.shape[0] for p in parts)
        if number not in self.held:
            if storage.initial is not None:
                self._begin(number)
            else:
                self.held[number] = tuple(torch.zeros(trials, storage.length, dtype=p.dtype) for p in parts)
        held = self.held[number]
        if held[0].shape[0] < trials:
            held = self.held[number] = tuple(p.expand(trials, -1).clone() for p in held)
        held = self.held[number] = _own(held)
        if any(n > 1 and not s for n, s in zip(window.size, window.stride, strict=True)):
            raise NoRule("writes more than once to one entry, in an order that torch does not say; clone() first")
        for own, new in zip(held, parts, strict=True):
            _view(own, window, half).copy_(new)


def _behind(window: Window, value: Any, kind: Kind) -> Any:
    """What memory has to hold so that a window which torch conjugates or negates as it reads shows `value`."""
    if isinstance(value, Tensor) or kind is not Kind.NUMBER:
        raise NoRule("writes no plain numbers into a tensor that torch negates as it reads; resolve_neg() first")
    if not isinstance(value, Pair):
        return -value
    real, imaginary = (h if h is None or not window.negated else -h for h in (value.real, value.imaginary))
    return Pair(real, -imaginary if window.conjugated and imaginary is not None else imaginary)


def _parts(whole: Any) -> Parts:
    """Of a result that fills a storage: dense, so that windows of the storage are windows of them."""
    parts: Parts = (whole,) if isinstance(whole, Tensor) else whole.parts
    return parts


def _own(parts: Parts) -> Parts:
    """The parts in dense memory of their own, where they may be views of somebody's."""
    for p in parts:
        if p._base is not None or not p.is_contiguous():
            break
    else:
        return parts
    return tuple(
        p.clone(memory_format=torch.contiguous_format) if p._base is not None or not p.is_contiguous() else p
        for p in parts
    )


def _unlogged(plain: Tensor) -> Tensor:
    """1 for log 1 = 0, 0 for log 0; anything else has no rational exp."""
    none = torch.isneginf(plain)
    if not bool((none | (plain == 0)).all()):
        shown_one = next(v for v in plain.reshape(-1).tolist() if v != 0 and v != -math.inf)
        raise NoRule(
            f"transcendental: exp({shown_one:.6g}) is no rational number; give the factor as a gate of its own"
        )
    return (~none).double()


def _view(part: Tensor, window: Window, half: int = 0) -> Tensor:
    return part.as_strided(
        (part.shape[0], *window.size), (part.stride(0), *window.stride), window.offset + half + part.storage_offset()
    )
