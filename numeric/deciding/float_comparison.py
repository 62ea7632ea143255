"""Two programs at one point in floating point: their values, and bounds for how far each is from the exact one.

Main definitions: `Comparison`, `Tally`, `Difference`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from torch import Tensor

from numeric.carriers.a_priori import APriori
from numeric.carriers.computed import DIGITS, Computed
from numeric.carriers.running import Running
from numeric.deciding.backends import DTYPES, Arrays, CannotRun, first_line, plain, reduced, to_numpy
from numeric.deciding.comparison import Comparison
from numeric.deciding.findings import BreaksBound, ByConstants, NotFinite, OtherShape
from numeric.deciding.programs import Program, Recorded, WrongResult, recorded, replayed
from numeric.finding import Flag, Key, Quantity, Said
from numeric.tape.acceptance import recorded_here
from numeric.tape.notes import Record, Written, notes
from numeric.tape.planning import plan
from numeric.tape.recorder import record
from numeric.tape.refusals import DataDependent, Refused
from numeric.tape.steps import Kind
from numeric.tape.storage_tape import Tape

_NEAR = 2.0**-20
"""How far the second point is, relatively, at which a path that hangs on the data is followed again."""
_TOGETHER, _ENTRIES = 16, 1 << 14
"""Draws that one replay follows at most, and entries of their storages: with more, arithmetic outweighs calls."""
_DRAWS = "draws"
"""Where the cache holds them."""


@dataclass(frozen=True)
class Bounds:
    """What the tape says about one side at one draw; arrays of the output's shape, float64.

    running: None where an operation has no running bound. a_priori, condition: None where one has no a-priori bound.
    value: the running bound's own value, to be compared bit for bit with the plain result.
    """

    value: np.ndarray | None
    running: np.ndarray | None
    a_priori: np.ndarray | None
    condition: np.ndarray | None
    record: Record
    refusal: Refused | None


@dataclass
class Tally:
    """Figures of one backend and dtype, collected draw by draw."""

    draws: int = 0
    outputs: int = 0
    skipped: int = 0
    other_bits: int = 0
    worst: float = 0.0
    error: float = 0.0
    bound: float = 0.0
    ratios: list[np.ndarray] = field(default_factory=list)
    precisions: list[np.ndarray] = field(default_factory=list)
    flags: dict[Flag, None] = field(default_factory=dict)
    bounds_used: set[str] = field(default_factory=set)

    def figures(self) -> dict[str, Quantity]:
        ratios = np.concatenate(self.ratios) if self.ratios else np.zeros(0)
        precisions = np.concatenate(self.precisions) if self.precisions else np.zeros(0)
        out: dict[str, Quantity] = {
            "draws": self.draws,
            "outputs assessed": self.outputs - self.skipped,
            Key.UNASSESSED: self.skipped,
            Key.SHARE: _short(self.worst),
            "error there": _short(self.error),
            Key.BOUND: _short(self.bound),
        }
        if ratios.size:
            out["ratio of bounds, max"] = _short(float(ratios.max()))
            out["ratio of bounds, median"] = _short(float(np.median(ratios)))
        if precisions.size:
            out["error(float32) / error(float64), median"] = _short(float(np.median(precisions)))
        if self.other_bits:
            out["outputs with other bits in a replay"] = self.other_bits
        return out


@dataclass(frozen=True)
class Difference:
    """One output that breaks the bound; or, with `place` None, a difference in shape."""

    place: tuple[int, ...] | None
    error: Fraction
    bound: Fraction
    shapes: tuple[tuple[int, ...], tuple[int, ...]]
    values: tuple[np.ndarray, np.ndarray]

    def found(self, names: tuple[str, str]) -> Said:
        """What is said of it, of sides of these names."""
        if self.place is None:
            return OtherShape(names, self.shapes)
        times = _ratio(self.error, self.bound) if self.bound else None
        return BreaksBound(names, self.place, float(self.error), float(self.bound), times)


@dataclass(frozen=True)
class Floats:
    """Both programs on one backend in one dtype. cache: bounds already computed for these programs and draws on another.

    followed, at_point: see `numeric.deciding.float_identity.decide`.
    """

    asked: Comparison
    backend: str
    dtype: str
    cache: dict[Any, Any]
    followed: Container[int] | None = None
    at_point: bool = False

    def foresee(self, draws: Sequence[Arrays]) -> None:
        """The bounds at draws of one shape, numbered from 0, each kind in one replay a side; `assess` takes them from the
        cache. What can't be done so is not kept, and `assess` finds out why."""
        if self.at_point or len({tuple((n, np.shape(a)) for n, a in draw.items()) for draw in draws}) != 1:
            return
        dtype = DTYPES[self.dtype]
        stacked = {n: torch.tensor(np.stack([draw[n] for draw in draws]), dtype=dtype) for n in draws[0]}
        for side, program in self._sides:
            place = (side, "a-priori", self.dtype)
            if place in self.cache:
                continue
            carrier = APriori(dtype)
            self.cache[place] = ()
            with contextlib.suppress(Exception), np.errstate(all="ignore"):  # it is met again where it is told
                tape = self._recorded(program, stacked, dtype)
                try:
                    parts = replayed(tape, carrier, {name: carrier.inputs(t) for name, t in stacked.items()})
                except Refused as refusal:  # of the operation, whatever the numbers
                    self.cache[place] = refusal
                else:
                    bounds, conditions = carrier.bound(parts).numpy(), carrier.condition(parts).numpy()
                    self.cache[place] = tuple(zip(bounds, conditions, strict=True)) if len(bounds) == len(draws) else ()
        self.cache[_DRAWS] = {n: torch.tensor(np.stack([draw[n] for draw in draws])) for n in draws[0]}
        if self.backend != "torch cpu":
            return
        for side, program in self._sides:
            every = self.followed is None or isinstance(self.cache[side, "a-priori", self.dtype], Refused)
            chosen = [k for k in range(len(draws)) if every or k in self.followed]  # type: ignore[operator]
            for k, followed in self._running(program, Running(dtype), stacked, chosen):
                self.cache[side, "running", self.dtype, k] = followed

    def _recorded(self, program: Program, stacked: Mapping[str, Tensor], dtype: torch.dtype) -> Tape:
        return recorded(program).at({name: tuple(t.shape[1:]) for name, t in stacked.items()}, dtype)

    def _running(
        self, program: Program, carrier: Running, stacked: Mapping[str, Tensor], chosen: Sequence[int]
    ) -> Iterator[tuple[int, tuple[np.ndarray, np.ndarray]]]:
        """Value and bound of the chosen draws, with their numbers, several in one replay; none where one can't be done."""
        with contextlib.suppress(Exception), np.errstate(all="ignore"):
            tape = self._recorded(program, stacked, carrier.precision)
            if any(Kind.INDEX in step.kinds for step in plan(tape, carrier).steps):
                return  # a place made of data is another one at each draw
            size = max(1, min(_TOGETHER, _ENTRIES // max(1, sum(s.length for s in tape.storages))))
            for start in range(0, len(chosen), size):
                batch = chosen[start : start + size]
                tensors = {name: t[batch] for name, t in stacked.items()}
                parts = replayed(tape, carrier, {n: carrier.inputs(t) for n, t in tensors.items()}, tensors)
                values, bounds = parts[0].expand(len(batch), *parts[0].shape[1:]), carrier.bound(parts)
                for k, value, bound in zip(batch, values, bounds.expand(values.shape), strict=True):
                    yield k, (value.numpy(), bound.numpy())

    @property
    def _sides(self) -> tuple[tuple[str, Program], ...]:
        asked = self.asked
        return (asked.names[0], asked.left), (asked.names[1], asked.right)

    def assess(self, inputs: Arrays, tally: Tally, key: int | None = None) -> Difference | None:
        """The first output that breaks the bound at this point. `key` numbers the draw, for the cache.

        Raises Refused for an operation without a bound, CannotRun and WrongResult for a side that fails as code.
        """
        tally.draws += 1
        sides = []
        for side, program in self._sides:
            value = self._plain(side, program, inputs, self.dtype, tally)
            sides.append((value, *self._bound(side, program, inputs, value, tally, key)))
        (a, bound_a, condition_a), (b, bound_b, condition_b) = sides
        if condition_a is None or condition_b is None:
            condition_a, condition_b = (self._loose(side, program, inputs, key) for side, program in self._sides)
        if a.shape != b.shape:
            return Difference(None, Fraction(0), Fraction(0), (a.shape, b.shape), (a, b))
        tally.outputs += a.size
        finite = np.isfinite(a) & np.isfinite(b) & np.isfinite(bound_a) & np.isfinite(bound_b)
        tally.skipped += int(a.size - finite.sum())
        if bool((~np.isfinite(a) & np.isfinite(b) & np.isfinite(bound_b)).any()):
            left, right = self.asked.names
            tally.flags[Flag(NotFinite(right), left)] = None
        wrong = self._compare(a, b, bound_a, bound_b, finite, tally)
        if condition_a is not None and condition_b is not None:
            with np.errstate(all="ignore"):
                share = (condition_a / condition_b)[finite & (condition_b > 0)]
            tally.ratios.append(share[np.isfinite(share)])
        if self.dtype == "float32":
            self._precisions(inputs, a, b, tally)
        return wrong

    def by_constants(self, inputs: Arrays, wrong: Difference, key: int | None = None) -> ByConstants | None:
        """What says that roundings in computed constants explain all differences at this point; None where they do not."""
        if wrong.place is None:
            return None
        carrier = Computed(DTYPES[self.dtype], 1 + max((n for a in inputs.values() for n in np.shape(a)), default=0))
        tensors = {name: torch.tensor(array, dtype=DTYPES[self.dtype]) for name, array in inputs.items()}
        allowed = np.zeros(wrong.shapes[0])
        found: list[tuple[str, str, str]] = []
        for side, program in self._sides:
            tape = self._tape(side, program, tensors, key)
            found += [(side, *constant) for constant in notes(tape, DTYPES[self.dtype]).computed]
            parts, _ = self._follow(side, tape, carrier, tensors)
            if parts is None:
                return None
            allowed = allowed + carrier.bound(parts)[0].numpy()
        a, b = wrong.values
        with np.errstate(all="ignore"):
            size = max(float(np.nanmax(np.abs(held))) for held in (a, b, *inputs.values()) if np.size(held))
            telling = bool(allowed.max() <= 10.0**-DIGITS * size)
            fine = bool((np.abs(a - b) <= allowed)[np.isfinite(a) & np.isfinite(b)].all())
        return ByConstants(wrong.found(self.asked.names), tuple(found)) if found and telling and fine else None

    def _compare(
        self, a: np.ndarray, b: np.ndarray, bound_a: np.ndarray, bound_b: np.ndarray, finite: np.ndarray, tally: Tally
    ) -> Difference | None:
        # exact: where the rounded comparison is too close to call, or fails, it is made in rationals
        wrong = None
        with np.errstate(all="ignore"):
            difference, allowed = np.abs(a - b), bound_a + bound_b
            share = np.where(difference == 0, 0.0, difference / allowed)
            sure = difference * (1 + 2.0**-50) < allowed
        for index in map(tuple, np.argwhere(finite & ~sure & (a != b))):
            place = tuple(int(i) for i in index)
            error = abs(Fraction(a[place]) - Fraction(b[place]))
            bound = Fraction(bound_a[place]) + Fraction(bound_b[place])
            share[place] = _ratio(error, bound)
            if error > bound and (wrong is None or error * wrong.bound > wrong.error * bound):
                wrong = Difference(place, error, bound, (a.shape, b.shape), (a, b))
        share = np.where(finite, share, 0.0)
        if share.size and share.max() >= tally.worst:
            top = np.unravel_index(int(share.argmax()), share.shape)
            tally.worst = float(share[top])
            tally.error, tally.bound = float(difference[top]), float(allowed[top])
        return wrong

    def _plain(self, side: str, program: Program, inputs: Arrays, dtype: str, tally: Tally) -> np.ndarray:
        try:
            value, written = plain(program, inputs, self.backend, dtype)
        except CannotRun as error:
            raise CannotRun(f"{side} {error}") from error
        tally.flags |= {Flag(Written(name), side): None for name in written}
        return value

    def _bound(
        self, side: str, program: Program, inputs: Arrays, value: np.ndarray, tally: Tally, key: int | None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        both = ("running", "a-priori")
        follows = self.backend == "torch cpu" and (
            self.followed is None
            or key is None
            or key in self.followed
            or (side, "running", self.dtype, key) in self.cache
        )
        bounds = self._bounds(side, program, inputs, both if follows else both[1:], key)
        if self.backend == "torch cpu" and bounds.a_priori is None and not follows:
            self.cache.pop((side, self.dtype, key), None)
            bounds = self._bounds(side, program, inputs, both, key)
        tally.flags |= dict.fromkeys(bounds.record.cast_flags(side))
        tally.flags |= dict.fromkeys(bounds.record.constant_flags(side, {}))
        if any("convolution" in name for name in bounds.record.operations):
            lossy = reduced("convolution", self.backend, self.dtype)
            if lossy:
                raise CannotRun(f"{side} uses convolutions: {lossy}")
        if bounds.running is not None and self.backend == "torch cpu":
            assert bounds.value is not None
            if bounds.value.shape == value.shape:
                same = (bounds.value == value) | (np.isnan(bounds.value) & np.isnan(value))
                tally.other_bits += int((~same).sum())
                tally.bounds_used.add("running")
                chosen = np.where(same, bounds.running, np.inf)
                if bounds.a_priori is not None:
                    # both hold; the a-priori bound does not forgive a kernel that loses more digits than it should
                    tally.bounds_used.add("a-priori")
                    chosen = np.fmin(chosen, bounds.a_priori)
                return chosen, bounds.condition
        if bounds.a_priori is None or bounds.a_priori.shape != value.shape:
            if bounds.refusal is not None:
                raise Refused(f"{side}: {bounds.refusal.operation}", bounds.refusal.where, bounds.refusal.reason)
            raise CannotRun(f"{side} returns shape {value.shape} plainly, but another one when it is recorded")
        tally.bounds_used.add("a-priori")
        return bounds.a_priori, bounds.condition

    def _bounds(self, side: str, program: Program, inputs: Arrays, wanted: Sequence[str], key: int | None) -> Bounds:
        place = (side, self.dtype, key)
        if key is not None and place in self.cache:
            held: Bounds = self.cache[place]
            if "running" not in wanted or held.running is not None or held.refusal is not None:
                return held
        dtype = DTYPES[self.dtype]
        tensors = {name: torch.tensor(array, dtype=dtype) for name, array in inputs.items()}
        value = running = a_priori = condition = refusal = None
        tape = self._tape(side, program, tensors, key)
        record = notes(tape, dtype)
        if "running" in wanted:
            followed = self.cache.get((side, "running", self.dtype, key)) if key is not None else None
            if followed:
                value, running = followed
            else:
                carrier = Running(dtype)
                parts, refusal = self._follow(side, tape, carrier, tensors)
                if parts is not None:
                    value, running = to_numpy(parts[0][0]), carrier.bound(parts)[0].numpy()
        if running is not None or "running" not in wanted:
            foreseen = self.cache.get((side, "a-priori", self.dtype)) if key is not None else None
            if isinstance(foreseen, Refused):
                refusal = refusal or foreseen
            elif foreseen:
                a_priori, condition = foreseen[key]
            else:
                prior = APriori(dtype)
                parts, why = self._follow(side, tape, prior, tensors)
                refusal = refusal or why
                if parts is not None:
                    a_priori, condition = prior.bound(parts)[0].numpy(), prior.condition(parts)[0].numpy()
        found = Bounds(value, running, a_priori, condition, record, refusal)
        if key is not None:
            self.cache[place] = found
        return found

    def _tape(self, side: str, program: Program, tensors: dict[str, Tensor], key: int | None) -> Tape:
        """The accepted tape at these shapes; that of the call on this data where asked for, or where the path depends on it."""
        place = (side, "tape", self.dtype, key)
        if key is not None and place in self.cache:
            held: Tape = self.cache[place]
            return held
        found = self._taped(side, program, tensors)
        if key is not None and self.at_point:
            self.cache[place] = found
        return found

    def _taped(self, side: str, program: Program, tensors: dict[str, Tensor]) -> Tape:
        bare = program.program if isinstance(program, Recorded) else program
        shapes = {name: tuple(t.shape) for name, t in tensors.items()}
        try:
            with np.errstate(all="ignore"):
                if self.at_point:
                    return recorded_here(bare, tensors)
                try:
                    return recorded(program).at(shapes, DTYPES[self.dtype])
                except DataDependent:
                    tape = record(bare, tensors)[0]
                    near = {name: t * (1 + _NEAR) if t.is_floating_point() else t for name, t in tensors.items()}
                    if record(bare, near)[0].digest != tape.digest:
                        raise  # numbers came back as constants: how they were rounded is not on the tape
                    return tape
        except Refused as refusal:
            raise Refused(f"{side}: {refusal.operation}", refusal.where, refusal.reason) from None
        except Exception as error:
            raise CannotRun(
                f"{side} can't be followed for its rounding bound: {type(error).__name__}: {first_line(error)}"
            ) from error

    def _follow(
        self, side: str, tape: Tape, carrier: Running | APriori, tensors: dict[str, Tensor]
    ) -> tuple[Any, Refused | None]:
        try:
            with np.errstate(all="ignore"):
                stacked = {name: t[None] for name, t in tensors.items()}
                inputs = {name: carrier.inputs(t) for name, t in stacked.items()}
                return replayed(tape, carrier, inputs, stacked), None
        except Refused as refusal:
            return None, refusal
        except WrongResult:
            raise
        except Exception as error:
            raise CannotRun(
                f"{side} can't be followed for its rounding bound: {type(error).__name__}: {first_line(error)}"
            ) from error

    def _loose(self, side: str, program: Program, inputs: Arrays, key: int | None) -> np.ndarray:
        # running bounds without underflow compare two programs where divisions by data leave no a-priori bound
        carrier = Running(torch.float64, underflow=False)
        if key is not None:
            if (side, "loose", self.dtype, key) not in self.cache and _DRAWS in self.cache:
                draws = self.cache[_DRAWS]
                for k, (_, bound) in self._running(program, carrier, draws, range(len(next(iter(draws.values()))))):
                    self.cache[side, "loose", self.dtype, k] = bound
            known: np.ndarray | None = self.cache.get((side, "loose", self.dtype, key))
            if known is not None:
                return known
        tensors = {name: torch.tensor(array) for name, array in inputs.items()}
        tape = replace(self, dtype="float64")._tape(side, program, tensors, key)
        stacked = {name: t[None] for name, t in tensors.items()}
        wrapped = {name: carrier.inputs(t) for name, t in stacked.items()}
        found: np.ndarray = carrier.bound(replayed(tape, carrier, wrapped, stacked))[0].numpy()
        if key is not None:
            self.cache[side, "loose", self.dtype, key] = found
        return found

    def _precisions(self, inputs: Arrays, a: np.ndarray, b: np.ndarray, tally: Tally) -> None:
        wide = [self._plain(side, program, inputs, "float64", tally) for side, program in self._sides]
        if wide[0].shape != a.shape:
            return
        with np.errstate(all="ignore"):
            single, double = np.abs(a - b), np.abs(wide[0] - wide[1])
            share = (single / double)[(single > 0) & (double > 0)]
        tally.precisions.append(share[np.isfinite(share)])


def _ratio(error: Fraction, bound: Fraction) -> float:
    try:
        return float(error / bound) if bound else (0.0 if error == 0 else float("inf"))
    except OverflowError:
        return float("inf")


def _short(value: float) -> Quantity:
    # infinity is no JSON number
    return float(f"{value:.4g}") if np.isfinite(value) else str(value)
