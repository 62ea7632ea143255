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

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from numeric.deciding import shrink, strategies
from numeric.deciding.backends import Arrays, CannotRun, unusable
from numeric.deciding.comparison import Comparison
from numeric.deciding.findings import (
    Beyond,
    ByConstants,
    InExact,
    NoBound,
    NotAssessed,
    NothingAssessed,
    On,
    UnstableBound,
)
from numeric.deciding.float_comparison import Difference, Floats, Tally
from numeric.deciding.programs import Shapes, Sizes, WrongResult, fractions, lightly, smaller
from numeric.entropy import Entropy
from numeric.finding import Counterexample, Finding, Quantity, Told, Verdict
from numeric.tape.refusals import Refused
from numeric.trust import Derivation, Trust

RATIO = 100.0
"""Largest ratio of the two bounds that is called stable. No error is measured against it."""
SCALES = (2.0**-2, 2.0**-4, 2.0**-6)
"""What an ordinary draw is multiplied by at large sizes, beside 1."""
_ROUNDED = ("gaussian", "cancellation")
"""Flavours that round in entries of ordinary size: there the running bound is the sharper one."""
_SHRINKING = 80
"""How many points a refutation in floating point tries for a simpler one."""


def decide(
    asked: Comparison,
    draws: Sequence[Arrays],
    *,
    backend: str = "torch cpu",
    dtype: str = "float64",
    ratio: float = RATIO,
    shrinking: bool = True,
    followed: Container[int] | None = None,
    at_point: bool = False,
) -> Finding:
    """Whether both programs agree within their rounding bounds, at every output of every draw.

    draws: float64 arrays by name (they are rounded to `dtype` first). backend: one of `BACKENDS`. The programs get
    copies as keyword arguments and return one array. shrinking: whether to make a counterexample small, for which the
    inputs' shapes have to be known. The sizes are those of the draws.
    followed: the draws that have a running bound too, by number (None: all); the others have one where they need it.
    at_point: bounds are those of recordings made on the very draws, which cost a tenth of one accepted for all draws.
    Undecided when nothing was assessable, when an operation has no bound (it is named), when a side fails, when roundings in
    constants that a code computed explain all differences (`numeric.carriers.computed`), or when the
    bounds' ratio exceeds `ratio`; not run for a backend that is not there, or that computes in reduced precision.
    """
    engine = Floats(asked.recorded(), backend, dtype, {}, followed, at_point)
    return _decided(engine, draws, shrinking and bool(asked.shapes), ratio)[0]


def _decided(
    engine: Floats,
    draws: Sequence[Arrays],
    shrinking: bool,
    ratio: float,
    among: Callable[[Iterable[float]], float] = max,
) -> tuple[Finding, bool]:
    """The finding, and whether it is undecided for an operation that has no bound. among: which draw's ratio of bounds
    must not exceed `ratio`."""
    dtype, names, entropy = engine.dtype, engine.asked.names, engine.asked.entropy
    settings: dict[str, Any] = {"backend": engine.backend, "dtype": dtype, "seed": entropy.seed if entropy else None}
    why = unusable(engine.backend, dtype)
    if why:
        return Finding(Verdict.NOT_RUN, reason=why, settings=settings), False
    tally = Tally()
    explained: ByConstants | None = None
    with np.errstate(over="ignore"):
        rounded = [
            {n: np.asarray(np.asarray(a, dtype=dtype), dtype=np.float64) for n, a in raw.items()} for raw in draws
        ]
    engine.foresee(rounded)
    for number, inputs in enumerate(rounded):
        try:
            wrong = engine.assess(inputs, tally, key=number)
            why_wrong = engine.by_constants(inputs, wrong, number) if wrong is not None else None
        except (Refused, CannotRun, WrongResult) as error:
            found = Finding(
                Verdict.UNDECIDED,
                reason=str(error) if isinstance(error, CannotRun) else NoBound(str(error)),
                figures=tally.figures() if tally.draws else {},
                settings=settings,
                flags=tuple(tally.flags),
            )
            return found, isinstance(error, Refused)
        explained = explained or why_wrong
        if wrong is not None and why_wrong is None:
            example, note = _counterexample(engine, inputs, wrong, shrinking)
            found = Finding(
                Verdict.REFUTED,
                reason=Beyond(wrong.found(names), note) if note is not None else wrong.found(names),
                figures=tally.figures(),
                settings=settings,
                flags=tuple(tally.flags),
                counterexample=example,
            )
            return found, False
    figures = tally.figures()
    trust = (
        Trust.IEEE,
        Trust.CLASSICAL,
        *(Derivation(name) for name in sorted(tally.bounds_used)),
    )
    verdict: Verdict = Verdict.CONFIRMED
    reason: Told = ""
    ratios = [float(r.max()) for r in tally.ratios if r.size]
    largest = among(ratios) if ratios else 0.0
    if explained is not None:
        verdict, reason = Verdict.UNDECIDED, explained
    elif tally.outputs == tally.skipped:
        verdict = Verdict.UNDECIDED
        reason = NothingAssessed(tally.outputs, tally.draws)
    elif largest > ratio:
        verdict = Verdict.UNDECIDED
        reason = UnstableBound(names, largest, float(figures["ratio of bounds, median"] or 0))
    return Finding(verdict, reason, figures, settings, trust, tuple(tally.flags)), False


def _counterexample(
    engine: Floats, inputs: Arrays, wrong: Difference, shrinking: bool
) -> tuple[Counterexample, InExact | None]:
    """A refuting point, at which `wrong` was seen, made simple where asked for; and what is known about it."""
    point: Arrays = {name: np.array(array) for name, array in inputs.items()}
    note: InExact | None = None
    names = engine.asked.names
    if shrinking:
        sizes = _sizes(engine.asked.shapes, point)
        asked = replace(engine.asked, sizes=sizes, entropy=engine.asked.entropy or Entropy(0))
        simple = shrink.among_polynomials(asked)
        if simple is not None:
            return simple, InExact.DIFFER
        try:
            exact = {name: fractions(a.reshape(-1).tolist(), a.shape) for name, a in point.items()}
            if shrink.differs(asked.left, asked.right, exact):
                found = shrink.counterexample(asked)
                if found is not None:
                    return found, InExact.DIFFER
            else:
                note = InExact.AGREE
        except Exception:  # the code has no exact meaning, or not at other sizes: the floats below are the witness
            pass
        point, wrong = _simpler(engine, point, wrong)
    left, right = wrong.values
    return Counterexample(
        sizes=_sizes(engine.asked.shapes, point) if shrinking else {},
        inputs={name: _text(array) for name, array in point.items()},
        left=_text(left),
        right=_text(right),
        left_name=names[0],
        right_name=names[1],
        note=On(engine.backend, engine.dtype, wrong.found(names)),
    ), note


def _simpler(engine: Floats, point: Arrays, wrong: Difference) -> tuple[Arrays, Difference]:
    """A simpler point that refutes, and what is seen there; the given ones if none is met."""
    budget, shapes = _SHRINKING, engine.asked.shapes

    def refutes(trial: Arrays) -> bool:
        nonlocal budget, point, wrong
        budget -= 1
        try:
            found = engine.assess(trial, Tally())
        except (Refused, CannotRun, WrongResult):
            return False
        if found is not None:
            point, wrong = trial, found
        return found is not None

    for size in smaller(_sizes(shapes, point)):
        if budget < _SHRINKING // 2:
            break
        cut = {
            name: array[tuple(slice(0, size[w] if isinstance(w, str) else w) for w in shapes[name])]
            for name, array in point.items()
        }
        if engine.asked.admits(size) and refutes(cut):
            break
    for trial in _edits(point):
        if budget <= 0:
            break
        # an edit applies to what is left after the edits before it
        changed = {name: np.where(mask, value, point[name]) for name, (mask, value) in trial.items()}
        if any((changed[name] != point[name]).any() for name in changed):
            refutes({**point, **changed})
    return point, wrong


def _edits(point: Arrays) -> Iterator[dict[str, tuple[np.ndarray, Any]]]:
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
    asked: Comparison,
    *,
    device: str = "cpu",
    numpy: bool = True,
    positive: Sequence[str] = (),
    thorough: bool = False,
    shrinking: bool = True,
) -> Finding:
    """The sampled rung for one identity: the flavours of `numeric.deciding.strategies`, on every backend, in both precisions.

    device: "cpu", "cuda" (torch CUDA is demanded) or "auto" (CUDA where there is one). numpy: whether the programs run
    on numpy. positive: inputs drawn in (0, 1]. thorough: ten draws a flavour instead of one, every flavour in float32 too,
    and a running bound for each draw. shrinking: whether a counterexample is made small. Ends at the first refutation. Where
    an operation (a division by data) has a running bound only, torch CPU alone decides, and a flag says so.
    """
    entropy = asked.entropy or Entropy()
    asked = replace(asked.recorded(positive), entropy=entropy)
    shapes, sizes = asked.shapes, asked.sizes
    backends = ["torch cpu", *(["numpy"] if numpy else [])]
    if device == "cuda" or (device == "auto" and torch.cuda.is_available()):
        backends.append("torch cuda")
    findings: dict[tuple[str, str], Finding] = {}
    flags: dict[Told, None] = {}
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
            engine = Floats(asked, backend, dtype, cache, None if thorough else ordinary)
            found, unbounded = _decided(engine, draws, shrinking, RATIO)
            flags |= dict.fromkeys(found.flags)
            if found.verdict is Verdict.REFUTED:
                return _joined({(backend, dtype): found}, sizes, entropy, flags)
            confirmed = findings.get(("torch cpu", dtype))
            if unbounded and confirmed is not None and confirmed.verdict is Verdict.CONFIRMED:
                flags[NotAssessed(backend, dtype, found.reason)] = None
            else:
                findings[backend, dtype] = found
    return _joined(findings, sizes, entropy, flags)


def large(asked: Comparison, *, positive: Sequence[str] = (), shrinking: bool = True) -> Finding:
    """Float64 on torch CPU at sizes at which `check` would be dear: one ordinary draw at several scales, and bounds of one
    recording a side. At scale 1 products of many factors outgrow every digit; where inputs are small, few are lost.

    positive: inputs drawn in (0, 1]; they are drawn towards 0 and towards 1 instead. shrinking: as for `check`. The last draw
    has a running bound too. The bounds have to be comparable at one draw at least.
    """
    entropy = asked.entropy or Entropy()
    asked = replace(asked.recorded(positive), entropy=entropy)
    generator = entropy.child("draws").generator()
    drawn = strategies.draw("gaussian", asked.sizes, asked.shapes, generator, positive=positive)
    moved = [(scale, end) for scale in SCALES for end in ((0, 1) if positive else (0,))]
    draws = [drawn] + [
        {name: (end if name in positive else 0) * (1 - scale) + scale * a for name, a in drawn.items()}
        for scale, end in moved
    ]
    with lightly():
        engine = Floats(asked, "torch cpu", "float64", {}, followed={len(draws) - 1})
        found, _ = _decided(engine, draws, shrinking, RATIO, among=min)
    figures = {f"large sizes: {name}": value for name, value in found.figures.items()}
    return replace(found, figures=figures, settings={"sizes": dict(asked.sizes), **found.settings})


def _flavours(dtype: str, thorough: bool) -> list[str]:
    """The plain flavour first, since it refutes most; in float32 at first only those that a narrow exponent changes."""
    everything = sorted(strategies.FLAVOURS, key="gaussian".__ne__)
    if thorough or dtype == "float64":
        return everything
    return [name for name in everything if name == "gaussian" or strategies.FLAVOURS[name].scales]


def _joined(
    findings: dict[tuple[str, str], Finding], sizes: Sizes, entropy: Entropy, flags: Mapping[Told, None]
) -> Finding:
    order = (Verdict.REFUTED, Verdict.UNDECIDED, Verdict.NOT_RUN, Verdict.CONFIRMED)
    (backend, dtype), first = min(findings.items(), key=lambda item: order.index(item[1].verdict))
    figures: dict[str, Quantity] = {}
    shown = findings if first.verdict is Verdict.CONFIRMED else {(backend, dtype): first}
    for (where, width), finding in shown.items():
        figures |= {f"{where}, {width}: {name}": value for name, value in finding.figures.items()}
    return Finding(
        first.verdict,
        reason=On(backend, dtype, first.reason) if first.reason else "",
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


def _text(array: np.ndarray) -> Any:
    if array.ndim:
        return [_text(item) for item in array]
    value = float(array)
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
