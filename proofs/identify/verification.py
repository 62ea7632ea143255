"""What verifies a solution of a fit, on inputs that no fit saw: exactly, on balls, far beyond the fit, at another size.

Main definitions: `exact_rows`, `ball_row`, `float_row`, `far`, `other_size`, `same_at`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import flint
import numpy as np

from numeric.deciding import exact_identity, float_identity
from numeric.deciding.balls import BITS, ball
from numeric.deciding.comparison import Comparison
from numeric.deciding.programs import WrongResult
from numeric.entropy import Entropy
from numeric.finding import Finding, Key, Quantity, Verdict
from numeric.probing.box import Arithmetic, Undefined, as_floats
from numeric.trust import Trust
from proofs.audit.answer import Check
from proofs.audit.rows import CONTEXTS, Row
from proofs.fitting import fit
from proofs.fitting.fit import Data, Number, Solution
from proofs.fitting.laws import Law
from proofs.identify.reasons import (
    At,
    ComparedDigits,
    Differ,
    FloatsOnly,
    NoNumbers,
    NoPower,
    NotThere,
    OtherNumber,
    Raises,
)
from proofs.identify.subject import Subject, agreement, digits, fresh, learner_box, rational
from proofs.target.case import NAMES

FAR = 33
"""A context length beyond all fits, checked at one point: some codes change their ways there (chunks, windows)."""
_POWERS = (Fraction(-1, 2), Fraction(1, 2), Fraction(-1), Fraction(1))
_BALL_BITS = 160
"""Bits of agreement that a comparison of balls has to show."""


def exact_rows(subject: Subject, solution: Solution) -> list[Row]:
    """The exact rung at several context lengths, with the numbers that each takes."""
    rows = []
    entropy = Entropy(subject.settings.seed).child("identify")
    shapes = {"X": ("N", subject.at["f"]), "Y": ("N", subject.at["m"]), "x_q": (subject.at["f"],)}
    for N in (fit.LONG, *CONTEXTS):
        numbers = solution.at(N, subject.data)
        here = {"f": subject.at["f"], "m": subject.at["m"], "N": N}
        if numbers is None or not rational(numbers):
            rows.append(Row(Check.EXACT, here, Finding(Verdict.REFUTED, reason=NoNumbers(N))))
            break
        try:
            finding = exact_identity.decide(
                Comparison(
                    subject.layer.case.layer,
                    solution.model.at(numbers),
                    shapes,
                    {"N": N},
                    entropy=entropy.child(N),
                    names=NAMES,
                ),
                target_log2=subject.settings.target_log2,
            )
        except (WrongResult, RuntimeError, TypeError, ValueError) as error:
            finding = Finding(Verdict.UNDECIDED, reason=Raises(type(error).__name__, str(error)))
        undecided = finding.verdict is Verdict.UNDECIDED
        row = ball_row(subject, solution, N) if undecided else Row(Check.EXACT, here, finding)
        rows.append(row)
        if row.finding.verdict is Verdict.REFUTED:
            break
    return rows


def ball_row(subject: Subject, solution: Solution, N: int) -> Row:
    """Layer and learner at two fresh points, on balls or rational numbers."""
    here = {"f": subject.at["f"], "m": subject.at["m"], "N": N}
    least, gap = math.inf, 0.0
    try:
        numbers = solution.at(N, subject.data)
        if numbers is None:
            return Row(Check.BALLS, here, Finding(Verdict.REFUTED, reason=NoNumbers(N)))
        other = learner_box(solution.model, numbers, subject.box)
        for draw in range(2):
            point = fresh(N, subject.at["f"], subject.at["m"], draw)
            bits, apart = agreement(subject.box(*point), other(*point))
            least, gap = min(least, bits), max(gap, apart)
    except Undefined as error:
        return Row(Check.BALLS, here, Finding(Verdict.UNDECIDED, reason=str(error)))
    digits = int(min(least, BITS) * math.log10(2))
    figures: dict[str, Quantity] = {
        Key.DIGITS: digits,
        "points": 2,
        "arithmetic": str(subject.box.arithmetic),
    }
    if gap:
        return Row(Check.BALLS, here, Finding(Verdict.REFUTED, reason=Differ(gap), figures=figures))
    if least < _BALL_BITS:
        return Row(Check.BALLS, here, Finding(Verdict.UNDECIDED, reason=ComparedDigits(digits), figures=figures))
    return Row(Check.BALLS, here, Finding(Verdict.CONFIRMED, figures=figures, trust=(Trust.BALLS,)))


def float_row(subject: Subject, solution: Solution) -> Row:
    """Only float64 runs: agreement to half of the digits at fresh points, which confirms nothing."""
    worst = 0.0
    for N in (fit.LONG, *CONTEXTS):
        other = learner_box(solution.model, solution.guess(N), subject.box)
        for draw in range(3):
            point = fresh(N, subject.at["f"], subject.at["m"], draw)
            worst = max(worst, subject.box.gap(subject.box(*point), other(*point)))
    here = {"f": subject.at["f"], "m": subject.at["m"], "N": max(CONTEXTS)}
    if worst:
        return Row(Check.FLOAT, here, Finding(Verdict.REFUTED, reason=Differ(worst, At(floats=True))))
    return Row(Check.FLOAT, here, Finding(Verdict.UNDECIDED, reason=FloatsOnly(subject.box.refused)))


def float_runs(subject: Subject, solution: Solution) -> list[Row]:
    """Plain float64 runs of layer and learner at fresh points, against their bounds; casts lifted where there are any."""
    case = subject.layer.case
    here = {"f": subject.at["f"], "m": subject.at["m"], "N": fit.LONG}
    numbers = solution.at(fit.LONG, subject.data)
    if numbers is None or not rational(numbers):
        return []
    points = (fresh(fit.LONG, here["f"], here["m"], draw) for draw in range(3))
    draws = [{n: a.astype(np.float64) for n, a in zip(("X", "Y", "x_q"), point, strict=True)} for point in points]
    rows: list[Row] = []
    for check, dtype in ((Check.FLOAT, "float64"), (Check.LIFTED, "float64"), (Check.SINGLE, "float32")):
        if rows and not (rows[0].finding.verdict is Verdict.REFUTED and subject.box.record.casts):
            break
        held = replace(case, lifted=check is Check.LIFTED or case.needs_lift)
        finding = float_identity.decide(
            Comparison(held.layer, solution.model.at(numbers), names=NAMES), draws, dtype=dtype, shrinking=False
        )
        rows.append(Row(check, here, finding))
    return rows


def far(subject: Subject, solution: Solution) -> Row | None:
    """One point with many tokens."""
    here = {"f": subject.at["f"], "m": subject.at["m"], "N": FAR}
    try:
        numbers = solution.at(FAR, subject.data)
        if numbers is None:
            return Row(Check.LONG, here, Finding(Verdict.REFUTED, reason=NoNumbers(FAR)))
        X, Y, q = fresh(FAR, subject.at["f"], subject.at["m"], 0)
        point = (X / 4, Y, q)
        bits, gap = agreement(subject.box(*point), learner_box(solution.model, numbers, subject.box)(*point))
    except Undefined:
        return None
    figures: dict[str, Quantity] = {Key.DIGITS: digits(bits)}
    if gap and not (subject.box.arithmetic is Arithmetic.FLOAT and gap < fit.POLISHED):
        return Row(Check.LONG, here, Finding(Verdict.REFUTED, reason=Differ(gap, At(tokens=FAR))))
    if subject.box.arithmetic is Arithmetic.FLOAT or bits < _BALL_BITS:
        return None
    return Row(Check.LONG, here, Finding(Verdict.CONFIRMED, figures=figures))


Laws = dict[str, Law]


def other_size(subject: Subject, solution: Solution, laws: Sequence[Law]) -> tuple[Row | None, tuple[Law, ...]]:
    """The same learner at another f, at m = f and at m > f, where the target takes them; its numbers as laws of f and m.

    The row is the first that refutes, else that of another f, with the others in its figures.
    """
    if any(slot.size for slot in solution.model.slots) or {"f", "m"} & set(subject.fixed):
        return None, tuple(laws)
    if subject.box.arithmetic is Arithmetic.FLOAT:
        return None, tuple(laws)
    f, m = subject.at["f"], subject.at["m"]
    known = {law.name: law for law in laws}
    wide = 9 if f != 9 else 4
    first, held = _at_width(subject, solution, known, wide, wide if m == f else m)
    if first is not None and first.finding.verdict is Verdict.REFUTED:
        return first, tuple(laws)
    rows = [first] if first is not None else []
    said: dict[str, int] | None = None
    for outputs in (f, f + 2):
        row, other = _at_width(subject, solution, known, f, outputs) if outputs != m else (None, known)
        if row is not None and row.finding.verdict is Verdict.REFUTED:
            return row, tuple(laws)
        powers = {name: law.outputs for name, law in other.items()}
        if row is not None and said not in (None, powers):
            lawless = Finding(Verdict.REFUTED, reason=NoPower(f, (m, f, outputs)))
            return Row(Check.SIZES, row.sizes, lawless), tuple(laws)
        said = powers if row is not None else said
        rows += [row] if row is not None else []
    if not rows:
        return None, tuple(laws)
    more = ", ".join(f"({r.sizes['f']}, {r.sizes['m']})" for r in rows[1:])
    figures = {**rows[0].finding.figures, **({"also at (f, m)": more} if more else {})}
    powered = tuple(_with_outputs(held[law.name], (said or {}).get(law.name, 0), m) for law in laws)
    return Row(rows[0].check, rows[0].sizes, replace(rows[0].finding, figures=figures)), powered


def _with_outputs(law: Law, power: int, m: int) -> Law:
    """The law with a power of m, where no other says how it goes with the sizes."""
    if not power or law.outputs or law.elsewhere:
        return law
    return replace(law, constant=_divided(law.constant, Fraction(m) ** power), outputs=power)


def _divided(number: Number, by: Fraction) -> Number:
    with flint.ctx.workprec(BITS):
        return number / by if isinstance(number, Fraction) else fit.rationalised(ball(number) / ball(by))


def _at_width(subject: Subject, solution: Solution, laws: Laws, wide: int, m: int) -> tuple[Row | None, Laws]:
    """The same learner at f = wide and m; numbers may go with a power of f. None where the target has no value."""
    f = subject.at["f"]
    data = Data(subject.layer.boxed({}, wide, m, subject.box))
    here = {"f": wide, "m": m, "N": fit.LONG}
    where = At(f=wide, m=m if wide == f else 0)
    start = as_floats(fit.column(solution.numbers))
    begin = [list(start * (wide / f) ** float(b)) for b in (0, Fraction(-1, 2), Fraction(1, 2), -1, 1)]
    try:
        data.points(fit.LONG, len(start))
    except (Undefined, WrongResult):
        return None, laws
    best = fit.least_squares(solution.model, data, fit.LONG, begin if wide != f else begin[:1])
    sharp = fit.polish(solution.model, data, best) if best.residual < fit.POLISHED else None
    if sharp is None or sharp[1] > fit.DIGITS:
        return Row(Check.SIZES, here, Finding(Verdict.REFUTED, reason=NotThere(where, best.residual))), laws
    found = dict(laws)
    for name, small, large in zip(solution.model.names, solution.numbers, sharp[0], strict=True):
        if fit.alike(small, large):
            continue
        law = laws[name]
        ratio = float(as_floats([large])[0]) / float(as_floats([small])[0])
        if wide == f:  # a mean over outputs divides by m; other numbers for another m are no step size of one learner
            power = next((b for b in (-1, 1) if abs(ratio / (m / subject.at["m"]) ** b - 1) < 2.0**-48), None)
            if power is None:
                other_number = Finding(Verdict.REFUTED, reason=OtherNumber(where, name, large, small))
                return Row(Check.SIZES, here, other_number), laws
            found[name] = _with_outputs(law, power, subject.at["m"])
            continue
        width = next((b for b in _POWERS if abs(ratio / (wide / f) ** float(b) - 1) < 2.0**-48), None)
        if width is None:
            with flint.ctx.workprec(BITS):
                scaled = _divided(large, Fraction(fit.LONG) ** law.tokens)
            found[name] = replace(law, elsewhere=((wide, m, scaled),))
        else:
            with flint.ctx.workprec(BITS):
                scale = ball(Fraction(f)) ** ball(width)
                root = math.isqrt(f)
                exact = Fraction(root) ** int(2 * width) if root * root == f else None
                constant = law.constant / exact if exact and isinstance(law.constant, Fraction) else None
                constant = fit.rationalised(ball(law.constant) / scale) if constant is None else constant
            found[name] = replace(law, constant=constant, width=width)
    other = learner_box(solution.model, sharp[0], data.box)
    point = fresh(fit.LONG, wide, m, 0)
    bits, gap = agreement(data.box(*point), other(*point))
    if gap:
        return Row(Check.SIZES, here, Finding(Verdict.REFUTED, reason=Differ(gap, where))), laws
    return Row(Check.SIZES, here, Finding(Verdict.CONFIRMED, figures={Key.DIGITS: digits(bits)})), found


def agrees(subject: Subject, solution: Solution) -> bool:
    """Whether another solution holds beyond the fitted lengths."""
    return ball_row(subject, solution, 9).finding.verdict is Verdict.CONFIRMED


def same_at(subject: Subject, solution: Solution, N: int) -> bool:
    """Whether layer and learner agree at one point with N tokens."""
    numbers = solution.at(N, subject.data)
    if numbers is None:
        return False
    X, Y, q = fresh(N, subject.at["f"], subject.at["m"], 0)
    try:
        value, other = (b(X / 4, Y, q) for b in (subject.box, learner_box(solution.model, numbers, subject.box)))
    except Undefined:
        return False
    return subject.box.gap(value, other) == 0
