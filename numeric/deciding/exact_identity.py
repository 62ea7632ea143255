"""The exact rung: two programs are the same polynomials, unless an event of computed probability happened.

Both are recorded and replayed at uniform points of GF(p), p a uniform prime. By the Schwartz-Zippel lemma two different
polynomials agree at such a point with probability at most d/p, where d bounds the degree; a prime divides all
coefficients of a non-zero integer polynomial of height H with probability at most (log2 H / log2 p) / (number of primes).
Both d and H are computed by replaying the recordings on degrees and heights. Independent trials multiply, and run at once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from numeric.carriers.carrier import Parts
from numeric.carriers.degree import HUGE, Constants, Degree, Height, Logarithm
from numeric.carriers.finite_field import FiniteField
from numeric.carriers.laurent import LAURENT
from numeric.deciding.comparison import Comparison
from numeric.deciding.findings import (
    DiffersAtRational,
    DiffersAtTrial,
    NoExactMeaning,
    OtherShape,
    WeakBounds,
    ZeroDivisors,
)
from numeric.deciding.programs import Program, concrete, recorded, replayed
from numeric.deciding.readings import (
    AlgebraicField,
    Reading,
    denominator_log2,
    listed,
    prime,
    radicands,
    readings,
)
from numeric.deciding.shrink import counterexample
from numeric.deciding.storage_bounds import storage_bounds
from numeric.deciding.witnesses import Witness, keep
from numeric.entropy import Entropy, prime_count_below
from numeric.finding import Counterexample, Finding, Flag, Key, Quantity, Verdict
from numeric.tape.faces import opened
from numeric.tape.notes import Record, notes
from numeric.tape.refusals import Refused
from numeric.tape.storage_tape import Tape, Window
from numeric.trust import Trust

_BITS = (31, 61)
"""Lengths of primes to choose from; trials before the degrees are known take the shorter ones."""
_EARLY = 4
"""So many trials run before the degrees are known: a difference needs no degree to be one."""
_REDRAWS = 100
_ENTRIES = 1 << 27
"""At most so many residues are held at once; more trials run one batch after the other."""
_PASSES = 4
_NONE = 1 << 99
"""A degree of which no bound is known, or none that any prime is large enough for."""


@dataclass(frozen=True)
class Bounds:
    """What one program's tape says on degrees and heights: upper bounds over all its outputs.

    constants: how many constants at most are multiplied in one term, each of which may bring a denominator of its own.
    """

    shape: tuple[int, ...]
    numerator: int
    denominator: int
    divisors: int
    height_log2: float
    record: Record
    constants: int = 0


def bounds(program: Program, shapes: dict[str, tuple[int, ...]]) -> Bounds:
    """Degree and height bounds of the polynomials (or fractions) that `program` computes from indeterminates.

    Raises Refused where the code leaves rational functions.
    """
    return _bounds(opened(recorded(program).at(shapes)), shapes)


def _bounds(tape: Tape, shapes: Mapping[str, tuple[int, ...]]) -> Bounds:
    quick = _quick(tape)
    if quick is not None:
        return quick
    outputs = [follow(make, tape, shapes) for make in (Degree, Constants, Height)]
    (degree, (num, den)), (constants, (cnum, cden)), (_, (high, low)) = outputs
    assert isinstance(degree, Degree) and isinstance(constants, Constants)
    power = max(0, _top(cnum) - 1) + _top(cden)
    return Bounds(
        shape=tuple(num.shape[1:]),
        numerator=max(0, _top(num) - 1),
        denominator=_top(den),
        divisors=degree.divisors,
        height_log2=float(high.max() if high.numel() else 0)
        + float(low.max() if low.numel() else 0)
        + power * constants.denominator_log2,
        record=notes(tape),
        constants=power,
    )


def _quick(tape: Tape) -> Bounds | None:
    """The bounds without tensors, where the tape allows them."""
    quick = storage_bounds(tape)
    if quick is None:
        return None
    size, cleared = quick
    shape = tape.output.size if isinstance(tape.output, Window) else tuple(tape.output.value.shape)
    constants = min(size.constants, _NONE)
    return Bounds(shape, min(size.degree, _NONE), 0, 0, size.height + constants * cleared, notes(tape), constants)


def follow(make: type[Degree] | type[Height], tape: Tape, shapes: Mapping[str, tuple[int, ...]]) -> tuple[Any, Parts]:
    """The carrier and the parts (numerator, denominator) of a tape's result on indeterminates.

    A tape without logarithms runs once, without exponents.
    """
    carrier: Any = make()
    try:
        return carrier, _on_indeterminates(tape, carrier, shapes)
    except Logarithm:
        pass
    assumed: Any = 0
    for _ in range(_PASSES):
        carrier = LAURENT[make](assumed)
        parts = _on_indeterminates(tape, carrier, shapes)
        if carrier.clearing <= assumed:
            break
        assumed = carrier.clearing
    else:
        carrier.assumed = HUGE
    return carrier, carrier.base(parts)


def _on_indeterminates(tape: Tape, carrier: Any, shapes: Mapping[str, tuple[int, ...]]) -> Parts:
    there = {name: window.size for name, window in tape.inputs.items()} | dict(shapes)
    return replayed(tape, carrier, {name: carrier.indeterminate(shape) for name, shape in there.items()})


def _top(part: torch.Tensor) -> int:
    top = int(part.max()) if part.numel() else 0
    return top if top < HUGE else _NONE


@dataclass(frozen=True)
class Chance:
    """The chance that one trial calls two different programs equal.

    dimension: of the number field that the constants generate over the rationals. Coefficients are integers of it; one
    that is not 0 has a norm of at most height**dimension, and primes are drawn from those that split completely, which
    are one in `dimension` (Chebotarev; half of that is counted on).
    """

    bits: int
    degree: int
    height_log2: float
    divisors: int
    dimension: int = 1

    @property
    def log2(self) -> float:
        """log2 of that chance; 0 if the bound says nothing."""
        floor = 1 << (self.bits - 1)
        if max(self.degree, self.divisors) >= floor:
            return 0.0
        points = self.degree / (floor - self.divisors)
        count = prime_count_below(self.bits)
        if not self.height_log2 < count:  # so many primes, or more, may hide a coefficient; NaN is no bound either
            return 0.0
        hiding = math.ceil(self.dimension * self.height_log2 / (self.bits - 1))
        primes = hiding * (1 if self.dimension == 1 else 2 * self.dimension) / count
        chance = points + primes
        # equal constants (degree 0, height 0) cannot be told apart by any prime, and need not be
        return math.log2(min(1.0, chance)) if chance > 0 else -math.inf


def decide(
    asked: Comparison,
    *,
    target_log2: float = -100.0,
    shrinking: bool = True,
    positive: Sequence[str] = (),
    rounded: bool = False,
) -> Finding:
    """Whether both programs compute the same polynomials (or rational functions) of the inputs at the sizes asked for.

    Every entry of an input is an indeterminate. positive: inputs that are recorded between 0 and 1 (the verdict holds for
    all numbers). rounded: where the sides differ, constants that may be roundings (1/3, f**-0.5) are read as the numbers
    they stand for (`numeric.deciding.readings`); what is confirmed that way has the readings among its figures.
    Confirmed when the failure probability is at most 2**target_log2; undecided when the code leaves rational functions
    (then points still look for a counterexample) or the bound is too weak.
    """
    entropy = asked.entropy or Entropy()
    asked = replace(asked.recorded(positive), entropy=entropy)
    here, sides, names = concrete(asked.shapes, asked.sizes), asked.tapes, asked.names
    settings: dict[str, object] = {"sizes": dict(asked.sizes), "seed": entropy.seed, "engine": "GF(p), random p"}

    def refuted(number: int, figures: dict[str, Quantity]) -> Finding:
        try:
            found = counterexample(asked) if shrinking else None
        except Refused:  # it takes an input as a number and as a logarithm, which no rational point is
            found = None
        reason = DiffersAtTrial(number, found is not None)
        return Finding(
            Verdict.REFUTED, reason=reason, figures=figures, settings=settings, flags=flags(), counterexample=found
        )

    known: Mapping[float, Reading] = {}

    def flags() -> tuple[Flag, ...]:
        return notes(tapes[0]).flags(names[0], known) + notes(tapes[1]).flags(names[1], known)

    try:
        recordings = sides[0].at(here), sides[1].at(here)
    except Refused as refusal:  # a recording that does not count has no values at other points
        return _points_only(asked, refusal, settings, replays=False)
    try:
        tapes = opened(recordings[0]), opened(recordings[1])
        quick = _quick(tapes[0]), _quick(tapes[1])
        done = _EARLY
        if quick[0] is not None and quick[1] is not None:  # then it is known how many trials are needed
            trial, trials = _needed(quick[0], quick[1], target_log2, known)
            done = trials if trial.bits == _BITS[0] and trial.log2 < 0 else _EARLY
        early = _trials(tapes, here, _BITS[0], done, entropy)
        if isinstance(early, _Seen) and early.shapes[0] != early.shapes[1]:
            return Finding(
                Verdict.REFUTED,
                reason=OtherShape(names, early.shapes),
                settings=settings,
            )
        if isinstance(early, _Seen) and early.differs is not None:
            known = readings(*tapes) if rounded else {}
            again = _trials(tapes, here, _BITS[0], done, entropy, known) if known else early
            if isinstance(again, ZeroDivisors) or again.differs is not None:
                return refuted(1 + early.differs, {})
            early = again
        first, second = quick[0] or _bounds(tapes[0], here), quick[1] or _bounds(tapes[1], here)
    except Refused as refusal:
        return _points_only(asked, refusal, settings)
    further = any(name not in here for tape in tapes for name in tape.inputs)
    trial, trials = _needed(first, second, target_log2, known)
    degree, height, divisors = trial.degree, trial.height_log2, trial.divisors
    if trial.log2 > -1:  # hundreds of trials, or none would do
        return Finding(
            Verdict.UNDECIDED,
            reason=WeakBounds(math.log2(max(1, degree)), height, math.log2(max(1, divisors)), _BITS[-1]),
            settings=settings,
            flags=flags(),
        )
    figures: dict[str, Quantity] = {
        Key.CHANCE: round(trials * trial.log2, 2),
        "trials": trials,
        "degree": degree,
        "height, log2": round(height, 1),
        "prime bits": trial.bits,
        "operations": sum(first.record.operations.values()) + sum(second.record.operations.values()),
    }
    if divisors:
        figures["degree of divisors"] = divisors
    if known:
        figures[Key.READ] = listed(known)
    done = done if trial.bits == _BITS[0] and isinstance(early, _Seen) else 0
    if trials > done:
        rest = _trials(tapes, here, trial.bits, trials - done, entropy, known)
        if isinstance(rest, ZeroDivisors):
            return Finding(Verdict.UNDECIDED, reason=rest, settings=settings, figures=figures, flags=flags())
        if rest.differs is not None:
            return refuted(1 + done + rest.differs, figures)
    found = Finding(
        Verdict.CONFIRMED,
        figures=figures,
        settings=settings,
        flags=flags(),
        trust=(
            Trust.SCHWARTZ_ZIPPEL,
            entropy.trust,
            Trust.RECORDING,
            *([Trust.LOGARITHMS] if further else []),
        ),
    )
    return keep(Witness(found, asked.shapes, asked.sizes, tapes, known))


def _needed(first: Bounds, second: Bounds, target_log2: float, known: Mapping[float, Reading]) -> tuple[Chance, int]:
    """The kind of trial to make, and how many; its log2 is 0 where no number of them would do."""
    degree = max(first.numerator + second.denominator, second.numerator + first.denominator)
    cleared = denominator_log2(known.values())  # what a constant is read as brings a denominator that is no power of 2
    height = max(side.height_log2 + (side.constants * cleared if cleared else 0) for side in (first, second)) + 1
    divisors = first.divisors + second.divisors
    dimension = 4 ** len(radicands(known.values()))
    trial = min(
        (Chance(bits, degree, height, divisors, dimension) for bits in _BITS),
        # a trial with the larger primes costs about eight times as much
        key=lambda t: math.ceil(target_log2 / t.log2) * (1 if t.bits < 32 else 8) if t.log2 < 0 else math.inf,
    )
    return trial, 1 if trial.log2 in (-math.inf, 0) else math.ceil(target_log2 / trial.log2)


@dataclass(frozen=True)
class _Seen:
    """Trials at which no divisor was 0: the shapes returned, and the first trial that differs."""

    shapes: tuple[tuple[int, ...], tuple[int, ...]]
    differs: int | None


def _trials(
    tapes: tuple[Tape, Tape],
    shapes: Mapping[str, tuple[int, ...]],
    bits: int,
    count: int,
    entropy: Entropy,
    known: Mapping[float, Reading] | None = None,
) -> _Seen | ZeroDivisors:
    """`count` trials, or why they say nothing. known: constants with what they are read as."""
    wanted = radicands((known or {}).values())
    entries = max(sum(s.length for s in tape.storages) for tape in tapes)
    batch = max(1, min(count, _ENTRIES // max(1, entries)))
    done = 0
    further = {name: w.size for tape in tapes for name, w in tape.inputs.items() if name not in shapes}
    returned: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())
    for _ in range(_REDRAWS + count):
        if done >= count:
            return _Seen(returned, None)
        primes = torch.tensor(
            [prime(entropy, bits, wanted) for _ in range(min(batch, count - done))], dtype=torch.int64
        )
        point = {
            name: (torch.stack([entropy.residues(shape, p) for p in primes.tolist()]),)
            for name, shape in (*shapes.items(), *further.items())
        }
        values, alive = [], torch.ones(len(primes), dtype=torch.bool)
        for tape in tapes:
            field = AlgebraicField(primes, known) if known else FiniteField(primes)
            (value,) = replayed(tape, field, {name: point[name] for name in tape.inputs})
            values.append(value.expand(len(primes), *value.shape[1:]))
            alive &= ~field.dead
        a, b = values
        returned = tuple(a.shape[1:]), tuple(b.shape[1:])
        if returned[0] != returned[1]:
            return _Seen(returned, None)
        unequal = ((a != b).reshape(len(primes), -1).any(1) & alive).nonzero()
        if len(unequal):
            return _Seen(returned, done + int(unequal[0]))
        done += int(alive.sum())
    return ZeroDivisors(_REDRAWS)


def _points_only(asked: Comparison, refusal: Refused, settings: dict[str, object], replays: bool = True) -> Finding:
    """Points where the code is no rational function: rational ones by replays, else plain calls within rounding."""
    scales = (3, 10**4, 10**8)
    found: Counterexample | None = None
    engine = "rational points"
    try:
        if replays:
            found = counterexample(asked, scales=scales)
    except Refused:
        replays = False
    if not replays:
        engine = "plain calls at integer points"
        found = _by_plain_calls(asked, scales)
        if found is None:
            return Finding(Verdict.UNDECIDED, reason=NoExactMeaning(str(refusal)), settings=settings)
    if found is not None:
        return Finding(
            Verdict.REFUTED,
            reason=DiffersAtRational(str(refusal)),
            settings=settings | {"engine": engine},
            counterexample=found,
        )
    return Finding(
        Verdict.UNDECIDED,
        reason=NoExactMeaning(str(refusal), scales[-1]),
        settings=settings | {"engine": engine},
    )


def _by_plain_calls(asked: Comparison, scales: Sequence[int]) -> Counterexample | None:
    """A point of integers at which float64 calls differ by more than the rounding of what ran there."""
    from numeric.deciding import float_identity

    assert asked.entropy is not None
    here = concrete(asked.shapes, asked.sizes)
    generator = asked.entropy.generator()
    draws = [
        {name: generator.integers(-scale, scale + 1, shape).astype(float) for name, shape in here.items()}
        for scale in scales
    ]
    found = float_identity.decide(replace(asked, entropy=None), draws, shrinking=False)
    shown = found.counterexample if found.verdict is Verdict.REFUTED else None
    return shown and replace(shown, sizes=dict(asked.sizes))
