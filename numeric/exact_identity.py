"""The exact rung: two programs are the same polynomials, unless an event of computed probability happened.

Both run at uniform points of GF(p), p a uniform prime. By the Schwartz-Zippel lemma two different polynomials agree at
such a point with probability at most d/p, where d bounds the degree; a prime divides all coefficients of a non-zero
integer polynomial of height H with probability at most (log2 H / log2 p) / (number of primes). Both d and H are
computed by running the programs on degrees and heights. Independent trials multiply.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from numeric.carrier import Parts
from numeric.degree import HUGE, Constants, Degree, Height
from numeric.entropy import Entropy, prime_count_below
from numeric.finding import Figure, Finding, Verdict
from numeric.finite_field import FiniteField
from numeric.interpreter import Interpreter, Record, Refused
from numeric.laurent import follow
from numeric.programs import Program, Shapes, Sizes, concrete, run
from numeric.shrink import counterexample

_BITS = (31, 61)
"""Lengths of primes to choose from; a trial before the degrees are known takes the shorter ones."""
_REDRAWS = 100


@dataclass(frozen=True)
class Bounds:
    """What one program's run on degrees and heights says: upper bounds over all its outputs."""

    shape: tuple[int, ...]
    numerator: int
    denominator: int
    divisors: int
    height_log2: float
    record: Record


def bounds(program: Program, shapes: dict[str, tuple[int, ...]]) -> Bounds:
    """Degree and height bounds of the polynomials (or fractions) that `program` computes from indeterminates.

    Raises Refused where the code leaves rational functions.
    """
    outputs = [follow(make, program, shapes) for make in (Degree, Constants, Height)]
    (degree, (num, den), record), (constants, (cnum, cden), _), (_, (high, low), _) = outputs
    assert isinstance(degree, Degree) and isinstance(constants, Constants)
    power = max(0, _top(cnum) - 1) + _top(cden)
    return Bounds(
        shape=tuple(num.shape),
        numerator=max(0, _top(num) - 1),
        denominator=_top(den),
        divisors=degree.divisors,
        height_log2=float(high.max() if high.numel() else 0)
        + float(low.max() if low.numel() else 0)
        + power * constants.denominator_log2,
        record=record,
    )


def _top(part: torch.Tensor) -> int:
    top = int(part.max()) if part.numel() else 0
    return top if top < HUGE else 1 << 99  # no bound


@dataclass(frozen=True)
class Trial:
    """The chance that one trial calls two different programs equal."""

    bits: int
    degree: int
    height_log2: float
    divisors: int

    @property
    def log2(self) -> float:
        """log2 of that chance; 0 if the bound says nothing."""
        floor = 2.0 ** (self.bits - 1)
        points = self.degree / floor / max(1e-300, 1 - self.divisors / floor) if self.divisors < floor else 1.0
        primes = math.ceil(self.height_log2 / (self.bits - 1)) / prime_count_below(self.bits)
        chance = points + primes
        # equal constants (degree 0, height 0) cannot be told apart by any prime, and need not be
        return math.log2(min(1.0, chance)) if chance > 0 else -math.inf


def decide(
    left: Program,
    right: Program,
    shapes: Shapes,
    sizes: Sizes,
    *,
    entropy: Entropy | None = None,
    target_log2: float = -100.0,
    names: tuple[str, str] = ("left", "right"),
    admits: Callable[[Sizes], bool] = lambda sizes: True,
    shrinking: bool = True,
) -> Finding:
    """Whether `left` and `right` compute the same polynomials (or rational functions) of the inputs at these sizes.

    shapes: each input's shape in words; every entry is an indeterminate. admits: which smaller sizes make sense, for
    the counterexample. Confirmed when the failure probability is at most 2**target_log2; undecided when the code
    leaves rational functions (then rational points still look for a counterexample) or the bound is too weak.
    """
    entropy = entropy or Entropy()
    here = concrete(shapes, sizes)
    settings: dict[str, object] = {"sizes": dict(sizes), "seed": entropy.seed, "engine": "GF(p), random p"}

    def refuted(number: int, records: tuple[Record, Record], figures: dict[str, Figure]) -> Finding:
        found = counterexample(left, right, shapes, sizes, entropy, names=names, admits=admits) if shrinking else None
        reason = f"the sides differ at a random point of GF(p), trial {number}"
        if found is None:
            # nothing to paste, so the difference has to come out again
            again = _trial(left, right, here, _BITS[0], entropy, None, repeats=2)
            if isinstance(again, str):
                return Finding(Verdict.UNDECIDED, reason=again, figures=figures, settings=settings)
            reason += "; no counterexample with small integers was met"
        return Finding(
            Verdict.REFUTED,
            reason=reason,
            figures=figures,
            settings=settings,
            flags=records[0].flags(names[0]) + records[1].flags(names[1]),
            counterexample=found,
        )

    try:
        # a difference needs no degree to be one
        early = _trial(left, right, here, _BITS[0], entropy, None)
        if isinstance(early, _Trial) and early.shapes[0] != early.shapes[1]:
            return Finding(
                Verdict.REFUTED,
                reason=f"{names[0]} returns shape {early.shapes[0]}, {names[1]} returns {early.shapes[1]}",
                settings=settings,
            )
        if isinstance(early, _Trial) and not early.equal:
            return refuted(1, early.records, {})
        first, second = bounds(left, here), bounds(right, here)
    except Refused as refusal:
        return _points_only(left, right, shapes, sizes, entropy, refusal, names, admits, settings)
    flags = first.record.flags(names[0]) + second.record.flags(names[1])
    degree = max(first.numerator + second.denominator, second.numerator + first.denominator)
    height = max(first.height_log2, second.height_log2) + 1
    divisors = first.divisors + second.divisors
    trial = min(
        (Trial(bits, degree, height, divisors) for bits in _BITS),
        # a trial with the larger primes costs about twice as much
        key=lambda t: math.ceil(target_log2 / t.log2) * (t.bits // 30) if t.log2 < 0 else math.inf,
    )
    if trial.log2 >= 0:
        return Finding(
            Verdict.UNDECIDED,
            reason=f"the degree bound 2^{math.log2(max(1, degree)):.0f} is too weak for primes of {_BITS[-1]} bits; "
            "try smaller sizes",
            settings=settings,
            flags=flags,
        )
    trials = 1 if trial.log2 == -math.inf else math.ceil(target_log2 / trial.log2)
    figures: dict[str, Figure] = {
        "failure probability, log2": round(trials * trial.log2, 2),
        "trials": trials,
        "degree": degree,
        "height, log2": round(height, 1),
        "prime bits": trial.bits,
        "operations": sum(first.record.operations.values()) + sum(second.record.operations.values()),
    }
    if divisors:
        figures["degree of divisors"] = divisors
    traces = (first.record.trace, second.record.trace)
    for number in range(1, trials + 1):
        answer = early
        if number > 1 or trial.bits != _BITS[0]:
            answer = _trial(left, right, here, trial.bits, entropy, traces)
        elif isinstance(early, _Trial) and early.traces != traces:
            answer = _CHANGING
        if isinstance(answer, str):
            return Finding(Verdict.UNDECIDED, reason=answer, settings=settings, figures=figures, flags=flags)
        if not answer.equal:
            return refuted(number, answer.records, figures)
    return Finding(
        Verdict.CONFIRMED,
        figures=figures,
        settings=settings,
        flags=flags,
        trust=(
            "the Schwartz-Zippel lemma with the computed degree and height",
            entropy.trust,
            "the interpreter's rules (numeric/operations.py, numeric/arithmetic.py)",
        ),
    )


_CHANGING = "the code runs other operations from call to call; its result is not a function of its inputs"


@dataclass(frozen=True)
class _Trial:
    """What both programs did at one point of GF(p)."""

    equal: bool
    shapes: tuple[tuple[int, ...], tuple[int, ...]]
    records: tuple[Record, Record]

    @property
    def traces(self) -> tuple[int, int]:
        """The sequences of operations."""
        return self.records[0].trace, self.records[1].trace


def _trial(
    left: Program,
    right: Program,
    shapes: dict[str, tuple[int, ...]],
    bits: int,
    entropy: Entropy,
    traces: tuple[int, int] | None,
    repeats: int = 1,
) -> _Trial | str:
    """One trial at one point, or why it says nothing: other operations than `traces`, or other results when repeated."""
    for _ in range(_REDRAWS):
        p = entropy.prime(bits)
        point = {name: (entropy.residues(shape, p),) for name, shape in shapes.items()}
        try:
            runs = [[_at(program, p, point) for program in (left, right)] for _ in range(repeats)]
        except ZeroDivisionError:
            continue
        (a, seen_a), (b, seen_b) = runs[0]
        found = _Trial(bool(torch.equal(a, b)), (tuple(a.shape), tuple(b.shape)), (seen_a, seen_b))
        same = all(torch.equal(x, y) for again in runs[1:] for (x, _), (y, _) in zip(runs[0], again, strict=True))
        seen = {tuple(record.trace for _, record in results) for results in runs}
        return found if same and len(seen) == 1 and traces in (None, found.traces) else _CHANGING
    return f"a divisor was 0 at each of {_REDRAWS} random points"


def _at(program: Program, p: int, point: Mapping[str, Parts]) -> tuple[torch.Tensor, Record]:
    interp = Interpreter(FiniteField(p))
    return run(program, interp, point).parts[0], interp.record


def _points_only(
    left: Program,
    right: Program,
    shapes: Shapes,
    sizes: Sizes,
    entropy: Entropy,
    refusal: Refused,
    names: tuple[str, str],
    admits: Callable[[Sizes], bool],
    settings: dict[str, object],
) -> Finding:
    scales = (3, 10**4, 10**8)
    try:
        found = counterexample(left, right, shapes, sizes, entropy, names=names, scales=scales, admits=admits)
    except Refused:
        return Finding(Verdict.UNDECIDED, reason=f"no exact meaning: {refusal}", settings=settings)
    if found is not None:
        return Finding(
            Verdict.REFUTED,
            reason=f"the sides differ at a rational point (the code is no polynomial: {refusal})",
            settings=settings | {"engine": "rational points"},
            counterexample=found,
        )
    return Finding(
        Verdict.UNDECIDED,
        reason=f"no exact meaning: {refusal}; no difference at rational points of size up to {scales[-1]}",
        settings=settings | {"engine": "rational points"},
    )
