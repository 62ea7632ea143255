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
from typing import Any

import numpy as np
import torch

from numeric.deciding import shrink, strategies
from numeric.deciding.backends import Arrays, CannotRun, unusable
from numeric.deciding.float_comparison import Comparison, Tally
from numeric.deciding.programs import Program, Shapes, Sizes, WrongResult, fractions, recorded, smaller
from numeric.entropy import Entropy
from numeric.finding import Counterexample, Finding, Quantity, Verdict
from numeric.tape.refusals import Refused

RATIO = 100.0
"""Largest ratio of the two bounds that is called stable. No error is measured against it."""
_DERIVED = {"a-priori": "numeric/carriers/a_priori.py", "running": "numeric/carriers/running.py"}
_ALSO = "exact arithmetic has them differ too"
_ROUNDED = ("gaussian", "cancellation")
"""Flavours that round in entries of ordinary size: there the running bound is the sharper one."""
_SHRINKING = 80
"""How many points a refutation in floating point tries for a simpler one."""


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
    engine = Comparison(recorded(left), recorded(right), names, backend, dtype, {} if cache is None else cache, followed,
                        at_point)  # fmt: skip
    return _decided(engine, draws, shapes if shrinking else None, entropy, admits, ratio)[0]


def _decided(
    engine: Comparison,
    draws: Sequence[Arrays],
    shapes: Shapes | None,
    entropy: Entropy | None,
    admits: Callable[[Sizes], bool],
    ratio: float,
) -> tuple[Finding, bool]:
    """The finding, and whether it is undecided for an operation that has no bound. shapes: those of a counterexample
    that is to be made small."""
    dtype, names = engine.dtype, engine.names
    settings: dict[str, Any] = {"backend": engine.backend, "dtype": dtype, "seed": entropy.seed if entropy else None}
    why = unusable(engine.backend, dtype)
    if why:
        return Finding(Verdict.NOT_RUN, reason=why, settings=settings), False
    tally = Tally()
    for number, raw in enumerate(draws):
        with np.errstate(over="ignore"):
            inputs = {name: np.asarray(np.asarray(a, dtype=dtype), dtype=np.float64) for name, a in raw.items()}
        try:
            wrong = engine.assess(inputs, tally, key=number)
        except (Refused, CannotRun, WrongResult) as error:
            found = Finding(
                Verdict.UNDECIDED,
                reason=str(error) if isinstance(error, CannotRun) else f"no rounding bound: {error}",
                figures=tally.figures() if tally.draws else {},
                settings=settings,
                flags=tuple(tally.flags),
            )
            return found, isinstance(error, Refused)
        if wrong is not None:
            example, note = _counterexample(engine, inputs, shapes, entropy, admits)
            found = Finding(
                Verdict.REFUTED,
                reason=f"{wrong.text(names)}; {note}" if note else wrong.text(names),
                figures=tally.figures(),
                settings=settings,
                flags=tuple(tally.flags),
                counterexample=example,
            )
            return found, False
    figures = tally.figures()
    trust = (
        "IEEE 754 arithmetic, rounding to nearest (gradual underflow was checked)",
        "sums and matrix products are classical: any order, but no fast multiplication, no reduced precision",
        *(f"the derivation of the {name} rounding bound ({_DERIVED[name]})" for name in sorted(tally.bounds_used)),
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
    return Finding(verdict, reason, figures, settings, trust, tuple(tally.flags)), False


def _counterexample(
    engine: Comparison, inputs: Arrays, shapes: Shapes | None, entropy: Entropy | None, admits: Callable[[Sizes], bool]
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
    wrong = engine.assess(point, Tally())
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
    engine: Comparison, point: dict[str, np.ndarray], shapes: Shapes, admits: Callable[[Sizes], bool]
) -> dict[str, np.ndarray]:
    budget = _SHRINKING

    def refutes(trial: dict[str, np.ndarray]) -> bool:
        nonlocal budget
        budget -= 1
        try:
            return engine.assess(trial, Tally()) is not None
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
    """The sampled rung for one identity: the flavours of `numeric.deciding.strategies`, on every backend, in both precisions.

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
            engine = Comparison(left, right, names, backend, dtype, cache, None if thorough else ordinary)
            found, unbounded = _decided(engine, draws, shapes, entropy, admits, RATIO)
            flags |= dict.fromkeys(found.flags)
            if found.verdict is Verdict.REFUTED:
                return _joined({(backend, dtype): found}, sizes, entropy, flags)
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
    figures: dict[str, Quantity] = {}
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


def _text(array: np.ndarray) -> Any:
    if array.ndim:
        return [_text(item) for item in array]
    value = float(array)
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
