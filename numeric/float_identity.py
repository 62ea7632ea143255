"""The sampled rung: two programs agree in floating point, within rounding bounds derived from their own operations.

Both run plainly, on numpy, torch CPU or torch CUDA, in float64 or float32. Each gets a bound for its distance from the
exact value of what it computes: on torch CPU the smaller of the running and the a-priori bound, elsewhere the a-priori
bound (it holds for any order of operations). If the programs are the same function, every output obeys
|left - right| <= bound_left + bound_right; there is no tolerance to choose. What overflows is not assessable and never
counts as passed.

A program can agree within a huge bound of its own, as (S + 1e12) - 1e12 does. So the a-priori bounds of both sides are
compared too: where the left one is more than `RATIO` times the right one, the left program is numerically unstable.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from torch import Tensor

from numeric import shrink, strategies
from numeric.backends import DTYPES, Arrays, CannotRun, first_line, plain, reduced, to_numpy, unusable
from numeric.carriers.a_priori import APriori
from numeric.carriers.running import Running
from numeric.entropy import Entropy
from numeric.finding import Counterexample, Figure, Finding, Verdict
from numeric.programs import Program, Recorded, Shapes, Sizes, WrongResult, fractions, recorded, replayed, smaller
from numeric.tape.acceptance import recorded_here
from numeric.tape.notes import Record, notes
from numeric.tape.recorder import record
from numeric.tape.refusals import DataDependent, Refused
from numeric.tape.storage_tape import Tape

RATIO = 100.0
"""Largest ratio of the two bounds that is called stable. No error is measured against it."""
_UNBOUNDED = "no rounding bound"
_ALSO = "exact arithmetic has them differ too"
_ROUNDED = ("gaussian", "cancellation")
"""Flavours that round in entries of ordinary size: there the running bound is the sharper one."""
_SHRINKING = 80
"""How many points a refutation in floating point tries for a simpler one."""


@dataclass(frozen=True)
class _Bounds:
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
class _Tally:
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
    flags: dict[str, None] = field(default_factory=dict)
    bounds_used: set[str] = field(default_factory=set)

    def figures(self) -> dict[str, Figure]:
        ratios = np.concatenate(self.ratios) if self.ratios else np.zeros(0)
        precisions = np.concatenate(self.precisions) if self.precisions else np.zeros(0)
        out: dict[str, Figure] = {
            "draws": self.draws,
            "outputs assessed": self.outputs - self.skipped,
            "outputs not assessable": self.skipped,
            "worst error / bound": _short(self.worst),
            "error there": _short(self.error),
            "bound there": _short(self.bound),
        }
        if ratios.size:
            out["ratio of bounds, max"] = _short(float(ratios.max()))
            out["ratio of bounds, median"] = _short(float(np.median(ratios)))
        if precisions.size:
            out["error(float32) / error(float64), median"] = _short(float(np.median(precisions)))
        if self.other_bits:
            out["outputs with other bits in a replay"] = self.other_bits
        return out


def decide(
    left: Program,
    right: Program,
    draws: Sequence[Arrays],
    *,
    backend: str = "torch cpu",
    dtype: str = "float64",
    names: tuple[str, str] = ("left", "right"),
    shapes: Shapes | None = None,
    entropy: Entropy | None = None,
    admits: Callable[[Sizes], bool] = lambda sizes: True,
    ratio: float = RATIO,
    shrinking: bool = True,
    cache: dict[Any, Any] | None = None,
    followed: Container[int] | None = None,
    at_point: bool = False,
) -> Finding:
    """Whether `left` and `right` agree within their rounding bounds, at every output of every draw.

    draws: float64 arrays by name (they are rounded to `dtype` first). backend: one of `BACKENDS`. The programs get
    copies as keyword arguments and return one array. shapes: the inputs' shapes in words, without which the
    counterexample stays as it was found; admits: the sizes that make sense for it. shrinking: whether to make it small.
    cache: bounds already computed for these programs and draws on another backend (pass the same dict again).
    followed: the draws that have a running bound too, by number (None: all); the others have one where they need it.
    at_point: bounds are those of recordings made on the very draws, which cost a tenth of one accepted for all draws.
    Undecided when nothing was assessable, when an operation has no bound (it is named), when a side fails, or when the
    bounds' ratio exceeds `ratio`; not run for a backend that is not there, or that computes in reduced precision.
    """
    settings: dict[str, Any] = {"backend": backend, "dtype": dtype, "seed": entropy.seed if entropy else None}
    why = unusable(backend, dtype)
    if why:
        return Finding(Verdict.NOT_RUN, reason=why, settings=settings)
    engine = _Engine(recorded(left), recorded(right), names, backend, dtype, {} if cache is None else cache, followed,
                     at_point)  # fmt: skip
    tally = _Tally()
    for number, raw in enumerate(draws):
        with np.errstate(over="ignore"):
            inputs = {name: np.asarray(np.asarray(a, dtype=dtype), dtype=np.float64) for name, a in raw.items()}
        try:
            wrong = engine.assess(inputs, tally, key=number)
        except (Refused, CannotRun, WrongResult) as error:
            return Finding(
                Verdict.UNDECIDED,
                reason=str(error) if isinstance(error, CannotRun) else f"{_UNBOUNDED}: {error}",
                figures=tally.figures() if tally.draws else {},
                settings=settings,
                flags=tuple(tally.flags),
            )
        if wrong is not None:
            found, note = _counterexample(engine, inputs, shapes if shrinking else None, entropy, admits)
            return Finding(
                Verdict.REFUTED,
                reason=f"{wrong.text(names)}; {note}" if note else wrong.text(names),
                figures=tally.figures(),
                settings=settings,
                flags=tuple(tally.flags),
                counterexample=found,
            )
    figures = tally.figures()
    trust = (
        "IEEE 754 arithmetic, rounding to nearest (gradual underflow was checked)",
        "sums and matrix products are classical: any order, but no fast multiplication, no reduced precision",
        f"the derivation of the {' and '.join(sorted(tally.bounds_used))} rounding bound (numeric/carriers/a_priori.py, "
        "numeric/carriers/running.py)",
    )
    verdict, reason = Verdict.CONFIRMED, ""
    largest = max((float(r.max()) for r in tally.ratios if r.size), default=0.0)
    if tally.outputs == tally.skipped:
        verdict = Verdict.UNDECIDED
        reason = f"nothing could be assessed: all {tally.outputs} outputs of {tally.draws} draws, or bounds, overflow"
    elif largest > ratio:
        verdict = Verdict.UNDECIDED
        reason = (
            f"{names[0]} agrees within its own rounding bound, but that bound is up to {largest:.1e} times that of "
            f"{names[1]} (median {figures['ratio of bounds, median']:.1e}): numerically unstable"
        )
    return Finding(verdict, reason, figures, settings, trust, tuple(tally.flags))


@dataclass(frozen=True)
class _Wrong:
    """One output that breaks the bound; or, with `place` None, a difference in shape."""

    place: tuple[int, ...] | None
    error: Fraction
    bound: Fraction
    shapes: tuple[tuple[int, ...], tuple[int, ...]]
    values: tuple[np.ndarray, np.ndarray]

    def text(self, names: tuple[str, str]) -> str:
        if self.place is None:
            return f"{names[0]} returns shape {self.shapes[0]}, {names[1]} returns {self.shapes[1]}"
        times = f"{_ratio(self.error, self.bound):.3g} times " if self.bound else ""
        return (
            f"output {list(self.place)}: {names[0]} and {names[1]} differ by {float(self.error):.3g}, "
            f"{times}the {float(self.bound):.3g} that rounding allows"
        )


@dataclass(frozen=True)
class _Engine:
    """Both programs on one backend in one dtype."""

    left: Program
    right: Program
    names: tuple[str, str]
    backend: str
    dtype: str
    cache: dict[Any, Any]
    followed: Container[int] | None = None
    at_point: bool = False

    def assess(self, inputs: Arrays, tally: _Tally, key: int | None = None) -> _Wrong | None:
        """The first output that breaks the bound at this point. `key` numbers the draw, for the cache.

        Raises Refused for an operation without a bound, CannotRun and WrongResult for a side that fails as code.
        """
        tally.draws += 1
        sides = []
        for side, program in zip(self.names, (self.left, self.right), strict=True):
            value = self._plain(side, program, inputs, self.dtype, tally)
            sides.append((value, *self._bound(side, program, inputs, value, tally, key)))
        (a, bound_a, condition_a), (b, bound_b, condition_b) = sides
        if condition_a is None or condition_b is None:
            condition_a, condition_b = (
                self._loose(side, program, inputs, key)
                for side, program in zip(self.names, (self.left, self.right), strict=True)
            )
        if a.shape != b.shape:
            return _Wrong(None, Fraction(0), Fraction(0), (a.shape, b.shape), (a, b))
        tally.outputs += a.size
        finite = np.isfinite(a) & np.isfinite(b) & np.isfinite(bound_a) & np.isfinite(bound_b)
        tally.skipped += int(a.size - finite.sum())
        if bool((~np.isfinite(a) & np.isfinite(b) & np.isfinite(bound_b)).any()):
            note = f"{self.names[0]} has NaN or infinite outputs at some draw where {self.names[1]} is finite"
            tally.flags[note] = None
        wrong = self._compare(a, b, bound_a, bound_b, finite, tally)
        if condition_a is not None and condition_b is not None:
            with np.errstate(all="ignore"):
                share = (condition_a / condition_b)[finite & (condition_b > 0)]
            tally.ratios.append(share[np.isfinite(share)])
        if self.dtype == "float32":
            self._precisions(inputs, a, b, tally)
        return wrong

    def _compare(
        self, a: np.ndarray, b: np.ndarray, bound_a: np.ndarray, bound_b: np.ndarray, finite: np.ndarray, tally: _Tally
    ) -> _Wrong | None:
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
                wrong = _Wrong(place, error, bound, (a.shape, b.shape), (a, b))
        share = np.where(finite, share, 0.0)
        if share.size and share.max() >= tally.worst:
            top = np.unravel_index(int(share.argmax()), share.shape)
            tally.worst = float(share[top])
            tally.error, tally.bound = float(difference[top]), float(allowed[top])
        return wrong

    def _plain(self, side: str, program: Program, inputs: Arrays, dtype: str, tally: _Tally) -> np.ndarray:
        try:
            value, written = plain(program, inputs, self.backend, dtype)
        except CannotRun as error:
            raise CannotRun(f"{side} {error}") from error
        tally.flags |= {f"{side} writes to its input {name}": None for name in written}
        return value

    def _bound(
        self, side: str, program: Program, inputs: Arrays, value: np.ndarray, tally: _Tally, key: int | None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        both = ("running", "a-priori")
        follows = self.backend == "torch cpu" and (self.followed is None or key is None or key in self.followed)
        bounds = self._bounds(side, program, inputs, both if follows else both[1:], key)
        if self.backend == "torch cpu" and bounds.a_priori is None and not follows:
            bounds = self._bounds(side, program, inputs, both, None)
        for cast in bounds.record.casts:
            tally.flags[f"{side}: {cast}"] = None
        for constant in bounds.record.constants:
            tally.flags[f"{side}: constant {constant}, read as the dyadic number it is"] = None
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

    def _bounds(self, side: str, program: Program, inputs: Arrays, wanted: Sequence[str], key: int | None) -> _Bounds:
        place = (side, self.dtype, key)
        if key is not None and place in self.cache:
            held: _Bounds = self.cache[place]
            if "running" not in wanted or held.running is not None or held.refusal is not None:
                return held
        dtype = DTYPES[self.dtype]
        tensors = {name: torch.tensor(array, dtype=dtype) for name, array in inputs.items()}
        value = running = a_priori = condition = refusal = None
        tape = self._tape(side, program, tensors)
        record = notes(tape, dtype)
        if "running" in wanted:
            carrier = Running(dtype)
            parts, refusal = self._follow(side, tape, carrier, tensors)
            if parts is not None:
                value, running = to_numpy(parts[0][0]), carrier.bound(parts)[0].numpy()
        if running is not None or "running" not in wanted:
            prior = APriori(dtype)
            parts, why = self._follow(side, tape, prior, tensors)
            refusal = refusal or why
            if parts is not None:
                a_priori, condition = prior.bound(parts)[0].numpy(), prior.condition(parts)[0].numpy()
        found = _Bounds(value, running, a_priori, condition, record, refusal)
        if key is not None:
            self.cache[place] = found
        return found

    def _tape(self, side: str, program: Program, tensors: dict[str, Tensor]) -> Tape:
        """The accepted tape at these shapes; that of the call on this data where asked for, or where the path depends on it."""
        bare = program.program if isinstance(program, Recorded) else program
        shapes = {name: tuple(t.shape) for name, t in tensors.items()}
        try:
            with np.errstate(all="ignore"):
                if self.at_point:
                    return recorded_here(bare, tensors)
                try:
                    return recorded(program).at(shapes, DTYPES[self.dtype])
                except DataDependent:
                    return record(bare, tensors)[0]
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
                inputs = {name: carrier.inputs(t[None]) for name, t in tensors.items()}
                return replayed(tape, carrier, inputs, tensors), None
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
        place = (side, "loose", self.dtype, key)
        if key is not None and place in self.cache:
            known: np.ndarray = self.cache[place]
            return known
        carrier = Running(torch.float64, underflow=False)
        tensors = {name: torch.tensor(array) for name, array in inputs.items()}
        tape = _Engine(self.left, self.right, self.names, self.backend, "float64", {})._tape(side, program, tensors)
        wrapped = {name: carrier.inputs(t[None]) for name, t in tensors.items()}
        found: np.ndarray = carrier.bound(replayed(tape, carrier, wrapped, tensors))[0].numpy()
        if key is not None:
            self.cache[place] = found
        return found

    def _precisions(self, inputs: Arrays, a: np.ndarray, b: np.ndarray, tally: _Tally) -> None:
        sides = zip(self.names, (self.left, self.right), strict=True)
        wide = [self._plain(side, program, inputs, "float64", tally) for side, program in sides]
        if wide[0].shape != a.shape:
            return
        with np.errstate(all="ignore"):
            single, double = np.abs(a - b), np.abs(wide[0] - wide[1])
            share = (single / double)[(single > 0) & (double > 0)]
        tally.precisions.append(share[np.isfinite(share)])


def _counterexample(
    engine: _Engine, inputs: Arrays, shapes: Shapes | None, entropy: Entropy | None, admits: Callable[[Sizes], bool]
) -> tuple[Counterexample, str]:
    """A refuting point made simple, and what is known about it."""
    point = {name: np.array(array) for name, array in inputs.items()}
    note = ""
    if shapes is not None:
        simple = shrink.among_polynomials(
            engine.left, engine.right, shapes, _sizes(shapes, point), names=engine.names, admits=admits
        )
        if simple is not None:
            return simple, _ALSO
        try:
            exact = {name: fractions(a.reshape(-1).tolist(), a.shape) for name, a in point.items()}
            if shrink.differs(engine.left, engine.right, exact):
                sizes = _sizes(shapes, point)
                found = shrink.counterexample(
                    engine.left, engine.right, shapes, sizes, entropy or Entropy(0), names=engine.names, admits=admits
                )
                if found is not None:
                    return found, _ALSO
            else:
                note = "in exact arithmetic they agree there, so digits are lost inside"
        except Exception:  # the code has no exact meaning, or not at other sizes: the floats below are the witness
            pass
        point = _simpler(engine, point, shapes, admits)
    wrong = engine.assess(point, _Tally())
    assert wrong is not None
    left, right = wrong.values
    return Counterexample(
        sizes=_sizes(shapes, point) if shapes else {},
        inputs={name: _text(array) for name, array in point.items()},
        left=_text(left),
        right=_text(right),
        left_name=engine.names[0],
        right_name=engine.names[1],
        note=f"{engine.backend}, {engine.dtype}: {wrong.text(engine.names)}",
    ), note


def _simpler(
    engine: _Engine, point: dict[str, np.ndarray], shapes: Shapes, admits: Callable[[Sizes], bool]
) -> dict[str, np.ndarray]:
    budget = _SHRINKING

    def refutes(trial: dict[str, np.ndarray]) -> bool:
        nonlocal budget
        budget -= 1
        try:
            return engine.assess(trial, _Tally()) is not None
        except (Refused, CannotRun, WrongResult):
            return False

    for size in smaller(_sizes(shapes, point)):
        if budget < _SHRINKING // 2:
            break
        cut = {
            name: array[tuple(slice(0, size[w] if isinstance(w, str) else w) for w in shapes[name])]
            for name, array in point.items()
        }
        if admits(size) and refutes(cut):
            point = cut
            break
    for trial in _edits(point):
        if budget <= 0:
            break
        # an edit applies to what is left after the edits before it
        changed = {name: np.where(mask, value, point[name]) for name, (mask, value) in trial.items()}
        if any((changed[name] != point[name]).any() for name in changed) and refutes(point | changed):
            point = point | changed
    return point


def _edits(point: dict[str, np.ndarray]) -> Iterator[dict[str, tuple[np.ndarray, Any]]]:
    # whole inputs first, then single entries: 0, 1, then a short decimal
    for name, array in point.items():
        for value in (0.0, 1.0):
            yield {name: (np.ones(array.shape, dtype=bool), value)}
    for value in (0.0, 1.0, 0.1):
        for name, array in point.items():
            for index in np.ndindex(array.shape):
                mask = np.zeros(array.shape, dtype=bool)
                mask[index] = array[index] not in (0, 1)
                yield {name: (mask, value)}


def check(
    left: Program,
    right: Program,
    shapes: Shapes,
    sizes: Sizes,
    *,
    entropy: Entropy | None = None,
    device: str = "cpu",
    names: tuple[str, str] = ("left", "right"),
    numpy: bool = True,
    positive: Sequence[str] = (),
    thorough: bool = False,
    admits: Callable[[Sizes], bool] = lambda sizes: True,
) -> Finding:
    """The sampled rung for one identity: the flavours of `numeric.strategies`, on every backend, in both precisions.

    device: "cpu", "cuda" (torch CUDA is demanded) or "auto" (CUDA where there is one). numpy: whether the programs run
    on numpy. positive: inputs drawn in (0, 1]. thorough: ten draws a flavour instead of one, every flavour in float32 too,
    and a running bound for each draw. admits: which sizes make sense, for the counterexample. Ends at the first
    refutation. Where an operation (a division by data) has a running bound only, torch CPU alone decides, and a flag
    says so.
    """
    entropy = entropy or Entropy()
    backends = ["torch cpu", *(["numpy"] if numpy else [])]
    if device == "cuda" or (device == "auto" and torch.cuda.is_available()):
        backends.append("torch cuda")
    left, right = recorded(left, positive), recorded(right, positive)
    findings: dict[tuple[str, str], Finding] = {}
    flags: dict[str, None] = {}
    for dtype in ("float64", "float32"):
        generator = entropy.child("draws", dtype).generator()
        multiples = {"eta": sizes["N"]} if "eta" in shapes and "N" in sizes else {}
        flavours = _flavours(dtype, thorough) * (10 if thorough else 1)
        draws = [
            strategies.draw(flavour, sizes, shapes, generator, dtype=dtype, positive=positive, multiples=multiples)
            for flavour in flavours
        ]
        ordinary = {k for k, flavour in enumerate(flavours) if flavour in _ROUNDED}
        cache: dict[Any, Any] = {}
        for backend in backends:
            found = decide(
                left,
                right,
                draws,
                backend=backend,
                dtype=dtype,
                names=names,
                shapes=shapes,
                entropy=entropy,
                admits=admits,
                cache=cache,
                followed=None if thorough else ordinary,
            )
            flags |= dict.fromkeys(found.flags)
            if found.verdict is Verdict.REFUTED:
                return _joined({(backend, dtype): found}, sizes, entropy, flags)
            unbounded = found.verdict is Verdict.UNDECIDED and found.reason.startswith(_UNBOUNDED)
            confirmed = findings.get(("torch cpu", dtype))
            if unbounded and confirmed is not None and confirmed.verdict is Verdict.CONFIRMED:
                flags[f"{backend}, {dtype} not assessed: {found.reason}"] = None
            else:
                findings[backend, dtype] = found
    return _joined(findings, sizes, entropy, flags)


def _flavours(dtype: str, thorough: bool) -> list[str]:
    """The plain flavour first, since it refutes most; in float32 at first only those that a narrow exponent changes."""
    everything = sorted(strategies.FLAVOURS, key="gaussian".__ne__)
    if thorough or dtype == "float64":
        return everything
    return [name for name in everything if name == "gaussian" or strategies.FLAVOURS[name].scales]


def _joined(
    findings: dict[tuple[str, str], Finding], sizes: Sizes, entropy: Entropy, flags: Mapping[str, None]
) -> Finding:
    order = (Verdict.REFUTED, Verdict.UNDECIDED, Verdict.NOT_RUN, Verdict.CONFIRMED)
    (backend, dtype), first = min(findings.items(), key=lambda item: order.index(item[1].verdict))
    figures: dict[str, Figure] = {}
    shown = findings if first.verdict is Verdict.CONFIRMED else {(backend, dtype): first}
    for (where, width), finding in shown.items():
        figures |= {f"{where}, {width}: {name}": value for name, value in finding.figures.items()}
    return Finding(
        first.verdict,
        reason=f"{backend}, {dtype}: {first.reason}" if first.reason else "",
        figures=figures,
        settings={
            "sizes": dict(sizes),
            "seed": entropy.seed,
            "engine": "floating point against rounding bounds",
            "backends": [f"{where}, {width}" for where, width in findings],
        },
        trust=tuple(dict.fromkeys(t for f in findings.values() for t in f.trust)),
        flags=tuple(flags),
        counterexample=first.counterexample,
    )


def _sizes(shapes: Shapes, point: Arrays) -> dict[str, int]:
    pairs = ((w, n) for name, array in point.items() for w, n in zip(shapes[name], array.shape, strict=True))
    return {word: n for word, n in pairs if isinstance(word, str)}


def _ratio(error: Fraction, bound: Fraction) -> float:
    try:
        return float(error / bound) if bound else (0.0 if error == 0 else float("inf"))
    except OverflowError:
        return float("inf")


def _short(value: float) -> Figure:
    # infinity is no JSON number
    return float(f"{value:.4g}") if np.isfinite(value) else str(value)


def _text(array: np.ndarray) -> Any:
    if array.ndim:
        return [_text(item) for item in array]
    value = float(array)
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
